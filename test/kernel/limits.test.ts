// limits: what is over one is not answered, and counted; other clients go on, and what is open stays open.
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createLab, type Lab } from '../../src/lab/lab.js';
import { type LabProtocol, nameOf } from '../../src/lab/traffic.js';
import { inLb, load, OTHER_NFTS, remove, rulesetFile, rulesOf, SCRIPTS } from '../support/backends.js';

const IPS = ['192.0.2.10', '2001:db8:1::10'];
const WORKER = { name: 'w1', addresses: ['198.51.100.1', '2001:db8:2::1'] };
/** Three clients, by family, and one that IPv6 does not tell from the first. */
const CLIENTS = [
  ['198.18.1.2', 'fd18:1::2'],
  ['198.18.1.77', 'fd18:3::2'],
  ['198.18.1.78', 'fd18:4::2'],
] as const;
const NEIGHBOUR = 'fd18:1::77';
const PORTS = [80, 8000];

/** One app of two endpoints a family and both protocols; the other has no limits. */
function specs(limits: object, ips = IPS): string {
  const families = IPS.map((ip) => ips.includes(ip));
  const app = (name: string, ports: readonly number[], more: object) => ({
    pomaloba: 1,
    app: name,
    endpoints: ips.flatMap((ip) => ports.map((port) => ({ ip, port, protocol: ['tcp', 'udp'] }))),
    destinations: WORKER.addresses
      .filter((_, family) => families[family])
      .map((ip) => ({ ip, port: 30_080 })),
    ...more,
  });
  return [app('limited', PORTS, { limits }), app('open', [81], {})]
    .map((one) => `---\n${JSON.stringify(one)}\n`)
    .join('');
}

interface Where {
  readonly protocol?: LabProtocol;
  readonly port?: number;
  readonly host?: string;
  /** Instead of a source that says the family. */
  readonly ip?: string;
}

describe.each([...SCRIPTS, ...OTHER_NFTS.map(({ backend }) => backend)])('$name', (backend) => {
  let lab: Lab;
  let loaded = '';
  const isNft = backend.type.startsWith('nftables');

  beforeAll(async () => {
    lab = await createLab({ endpointAddresses: IPS, workers: [WORKER] });
    for (const protocol of ['tcp', 'udp'] as const) {
      await lab.listen('w1', [30_080], protocol);
      // Nothing that is dropped may reach the host itself.
      await lab.listen('lb', PORTS, protocol);
    }
    const more = [...CLIENTS.slice(1).flat(), NEIGHBOUR].map((ip) =>
      ip.includes(':') ? `ip address add ${ip}/64 dev eth0 nodad;` : `ip address add ${ip}/24 dev eth0;`,
    );
    expect((await lab.exec('client', ['sh', '-c', more.join(' ')])).code).toBe(0);
    await inLb(lab, backend, 'for n in 3 4; do ip route add fd18:$n::/64 via fd18:1::2; done');
  });
  beforeEach(async () => {
    // A restore file leaves one more jump with each load, and each counts.
    if (loaded !== '') await remove(lab, backend, loaded);
    await inLb(lab, backend, 'conntrack -F 2>/dev/null');
  });
  afterAll(async () => {
    await lab.close();
  });

  async function limit(limits: object, ips?: string[]): Promise<void> {
    loaded = specs(limits, ips);
    await load(lab, backend, loaded);
  }

  /** How many of `connections` at once are answered; the others must get no answer at all, from nobody. */
  async function served(
    source: string | undefined,
    connections: number,
    { protocol = 'tcp', port = 80, host = 'client', ip = '' }: Where = {},
  ): Promise<number> {
    const family = Number((source ?? ip).includes(':'));
    const target = { ip: IPS[family] ?? '', port };
    const request = { targets: [target], connections, protocol, timeoutMs: 400, localAddress: source };
    const { destinations, errors } = (await lab.probe(host, request))[nameOf(target)] ?? {};
    const answered = destinations?.[nameOf({ ip: WORKER.addresses[family] ?? '', port: 30_080 })] ?? 0;
    expect((errors?.['ETIMEDOUT'] ?? 0) + answered, JSON.stringify({ destinations, errors })).toBe(
      connections,
    );
    return answered;
  }

  /** What the counters of all drops together say. */
  async function dropped(): Promise<number> {
    const text = await inLb(
      lab,
      backend,
      isNft
        ? 'nft list table inet pomaloba-lb | grep "counter packets.*drop"'
        : 'for tool in iptables ip6tables; do $tool -t mangle -nvxL PMLB/lb/limited/new | grep DROP; done || :',
    );
    const counts = text
      .trim()
      .split('\n')
      .map((line) => /(\d+)/.exec(line.replace(/.*packets/, ''))?.[1]);
    return counts.reduce((sum, count) => sum + Number(count), 0);
  }

  test('a client has so many open connections, over all endpoints; closing makes room, a reload keeps them', async () => {
    await limit({ connections_per_client: 3 });
    const held = [];
    for (const [family, source] of CLIENTS[0].entries()) {
      const hold = (connections: number, port: number) => {
        const target = { ip: IPS[family] ?? '', port };
        return lab.hold('client', { target, connections, intervalMs: 20, localAddress: source });
      };
      const [two, one] = [await hold(2, 80), await hold(1, 8000)];
      expect([two.opened, one.opened]).toEqual([2, 1]);
      for (const port of PORTS) expect(await served(source, 2, { port })).toBe(0);
      expect(await dropped()).toBeGreaterThanOrEqual((family + 1) * 4);
      if (family === 1) expect(await served(NEIGHBOUR, 2)).toBe(0);
      expect(await served(CLIENTS[1][family], 3)).toBe(3);
      expect(await served(source, 3, { port: 81 })).toBe(3);
      expect(await one.stop()).toMatchObject({ alive: 1 });
      const third = await hold(1, 8000);
      expect(third.opened).toBe(1);
      expect(await served(source, 1)).toBe(0);
      held.push(two, third);
    }
    await load(lab, backend, loaded);
    for (const one of held) expect(await one.stop()).toMatchObject({ resets: 0, timeouts: 0 });
  });

  test('a flow of UDP is a connection until conntrack forgets it', async () => {
    await limit({ connections_per_client: 3 });
    for (const [family, source] of CLIENTS[0].entries()) {
      expect(await served(source, 3, { protocol: 'udp' })).toBe(3);
      expect(await served(source, 2, { protocol: 'udp', port: 8000 })).toBe(0);
      expect(await served(CLIENTS[1][family], 3, { protocol: 'udp' })).toBe(3);
      await inLb(lab, backend, `conntrack -D -f ipv${family === 0 ? 4 : 6} -p udp >/dev/null 2>&1`);
      expect(await served(source, 3, { protocol: 'udp' })).toBe(3);
    }
  });

  test('clients on the host itself count, too', async () => {
    await limit({ connections_per_client: 3 });
    for (const ip of IPS) {
      const held = await lab.hold('lb', { target: { ip, port: 80 }, connections: 3 });
      expect(held.opened).toBe(3);
      expect(await served(undefined, 2, { host: 'lb', ip })).toBe(0);
      expect(await held.stop()).toMatchObject({ alive: 3 });
    }
  });

  test.each(['tcp', 'udp'] as const)('new connections of a client in a second, %s', async (protocol) => {
    await limit({ new_per_second_per_client: 5 });
    for (const [family, source] of CLIENTS[0].entries()) {
      const before = await dropped();
      const answered = await served(source, 20, { protocol });
      // As many at once, and what comes while the test is slow.
      expect(answered).toBeGreaterThanOrEqual(5);
      expect(answered).toBeLessThanOrEqual(8);
      expect((await dropped()) - before).toBe(20 - answered);
      expect(await served(CLIENTS[1][family], 5, { protocol })).toBe(5);
      await sleep(1100);
      expect(await served(source, 5, { protocol })).toBe(5);
    }
  });

  test('packets of a flow without answers are no new connections', async () => {
    await limit({ new_per_second_per_client: 2 });
    const silent =
      "import socket; s=socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', 31080)); print('ready', flush=True); [print(len(s.recv(9)), flush=True) for _ in range(20)]";
    await inLb(lab, backend, 'conntrack -F 2>/dev/null');
    const text = loaded.replaceAll('"port":30080', '"port":31080');
    await remove(lab, backend, loaded);
    await load(lab, backend, text);
    const server = lab.start('w1', ['python3', '-c', silent]);
    expect(await server.nextLine(5000)).toBe('ready');
    const send = `import socket; s=socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(('${IPS[0] ?? ''}', 80)); [s.send(b'.') for _ in range(20)]`;
    expect((await lab.exec('client', ['python3', '-c', send])).code).toBe(0);
    for (let packet = 0; packet < 20; packet++) expect(await server.nextLine(2000)).toBe('1');
    expect(await dropped()).toBe(0);
  });

  test('new connections of all clients in a second', async () => {
    for (const [family, ip] of IPS.entries()) {
      await limit({ new_per_second: 5 }, [ip]);
      const each = await Promise.all(CLIENTS.map((client) => served(client[family], 10)));
      const sum = each.reduce((all, one) => all + one, 0);
      expect(sum).toBeGreaterThanOrEqual(5);
      expect(sum).toBeLessThanOrEqual(8);
      expect(await dropped()).toBe(30 - sum);
      await remove(lab, backend, loaded);
    }
  });

  if (isNft)
    test('nftables counts both families together', async () => {
      await limit({ new_per_second: 5 });
      const each = await Promise.all(CLIENTS[0].map((source) => served(source, 10)));
      expect(each.reduce((all, one) => all + one, 0)).toBeLessThanOrEqual(8);
    });

  test('where there is no place for a client, it does not get in for free, and others go on', async () => {
    loaded = specs({ new_per_second_per_client: 5 });
    const file = rulesetFile(backend, loaded);
    const few = readFileSync(file, 'utf8').replaceAll(
      /\b(size|htable-size|htable-max) (4096|65536)/g,
      '$1 2',
    );
    // Long enough for what comes, however slow the machine is.
    writeFileSync(
      file,
      few.replaceAll('timeout 2s', 'timeout 15s').replaceAll('expire 2000', 'expire 15000'),
    );
    await inLb(lab, backend, backend.load, file);
    for (const family of [0, 1]) {
      const [first, second, third] = CLIENTS.map((client) => client[family]);
      expect(await served(first, 4)).toBe(4);
      expect(await served(second, 4)).toBe(4);
      const answered = await served(third, 20);
      // All clients without a place are one to nftables; iptables' hashlimit takes none of them.
      if (isNft) expect(answered).toBeGreaterThanOrEqual(5);
      expect(answered).toBeLessThanOrEqual(isNft ? 8 : 0);
      expect(await served(first, 1)).toBe(1);
    }
    // The places of those who are gone are free then.
    await sleep(17_000);
    for (const source of CLIENTS[2]) expect(await served(source, 5)).toBe(5);
  });

  test('is removed without a trace', async () => {
    await limit({ connections_per_client: 3, new_per_second_per_client: 5 });
    await remove(lab, backend, loaded);
    expect(await rulesOf(lab, backend)).not.toMatch(/PMLB|pomaloba/);
    loaded = '';
  });
});
