// affinity: clients keep their destinations over reloads, until they have not come for a while or the destination goes.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Lab } from '../../src/lab/lab.js';
import { inLb, load, remove } from '../support/backends.js';
import { countPlaces, createClientsLab, IPS, NFTABLES, places, WORKERS } from '../support/many-clients.js';

interface Wanted {
  readonly weights?: readonly number[];
  readonly timeout?: string;
  /** Of each worker; none: the client's is kept. */
  readonly ports?: readonly number[];
  readonly backups?: readonly boolean[];
}

function spec({
  weights = [1, 1, 1],
  timeout = '1h',
  ports = [30_080, 30_080, 30_080],
  backups = [false, false, false],
}: Wanted): string {
  return JSON.stringify({
    pomaloba: 1,
    app: 'kept',
    affinity: { client_ip: { timeout } },
    endpoints: IPS.flatMap((ip) => [
      { ip, port: 80 },
      { ip, port: ports.length > 0 ? 8005 : '8000-8009' },
    ]),
    destinations: WORKERS.flatMap((addresses, index) =>
      addresses.map((ip) => ({
        ip,
        weight: weights[index],
        backup: backups[index],
        ...(ports[index] ? { port: ports[index] } : {}),
      })),
    ),
  });
}

// The script loads what the rules hold.
describe.each(NFTABLES.filter(({ type }) => type === 'nftables-rules'))('$name', (backend) => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await createClientsLab([80, 8005, 30_080, 30_081, 30_082]);
  });
  afterEach(async () => {
    await remove(lab, backend, spec({}));
  });
  afterAll(async () => {
    await lab.close();
  });

  describe.each([0, 1])('family %d', (family) => {
    const [first = '', second = '', third = ''] = WORKERS.map((addresses) => addresses[family] ?? '');
    const down = `inet pomaloba-kept down-ip${family === 0 ? '' : '6'}`;

    test.each([
      { name: 'one port', ports: [30_080, 30_080, 30_080] },
      { name: 'a port of its own each', ports: [30_080, 30_081, 30_082] },
      { name: "the client's port", ports: [] },
    ])('clients keep their destinations, with $name', async ({ ports }) => {
      await load(lab, backend, spec({ ports }));
      const before = await places(lab, family, 80);
      expect(Object.keys(countPlaces(before)).sort()).toEqual([first, second, third].sort());
      // Also with another endpoint of the app.
      expect(await places(lab, family, 8005)).toEqual(before);

      await load(lab, backend, spec({ ports, weights: [3, 1, 1] }));
      expect(await places(lab, family, 80)).toEqual(before);

      // The first packet of those who have it is lost, the next one, after a second, goes elsewhere.
      await inLb(lab, backend, `nft add element ${down} '{ ${third} . ${ports[2] ?? 0} }'`);
      const meanwhile = await places(lab, family, 80);
      expect([...meanwhile.values()]).not.toContain(third);
      for (const [source, place] of before) if (place !== third) expect(meanwhile.get(source)).toBe(place);
      await inLb(lab, backend, `nft delete element ${down} '{ ${third} . ${ports[2] ?? 0} }'`);
      expect(await places(lab, family, 80)).toEqual(meanwhile);

      await load(lab, backend, spec({ ports, weights: [1, 0, 1] }));
      const after = await places(lab, family, 80);
      expect([...after.values()]).not.toContain(second);
      for (const [source, place] of meanwhile) if (place === first) expect(after.get(source)).toBe(place);
    });

    test('of a host that masquerades everything, too', async () => {
      const words = family === 0 ? 'ip' : 'ip6';
      await load(lab, backend, spec({}));
      await inLb(
        lab,
        backend,
        `nft add table ${words} host && nft add chain ${words} host leaving '{ type nat hook postrouting priority 100; }' &&
          nft add rule ${words} host leaving masquerade`,
      );
      const before = await places(lab, family, 80);
      expect(await places(lab, family, 80)).toEqual(before);
      await load(lab, backend, spec({}));
      expect(await places(lab, family, 80)).toEqual(before);
      await inLb(lab, backend, `nft delete table ${words} host`);
    });

    test('a backup is left when another is back', async () => {
      await load(lab, backend, spec({ backups: [false, true, true] }));
      const down = `inet pomaloba-kept down-ip${family === 0 ? '' : '6'} '{ ${first} . 30080 }'`;
      await inLb(lab, backend, `nft add element ${down}`);
      expect([...(await places(lab, family, 80)).values()]).not.toContain(first);
      await inLb(lab, backend, `nft delete element ${down}`);
      expect(new Set((await places(lab, family, 80)).values())).toEqual(new Set([first]));
    });

    test('who has not come for a while is forgotten', async () => {
      await load(lab, backend, spec({ timeout: '1s' }));
      const before = await places(lab, family, 80);
      await new Promise((resolve) => setTimeout(resolve, 1500));
      expect(await places(lab, family, 80)).not.toEqual(before);
    });
  });
});
