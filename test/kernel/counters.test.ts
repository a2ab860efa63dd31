// What is counted of endpoints and destinations is what was sent, and a reload does not forget it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLab, type Lab } from '../../src/lab/lab.js';
import { nameOf } from '../../src/lab/traffic.js';
import { type Backend, BACKENDS, inLb, load, OTHER_NFTS } from '../support/backends.js';

const ENDPOINTS = ['192.0.2.10', '2001:db8:1::10'];
const HOSTS = [1, 2].map((host) => [`198.51.100.${host}`, `2001:db8:2::${host}`]);
/** So many that iptables looks for them in trees. */
const MORE = [...Array(9).keys()].map((host) => host + 21);
const MORE_ENDPOINTS = MORE.flatMap((host) => [`192.0.2.${host}`, `2001:db8:1::${host}`]);
const MORE_HOSTS = MORE.map((host) => [`198.51.100.${host}`, `2001:db8:2::${host}`]);
const WORKER = { name: 'w1', addresses: HOSTS.flat() };
const CONNECTIONS = 40;
/** Of each app a port, and what counts it: of a range its first port, and 0 for those that it comes to. */
const WAYS = [
  { port: 80, protocol: 'tcp', counted: 80, to: 8000 },
  { port: 8000, protocol: 'tcp', counted: 8000, to: 8000 },
  { port: 8000, protocol: 'udp', counted: 8000, to: 8000 },
  { port: 7995, protocol: 'tcp', counted: 7990, to: 0 },
] as const;

/** Packets and bytes of an endpoint (`tcp 192.0.2.10 80`) or of a destination of an app. */
type Counts = Record<string, { readonly packets: number; readonly bytes: number }>;

/** A destination with a port of its own, one that keeps the client's, and a range; `weight` is that of the last host. */
function specs(weight = 1, hosts = HOSTS, more: readonly string[] = []): string {
  const app = (name: string, port: number | string, protocol: string[], to?: number) => ({
    pomaloba: 1,
    app: name,
    endpoints: [...ENDPOINTS, ...more].map((ip) => ({ ip, port, protocol })),
    destinations: hosts.flatMap((ips, host) =>
      ips.map((ip) => ({ ip, weight: host === 1 ? weight : 1, ...(to === undefined ? {} : { port: to }) })),
    ),
  });
  return [
    app('own', 80, ['tcp'], 8000),
    app('kept', 8000, ['tcp', 'udp']),
    app('range', '7990-7999', ['tcp']),
  ]
    .map((one) => `---\n${JSON.stringify(one)}\n`)
    .join('');
}

function sum(counts: Counts, key: string, packets: string | undefined, bytes: string | undefined): void {
  const { packets: before, bytes: there } = counts[key] ?? { packets: 0, bytes: 0 };
  counts[key] = { packets: before + Number(packets), bytes: there + Number(bytes) };
}

/** Of pairs of an endpoint and a destination, as nftables counts them. */
function fromSets(text: string): Counts {
  const counts: Counts = {};
  const pairs = /([\da-f.:]+) \. (\w+) \. (\d+) \. ([\da-f.:]+) \. (\d+) counter packets (\d+) bytes (\d+)/g;
  for (const [, ip = '', protocol, port, to = '', toPort, packets, bytes] of text.matchAll(pairs)) {
    sum(counts, `${protocol} ${ip} ${port}`, packets, bytes);
    sum(counts, `${port === '80' ? 'own' : toPort === '0' ? 'range' : 'kept'} ${to}`, packets, bytes);
  }
  return counts;
}

const APPS = ['own', 'kept', 'range'];

/** Of rules that match an endpoint or a destination. `what`: connections are counted by the nat table. */
function fromRules(text: string, what: 'connections' | 'traffic'): Counts {
  const counts: Counts = {};
  for (const line of text.split('\n')) {
    const [, packets, bytes, chain = '', rule = ''] =
      /^\[(\d+):(\d+)\] -A PMLB\/lb(\S*) (.*)$/.exec(line) ?? [];
    const value = (...options: string[]) =>
      options
        .map((one) => new RegExp(`(?:^| )${one} (\\S+)`).exec(rule)?.[1])
        .find((one) => one !== undefined);
    const [port = ''] = value('--dport', '--ctorigdstport')?.split(':') ?? [];
    const [, app = ''] = chain.split('/');
    const protocol = { 6: 'tcp', 17: 'udp' }[value('--ctproto') ?? ''];
    if (/^\/(?:_forward|_fwd\/\w+)$/.test(chain) && what === 'traffic')
      sum(counts, `${protocol} ${value('--ctorigdst')} ${port}`, packets, bytes);
    if (/^(?:\/_to\/\w+)?$/.test(chain) && what === 'connections' && port !== '')
      sum(counts, `${value('-p')} ${value('-d')?.split('/')[0]} ${port}`, packets, bytes);
    const to = value(what === 'traffic' ? '--ctreplsrc' : '--to-destination');
    const plain = to?.replace(/^\[(.*)\].*/, '$1').replace(/^([\d.]+):\d+$/, '$1');
    if (APPS.includes(app) && plain !== undefined) sum(counts, `${app} ${plain}`, packets, bytes);
  }
  return counts;
}

const TARGETS = ENDPOINTS.flatMap((ip) => WAYS.map((way) => ({ ip, ...way })));

describe.each([
  ...BACKENDS.filter(({ type }) => type !== 'iptables-rules'),
  ...OTHER_NFTS.map(({ backend }) => backend),
])('$name', (backend: Backend) => {
  let lab: Lab;
  /** ip6tables 1.8.9 on nftables takes rules with counters, but begins to count at 0. */
  let forgetsIPv6 = false;
  const isNftables = backend.type.startsWith('nftables');

  beforeAll(async () => {
    lab = await createLab({ endpointAddresses: ENDPOINTS, workers: [WORKER] });
    await lab.listen('w1', [8000, 7995]);
    await lab.listen('w1', [8000], 'udp');
    const ask =
      'ip6tables -N PMLB/ask; ip6tables -A PMLB/ask -c 7 700; ip6tables-save -c; ip6tables -F; ip6tables -X';
    forgetsIPv6 = !isNftables && !(await inLb(lab, backend, ask)).includes('[7:700]');
  });
  afterAll(async () => {
    await lab.close();
  });

  async function counted(what: 'connections' | 'traffic'): Promise<Counts> {
    if (!isNftables)
      return fromRules(
        await inLb(
          lab,
          backend,
          what === 'traffic'
            ? 'iptables-save -c -t filter; ip6tables-save -c -t filter'
            : 'iptables-save -c -t nat; ip6tables-save -c -t nat',
        ),
        what,
      );
    const list = ['ip', 'ip6'].map((family) => `nft list set inet pomaloba-lb ${what}-${family}`);
    return fromSets(await inLb(lab, backend, list.join(' && ')));
  }

  /** Sends to all endpoints, and adds what has come to each of them and to each destination to `expected`. */
  async function send(expected: Record<string, number>): Promise<void> {
    // A flow that is known is no new connection if its port is used again.
    await inLb(lab, backend, 'conntrack -D -p udp >/dev/null 2>&1; true');
    for (const { ip, port, protocol, counted: first } of TARGETS) {
      const target = { ip, port };
      const report = await lab.probe('client', { targets: [target], connections: CONNECTIONS, protocol });
      const { destinations = {}, errors } = report[nameOf(target)] ?? {};
      expect(errors).toEqual({});
      const app = { 80: 'own', 8000: 'kept', 7990: 'range' }[first];
      for (const [name, count] of Object.entries(destinations)) {
        const to = name.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
        for (const key of [`${protocol} ${ip} ${first}`, `${app} ${to}`])
          expected[key] = (expected[key] ?? 0) + count;
      }
    }
  }

  function isForgotten(key: string): boolean {
    return forgetsIPv6 && key.includes('2001:');
  }

  function connections(counts: Counts): Record<string, number> {
    return Object.fromEntries(
      Object.entries(counts).flatMap(([key, { packets }]) => (packets > 0 ? [[key, packets]] : [])),
    );
  }

  test('counts each connection, and what passes both ways; a reload goes on with it', async () => {
    const expected: Record<string, number> = {};
    await load(lab, backend, specs());
    await send(expected);
    expect(connections(await counted('connections'))).toEqual(expected);
    const traffic = await counted('traffic');
    for (const [key, count] of Object.entries(expected)) {
      const { packets = 0, bytes = 0 } = traffic[key] ?? {};
      // A question and an answer at least; a header has 28 bytes at least.
      expect(packets, key).toBeGreaterThanOrEqual(2 * count);
      expect(bytes, key).toBeGreaterThan(28 * packets);
    }

    await load(lab, backend, specs(3));
    for (const key of Object.keys(expected)) if (isForgotten(key)) Reflect.deleteProperty(expected, key);
    expect(connections(await counted('connections'))).toEqual(expected);
    await send(expected);
    expect(connections(await counted('connections'))).toEqual(expected);
    if (!isNftables) {
      // The rules that count move to other chains, and back.
      await load(lab, backend, specs(3, [...HOSTS, ...MORE_HOSTS], MORE_ENDPOINTS));
      for (const key of Object.keys(expected)) if (isForgotten(key)) Reflect.deleteProperty(expected, key);
      expect(connections(await counted('connections'))).toEqual(expected);
      await load(lab, backend, specs(3));
      expect(connections(await counted('connections'))).toEqual(expected);
    }
    // What passes is counted of drained destinations, too: they may have open connections.
    const all = await counted('traffic');
    await load(lab, backend, specs(0));
    const after = await counted('traffic');
    for (const key of Object.keys(all).filter((one) => !isForgotten(one)))
      expect(after[key], key).toEqual(all[key]);
  });

  if (!backend.type.endsWith('-rules'))
    test('what is no destination any more is not counted any more', async () => {
      await load(lab, backend, specs());
      const before = await counted('connections');
      await load(lab, backend, specs(1, HOSTS.slice(1)));
      const after = await counted('connections');
      const [gone = [], stays = []] = HOSTS;
      const of = (ips: readonly string[], counts: Counts) => ips.map((ip) => counts[`own ${ip}`]);
      expect(of(stays, after)).toEqual(of(stays, before));
      expect(of(gone, after)).toEqual([undefined, undefined]);
    });
});
