// From what became of requests to facts and their text: what is as the spec says, and what is not.
import { describe, expect, test } from 'vitest';
import type { EachResult } from '../../../src/lab/traffic.js';
import { buildApp } from '../../../src/model/build.js';
import type { Exchange } from '../../../src/try/exchanges.js';
import type { Expectation } from '../../../src/try/expectation.js';
import type { Check, TryFacts } from '../../../src/try/facts.js';
import { planOf, type TryPlan } from '../../../src/try/plan.js';
import { factsOf } from '../../../src/try/report.js';
import type { Outcome } from '../../../src/try/tally.js';
import { tryToText } from '../../../src/try/text.js';
import type { Job } from '../../../src/try/trials.js';
import { specsOf } from '../../support/rulesets.js';

const CLIENT = '198.18.1.10';
const LB = '198.18.2.1';
const DUE: Expectation = {
  error: undefined,
  destinations: { '10.0.1.2:80': 0.5, '10.0.1.3:80': 0.5 },
  sources: { [LB]: 1 },
};

function plan(more = ''): TryPlan {
  const text = `{ pomaloba: 1, app: shop, endpoints: [{ ip: 1.2.3.4, port: 80 }],
    destinations: [{ ip: 10.0.1.2, port: 80 }, { ip: 10.0.1.3, port: 80 }, { ip: 10.0.1.4, port: 80, weight: 0 }] ${more} }`;
  return planOf(specsOf(text).map(buildApp));
}

/** Answers of a destination to a client, or an error. */
interface Answers {
  readonly count: number;
  readonly by?: string;
  readonly error?: string;
  readonly from?: string;
  readonly seen?: string;
  readonly late?: boolean;
}

function outcomes(
  { count, by = '', error, from = CLIENT, seen = LB, late = false }: Answers,
  due = DUE,
): Outcome[] {
  const job: Job = { way: { ip: '1.2.3.4', port: 80, protocol: 'tcp' }, from, due };
  const greeting = { ip: by, port: 80, from: seen, fromPort: 5 };
  const result: EachResult = error === undefined ? { id: 1, greeting, micros: 300 } : { id: 1, error };
  return Array.from({ length: count }, () => ({ job, result, isLate: late }));
}

const EXCHANGES: Exchange[] = [
  {
    client: CLIENT,
    hops: [
      { from: 'client', to: 'lb', label: 'GET' },
      { from: 'lb', to: 'Worker2', label: 'GET' },
    ],
  },
];

function factsFor(
  made: readonly Answers[],
  more = '',
  kill = '',
  refused: readonly Outcome[] = [],
): TryFacts {
  const planned = plan(more);
  const all = made.flatMap((one) => outcomes(one));
  const [pool] = planned.pools;
  if (!pool) throw new Error('no pool');
  const jobs = all.map(({ job }) => job);
  const trial = {
    pool,
    jobs,
    refused: refused.map(({ job }) => job),
    concurrency: 1,
    gapMs: 0,
    isCut: false,
  };
  const killed = planned.workers.find(({ name }) => name === kill);
  return factsOf(
    planned,
    [trial],
    { outcomes: [all], refused: [refused], exchanges: EXCHANGES },
    { ruleset: 'shop', outputType: 'nftables', killed },
  );
}

function checks(...args: Parameters<typeof factsFor>): Record<string, string> {
  const [pool] = factsFor(...args).pools;
  const told = ({ of, agrees, says }: Check) => [of, `${agrees ? 'ok' : 'DIFFERS'}: ${says}`] as const;
  return Object.fromEntries((pool?.checks ?? []).map(told));
}

const [TWO, THREE] = ['10.0.1.2', '10.0.1.3'];

describe('checks', () => {
  test('all as it should be', () => {
    expect(
      checks([
        { count: 510, by: TWO },
        { count: 490, by: THREE },
      ]),
    ).toEqual({
      answers: 'ok: 1000 of 1000 answered',
      shares: 'ok: as the weights say: chi-square 0.40, at most 40.12',
      sources: 'ok: 198.18.2.1 (the load balancer)',
    });
  });

  test('another share', () => {
    const found = checks([
      { count: 650, by: TWO },
      { count: 350, by: THREE },
    ]);
    expect(found['shares']).toBe('DIFFERS: not as the weights say: chi-square 90.00, more than 40.12');
  });

  test('a drained one that answers, and a stranger', () => {
    const drained = checks([
      { count: 500, by: TWO },
      { count: 2, by: '10.0.1.4' },
    ]);
    expect(drained['shares']).toBe(
      'DIFFERS: 10.0.1.4:80 answered 198.18.1.10, which the rules do not send there (and 1 more like that)',
    );
  });

  test('requests without an answer', () => {
    const found = checks([
      { count: 500, by: TWO },
      { count: 490, by: THREE },
      { count: 10, error: 'ETIMEDOUT' },
    ]);
    expect(found['answers']).toBe('DIFFERS: 990 of 1000 answered (10 no answer)');
  });

  test('another source', () => {
    const found = checks([
      { count: 500, by: TWO, seen: CLIENT },
      { count: 500, by: THREE },
    ]);
    expect(found['sources']).toBe('DIFFERS: 198.18.1.10 for 198.18.1.10, where the rules say 198.18.2.1');
  });

  test('who is stopped has what failed since', () => {
    const made = [
      { count: 500, by: TWO },
      { count: 240, by: THREE },
      { count: 260, error: 'ECONNREFUSED', late: true },
    ];
    expect(checks(made, '', 'Worker2')).toMatchObject({
      answers: 'ok: 740 of 1000 answered; since Worker2 is gone 260 of 260 failed (260 refused)',
      shares: 'ok: as the weights say: chi-square 0.00, at most 40.12',
    });
    expect(checks(made)).toMatchObject({ answers: 'DIFFERS: 740 of 1000 answered (260 refused)' });
    // One that nobody is sent to is no excuse.
    expect(checks(made, '', 'Worker3')).toMatchObject({
      answers: 'DIFFERS: 740 of 1000 answered (260 refused)',
    });
    // And what failed before is not its share.
    const early = made.map((one) => ({ ...one, late: false }));
    expect(checks(early, '', 'Worker2')['answers']).toMatch(/^DIFFERS: /);
  });

  test('turns are exact', () => {
    const more = ', scheduler: round-robin';
    expect(
      checks(
        [
          { count: 500, by: TWO },
          { count: 501, by: THREE },
        ],
        more,
      )['shares'],
    ).toBe('ok: each has had its turns, 2 in a round');
    expect(
      checks(
        [
          { count: 499, by: TWO },
          { count: 501, by: THREE },
        ],
        more,
      )['shares'],
    ).toBe('DIFFERS: not the turns of 10.0.1.2, 10.0.1.3');
  });

  test('clients that keep their destination', () => {
    const more = ', affinity: { client_ip: {} }';
    const clients = Array.from({ length: 40 }, (_, index) => `198.18.1.${index + 10}`);
    const kept = clients.map((from, index) => ({ count: 9, by: index % 2 === 0 ? TWO : THREE, from }));
    expect(checks(kept, more)['shares']).toMatch(
      /^ok: each client keeps its own, chosen as the weights say: entropy 0\.00/,
    );
    expect(checks([...kept, { count: 1, by: THREE, from: '198.18.1.10' }], more)['shares']).toBe(
      'DIFFERS: 1 of 40 clients have had several destinations',
    );
    expect(
      checks(
        clients.map((from) => ({ count: 9, by: TWO, from })),
        more,
      )['shares'],
    ).toMatch(/^DIFFERS: each client keeps/);
  });

  test('who may not come', () => {
    const dropped = { ...DUE, error: 'ETIMEDOUT', destinations: {}, sources: {} } as const;
    const none = outcomes({ count: 3, error: 'ETIMEDOUT', from: '198.18.1.99' }, dropped);
    expect(checks([], '', '', none)).toEqual({ refusals: 'ok: 198.18.1.99: 3 no answer' });
    const answered = outcomes({ count: 1, by: TWO, from: '198.18.1.99' }, dropped);
    expect(checks([], '', '', [...none, ...answered])).toEqual({
      refusals: 'DIFFERS: 198.18.1.99 to 1.2.3.4:80: answered, and not no answer',
    });
  });
});

describe('text', () => {
  const good = factsFor([
    { count: 510, by: TWO },
    { count: 490, by: THREE },
  ]);
  const workers = plan().workers;

  test('is as wide as a terminal, and has no colours unless they are wanted', () => {
    expect(`\n${tryToText(good, workers, false)}`).toBe(`
    client            LB            Worker1         Worker2         Worker3
                 (IP 1.2.3.4)    (IP 10.0.1.2)   (IP 10.0.1.3)   (IP 10.0.1.4)
    ------            --            -------         -------         -------
       |               |               |               |               |
       | GET           |               |               |               |
       |-------------->| GET           |               |               |
       |               |------------------------------>|               |
       |               |               |               |               |

shop: 1000 requests of 1 client to 1.2.3.4:80/tcp

                               requests    share expected     p50     p99
  Worker1  10.0.1.2:80
  ████████████████████████████      510  51.00 %  50.00 %  0.3 ms  0.3 ms
  Worker2  10.0.1.3:80
  ██████████████████████████▉       490  49.00 %  50.00 %  0.3 ms  0.3 ms
  Worker3  10.0.1.4:80  drained
                                      0   0.00 %   0.00 %       -       -

  ok      answers       1000 of 1000 answered
  ok      shares        as the weights say: chi-square 0.40, at most 40.12
  ok      workers saw   198.18.2.1 (the load balancer)

The traffic through the nftables script does what the spec says.
`);
    const colored = tryToText(good, workers, true);
    expect(colored).toContain('\u001b[32m████');
    expect(colored.replaceAll(/\u001b\[\d+m/g, '')).toBe(tryToText(good, workers, false));
  });

  test('what differs is named, and at the end', () => {
    const text = tryToText(
      factsFor([
        { count: 650, by: TWO },
        { count: 350, by: THREE },
      ]),
      workers,
      false,
    );
    expect(text).toContain(
      '  DIFFERS shares        not as the weights say: chi-square 90.00, more than\n                        40.12\n',
    );
    expect(text).toMatch(
      /\nThe traffic through the nftables script does not do what the spec says: see\nDIFFERS\.\n$/,
    );
  });
});
