// scheduler: source-hash: a client keeps its destination, whatever is loaded where, and who loses his moves alone.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLab, type Lab } from '../../src/lab/lab.js';
import { BACKENDS, load, OTHER_NFTS } from '../support/backends.js';
import { expectShares } from '../support/chi-square.js';

const PROGRAM = join(import.meta.dirname, '../support/connect_from.py');
const IPS = ['192.0.2.10', '2001:db8:1::10'];
const WORKERS = [1, 2, 3].map((host) => [`198.51.100.${host}`, `2001:db8:2::${host}`]);
const CLIENTS = [...Array(150).keys()].map((index) => index + 10);
/** The client's addresses, a list for each family. */
const SOURCES = [CLIENTS.map((host) => `198.18.1.${host}`), CLIENTS.map((host) => `fd18:1::${host}`)];

function spec(weights: readonly number[], port = 80, reversed = false): string {
  const destinations = WORKERS.flatMap((addresses, index) =>
    addresses.map((ip) => ({ ip, port: 30_080, weight: weights[index] })),
  );
  return JSON.stringify({
    pomaloba: 1,
    app: 'sticky',
    scheduler: 'source-hash',
    endpoints: IPS.map((ip) => ({ ip, port })),
    destinations: reversed ? destinations.reverse() : destinations,
  });
}

const NFTABLES = [
  ...BACKENDS.filter(({ type }) => type.startsWith('nftables')),
  ...OTHER_NFTS.map(({ backend }) => backend),
];

describe.each(NFTABLES)('$name', (backend) => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await createLab({ endpointAddresses: IPS, workers: [{ name: 'w1', addresses: WORKERS.flat() }] });
    await lab.listen('w1', [30_080]);
    const add = SOURCES.flat().map(
      (ip) =>
        `ip address add ${ip}/${ip.includes(':') ? '64' : '24'} dev eth0${ip.includes(':') ? ' nodad' : ''}`,
    );
    expect((await lab.exec('client', ['sh', '-ec', add.join('\n')])).code).toBe(0);
  });
  afterAll(async () => {
    await lab.close();
  });

  /** The worker's address that each client reaches, by the client's. */
  async function table(family: number, port = 80): Promise<Map<string, string>> {
    const argv = ['python3', PROGRAM, IPS[family] ?? '', String(port), ...(SOURCES[family] ?? [])];
    const { stdout, stderr } = await lab.exec('client', argv);
    expect(stderr).toBe('');
    return new Map(Object.entries(JSON.parse(stdout) as Record<string, string>));
  }

  function counts(found: ReadonlyMap<string, string>): Record<string, number> {
    const sums: Record<string, number> = {};
    for (const place of found.values()) sums[place] = (sums[place] ?? 0) + 1;
    return sums;
  }

  test.each([0, 1])(
    'family %d: by weight, for good, and hardly anybody moves when one goes',
    async (family) => {
      const places = WORKERS.map((addresses) => addresses[family] ?? '');
      await load(lab, backend, spec([1, 1, 2]));
      const before = await table(family);
      expectShares(counts(before), { [places[0] ?? '']: 1, [places[1] ?? '']: 1, [places[2] ?? '']: 2 });

      // Another load balancer, whose spec lists the destinations in another order, and another endpoint.
      await load(lab, backend, spec([1, 1, 2], 81, true));
      expect(await table(family, 81)).toEqual(before);

      await load(lab, backend, spec([0, 1, 2]));
      const after = await table(family);
      const lost = [...before].filter(([, place]) => place === places[0]);
      const moved = [...before].filter(([source, place]) => after.get(source) !== place);
      expect([...after.values()]).not.toContain(places[0]);
      expect(moved.length).toBeGreaterThanOrEqual(lost.length);
      expect(moved.length - lost.length).toBeLessThan(before.size * 0.05);
    },
  );
});
