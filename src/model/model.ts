// The load balancer as plain data: valid, canonical, every default filled in.
import type { Address } from './address.js';
import type { AddressRange } from './address-range.js';
import type { Check, Health } from './health.js';
import type { Network } from './network.js';
import type { Ports } from './ports.js';

export const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** The protocols of a spec's key: one or a list. In an order of their own: that of the list means nothing. */
export function protocolsOf(asked: unknown): Protocol[] {
  const list: readonly unknown[] = Array.isArray(asked) ? asked : [asked];
  return PROTOCOLS.filter((one) => list.includes(one));
}

/** An address, a port or ports, and a protocol that clients connect to. A list of protocols is an endpoint each. */
export interface Endpoint {
  readonly address: Address;
  readonly ports: Ports;
  readonly protocol: Protocol;
}

/** An address and port that connections are sent to. */
export interface Destination {
  readonly address: Address;
  /** Absent: the port that the client connected to. */
  readonly port?: number;
  /** 0 to 256; 0 is drained: no new connections. */
  readonly weight: number;
  /** True if it gets connections only while no other destination takes any. */
  readonly isBackup: boolean;
  /** How the role's checker finds out whether it answers; absent: not at all. */
  readonly check?: Check;
}

/** How a destination is chosen for a new connection. */
export type Scheduler = 'random' | 'round-robin' | 'source-hash';

/** What happens to a new connection when no destination takes any. */
export type OnEmpty = 'reject' | 'drop';

/** How many new connections are taken: those over one of these numbers are dropped. */
export interface Limits {
  /** Open at the same time. */
  readonly connectionsPerClient?: number | undefined;
  readonly newPerSecond?: number | undefined;
  readonly newPerSecondPerClient?: number | undefined;
}

/** Which source address the destinations see: one of the load balancer's, or the client's. */
export type ClientAddress = 'masquerade' | 'preserve';

/** One spec: a pool of destinations behind one or more endpoints. */
export interface App {
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
  readonly destinations: readonly Destination[];
  readonly scheduler: Scheduler;
  readonly onEmpty: OnEmpty;
  /** Absent: no destination is checked. */
  readonly health?: Health;
  /** True if TCP's maximum segment size is cut to what fits the path. */
  readonly clampsMss: boolean;
  /** For how many seconds after its last connection a client keeps its destination; absent: each one is chosen anew. */
  readonly affinity?: number;
  /** Who may connect; absent: everyone. */
  readonly allowFrom?: readonly Network[];
  /** Of all its endpoints together. */
  readonly limits: Limits;
  readonly clientAddress: ClientAddress;
  /** Of `preserve`: where the destinations are, whose answers to a client there would not come back through us. */
  readonly destinationNetworks: readonly Network[];
  /** What masquerading uses, of both families; none of a family: the address of the interface. */
  readonly snat: readonly AddressRange[];
}

/** What is loaded and removed as one: the text for one packet filter. */
export interface Ruleset {
  readonly name: string;
  readonly apps: readonly App[];
}
