// How many connections fit at the same time.
import type { Family } from '../model/address.js';
import { addressesOf, mergeRanges } from '../model/address-range.js';
import type { App, Destination, Endpoint } from '../model/model.js';
import { countPorts, type Ports } from '../model/ports.js';

/** The endpoints and destinations of one app and one family. */
export interface Pool {
  readonly endpoints: readonly Endpoint[];
  readonly destinations: readonly Destination[];
  /** The addresses that masquerading uses, of which there is at least one; none if it uses none: clients' are preserved. */
  readonly sources: readonly string[];
}

/** Stands for the one address of the interface on the way to a destination. */
const INTERFACE = 'interface';

/** The part of `app` that is of one family. */
export function poolOf(app: App, family: Family): Pool {
  const snat = addressesOf(mergeRanges(app.snat, family));
  const used = snat.length > 0 ? snat.map(({ text }) => text) : [INTERFACE];
  return {
    endpoints: app.endpoints.filter(({ address }) => address.family === family),
    destinations: app.destinations.filter(({ address }) => address.family === family),
    sources: app.clientAddress === 'preserve' ? [] : used,
  };
}

/**
 * How many source ports masquerade has for each of `targetsOf` and each of its own addresses. The kernel keeps the
 * class of a port: clients that bind one from 1024 up, as all but a few do, get one of 1024 to 65535, the others one of 1
 * to 511 or of 600 to 1023 (nf_nat_l4proto_unique_tuple in net/netfilter/nf_nat_core.c). It gives up after at most 248
 * tries, and the packet is dropped: where hardly a port is free, a new connection may fail a little before the last one is taken.
 */
const SOURCE_PORTS = 65_535 - 1_024 + 1;

/**
 * How many connections fit at the same time to all destinations of `pools`. Pools that share a target share its ports, of the
 * source addresses that they share. Where clients' addresses are preserved, each client has ports of its own: they count nothing.
 */
export function capacityOf(pools: readonly Pool[]): number {
  const places = new Map<string, Map<string, Use>>();
  for (const { endpoints, destinations, sources } of pools) {
    const from = sources.join(' ');
    for (const { place, ports } of usedOf(destinations).flatMap((one) => targetsOf(one, endpoints))) {
      const uses = places.get(place) ?? new Map<string, Use>();
      places.set(place, uses.set(from, { sources, ports: [...(uses.get(from)?.ports ?? []), ports] }));
    }
  }
  return [...places.values()].reduce((sum, uses) => sum + portsOf([...uses.values()]), 0) * SOURCE_PORTS;
}

/** Ports of one place, and the source addresses that they are reached from. */
interface Use {
  readonly sources: readonly string[];
  readonly ports: readonly Ports[];
}

/** How many ports there are, for each of the source addresses. */
function portsOf(uses: readonly Use[]): number {
  const [first] = uses;
  if (first && uses.length === 1) return first.sources.length * countPorts(first.ports);
  const all = [...new Set(uses.flatMap(({ sources }) => sources))];
  const from = (source: string): Ports[] =>
    uses.flatMap(({ sources, ports }) => (sources.includes(source) ? ports : []));
  return all.reduce((sum, source) => sum + countPorts(from(source)), 0);
}

/**
 * With how many connections to the pool its first destination is at its capacity, if each has exactly its share of them;
 * less than the capacity of the pool where the weights differ.
 */
export function fullAt({ endpoints, destinations, sources }: Pool): number {
  const used = usedOf(destinations);
  const total = used.reduce((sum, { weight }) => sum + weight, 0);
  const each = used.map((destination) => {
    const capacity = capacityOf([{ endpoints, destinations: [destination], sources }]);
    return Math.floor((capacity * total) / destination.weight);
  });
  return each.reduce((least, one) => Math.min(least, one), each[0] ?? 0);
}

/** Those of a pool that get new connections: the backups if nobody else does. */
export function usedOf(destinations: readonly Destination[]): Destination[] {
  const taking = destinations.filter(({ weight }) => weight > 0);
  const others = taking.filter(({ isBackup }) => !isBackup);
  return others.length > 0 ? others : taking;
}

/** Ports of a place, which is a protocol and an address. */
interface Target {
  readonly place: string;
  readonly ports: Ports;
}

/** What connections to `destination` go to. Replies tell them apart by the source port alone where it is the same. */
function targetsOf({ address, port }: Destination, endpoints: readonly Endpoint[]): Target[] {
  return endpoints.map(({ protocol, ports }) => ({
    place: `${protocol} ${address.text}`,
    ports: port === undefined ? ports : { first: port, last: port },
  }));
}
