// UDP, SCTP, ranges of ports and destinations that keep the client's port, with packets of both families.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLab, type Lab } from '../../src/lab/lab.js';
import { type LabProtocol, nameOf, type Target } from '../../src/lab/traffic.js';
import { BACKENDS, inLb, load, OTHER_NFTS, remove } from '../support/backends.js';
import { expectShares } from '../support/chi-square.js';

const IPS = ['192.0.2.10', '2001:db8:1::10'];
const WORKERS = [1, 2].map((host) => ({
  name: `w${host}`,
  addresses: [`198.51.100.${host}`, `2001:db8:2::${host}`],
}));
const [FIRST, SECOND] = WORKERS;
if (!FIRST || !SECOND) throw new Error('a worker is missing');
const PROTOCOLS = ['tcp', 'udp'] as const;

interface Wanted {
  readonly app: string;
  readonly port: number | string;
  readonly protocol?: string | readonly string[];
  readonly weights: readonly [number, number];
  /** The destinations' port; absent: the client's. */
  readonly to?: number;
}

/** One ruleset, whatever the apps are: it has the name lb, since there are several. */
function spec(...apps: readonly Wanted[]): string {
  const others = [1, 2].map((port): Wanted => ({ app: `other${port}`, port, weights: [1, 1], to: port }));
  const docs = [...apps, ...others].map(({ app, port, protocol, weights, to }) => ({
    pomaloba: 1,
    app,
    endpoints: IPS.map((ip) => ({ ip, port, ...(protocol === undefined ? {} : { protocol }) })),
    destinations: WORKERS.flatMap(({ addresses }, index) =>
      addresses.map((ip) => ({ ip, weight: weights[index], ...(to === undefined ? {} : { port: to }) })),
    ),
  }));
  return docs.map((one) => `---\n${JSON.stringify(one)}\n`).join('');
}

describe.each([...BACKENDS, ...OTHER_NFTS.map(({ backend }) => backend)])('$name', (backend) => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await createLab({ endpointAddresses: IPS, workers: WORKERS });
    // The kernel sends a client one ICMP error a second, and a few more at first (icmp_ratelimit).
    const unlimited = 'echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 0 >/proc/sys/net/ipv6/icmp/ratelimit';
    await inLb(lab, backend, unlimited);
    for (const protocol of PROTOCOLS) {
      for (const { name } of WORKERS) await lab.listen(name, [53, 8000, 8007, 8099, 30_053], protocol);
      // What an endpoint must not let through to.
      await lab.listen('lb', [53, 8100], protocol);
    }
  });
  afterAll(async () => {
    await lab.close();
  });

  async function reach(protocol: LabProtocol, port: number, connections: number, host = 'client') {
    const targets: Target[] = IPS.map((ip) => ({ ip, port }));
    const report = await lab.probe(host, { targets, connections, protocol, timeoutMs: 1000 });
    return targets.map((target, index) => ({ index, ...report[nameOf(target)] }));
  }

  function expected(index: number, port: number, weights: readonly number[]) {
    return Object.fromEntries(
      WORKERS.map(({ addresses }, at) => [nameOf({ ip: addresses[index] ?? '', port }), weights[at] ?? 0]),
    );
  }

  test('one endpoint for TCP and UDP: exact shares, masqueraded, from everywhere', async () => {
    await load(
      lab,
      backend,
      spec({ app: 'dns', port: 53, protocol: ['tcp', 'udp'], weights: [1, 2], to: 30_053 }),
    );
    for (const protocol of PROTOCOLS) {
      for (const host of ['client', 'lb', 'w1']) {
        for (const { index, destinations = {}, errors } of await reach(protocol, 53, 300, host)) {
          expect({ protocol, host, errors }).toEqual({ protocol, host, errors: {} });
          expectShares(destinations, expected(index, 30_053, [1, 2]));
        }
      }
      for (const { index, sources } of await reach(protocol, 53, 5)) {
        expect(sources).toEqual({ [['198.18.2.1', 'fd18:2::1'][index] ?? '']: 5 });
      }
    }
  });

  test('a protocol that is not listed is not balanced', async () => {
    // Another flow of before may have the same ports by chance.
    await inLb(lab, backend, 'conntrack -F 2>/dev/null');
    await load(lab, backend, spec({ app: 'dns', port: 53, protocol: 'udp', weights: [1, 1], to: 30_053 }));
    for (const { destinations } of await reach('tcp', 53, 5)) {
      expect(
        Object.keys(destinations ?? {}).every(
          (name) => name.includes('192.0.2.') || name.includes('2001:db8:1:'),
        ),
      ).toBe(true);
    }
    await inLb(lab, backend, 'conntrack -F 2>/dev/null');
    await load(lab, backend, spec({ app: 'web', port: 53, weights: [1, 1], to: 30_053 }));
    for (const { destinations } of await reach('udp', 53, 5)) {
      expect(Object.keys(destinations ?? {})[0]).toMatch(/192\.0\.2\.10:53|\[2001:db8:1::10\]:53/);
    }
  });

  test('a range keeps the client’s port, and ends where it ends', async () => {
    await load(
      lab,
      backend,
      spec({ app: 'media', port: '8000-8099', protocol: ['tcp', 'udp'], weights: [1, 1] }),
    );
    for (const protocol of PROTOCOLS) {
      for (const port of [8000, 8007, 8099]) {
        for (const { index, destinations = {}, errors } of await reach(protocol, port, 100)) {
          expect(errors).toEqual({});
          expectShares(destinations, expected(index, port, [1, 1]));
        }
      }
      for (const { index, sources, destinations } of await reach(protocol, 8100, 3)) {
        expect(destinations).toEqual({ [nameOf({ ip: IPS[index] ?? '', port: 8100 })]: 3 });
        expect(sources).toEqual({ [['198.18.1.2', 'fd18:1::2'][index] ?? '']: 3 });
      }
    }
  });

  test('without a destination: a reset for TCP, an ICMP error for UDP, at once', async () => {
    const [dns, media] = [
      { app: 'dns', port: 53, protocol: ['tcp', 'udp'], weights: [0, 0], to: 30_053 } as const,
      { app: 'media', port: '8000-8099', protocol: ['tcp', 'udp'], weights: [0, 0] } as const,
    ];
    // A flow of before that has the same ports would still be one: it had a destination.
    await inLb(lab, backend, 'conntrack -F 2>/dev/null');
    await load(lab, backend, spec(dns, media));
    for (const protocol of PROTOCOLS) {
      for (const port of [53, 8000, 8099]) {
        for (const host of ['client', 'lb', 'w1']) {
          for (const { destinations, errors } of await reach(protocol, port, 5, host)) {
            expect({ protocol, port, host, destinations, errors }).toEqual({
              protocol,
              port,
              host,
              destinations: {},
              errors: { ECONNREFUSED: 5 },
            });
          }
        }
      }
    }
  });

  test('a flow of UDP leaves a destination that is gone, and the others stay', async () => {
    const app = { app: 'dns', port: 53, protocol: 'udp', to: 30_053 } as const;
    const media = { app: 'media', port: '8000-8099', protocol: 'udp', weights: [1, 1] } as const;
    /** Where two flows go that have been there: to the single port and to one of the range. */
    const flows = async (): Promise<string[]> =>
      Promise.all(
        [53, 8007].flatMap((port) =>
          IPS.map(async (ip) => {
            const request = {
              targets: [{ ip, port }],
              connections: 1,
              protocol: 'udp',
              localPort: 40_000 + port,
            } as const;
            const { destinations, errors } = (await lab.probe('client', request))[nameOf({ ip, port })] ?? {};
            return Object.keys(destinations ?? {})[0] ?? JSON.stringify(errors);
          }),
        ),
      );
    const all = (addresses: readonly string[]): string[] =>
      [30_053, 8007].flatMap((port) => addresses.map((ip) => nameOf({ ip, port })));
    await inLb(lab, backend, 'conntrack -F 2>/dev/null');
    // Before there is an endpoint: the flows are the host's own.
    await load(lab, backend, spec());
    await lab.listen('lb', [8007], 'udp');
    expect(await flows()).toEqual([53, 8007].flatMap((port) => IPS.map((ip) => nameOf({ ip, port }))));
    if (backend.type.endsWith('-rules')) await inLb(lab, backend, 'conntrack -F 2>/dev/null');
    await load(lab, backend, spec({ ...app, weights: [1, 0] }, { ...media, weights: [1, 0] }));
    expect(await flows()).toEqual(all(FIRST.addresses));
    // Drained: they stay.
    await load(lab, backend, spec({ ...app, weights: [0, 1] }, { ...media, weights: [0, 1] }));
    expect(await flows()).toEqual(all(FIRST.addresses));
    if (backend.type.endsWith('-rules')) return;
    // Gone: they move. To a second destination, then to the host itself.
    const text = spec({ ...app, weights: [0, 1] }, { ...media, weights: [0, 1] });
    const without = text.replaceAll(/\{"ip":"(?:198\.51\.100\.1|2001:db8:2::1)"[^}]*\},?/g, '');
    await load(lab, backend, without);
    expect(await flows()).toEqual(all(SECOND.addresses));
    await load(lab, backend, spec());
    expect(await flows()).toEqual([53, 8007].flatMap((port) => IPS.map((ip) => nameOf({ ip, port }))));
    await load(lab, backend, without);
    expect(await flows()).toEqual(all(SECOND.addresses));
    await remove(lab, backend, without);
    expect(await flows()).toEqual([53, 8007].flatMap((port) => IPS.map((ip) => nameOf({ ip, port }))));
  });

  test('SCTP: the first packet of each association goes where the shares say', async () => {
    await load(
      lab,
      backend,
      spec({ app: 'sigtran', port: 2905, protocol: 'sctp', weights: [1, 2], to: 2906 }),
    );
    const program = join(import.meta.dirname, '../support/sctp.py');
    for (const [index, ip] of IPS.entries()) {
      const counters = WORKERS.map(({ name, addresses }) =>
        lab.start(name, ['python3', program, 'count', addresses[index] ?? '', '2906']),
      );
      for (const counter of counters) expect(await counter.nextLine(5000)).toBe('ready');
      expect((await lab.exec('client', ['python3', program, 'send', ip, '2905', '300'])).stderr).toBe('');
      const counts = await Promise.all(
        counters.map(async (counter) => {
          counter.endInput();
          return Number(await counter.nextLine(5000));
        }),
      );
      expect(counts.reduce((sum, count) => sum + count)).toBe(300);
      expectShares({ one: counts[0] ?? 0, two: counts[1] ?? 0 }, { one: 1, two: 2 });
    }
  });
});
