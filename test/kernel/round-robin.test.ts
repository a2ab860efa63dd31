// scheduler: round-robin: exact counts over the whole host, and the heavy destinations spread among the others.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLab, type Lab } from '../../src/lab/lab.js';
import { nameOf } from '../../src/lab/traffic.js';
import { BACKENDS, load, OTHER_NFTS } from '../support/backends.js';

const ENDPOINTS = ['192.0.2.10', '2001:db8:1::10'].map((ip) => ({ ip, port: 80 }));
const WORKERS = [1, 2, 3].map((number) => ({
  name: `w${number}`,
  addresses: [`198.51.100.${number}`, `2001:db8:2::${number}`],
}));

function spec(weights: readonly number[]): string {
  const destinations = WORKERS.flatMap(({ addresses }, index) =>
    addresses.map((ip) => ({ ip, port: 30_080, weight: weights[index] })),
  );
  return JSON.stringify({
    pomaloba: 1,
    app: 'turns',
    scheduler: 'round-robin',
    endpoints: ENDPOINTS,
    destinations,
  });
}

describe.each([...BACKENDS, ...OTHER_NFTS.map(({ backend }) => backend)])('$name', (backend) => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await createLab({ endpointAddresses: ENDPOINTS.map(({ ip }) => ip), workers: WORKERS });
    await Promise.all(WORKERS.map(({ name }) => lab.listen(name, [30_080])));
  });
  afterAll(async () => {
    await lab.close();
  });

  /** The workers that answer connections opened one after the other, by their numbers. */
  async function sequence(target: (typeof ENDPOINTS)[number], connections: number): Promise<number[]> {
    const numbers: number[] = [];
    for (let nth = 0; nth < connections; nth++) {
      const report = await lab.probe('client', { targets: [target], connections: 1 });
      const [answered = ''] = Object.keys(report[nameOf(target)]?.destinations ?? {});
      numbers.push(Number(/(\d)\]?:30080$/.exec(answered)?.[1]));
    }
    return numbers;
  }

  test('counts are exact, from wherever the connections come, and however many are opened at once', async () => {
    await load(lab, backend, spec([5, 1, 1]));
    const hosts = await Promise.all(
      ['client', 'client', 'lb'].map((host) =>
        lab.probe(host, { targets: ENDPOINTS, connections: 70, concurrency: 16 }),
      ),
    );
    for (const [family, target] of ENDPOINTS.entries()) {
      const counts = WORKERS.map(({ addresses }) => {
        const name = nameOf({ ip: addresses[family] ?? '', port: 30_080 });
        return hosts.reduce((sum, report) => sum + (report[nameOf(target)]?.destinations[name] ?? 0), 0);
      });
      expect(counts).toEqual([150, 30, 30]);
    }
  });

  test('the turns are those of a smooth round robin', async () => {
    await load(lab, backend, spec([5, 1, 1]));
    for (const target of ENDPOINTS) {
      const turn = [1, 1, 2, 1, 3, 1, 1];
      expect(await sequence(target, 14)).toEqual([...turn, ...turn]);
    }
  });

  test('a drained destination has no turn, and one that is left has all', async () => {
    await load(lab, backend, spec([0, 2, 2]));
    for (const target of ENDPOINTS) expect((await sequence(target, 4)).sort()).toEqual([2, 2, 3, 3]);
    await load(lab, backend, spec([0, 0, 7]));
    for (const target of ENDPOINTS) expect(await sequence(target, 3)).toEqual([3, 3, 3]);
  });
});
