// How many connections fit at the same time.
import type { Destination, Endpoint } from '../model/model.js';
import { countPorts, type Ports } from '../model/ports.js';

/** The endpoints and destinations of one app and one family. */
export interface Pool {
  readonly endpoints: readonly Endpoint[];
  readonly destinations: readonly Destination[];
}

/**
 * How many source ports masquerade has for each of `targetsOf`, as it has one address on the way there. The kernel keeps the
 * class of a port: clients that bind one from 1024 up, as all but a few do, get one of 1024 to 65535, the others one of 1
 * to 511 or of 600 to 1023 (nf_nat_l4proto_unique_tuple in net/netfilter/nf_nat_core.c). It gives up after at most 248
 * tries, and the packet is dropped: where hardly a port is free, a new connection may fail a little before the last one is taken.
 */
const SOURCE_PORTS = 65_535 - 1_024 + 1;

/** How many connections fit at the same time to all destinations of `pools`. Pools that share a target share its ports. */
export function capacityOf(pools: readonly Pool[]): number {
  const targets = pools.flatMap(({ endpoints, destinations }) =>
    usedOf(destinations).flatMap((destination) => targetsOf(destination, endpoints)),
  );
  const places = new Map<string, Ports[]>();
  for (const { place, ports } of targets) places.set(place, [...(places.get(place) ?? []), ports]);
  return [...places.values()].reduce((sum, ports) => sum + countPorts(ports), 0) * SOURCE_PORTS;
}

/**
 * With how many connections to the pool its first destination is at its capacity, if each has exactly its share of them;
 * less than the capacity of the pool where the weights differ.
 */
export function fullAt({ endpoints, destinations }: Pool): number {
  const used = usedOf(destinations);
  const total = used.reduce((sum, { weight }) => sum + weight, 0);
  const each = used.map((destination) => {
    const capacity = capacityOf([{ endpoints, destinations: [destination] }]);
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
