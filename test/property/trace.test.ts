// Random specs over all keys: what the text of each packet filter does with a connection is what the spec says, whatever is
// down, and the same in both.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { programOf } from '../../src/commands/rules.js';
import { PROTOCOLS } from '../../src/model/model.js';
import { forIptables, portsOf, type RandomSpec, rulesetSpecs, toText } from '../support/arbitrary-spec.js';
import { viewOf } from '../support/rulesets.js';
import {
  type DownPlace,
  drawsOf,
  expectedOf,
  expectAgreement,
  summaryOf,
  traced,
  type Way,
} from '../support/traces.js';

const RUNS = 500;

/** Of each family: anybody, a client of the networks that may come, and one beside the destinations. */
const CLIENTS = [
  ['198.18.1.2', '203.0.113.7', '198.51.100.5'],
  ['fd18:1::2', '2001:db8:3::7', '2001:db8:2::5'],
] as const;

const client = fc.constantFrom(0, 1, 2);
/** For each of a ruleset's destinations whether it is down; mostly few are, sometimes all. */
const downs = fc
  .tuple(
    fc.constantFrom(0, 0.2, 0.5, 0.8, 1),
    fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 40, maxLength: 40 }),
  )
  .map(([part, drawn]) => drawn.map((one) => one < part));

/** The first and the last port of each endpoint, over each of its protocols. */
function waysOf({ endpoints }: RandomSpec, who: number): Way[] {
  return endpoints.flatMap(({ ip, port, protocol = 'tcp' }) => {
    const { first, last } = portsOf(port);
    const from = CLIENTS[ip.includes(':') ? 1 : 0][who] ?? '';
    return [...new Set([first, last])].flatMap((at) =>
      PROTOCOLS.filter((one) => [protocol].flat().includes(one)).map((one) => ({
        from,
        ip,
        port: at,
        protocol: one,
      })),
    );
  });
}

function downOf(specs: readonly RandomSpec[], drawn: readonly boolean[]): DownPlace[] {
  return specs
    .flatMap(({ destinations }) => destinations)
    .filter((_, index) => drawn[index])
    .map(({ ip, port = 0 }) => ({ ip, port }));
}

function check(
  specs: readonly RandomSpec[],
  backend: 'nftables' | 'iptables',
  who: number,
  down: readonly DownPlace[],
): void {
  const text = toText(specs);
  const view = viewOf(text);
  const program = programOf(view, backend);
  for (const spec of specs) {
    for (const way of waysOf(spec, who)) {
      const about = `${backend}: ${JSON.stringify(way)}, down ${JSON.stringify(down)} of ${text}`;
      const due = expectedOf(spec, way, down, drawsOf(view, spec.app, way.ip));
      const found = summaryOf(traced(program, way, down));
      // Whether the load balancer has the address makes no difference.
      if (due.verdict !== 'balanced')
        expect(summaryOf(traced(program, { ...way, isLocal: false }, down)), about).toEqual(found);
      expectAgreement(found, due, spec.scheduler === 'source-hash', about);
    }
  }
}

test(`the traces of ${RUNS} random specs agree with them, in both packet filters`, () => {
  fc.assert(
    fc.property(rulesetSpecs, client, downs, (specs, who, drawn) => {
      const down = downOf(specs, drawn);
      check(specs, 'nftables', who, down);
      check(specs.map(forIptables), 'iptables', who, down);
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
});
