// Real packets through each output type: who gets what, from whom, and what stays open.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createLab, type Lab } from '../../src/lab/lab.js';
import { LB } from '../../src/lab/topology.js';
import { BACKENDS, load, OTHER_NFTS, remove } from '../support/backends.js';
import { expectShares } from '../support/chi-square.js';
import { requires } from '../support/requirement.js';

const ENDPOINTS = [
  { ip: '1.2.3.4', port: 1234 },
  { ip: '2001:db8:1::4', port: 1234 },
] as const;
const WORKERS = [1, 2, 3].map((number) => ({
  name: `w${number}`,
  addresses: [`10.0.1.${number + 1}`, `2001:db8:2::${number + 1}`],
}));
const SOURCES: Readonly<Record<string, string>> = {
  '1.2.3.4': LB.toWorkers.ipv4,
  '2001:db8:1::4': LB.toWorkers.ipv6,
};

function spec(weights: readonly number[], app = 'MyApp', port = 1234): string {
  const endpoints = ENDPOINTS.map(({ ip }) => ({ ip, port }));
  const destinations = WORKERS.flatMap(({ addresses }, index) =>
    addresses.map((ip) => ({ ip, port: 31234, weight: weights[index] })),
  );
  return JSON.stringify({ pomaloba: 1, app, endpoints, destinations });
}

/** The weights by the places of one family. */
function expected(ip: string, weights: readonly number[]): Record<string, number> {
  const six = ip.includes(':');
  return Object.fromEntries(
    WORKERS.map(({ addresses: [four = '', other = ''] }, index) => [
      six ? `[${other}]:31234` : `${four}:31234`,
      weights[index] ?? 0,
    ]),
  );
}

const backends = [...BACKENDS.map((backend) => ({ backend, available: true, suite: '' })), ...OTHER_NFTS].map(
  (row) => ({ ...row, name: row.backend.name }),
);

describe.each(backends)('$name', ({ backend, available, suite }) => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await createLab({ endpointAddresses: ENDPOINTS.map(({ ip }) => ip), workers: WORKERS });
    await Promise.all(WORKERS.map(({ name }) => lab.listen(name, [31234])));
  });
  afterAll(async () => {
    await lab.close();
  });

  async function reach(host: string, connections: number, port = 1234) {
    const targets = ENDPOINTS.map(({ ip }) => ({ ip, port }));
    const report = await lab.probe(host, { targets, connections });
    return ENDPOINTS.map(({ ip }) => {
      const target = report[ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`];
      if (!target) throw new Error(`no report of ${ip}`);
      return { ip, ...target };
    });
  }

  beforeEach((ctx) => {
    // Without it, the tests would run, with the nft of the system.
    requires(ctx, `the nft of Debian ${suite}`, available, 'npm test unpacks it from the mirrors');
  });

  test('balances by weight, and the destinations see the load balancer', async () => {
    await load(lab, backend, spec([1, 2, 3]));
    for (const { ip, destinations, sources, errors } of await reach('client', 1000)) {
      expect(errors).toEqual({});
      expect(sources).toEqual({ [SOURCES[ip] ?? '']: 1000 });
      expectShares(destinations, expected(ip, [1, 2, 3]));
    }
  });

  test('does the same when loaded twice', async () => {
    await load(lab, backend, spec([1, 1, 1]));
    await load(lab, backend, spec([1, 1, 1]));
    for (const { ip, destinations, errors } of await reach('client', 1000)) {
      expect(errors).toEqual({});
      expectShares(destinations, expected(ip, [1, 1, 1]));
    }
  });

  test('serves clients on the load balancer itself', async () => {
    await load(lab, backend, spec([1, 2, 3]));
    for (const { ip, destinations, errors } of await reach('lb', 300)) {
      expect(errors).toEqual({});
      expectShares(destinations, expected(ip, [1, 2, 3]));
    }
  });

  test('serves the workers themselves, each of them by chance', async () => {
    await load(lab, backend, spec([1, 1, 1]));
    for (const { ip, destinations, sources, errors } of await reach('w1', 300)) {
      expect(errors).toEqual({});
      expect(sources).toEqual({ [SOURCES[ip] ?? '']: 300 });
      expectShares(destinations, expected(ip, [1, 1, 1]));
    }
  });

  test('a drained destination gets nothing new', async () => {
    await load(lab, backend, spec([1, 0, 1]));
    for (const { ip, destinations, errors } of await reach('client', 200)) {
      expect(errors).toEqual({});
      expectShares(destinations, expected(ip, [1, 0, 1]));
    }
  });

  test('an empty pool rejects at once, though the host itself listens there', async () => {
    await load(lab, backend, spec([1, 1, 1]));
    const [held] = await Promise.all(
      ENDPOINTS.map((target) => lab.hold('client', { target, connections: 5, intervalMs: 10 })),
    );
    const server = await lab.listen('lb', [1234]);
    await load(lab, backend, spec([0, 0, 0]));
    for (const host of ['client', 'lb', 'w1']) {
      for (const { destinations, errors } of await reach(host, 50)) {
        expect({ host, destinations, errors }).toEqual({
          host,
          destinations: {},
          errors: { ECONNREFUSED: 50 },
        });
      }
    }
    expect(await held?.stop()).toMatchObject({ alive: 5, errors: {} });
    // With destinations again, the rejection is gone.
    await load(lab, backend, spec([1, 1, 1]));
    for (const { errors } of await reach('client', 50)) expect(errors).toEqual({});
    server.kill('SIGKILL');
    await server.ended;
  });

  test('two rulesets live side by side, and go one by one', async () => {
    await load(lab, backend, spec([1, 1, 1]));
    await load(lab, backend, spec([0, 0, 1], 'other', 4321));
    for (const { ip, destinations } of await reach('client', 300)) {
      expectShares(destinations, expected(ip, [1, 1, 1]));
    }
    for (const { ip, destinations } of await reach('client', 50, 4321)) {
      expectShares(destinations, expected(ip, [0, 0, 1]));
    }
    await remove(lab, backend, spec([1, 1, 1]));
    for (const { errors } of await reach('client', 20)) expect(errors).toEqual({ ECONNREFUSED: 20 });
    for (const { errors } of await reach('client', 20, 4321)) expect(errors).toEqual({});
    await remove(lab, backend, spec([0, 0, 1], 'other', 4321));
    for (const { errors } of await reach('client', 20, 4321)) expect(errors).toEqual({ ECONNREFUSED: 20 });
  });
});
