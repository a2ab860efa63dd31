// scheduler: source-hash: a client keeps its destination, whatever is loaded where, and who loses his moves alone.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Lab } from '../../src/lab/lab.js';
import { inLb, load } from '../support/backends.js';
import { expectShares } from '../support/chi-square.js';
import { countPlaces, createClientsLab, IPS, NFTABLES, places, WORKERS } from '../support/many-clients.js';

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

describe.each(NFTABLES)('$name', (backend) => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await createClientsLab([30_080]);
  });
  afterAll(async () => {
    await lab.close();
  });

  test.each([0, 1])(
    'family %d: by weight, for good, and hardly anybody moves when one goes',
    async (family) => {
      const workers = WORKERS.map((addresses) => addresses[family] ?? '');
      const [first = '', second = '', third = ''] = workers;
      await load(lab, backend, spec([1, 1, 2]));
      const before = await places(lab, family, 80);
      expectShares(countPlaces(before), { [first]: 1, [second]: 1, [third]: 2 });

      // Another load balancer, whose spec lists the destinations in another order, and another endpoint.
      await load(lab, backend, spec([1, 1, 2], 81, true));
      expect(await places(lab, family, 81)).toEqual(before);

      // Of one that is down the others get the clients by weight, and nobody else moves.
      const set = `inet pomaloba-sticky down-ip${family === 0 ? '' : '6'} '{ ${third} . 30080 }'`;
      await inLb(lab, backend, `nft add element ${set}`);
      const meanwhile = await places(lab, family, 81);
      expectShares(countPlaces(meanwhile), { [first]: 1, [second]: 1, [third]: 0 });
      for (const [source, place] of before) if (place !== third) expect(meanwhile.get(source)).toBe(place);
      await inLb(lab, backend, `nft delete element ${set}`);
      expect(await places(lab, family, 81)).toEqual(before);

      await load(lab, backend, spec([0, 1, 2]));
      const after = await places(lab, family, 80);
      const lost = [...before].filter(([, place]) => place === first);
      const moved = [...before].filter(([source, place]) => after.get(source) !== place);
      expect([...after.values()]).not.toContain(first);
      expect(moved.length).toBeGreaterThanOrEqual(lost.length);
      expect(moved.length - lost.length).toBeLessThan(before.size * 0.05);
    },
  );
});
