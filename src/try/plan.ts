// What of a ruleset is tried, and the lab that it needs: pools and the ways to them, workers and their services.
import { poolOf, type Pool as Both } from '../explain/capacity.js';
import type { LabPlan } from '../lab/plan.js';
import { type LabProtocol, nameOf, type Service, type Target } from '../lab/traffic.js';
import { EACH_FAMILY, type Family } from '../model/address.js';
import { addressesOf } from '../model/address-range.js';
import type { App, Destination, Endpoint } from '../model/model.js';

/** One port of an endpoint, over one protocol. */
export interface Way extends Target {
  readonly protocol: LabProtocol;
}

/** The part of an app that is of one family, as far as it can be tried. */
export interface Pool {
  readonly app: App;
  readonly family: Family;
  readonly ways: readonly Way[];
  readonly destinations: readonly Destination[];
}

/** A host that destinations are on. */
export interface Worker {
  /** As the picture calls it. */
  readonly name: string;
  readonly ip: string;
  /** The host of the lab that has its address, and if there are many others'. */
  readonly host: string;
}

export interface TryPlan {
  readonly pools: readonly Pool[];
  readonly workers: readonly Worker[];
  /** By host of the lab. */
  readonly services: ReadonlyMap<string, readonly Service[]>;
  readonly lab: LabPlan;
  /** What cannot be tried, in words. */
  readonly notTried: readonly string[];
}

/** A spec that no lab can be made for. */
export class TooLarge extends Error {
  override readonly name = 'TooLarge';
}

/** Each host is a namespace and a process of some 20 MB, which takes 0.1 s: of more, workers share a few. */
const MOST_HOSTS = 32;
const SHARED_HOSTS = 8;
/** Each has a route in each of the hosts, which takes a millisecond. */
const MOST_WORKERS = 1_000;
/** Sockets of services. */
const MOST_SERVICES = 10_000;

/** The lab for `apps`, all of one ruleset. Throws TooLarge. */
export function planOf(apps: readonly App[]): TryPlan {
  const pools = apps.flatMap((app) => EACH_FAMILY.flatMap((family) => poolFor(app, family)));
  const workers = workersOf(pools);
  const services = servicesOf(pools, workers);
  const snat = apps.flatMap((app) => addressesOf(app.snat)).map(({ text }) => text);
  const endpoints = apps.flatMap((app) => app.endpoints.map(({ address }) => address.text));
  const hosts = [...new Set(workers.map(({ host }) => host))];
  return {
    pools: pools.filter(({ ways }) => ways.length > 0),
    workers,
    services,
    lab: {
      // Those of snat are addresses of the load balancer, which workers send their answers to, as endpoints' are.
      endpointAddresses: [...endpoints, ...snat],
      workers: hosts.map((name) => ({
        name,
        addresses: workers.filter(({ host }) => host === name).map(({ ip }) => ip),
      })),
    },
    notTried: apps.flatMap(notTriedOf),
  };
}

function poolFor(app: App, family: Family): Pool[] {
  const { endpoints, destinations }: Both = poolOf(app, family);
  if (endpoints.length === 0) return [];
  return [{ app, family, ways: endpoints.flatMap(waysOf), destinations }];
}

/** The first and the last port; of SCTP, Node has no sockets. */
function waysOf({ address, ports, protocol }: Endpoint): Way[] {
  if (protocol === 'sctp') return [];
  return [...new Set([ports.first, ports.last])].map((port) => ({ ip: address.text, port, protocol }));
}

function notTriedOf({ name, endpoints }: App): string[] {
  const isLeftOut = endpoints.some(({ protocol }) => protocol === 'sctp');
  return isLeftOut ? [`${name}: sctp, which Node.js has no sockets for`] : [];
}

function workersOf(pools: readonly Pool[]): Worker[] {
  const ips = new Set(pools.flatMap(({ destinations }) => destinations.map(({ address }) => address.text)));
  if (ips.size > MOST_WORKERS) {
    throw new TooLarge(`it has ${ips.size} hosts of destinations, and a lab has at most ${MOST_WORKERS}`);
  }
  const hosts = ips.size > MOST_HOSTS ? SHARED_HOSTS : MOST_HOSTS;
  return [...ips].map((ip, index) => ({
    name: `Worker${index + 1}`,
    ip,
    host: `Worker${(index % hosts) + 1}`,
  }));
}

function servicesOf(pools: readonly Pool[], workers: readonly Worker[]): Map<string, Service[]> {
  const hostOf = new Map(workers.map(({ ip, host }) => [ip, host]));
  const all = new Map<string, Service>();
  for (const { ways, destinations } of pools) {
    for (const { address, port } of destinations) {
      for (const way of ways) {
        const service = { ip: address.text, port: port ?? way.port, protocol: way.protocol };
        all.set(`${service.protocol} ${nameOf(service)}`, service);
      }
    }
    if (all.size > MOST_SERVICES) {
      throw new TooLarge(`it needs more than ${MOST_SERVICES} ports of workers, which is the most of a lab`);
    }
  }
  const byHost = new Map<string, Service[]>();
  for (const service of all.values()) {
    const host = hostOf.get(service.ip) ?? '';
    byHost.set(host, [...(byHost.get(host) ?? []), service]);
  }
  return byHost;
}
