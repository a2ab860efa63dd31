// client_address: preserve and snat: whom the workers see, and that their answers find back.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLab, type Lab } from '../../src/lab/lab.js';
import { LB } from '../../src/lab/topology.js';
import { type LabProtocol, nameOf } from '../../src/lab/traffic.js';
import { BACKENDS, inLb, load, OTHER_NFTS, remove, rulesOf } from '../support/backends.js';
import { expectShares } from '../support/chi-square.js';

const ENDPOINTS = ['192.0.2.10', '2001:db8:1::10'];
const WORKERS = [1, 2].map((host) => ({
  name: `w${host}`,
  addresses: [`198.51.100.${host}`, `2001:db8:2::${host}`],
}));
const NETWORKS = ['198.51.100.0/24', '198.18.2.0/24', '2001:db8:2::/64', 'fd18:2::/64'];
const CLIENT = ['198.18.1.2', 'fd18:1::2'];
const INTERFACE = [LB.toWorkers.ipv4, LB.toWorkers.ipv6];
/** Addresses of the lb, of each family. */
const SNAT = [
  ['198.18.2.101', '198.18.2.102', '198.18.2.103', '198.18.2.105'],
  ['fd18:2::101', 'fd18:2::102', 'fd18:2::103', 'fd18:2::105'],
];
const SNAT_ASKED = [
  ['198.18.2.105', '198.18.2.101-198.18.2.103', '198.18.2.102'],
  ['fd18:2::103', 'fd18:2::105', 'fd18:2::101-fd18:2::103'],
];
const PRESERVE = { client_address: 'preserve', destination_networks: NETWORKS };

/** Two apps: the first with `more` keys, on a port and a range of ports; the second as it is by default. */
function specs(more: object): string {
  const app = (name: string, ports: readonly (number | string)[], keys: object) => ({
    pomaloba: 1,
    app: name,
    endpoints: ENDPOINTS.flatMap((ip) => ports.map((port) => ({ ip, port, protocol: ['tcp', 'udp'] }))),
    destinations: WORKERS.flatMap(({ addresses }) => addresses.map((ip) => ({ ip }))),
    ...keys,
  });
  return [app('first', [80, '8000-8009'], more), app('second', [81], {})]
    .map((one) => `---\n${JSON.stringify(one)}\n`)
    .join('');
}

describe.each([...BACKENDS, ...OTHER_NFTS.map(({ backend }) => backend)])('$name', (backend) => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await createLab({ endpointAddresses: ENDPOINTS, workers: WORKERS });
    for (const { name } of WORKERS) {
      await Promise.all((['tcp', 'udp'] as const).map((one) => lab.listen(name, [80, 81, 8005], one)));
      // Workers route back through the load balancer.
      const routes = `ip route add 198.18.1.0/24 via ${LB.toWorkers.ipv4}
        ip route add fd18:1::/64 via ${LB.toWorkers.ipv6}`;
      expect((await lab.exec(name, ['sh', '-ec', routes])).code).toBe(0);
    }
    // Of IPv6 as the role adds them: else the kernel may choose one of them wherever an interface's is wanted.
    const add = SNAT.flat().map((ip) =>
      ip.includes(':')
        ? `ip address add ${ip}/128 dev eth1 nodad preferred_lft 0`
        : `ip address add ${ip}/32 dev eth1`,
    );
    await inLb(lab, backend, `set -e; ${add.join('; ')}`);
  });
  afterAll(async () => {
    await lab.close();
  });

  interface Way {
    readonly port?: number;
    readonly sources?: readonly (string | undefined)[];
    readonly connections?: number;
    readonly protocol?: LabProtocol;
  }

  /** Whom the workers see of a host's connections, by family; all of them have to be answered. */
  async function seen(host: string, { port = 80, sources = [], connections = 20, protocol }: Way = {}) {
    // A port that was used before would go on with what was a flow of UDP then.
    if (protocol === 'udp') await inLb(lab, backend, 'conntrack -D -p udp 2>/dev/null; true');
    return Promise.all(
      ENDPOINTS.map(async (ip, family) => {
        const target = { ip, port };
        const request = { targets: [target], connections, protocol, localAddress: sources[family] };
        const result = (await lab.probe(host, request))[nameOf(target)];
        expect(result?.errors, `${host} to ${nameOf(target)}`).toEqual({});
        return result?.sources ?? {};
      }),
    );
  }

  const only = (addresses: readonly (string | undefined)[], count = 20) =>
    addresses.map((address) => ({ [address ?? '']: count }));

  function expectAllOf(found: readonly Readonly<Record<string, number>>[]): void {
    SNAT.forEach((addresses, family) => {
      const counts = found[family] ?? {};
      expect(Object.keys(counts).toSorted()).toEqual(addresses);
      expectShares(counts, Object.fromEntries(addresses.map((ip) => [ip, 1])));
    });
  }

  test('preserve: workers see the client, and the load balancer where they could not answer', async () => {
    await load(lab, backend, specs(PRESERVE));
    for (const protocol of ['tcp', 'udp'] as const) {
      expect(await seen('client', { protocol })).toEqual(only(CLIENT));
      expect(await seen('client', { protocol, port: 8005 })).toEqual(only(CLIENT));
      expect(await seen('w1', { protocol })).toEqual(only(INTERFACE));
    }
    expect(await seen('w1', { sources: WORKERS[0]?.addresses ?? [] })).toEqual(only(INTERFACE));
    expect(await seen('w1', { port: 8005 })).toEqual(only(INTERFACE));
    // The other app is as ever.
    expect(await seen('client', { port: 81 })).toEqual(only(INTERFACE));
  });

  test('preserve: the load balancer itself is masqueraded, whichever of its addresses it connects from', async () => {
    await load(lab, backend, specs(PRESERVE));
    const mine = [[], ENDPOINTS, [LB.toClient.ipv4, LB.toClient.ipv6], SNAT.map(([first]) => first)];
    for (const sources of mine) {
      expect(await seen('lb', { sources })).toEqual(only(INTERFACE));
      expect(await seen('lb', { sources, protocol: 'udp', port: 8005 })).toEqual(only(INTERFACE));
    }
  });

  test('snat: workers see the addresses of the list, each as often as the others', async () => {
    await load(lab, backend, specs({ snat: SNAT_ASKED.flat() }));
    expectAllOf(await seen('client', { connections: 400 }));
    expectAllOf(await seen('client', { connections: 400, port: 8005, protocol: 'udp' }));
    expectAllOf(await seen('w1', { connections: 400 }));
    expectAllOf(await seen('lb', { connections: 400 }));
    expect(await seen('client', { port: 81 })).toEqual(only(INTERFACE));
  });

  test('snat of one family, and of one address: the other family has the address of the interface', async () => {
    await load(lab, backend, specs({ snat: ['198.18.2.101'] }));
    expect(await seen('client')).toEqual(only(['198.18.2.101', INTERFACE[1]]));
    await load(lab, backend, specs({ snat: ['fd18:2::101'] }));
    expect(await seen('client')).toEqual(only([INTERFACE[0], 'fd18:2::101']));
  });

  test('both: who is still masqueraded has an address of the list', async () => {
    await load(lab, backend, specs({ ...PRESERVE, snat: SNAT_ASKED.flat() }));
    expect(await seen('client')).toEqual(only(CLIENT));
    expectAllOf(await seen('w2', { connections: 400 }));
    expectAllOf(await seen('lb', { connections: 400 }));
  });

  test('a change is for new connections, and open ones live on', async () => {
    const hold = async () =>
      Promise.all(
        ENDPOINTS.map((ip) =>
          lab.hold('client', { target: { ip, port: 80 }, connections: 5, intervalMs: 20 }),
        ),
      );
    await load(lab, backend, specs({}));
    const held = await hold();
    await load(lab, backend, specs(PRESERVE));
    expect(await seen('client')).toEqual(only(CLIENT));
    held.push(...(await hold()));
    await load(lab, backend, specs({ snat: SNAT_ASKED.flat() }));
    held.push(...(await hold()));
    await load(lab, backend, specs({}));
    expect(await seen('client')).toEqual(only(INTERFACE));
    for (const { stop } of held) expect(await stop()).toMatchObject({ opened: 5, alive: 5, errors: {} });
  });

  test('is removed without a trace', async () => {
    const both = specs({ ...PRESERVE, snat: SNAT_ASKED.flat() });
    await load(lab, backend, both);
    await remove(lab, backend, both);
    expect(await rulesOf(lab, backend)).not.toMatch(/PMLB|pomaloba/);
  });
});
