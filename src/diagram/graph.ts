// What a picture of a load balancer shows: the facts as boxes and arrows, before any format.
import { withPort } from '../model/address.js';
import type { AppFacts, DestinationFacts, PoolFacts } from '../explain/facts.js';

/** What becomes of the connections on an arrow: a destination that is drained gets none, a backup only in need. */
export type Kind = 'used' | 'backup' | 'drained';

export interface Box {
  /** Letters and digits, unique in the picture. */
  readonly id: string;
  readonly lines: readonly string[];
}

/** A destination, which is in the picture once however many apps send to it. */
export interface DestinationBox extends Box {
  /** True if nobody sends anything there. */
  readonly isDrained: boolean;
}

export interface Arrow {
  readonly from: string;
  readonly to: string;
  /** A share, or why there is none; who may come. Empty: nothing to say. */
  readonly label: string;
  readonly kind: Kind;
}

export interface Graph {
  readonly clients: Box;
  /** The endpoints of an app and an address family each. */
  readonly pools: readonly Box[];
  readonly destinations: readonly DestinationBox[];
  readonly arrows: readonly Arrow[];
}

/** More lines than these, or names on an arrow, are counted: nobody reads them in a picture. */
const MOST_ENDPOINTS = 8;
const MOST_NETWORKS = 3;

const ON_EMPTY = { reject: 'rejects every connection', drop: 'drops every connection' } as const;

const CLIENTS: Box = { id: 'clients', lines: ['clients'] };

/** The picture of `apps`, in their order. */
export function graphOf(apps: readonly AppFacts[]): Graph {
  const pools = apps.flatMap((app) => app.pools.map((pool) => ({ app, pool })));
  const places = new Map<string, { readonly id: string; isDrained: boolean }>();
  const arrows: Arrow[] = [];
  const boxes = pools.map(({ app, pool }, index) => {
    const id = `pool${index + 1}`;
    arrows.push({ from: CLIENTS.id, to: id, label: whoMayCome(pool), kind: 'used' });
    for (const destination of pool.destinations) {
      const name = nameOf(destination, pool);
      const place = places.get(name) ?? { id: `destination${places.size + 1}`, isDrained: true };
      const kind = kindOf(destination);
      place.isDrained &&= kind === 'drained';
      places.set(name, place);
      arrows.push({ from: id, to: place.id, label: labelOf(destination), kind });
    }
    return { id, lines: [app.app, ...endpointsOf(pool), ...emptiness(app, pool)] };
  });
  const destinations = [...places].map(([name, place]) => ({ ...place, lines: [name] }));
  return { clients: CLIENTS, pools: boxes, destinations, arrows };
}

function nameOf({ ip, port }: DestinationFacts, { family }: PoolFacts): string {
  return withPort({ family, text: ip }, port ?? undefined);
}

/** Without anybody else, a backup is no longer what it is called. */
function kindOf({ drained, backup, percent }: DestinationFacts): Kind {
  if (drained) return 'drained';
  return backup && percent === 0 ? 'backup' : 'used';
}

function labelOf(destination: DestinationFacts): string {
  const kind = kindOf(destination);
  return kind === 'used' ? `${destination.percent.toFixed(2)} %` : kind;
}

function endpointsOf({ endpoints, family }: PoolFacts): string[] {
  return abridged(
    endpoints.map(({ ip, port, protocol }) => `${withPort({ family, text: ip }, port)}/${protocol}`),
    MOST_ENDPOINTS,
  );
}

function emptiness({ on_empty }: AppFacts, { capacity }: PoolFacts): string[] {
  return capacity === 0 ? [ON_EMPTY[on_empty]] : [];
}

/** Who may not come is of no matter to a pool that takes nobody. */
function whoMayCome({ allow_from: networks, capacity }: PoolFacts): string {
  if (networks === null || capacity === 0) return '';
  return networks.length === 0 ? 'nobody' : abridged(networks, MOST_NETWORKS).join(', ');
}

function abridged(texts: readonly string[], most: number): string[] {
  return texts.length <= most
    ? [...texts]
    : [...texts.slice(0, most - 1), `and ${texts.length - most + 1} more`];
}
