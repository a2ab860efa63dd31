// Each golden spec: what the two texts do with a connection to each endpoint is what `explain` says of the spec.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { programOf } from '../../../src/commands/rules.js';
import { explainApps, type AppFacts, type PoolFacts } from '../../../src/explain/facts.js';
import { BACKENDS } from '../../../src/model/backends.js';
import { buildApp } from '../../../src/model/build.js';
import type { Protocol } from '../../../src/model/model.js';
import { type Expected, summaryOf, traced } from '../../support/traces.js';
import { isIn } from '../../support/networks.js';
import { specsOf, viewOf } from '../../support/rulesets.js';

const GOLDEN = join(import.meta.dirname, '../../golden');
/** Clients that an allow list of a golden spec has, and others; one beside destinations. */
const CLIENTS = {
  ipv4: ['203.0.113.7', '198.18.1.2', '198.51.100.7'],
  ipv6: ['2001:db8:3::7', 'fd18:1::2', '2001:db8:2::7'],
} as const;

/** What explain says of a client's connections to a pool; of a source hash only that it is one of several. */
function factsOf(app: AppFacts, pool: PoolFacts, from: string, port: number, protocol: Protocol): Expected {
  const rejectWith = protocol === 'tcp' ? 'tcp-reset' : 'port-unreachable';
  const nothing = { rejectWith: null, shares: {}, sources: {}, notes: [] };
  if (pool.capacity === 0) {
    return app.on_empty === 'drop'
      ? { ...nothing, verdict: 'dropped' }
      : { ...nothing, verdict: 'rejected', rejectWith };
  }
  if (pool.allow_from?.every((network) => !isIn(from, network))) return { ...nothing, verdict: 'dropped' };
  const used = pool.destinations.filter(({ percent }) => percent > 0);
  return {
    verdict: 'balanced',
    rejectWith: null,
    shares: Object.fromEntries(used.map((one) => [`${one.ip} ${one.port ?? port}`, one.percent])),
    sources: sourcesOf(pool, from),
    notes: [
      ...Object.entries(app.limits).flatMap(([limit, most]) => (most === null ? [] : [limit])),
      ...(app.affinity === null ? [] : ['affinity']),
    ],
  };
}

function sourcesOf({ masquerade_from: networks, snat }: PoolFacts, from: string): Record<string, number> {
  if (networks !== null && !networks.some((network) => isIn(from, network))) return { [from]: 100 };
  if (snat === null) return { masquerade: 100 };
  const addresses = snat.flatMap((range) => {
    const [first = '', last = first] = range.split('-');
    const [from = 0, to = 0] = [first, last].map((ip) => Number(/\d+$/.exec(ip)?.[0]));
    return Array.from({ length: to - from + 1 }, (_, index) => first.replace(/\d+$/, String(from + index)));
  });
  return Object.fromEntries(addresses.map((ip) => [ip, 100 / addresses.length]));
}

/** Percents with two decimals, as explain has them. */
function inPercent(shares: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(shares).map(([key, share]) => [key, Math.round(share * 10_000) / 100]),
  );
}

describe.each(readdirSync(GOLDEN))('%s', (name) => {
  const file = readdirSync(join(GOLDEN, name)).find((one) => one.startsWith('spec.')) ?? '';
  const text = readFileSync(join(GOLDEN, name, file), 'utf8');
  const view = viewOf(text);
  const { apps } = explainApps(specsOf(text).map(buildApp));
  const backends = BACKENDS.filter((one) => view.pomaloba_ruleset.backends.includes(one));
  const endpoints = apps.flatMap((app) =>
    app.pools.flatMap((pool) => pool.endpoints.map((endpoint) => ({ app, pool, ...endpoint }))),
  );

  test.each(backends)('%s', (backend) => {
    const program = programOf(view, backend);
    expect(endpoints.length).toBeGreaterThan(0);
    for (const { app, pool, ip, port: ports, protocol: named } of endpoints) {
      const protocol = named as Protocol;
      for (const from of CLIENTS[pool.family]) {
        for (const port of String(ports).split('-').map(Number)) {
          const found = summaryOf(traced(program, { from, ip, port, protocol }));
          const due = factsOf(app, pool, from, port, protocol);
          const about = `${from} to ${ip} ${port} ${protocol}`;
          const isHashed = app.scheduler === 'source-hash' && due.verdict === 'balanced';
          if (isHashed)
            expect(Object.keys(due.shares), about).toEqual(expect.arrayContaining(Object.keys(found.shares)));
          const shares = isHashed ? { [Object.keys(found.shares)[0] ?? '']: 100 } : due.shares;
          const notes = found.notes.filter((note) => note !== 'mss');
          expect(
            { ...found, shares: inPercent(found.shares), sources: inPercent(found.sources), notes },
            about,
          ).toEqual({ ...due, shares, notes: due.notes.toSorted() });
        }
      }
      // Beside the endpoint there is nothing.
      const [from = ''] = CLIENTS[pool.family];
      const elsewhere = summaryOf(traced(program, { from, ip, port: 9, protocol }));
      expect(elsewhere).toEqual({
        verdict: 'not-balanced',
        rejectWith: null,
        shares: {},
        sources: {},
        notes: [],
      });
    }
  });
});
