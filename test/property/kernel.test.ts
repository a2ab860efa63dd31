// Random specs in a real kernel: each loads in both packet filters, and each connection ends where the spec says.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLab, type Lab } from '../../src/lab/lab.js';
import { LB } from '../../src/lab/topology.js';
import { type LabProtocol, nameOf, type Target } from '../../src/lab/traffic.js';
import { parseNetwork } from '../../src/model/network.js';
import { portsOf, type RandomSpec, rulesetSpecs, toText } from '../support/arbitrary-spec.js';
import { isIn } from '../support/networks.js';
import { type Backend, BACKENDS, inLb, load, remove, rulesOf } from '../support/backends.js';
import { expectShares } from '../support/chi-square.js';

const RUNS = 30;
const CONCURRENCY = 32;
const hosts = [...Array(12).keys()].map((index) => index + 1);
const ENDPOINTS = hosts.flatMap((host) => [`192.0.2.${host}`, `2001:db8:1::${host.toString(16)}`]);
const DESTINATIONS = [...hosts, 99].flatMap((host) => [
  `198.51.100.${host}`,
  `2001:db8:2::${host === 99 ? '99' : host.toString(16)}`,
]);

/** One port of one endpoint, over one protocol. */
interface Way extends Target {
  readonly protocol: LabProtocol;
}

/** The first and the last port of each endpoint; of SCTP this kernel has no sockets (see protocols.test.ts). */
function waysOf({ endpoints }: RandomSpec): Way[] {
  return endpoints.flatMap(({ ip, port, protocol = 'tcp' }) => {
    const { first, last } = portsOf(port);
    const protocols = [protocol].flat().filter((one) => one !== 'sctp');
    return [...new Set([first, last])].flatMap((at) =>
      protocols.map((one) => ({ ip, port: at, protocol: one })),
    );
  });
}

/** What the spec says of a way: the weights by place of its family's destinations, the backups' only if the others have none. */
function weightsFor({ ip, port }: Way, { destinations }: RandomSpec): Record<string, number> {
  const weights: Record<string, number> = {};
  const family = destinations.filter((one) => one.ip.includes(':') === ip.includes(':'));
  const isOnBackups = family.every(({ backup = false, weight = 1 }) => backup || weight === 0);
  for (const destination of family.filter(({ backup = false }) => backup === isOnBackups)) {
    // One with its own port and one that keeps the client's may be the same place.
    const place = nameOf({ port, ...destination });
    weights[place] = (weights[place] ?? 0) + (destination.weight ?? 1);
  }
  return weights;
}

function isEmpty(way: Way, spec: RandomSpec): boolean {
  return Object.values(weightsFor(way, spec)).every((weight) => weight === 0);
}

/** The client's address is always the same: so is its destination, unless it was not known yet when several connections were opened. */
function expectOne(
  observed: Readonly<Record<string, number>>,
  weights: Record<string, number>,
  most: number,
  about: string,
): void {
  expect(Object.keys(observed).length, about).toBeLessThanOrEqual(most);
  for (const place of Object.keys(observed)) expect(weights[place], about).toBeGreaterThan(0);
}

/**
 * The specs, without what the back end refuses. A source hash in one of them only, and under a short name: what nft can
 * send in a user namespace is limited, and each place of its table names a chain.
 */
function possible(specs: readonly RandomSpec[], { type }: Backend): RandomSpec[] {
  const isNftables = type.startsWith('nftables');
  const first = specs.find(({ scheduler }) => scheduler === 'source-hash');
  return specs
    .map((one) => (isNftables ? one : withoutTotal(one)))
    .map(({ affinity, scheduler, ...rest }) => ({
      ...rest,
      ...(affinity === undefined || !isNftables ? {} : { affinity }),
      ...(scheduler === undefined || (scheduler === 'source-hash' && !(isNftables && rest.app === first?.app))
        ? {}
        : { scheduler }),
      ...(isNftables && rest.app === first?.app ? { app: 'hash' } : {}),
    }));
}

function withoutTotal({ limits, ...spec }: RandomSpec): RandomSpec {
  const { new_per_second, ...others } = limits ?? {};
  const isOfBoth = new Set(spec.endpoints.map(({ ip }) => ip.includes(':'))).size > 1;
  const rest = isOfBoth || new_per_second === undefined ? others : { ...others, new_per_second };
  return Object.keys(rest).length === 0 ? spec : { ...spec, limits: rest };
}

const SNAT = [100, 101, 102, 103].flatMap((last) => [`198.18.2.${last}`, `fd18:2::${last}`]);

/** The addresses that workers may see as the source of the lab's client. */
function sourcesFor({ ip }: Way, { client_address, snat = [] }: RandomSpec): string[] {
  const family = ip.includes(':') ? 'ipv6' : 'ipv4';
  if (client_address === 'preserve') return [CLIENT[family]];
  const ranges = snat
    .map((item) => item.split('-'))
    .filter(([first = '']) => first.includes(':') === ip.includes(':'));
  if (ranges.length === 0) return [LB.toWorkers[family]];
  const last = (text = ''): number => Number(/\d+$/.exec(text)?.[0]);
  return SNAT.filter(
    (one) =>
      one.includes(':') === ip.includes(':') &&
      ranges.some(([from, to = from]) => last(from) <= last(one) && last(one) <= last(to)),
  );
}

const CLIENT = { ipv4: '198.18.1.2', ipv6: 'fd18:1::2' };
/** What the spec says of the lab's client. */
function mayCome({ ip }: Target, { allow_from }: RandomSpec): boolean {
  if (allow_from === undefined) return true;
  return allow_from.map(parseNetwork).some((network) => {
    if (typeof network === 'string') throw new Error(network);
    const isTheirs = network.family === (ip.includes(':') ? 'ipv6' : 'ipv4');
    return isTheirs && isIn(CLIENT[network.family], network.text);
  });
}

describe.each(BACKENDS.filter(({ name }) => !name.includes('legacy')))('$name', (backend) => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await createLab({
      endpointAddresses: ENDPOINTS,
      workers: [{ name: 'w1', addresses: DESTINATIONS }],
      // What nft may send in a user namespace is limited: 208 KiB, which four apps of many slots exceed.
      userNamespace: process.geteuid?.() !== 0,
    });
    // Workers route back through the load balancer, which has the addresses of snat.
    const back = `ip route add 198.18.1.0/24 via ${LB.toWorkers.ipv4}; ip route add fd18:1::/64 via ${LB.toWorkers.ipv6}`;
    expect((await lab.exec('w1', ['sh', '-ec', back])).code).toBe(0);
    const add = SNAT.map(
      (ip) => `ip address add ${ip} dev eth1${ip.includes(':') ? ' nodad preferred_lft 0' : ''}`,
    );
    await inLb(lab, backend, `set -e; ${add.join('; ')}`);
    await inLb(
      lab,
      backend,
      'echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 0 >/proc/sys/net/ipv6/icmp/ratelimit',
    );
  });
  afterAll(async () => {
    await lab.close();
  });

  async function listenFor(specs: readonly RandomSpec[]) {
    const ports = (protocol: LabProtocol): number[] =>
      specs.flatMap((spec) => {
        const ways = waysOf(spec).filter((way) => way.protocol === protocol);
        const named = spec.destinations.flatMap(({ port }) => port ?? []);
        return ways.length === 0 ? [] : [...ways.map(({ port }) => port), ...named];
      });
    return Promise.all(
      (['tcp', 'udp'] as const).map((protocol) => lab.listen('w1', [...new Set(ports(protocol))], protocol)),
    );
  }

  async function follow(way: Way, spec: RandomSpec, text: string): Promise<void> {
    const { protocol } = way;
    const empty = isEmpty(way, spec);
    const open = (empty && spec.on_empty !== 'drop') || (!empty && mayCome(way, spec));
    const connections = open && !empty ? 60 : 3;
    const request = {
      targets: [way],
      connections,
      concurrency: CONCURRENCY,
      protocol,
      timeoutMs: open ? 3000 : 300,
    };
    const {
      destinations = {},
      sources = {},
      errors,
    } = (await lab.probe('client', request))[nameOf(way)] ?? {};
    const refused = open ? 'ECONNREFUSED' : 'ETIMEDOUT';
    const about = `${JSON.stringify(way)} of ${text}`;
    expect(errors, about).toEqual(open && !empty ? {} : { [refused]: 3 });
    if (!open || empty) return;
    expectShares(sources, Object.fromEntries(sourcesFor(way, spec).map((ip) => [ip, 1])));
    if (spec.affinity !== undefined) expectOne(destinations, weightsFor(way, spec), CONCURRENCY, about);
    else if (spec.scheduler === 'source-hash') expectOne(destinations, weightsFor(way, spec), 1, about);
    else expectShares(destinations, weightsFor(way, spec));
  }

  async function check(drawn: readonly RandomSpec[]): Promise<void> {
    const specs = possible(drawn, backend);
    const text = toText(specs);
    const before = await rulesOf(lab, backend);
    await load(lab, backend, text);
    // A flow of an earlier spec would keep its source, if its port is drawn again.
    await inLb(lab, backend, 'conntrack -D -p udp 2>/dev/null; true');
    const servers = await listenFor(specs);
    for (const spec of specs) {
      for (const way of waysOf(spec)) await follow(way, spec, text);
    }
    for (const server of servers) {
      server.kill('SIGKILL');
      await server.ended;
    }
    await remove(lab, backend, text);
    if (backend.type.startsWith('nftables')) expect(await rulesOf(lab, backend)).toBe(before);
    else expect(await rulesOf(lab, backend)).not.toContain('PMLB');
  }

  test(`sends each packet of ${RUNS} random specs where they say`, async () => {
    await fc.assert(fc.asyncProperty(rulesetSpecs, check), { numRuns: RUNS, endOnFailure: true });
  });
});
