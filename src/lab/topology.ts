// Which hosts a lab has, and how they are wired: input for `ip -batch`, nothing is run here.
//
//   client ---- lb ---- switch ---- worker, worker, ...
//     198.18.1.0/24   198.18.2.0/24
//      fd18:1::/64     fd18:2::/64
import { checkedPlan } from './plan-check.js';
import type { LabPlan } from './plan.js';

/** A host's addresses on one of the lab's networks. */
export interface Transport {
  readonly ipv4: string;
  readonly ipv6: string;
}

/** The client's address; like all of the lab's own from RFC 2544's range for benchmarks, or from RFC 4193's. */
const CLIENT: Transport = { ipv4: '198.18.1.2', ipv6: 'fd18:1::2' };

/** The load balancer's: the client's router, and what workers see as the source of masqueraded connections. */
export const LB = {
  toClient: { ipv4: '198.18.1.1', ipv6: 'fd18:1::1' },
  toWorkers: { ipv4: '198.18.2.1', ipv6: 'fd18:2::1' },
} as const satisfies Readonly<Record<string, Transport>>;

/** The first worker's address is .11. The last digits are the same in both families, for the eye. */
const FIRST_WORKER = 11;

/** The worker's own address on the network that it shares with the lb; the first worker's index is 0. */
function workerTransport(index: number): Transport {
  const last = FIRST_WORKER + index;
  return { ipv4: `198.18.2.${last}`, ipv6: `fd18:2::${last}` };
}

/** What has to be done in a host after the links are there. */
export interface HostSetup {
  readonly host: string;
  /** Lines for `ip -batch`. */
  readonly lines: readonly string[];
}

/** A lab to be built: first `links` in the lab's own namespace, then each host's lines in that host. */
export interface Topology {
  /** The hosts that commands can be run in: not the switch. */
  readonly hosts: readonly string[];
  readonly links: readonly string[];
  readonly setups: readonly HostSetup[];
}

/** Lays out the lab that is asked for. Throws LabPlanError if that cannot be. */
export function layOut(asked: LabPlan): Topology {
  const plan = checkedPlan(asked);
  const workers = plan.workers.map(({ name }) => name);
  const hosts = ['client', 'lb', ...workers];
  return {
    hosts,
    links: [
      ...[...hosts, 'switch'].map((host) => `netns add ${host}`),
      'link add name eth0 netns client type veth peer name eth0 netns lb',
      'link add name eth1 netns lb type veth peer name lb netns switch',
      ...workers.map((name, i) => `link add name eth0 netns ${name} type veth peer name w${i} netns switch`),
    ],
    setups: [
      { host: 'client', lines: clientLines() },
      { host: 'lb', lines: lbLines(plan) },
      { host: 'switch', lines: switchLines(workers.length) },
      ...workers.map((host, index) => ({ host, lines: workerLines(plan, index) })),
    ],
  };
}

function isIPv6(address: string): boolean {
  return address.includes(':');
}

/** An interface with an address of the lab. `nodad`: usable at once (RFC 4862 would wait for a second). */
function up(device: string, { ipv4, ipv6 }: Transport): string[] {
  return [
    `link set ${device} up`,
    `address add ${ipv4}/24 dev ${device}`,
    `address add ${ipv6}/64 dev ${device} nodad`,
  ];
}

/** `lo` with addresses of the plan, which belong to the host and not to one of its networks. */
function upLoopback(addresses: readonly string[]): string[] {
  const own = addresses.map((address) =>
    isIPv6(address) ? `address add ${address}/128 dev lo nodad` : `address add ${address}/32 dev lo`,
  );
  return ['link set lo up', ...own];
}

function routes(addresses: readonly string[], via: Transport): string[] {
  return addresses.map((address) =>
    isIPv6(address) ? `route add ${address}/128 via ${via.ipv6}` : `route add ${address}/32 via ${via.ipv4}`,
  );
}

function clientLines(): string[] {
  const router = LB.toClient;
  return [
    ...upLoopback([]),
    ...up('eth0', CLIENT),
    `route add default via ${router.ipv4}`,
    `route add default via ${router.ipv6}`,
  ];
}

function lbLines({ endpointAddresses, workers }: LabPlan): string[] {
  return [
    ...upLoopback(endpointAddresses),
    ...up('eth0', LB.toClient),
    ...up('eth1', LB.toWorkers),
    ...workers.flatMap(({ addresses }, index) => routes(addresses, workerTransport(index))),
  ];
}

function switchLines(workers: number): string[] {
  const ports = ['lb', ...Array.from({ length: workers }, (_, index) => `w${index}`)];
  return [
    // Snooping may hold back the neighbour discovery of IPv6, a multicast, until a querier is known.
    'link add name bridge type bridge stp_state 0 mcast_snooping 0',
    'link set bridge up',
    ...ports.map((port) => `link set ${port} master bridge up`),
  ];
}

/**
 * No default route, and none to the client: an answer to a client whose address was not masqueraded must not
 * find its way by luck. The other workers are reached directly, as on any LAN: so is a hairpin's answer, which
 * breaks the connection if the address was not masqueraded.
 */
function workerLines({ endpointAddresses, workers }: LabPlan, index: number): string[] {
  return [
    ...upLoopback(workers[index]?.addresses ?? []),
    ...up('eth0', workerTransport(index)),
    ...routes(endpointAddresses, LB.toWorkers),
    ...workers.flatMap(({ addresses }, other) =>
      other === index ? [] : routes(addresses, workerTransport(other)),
    ),
  ];
}
