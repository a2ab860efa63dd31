// allow_from: who is listed is balanced, who is not gets no answer, wherever he connects from.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLab, type Lab } from '../../src/lab/lab.js';
import { nameOf } from '../../src/lab/traffic.js';
import { BACKENDS, inLb, load, OTHER_NFTS, remove, rulesOf } from '../support/backends.js';

const ENDPOINTS = ['192.0.2.10', '2001:db8:1::10'].map((ip) => ({ ip, port: 80 }));
const OPEN = ENDPOINTS.map(({ ip }) => ({ ip, port: 81 }));
const WORKER = { name: 'w1', addresses: ['198.51.100.1', '2001:db8:2::1'] };
/** The client's addresses in the lab, and one more of each family: in the same /24 and /64. */
const CLIENT = ['198.18.1.2', 'fd18:1::2'];
const OTHER = ['198.18.1.77', 'fd18:1::77'];

/** Two apps: the first for `allowed` only, or for everyone; the second always for everyone. */
function specs(allowed?: readonly string[]): string {
  const destinations = WORKER.addresses.map((ip) => ({ ip, port: 30_080 }));
  const app = (name: string, endpoints: typeof ENDPOINTS) => ({
    pomaloba: 1,
    app: name,
    endpoints,
    destinations,
  });
  const first = { ...app('closed', ENDPOINTS), ...(allowed === undefined ? {} : { allow_from: allowed }) };
  return [first, app('open', OPEN)].map((one) => `---\n${JSON.stringify(one)}\n`).join('');
}

describe.each([...BACKENDS, ...OTHER_NFTS.map(({ backend }) => backend)])('$name', (backend) => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await createLab({ endpointAddresses: ENDPOINTS.map(({ ip }) => ip), workers: [WORKER] });
    await lab.listen('w1', [30_080]);
    // A guard must not open what is behind it: without balancing, this is what a packet would reach.
    await lab.listen('lb', [80]);
    const [four = '', six = ''] = OTHER;
    const add = `ip address add ${four}/24 dev eth0; ip address add ${six}/64 dev eth0 nodad`;
    expect((await lab.exec('client', ['sh', '-c', add])).code).toBe(0);
  });
  afterAll(async () => {
    await lab.close();
  });

  /** What becomes of five connections to each target, by the place of its family: all served, or all unanswered. */
  async function reach(host: string, targets: typeof ENDPOINTS, sources: readonly (string | undefined)[]) {
    const worker = WORKER.addresses.map((ip) => nameOf({ ip, port: 30_080 }));
    return Promise.all(
      targets.map(async (target, index) => {
        const request = { targets: [target], connections: 5, timeoutMs: 400, localAddress: sources[index] };
        const { destinations, errors } = (await lab.probe(host, request))[nameOf(target)] ?? {};
        if (destinations?.[worker[index] ?? ''] === 5) return 'served';
        return errors?.['ETIMEDOUT'] === 5 ? 'unanswered' : { destinations, errors };
      }),
    );
  }

  const SERVED = ['served', 'served'];
  const UNANSWERED = ['unanswered', 'unanswered'];

  test('who is listed is served, and nobody else; other apps are open as before', async () => {
    await load(lab, backend, specs(['198.18.1.0/26', 'fd18:1::/122', '203.0.113.7']));
    expect(await reach('client', ENDPOINTS, CLIENT)).toEqual(SERVED);
    expect(await reach('client', ENDPOINTS, OTHER)).toEqual(UNANSWERED);
    expect(await reach('w1', ENDPOINTS, WORKER.addresses)).toEqual(UNANSWERED);
    expect(await reach('client', OPEN, OTHER)).toEqual(SERVED);
  });

  test('the host itself has to be listed, too: by the address that it connects from', async () => {
    await load(lab, backend, specs(CLIENT));
    expect(await reach('lb', ENDPOINTS, [])).toEqual(UNANSWERED);
    await load(lab, backend, specs([...CLIENT, ...ENDPOINTS.map(({ ip }) => ip)]));
    expect(await reach('lb', ENDPOINTS, [])).toEqual(SERVED);
  });

  test('a family without a network is closed', async () => {
    await load(lab, backend, specs(['198.18.1.0/24']));
    expect(await reach('client', ENDPOINTS, CLIENT)).toEqual(['served', 'unanswered']);
    await load(lab, backend, specs(['0.0.0.0/0', 'fd18:1::2']));
    expect(await reach('client', ENDPOINTS, OTHER)).toEqual(['served', 'unanswered']);
  });

  test('what was dropped is counted', async () => {
    await load(lab, backend, specs(CLIENT));
    await reach('client', ENDPOINTS, OTHER);
    const counters = backend.type.startsWith('nftables')
      ? 'nft list table inet pomaloba-lb | grep "saddr != .*counter packets.*drop"'
      : 'iptables -t mangle -nvxL PMLB/lb/closed | grep DROP; ip6tables -t mangle -nvxL PMLB/lb/closed | grep DROP';
    const counts = (await inLb(lab, backend, counters)).trim().split('\n');
    expect(counts).toHaveLength(2);
    for (const line of counts)
      expect(Number(/(\d+)/.exec(line.replace(/.*packets/, ''))?.[1])).toBeGreaterThan(4);
  });

  test('a list can change and go, and open connections live on', async () => {
    await load(lab, backend, specs([...CLIENT, ...OTHER]));
    const held = await Promise.all(
      ENDPOINTS.map((target, index) =>
        lab.hold('client', { target, connections: 5, intervalMs: 20, localAddress: OTHER[index] }),
      ),
    );
    await load(lab, backend, specs(CLIENT));
    expect(await reach('client', ENDPOINTS, OTHER)).toEqual(UNANSWERED);
    await load(lab, backend, specs());
    expect(await reach('client', ENDPOINTS, OTHER)).toEqual(SERVED);
    for (const { stop } of held) expect(await stop()).toMatchObject({ opened: 5, alive: 5, errors: {} });
  });

  test('is removed without a trace', async () => {
    await load(lab, backend, specs(CLIENT));
    await remove(lab, backend, specs(CLIENT));
    expect(await rulesOf(lab, backend)).not.toMatch(/PMLB|pomaloba/);
  });
});
