// A pool without destinations rejects: at once, wherever its addresses are, and no service of the host is reached.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLab, type Lab } from '../../src/lab/lab.js';
import { LB } from '../../src/lab/topology.js';
import { nameOf } from '../../src/lab/traffic.js';
import { BACKENDS, inLb, load } from '../support/backends.js';

const FOUR = '192.0.2.10';
const SIX = '2001:db8:1::10';
const ENDPOINTS = [FOUR, SIX].map((ip) => ({ ip, port: 80 }));
const WORKER = { name: 'w1', addresses: ['198.51.100.1', '2001:db8:2::1'] };

/** Both rejected, or with destinations for the families of `open`. */
function spec(...open: readonly ('ipv4' | 'ipv6')[]): string {
  const destinations = WORKER.addresses.map((ip) => ({
    ip,
    port: 30_080,
    weight: open.includes(ip.includes(':') ? 'ipv6' : 'ipv4') ? 1 : 0,
  }));
  return JSON.stringify({ pomaloba: 1, app: 'MyApp', endpoints: ENDPOINTS, destinations });
}

/** The same, with nothing said to who connects. */
function silent(): string {
  return JSON.stringify({ ...(JSON.parse(spec()) as object), on_empty: 'drop' });
}

/** Rules of somebody else, on which a packet spends its time while a reload overtakes it. */
const SLOW = `{
  echo 'table inet slow { chain rules { }'
  for hook in prerouting output; do echo "chain $hook { type filter hook $hook priority -101; jump rules; }"; done
  echo '}'
} | nft -f -
for part in 1 2 3 4; do seq 800 | sed 's/.*/add rule inet slow rules meta mark & counter/' | nft -f -; done`;

describe.each(BACKENDS)('$name', (backend) => {
  let lab: Lab;

  beforeEach(async () => {
    lab = await createLab({ endpointAddresses: [], workers: [WORKER] });
    await lab.exec('w1', ['ip', 'route', 'add', FOUR, 'via', LB.toWorkers.ipv4]);
    await lab.exec('w1', ['ip', 'route', 'add', SIX, 'via', LB.toWorkers.ipv6]);
    // What must not be reached: as sshd does, it listens on all addresses.
    await lab.listen('lb', [80]);
    await lab.listen('w1', [30_080]);
  });
  afterEach(async () => {
    await lab.close();
  });

  async function expectRejection(hosts: readonly string[], error = 'ECONNREFUSED'): Promise<void> {
    const timeoutMs = error === 'ETIMEDOUT' ? 300 : 1000;
    for (const host of hosts) {
      const report = await lab.probe(host, { targets: ENDPOINTS, connections: 20, timeoutMs });
      for (const endpoint of ENDPOINTS) {
        const { destinations, errors } = report[nameOf(endpoint)] ?? {};
        expect({ host, destinations, errors }).toEqual({
          host,
          destinations: {},
          errors: { [error]: 20 },
        });
      }
    }
  }

  test('rejects where no route leads to the endpoint, where one does, and where it is an address of the host', async () => {
    await load(lab, backend, spec());
    await expectRejection(['client', 'w1']);
    await inLb(lab, backend, 'ip route add default via 198.18.1.2; ip route add default via fd18:1::2');
    await expectRejection(['client', 'w1', 'lb']);
    await inLb(lab, backend, `ip address add ${FOUR} dev lo; ip address add ${SIX} dev lo nodad`);
    await expectRejection(['client', 'w1', 'lb']);
    const accepts =
      'for tool in iptables ip6tables; do for chain in INPUT OUTPUT; do $tool -I $chain -j ACCEPT; done; done';
    await inLb(lab, backend, accepts);
    await expectRejection(['client', 'w1', 'lb']);
  });

  test('on_empty: drop: nobody gets an answer, wherever the endpoint is, and open connections live on', async () => {
    await load(lab, backend, spec('ipv4', 'ipv6'));
    const held = await Promise.all(
      ENDPOINTS.map((target) => lab.hold('client', { target, connections: 5, intervalMs: 10 })),
    );
    await load(lab, backend, silent());
    await expectRejection(['client', 'w1'], 'ETIMEDOUT');
    await inLb(lab, backend, `ip address add ${FOUR} dev lo; ip address add ${SIX} dev lo nodad`);
    await expectRejection(['client', 'w1', 'lb'], 'ETIMEDOUT');
    for (const { stop } of held) expect(await stop()).toMatchObject({ opened: 5, alive: 5, errors: {} });
    await load(lab, backend, spec());
    await expectRejection(['client', 'lb']);
  });

  test('connections live on when their destinations are drained, and new ones are rejected', async () => {
    await load(lab, backend, spec('ipv4', 'ipv6'));
    const held = await Promise.all(
      ENDPOINTS.map((target) => lab.hold('client', { target, connections: 5, intervalMs: 10 })),
    );
    await load(lab, backend, spec());
    await expectRejection(['client', 'w1']);
    for (const { stop } of held) expect(await stop()).toMatchObject({ opened: 5, alive: 5, errors: {} });
  });

  test('no change brings a connection to a service of the host', async () => {
    await inLb(lab, backend, `ip address add ${FOUR} dev lo; ip address add ${SIX} dev lo nodad`);
    await inLb(lab, backend, SLOW);
    await load(lab, backend, spec());
    const loading = { isOn: true };
    const reached = (async () => {
      const found = new Set<string>();
      while (loading.isOn) {
        const report = await lab.probe('client', { targets: ENDPOINTS, connections: 200, concurrency: 4 });
        for (const { destinations } of Object.values(report))
          Object.keys(destinations).forEach((to) => found.add(to));
      }
      return found;
    })();
    for (let round = 0; round < 6; round++) {
      await load(lab, backend, spec('ipv4'));
      await load(lab, backend, spec('ipv6'));
      await load(lab, backend, spec('ipv4', 'ipv6'));
      await load(lab, backend, spec());
    }
    loading.isOn = false;
    const workers = WORKER.addresses.map((ip) => nameOf({ ip, port: 30_080 }));
    for (const to of await reached) expect(workers).toContain(to);
    await inLb(lab, backend, 'nft delete table inet slow');
  });
});
