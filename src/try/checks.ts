// Whether the traffic of a pool does what the spec says, question by question.
import { LB } from '../lab/topology.js';
import { countOf, nameOf } from '../lab/traffic.js';
import { testShares } from './chi-square.js';
import type { Check, SourceFacts } from './facts.js';
import { checkShares } from './shares.js';
import type { Pool, Worker } from './plan.js';
import { isLost, type Outcome, type Tally } from './tally.js';

/** All that is checked of the requests that were to be answered. `killed` is the worker that was stopped on the way. */
export function checksOf(
  pool: Pool,
  outcomes: readonly Outcome[],
  counted: Tally,
  sources: readonly SourceFacts[],
  killed: Worker | undefined,
): Check[] {
  if (outcomes.length === 0) return [];
  const gone = pool.destinations.map(({ address }) => address.text === killed?.ip);
  const mayFail = counted.rows.some(({ due }, index) => gone[index] && due > 0);
  const lost = mayFail ? outcomes.filter(isLost) : [];
  return [
    checkAnswers(outcomes, lost.length, mayFail ? killed : undefined),
    checkShares(pool, outcomes, counted, { gone, lost }),
    ...(sources.length === 0 ? [] : [checkSources(outcomes, sources)]),
  ];
}

function checkAnswers(outcomes: readonly Outcome[], lost: number, killed: Worker | undefined): Check {
  const errors = outcomes.flatMap(({ result }) => result.error ?? []);
  const answered = `${outcomes.length - errors.length} of ${outcomes.length}`;
  const after = killed
    ? `; since ${killed.name} is gone ${lost} of ${outcomes.filter(({ isLate }) => isLate).length} failed`
    : '';
  const codes = errors.length === 0 ? '' : ` (${errorsText(countOf(errors))})`;
  return {
    of: 'answers',
    agrees: errors.length === lost,
    says: `${answered} answered${after}${codes}`,
    test: null,
  };
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  ETIMEDOUT: 'no answer',
};

/** Error codes in words, with their numbers. */
function errorsText(errors: Readonly<Record<string, number>>): string {
  return Object.entries(errors)
    .map(([code, count]) => `${count} ${WORDS[code] ?? code}`)
    .join(', ');
}

function checkSources(outcomes: readonly Outcome[], sources: readonly SourceFacts[]): Check {
  const wrong = outcomes.find(
    ({ job, result }) => result.error === undefined && job.due.sources[result.greeting.from] === undefined,
  );
  if (wrong?.result.error === undefined && wrong) {
    const says = `${wrong.result.greeting.from} for ${wrong.job.from}, where the rules say ${Object.keys(wrong.job.due.sources).join(', ')}`;
    return { of: 'sources', agrees: false, says, test: null };
  }
  const all = sources.reduce((sum, { requests }) => sum + requests, 0);
  const test = testShares(sources.map(({ requests, expected }) => ({ seen: requests, due: expected * all })));
  const says = sourcesText(outcomes, sources);
  return { of: 'sources', agrees: !test || test.value <= test.limit, says, test: test ?? null };
}

/** Whose addresses they are; many of them only by their number. */
function sourcesText(outcomes: readonly Outcome[], sources: readonly SourceFacts[]): string {
  const clients = new Set(outcomes.map(({ job }) => job.from));
  const masquerade: ReadonlySet<string> = new Set(Object.values(LB.toWorkers));
  const named = (list: readonly string[], what: string): string[] => {
    if (list.length === 0) return [];
    return list.length > 2 ? [`${list.length} addresses ${what}`] : [`${list.join(' and ')} ${what}`];
  };
  const ips = sources.map(({ ip }) => ip);
  return [
    ...named(
      ips.filter((ip) => masquerade.has(ip)),
      '(the load balancer)',
    ),
    ...named(
      ips.filter((ip) => clients.has(ip)),
      '(the clients)',
    ),
    ...named(
      ips.filter((ip) => !clients.has(ip) && !masquerade.has(ip)),
      '(of snat)',
    ),
  ].join(', ');
}

/** Those that are not to be answered are not. */
export function checkRefusals(outcomes: readonly Outcome[]): Check[] {
  if (outcomes.length === 0) return [];
  const wrong = outcomes.find(({ job, result }) => result.error !== job.due.error);
  const codes = countOf(outcomes.flatMap(({ result }) => result.error ?? []));
  const who = [...new Set(outcomes.map(({ job }) => job.from))];
  const from = who.length > 2 ? `${who.length} clients` : who.join(', ');
  const says = wrong
    ? `${wrong.job.from} to ${nameOf(wrong.job.way)}: ${WORDS[wrong.result.error ?? ''] ?? 'answered'}, and not ${WORDS[wrong.job.due.error ?? ''] ?? 'answered'}`
    : `${from}: ${errorsText(codes)}`;
  return [{ of: 'refusals', agrees: !wrong, says, test: null }];
}
