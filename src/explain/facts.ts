// What a load balancer does with its apps, as plain data. It is what `explain --json` prints: docs/explain.md.
import { EACH_FAMILY, type Family } from '../model/address.js';
import { mergeRanges, rangeText } from '../model/address-range.js';
import type { Check } from '../model/health.js';
import type { App, ClientAddress, Destination, Endpoint, OnEmpty, Scheduler } from '../model/model.js';
import { isEverything, mergeNetworks } from '../model/network.js';
import { portsInSpec } from '../model/ports.js';
import { percent } from '../model/shares.js';
import { capacityOf, fullAt, type Pool, poolOf, usedOf } from './capacity.js';

export interface Explanation {
  /** Of the format; another one if a key changes its meaning or goes. */
  readonly version: 1;
  readonly apps: readonly AppFacts[];
  readonly conntrack: {
    readonly sysctl: string;
    /** What the sysctl must be at least for all destinations that have a capacity to be at it at the same time. */
    readonly entries: number;
  };
}

export interface AppFacts {
  readonly app: string;
  readonly scheduler: Scheduler;
  /** For how many seconds after its last connection a client keeps its destination; null: each one is chosen anew. */
  readonly affinity: number | null;
  readonly client_address: ClientAddress;
  readonly on_empty: OnEmpty;
  /** What becomes of it when checks fail; null: no destination is checked. */
  readonly health_check: HealthFacts | null;
  readonly limits: LimitFacts;
  readonly pools: readonly PoolFacts[];
}

interface HealthFacts {
  readonly on_all_down: OnEmpty | 'ignore';
  /** In percent of the destinations. */
  readonly min_up: number;
}

/** How many new connections are taken; null: any number. */
export interface LimitFacts {
  readonly connections_per_client: number | null;
  readonly new_per_second: number | null;
  readonly new_per_second_per_client: number | null;
}

export interface PoolFacts {
  readonly family: Family;
  readonly endpoints: readonly EndpointFacts[];
  /** In as few networks as can be; null: everyone. */
  readonly allow_from: readonly string[] | null;
  /** Where clients are masqueraded although their addresses are preserved; null: everyone is masqueraded. */
  readonly masquerade_from: readonly string[] | null;
  /** What masquerading uses, in as few ranges as can be; null: the address of the interface. */
  readonly snat: readonly string[] | null;
  readonly destinations: readonly DestinationFacts[];
  /** How many connections fit at the same time; 0: the pool is empty, none is balanced; null: no limit of ports. */
  readonly capacity: number | null;
  /** With how many of them the first destination is full. */
  readonly full_at: number | null;
}

interface EndpointFacts {
  readonly ip: string;
  /** A number, or a range as in the spec. */
  readonly port: number | string;
  readonly protocol: string;
}

export interface DestinationFacts {
  readonly ip: string;
  /** Null: the client's. */
  readonly port: number | null;
  readonly weight: number;
  readonly drained: boolean;
  /** True if it gets connections only while no other is left. */
  readonly backup: boolean;
  /** Its share of the new connections, with two decimals. */
  readonly percent: number;
  readonly capacity: number | null;
  /** How the role's checker asks it; null: not at all. */
  readonly check: Check | null;
}

/** The facts of `apps`, which are on one load balancer, in their order. */
export function explainApps(apps: readonly App[]): Explanation {
  return {
    version: 1,
    apps: apps.map(appFacts),
    conntrack: {
      sysctl: 'net.netfilter.nf_conntrack_max',
      entries: capacityOf(apps.flatMap((app) => EACH_FAMILY.map((family) => poolOf(app, family)))),
    },
  };
}

function appFacts(app: App): AppFacts {
  return {
    app: app.name,
    scheduler: app.scheduler,
    affinity: app.affinity ?? null,
    client_address: app.clientAddress,
    on_empty: app.onEmpty,
    health_check: app.health ? { on_all_down: app.health.onAllDown, min_up: app.health.minUp } : null,
    limits: {
      connections_per_client: app.limits.connectionsPerClient ?? null,
      new_per_second: app.limits.newPerSecond ?? null,
      new_per_second_per_client: app.limits.newPerSecondPerClient ?? null,
    },
    pools: EACH_FAMILY.filter((family) => poolOf(app, family).endpoints.length > 0).map((family) =>
      poolFacts(app, family),
    ),
  };
}

function poolFacts(app: App, family: Family): PoolFacts {
  const pool = poolOf(app, family);
  const used = new Set(usedOf(pool.destinations));
  const total = [...used].reduce((sum, { weight }) => sum + weight, 0);
  const isLimited = total === 0 || pool.sources.length > 0;
  const snat = mergeRanges(app.snat, family);
  return {
    family,
    endpoints: pool.endpoints.map(endpointFacts),
    allow_from: allowedNetworks(app, family),
    masquerade_from: app.clientAddress === 'preserve' ? mergeNetworks(app.destinationNetworks, family) : null,
    snat: snat.length > 0 ? snat.map(rangeText) : null,
    destinations: pool.destinations.map((destination) =>
      destinationFacts(destination, pool, used.has(destination) ? total : 0),
    ),
    capacity: isLimited ? capacityOf([pool]) : null,
    full_at: isLimited ? fullAt(pool) : null,
  };
}

function endpointFacts({ address, ports, protocol }: Endpoint): EndpointFacts {
  return { ip: address.text, port: portsInSpec(ports), protocol };
}

function allowedNetworks({ allowFrom }: App, family: Family): readonly string[] | null {
  if (allowFrom === undefined) return null;
  const networks = mergeNetworks(allowFrom, family);
  return networks.some(isEverything) ? null : networks;
}

function destinationFacts(
  destination: Destination,
  { endpoints, sources }: Pool,
  total: number,
): DestinationFacts {
  const { address, port, weight } = destination;
  return {
    ip: address.text,
    port: port ?? null,
    weight,
    drained: weight === 0,
    backup: destination.isBackup,
    // The very number that a ruleset's comments have.
    percent: Number.parseFloat(percent(weight, total)),
    capacity:
      weight === 0 || sources.length > 0
        ? capacityOf([{ endpoints, destinations: [destination], sources }])
        : null,
    check: weight === 0 ? null : (destination.check ?? null),
  };
}
