// The packet filters, and what one of them can do and the other cannot: README.md shows the same table.
import type { App } from './model.js';

export const BACKENDS = ['nftables', 'iptables'] as const;
export type Backend = (typeof BACKENDS)[number];

/** What a spec can ask for and not all back ends have. */
interface Limit {
  /** Where a spec asks for it. */
  readonly path: readonly string[];
  readonly isAskedBy: (app: App) => boolean;
  readonly what: string;
  readonly backends: readonly Backend[];
  readonly because: string;
  /** What there is beside another back end. */
  readonly instead: string;
}

const LIMITS: readonly Limit[] = [
  {
    path: ['scheduler'],
    isAskedBy: ({ scheduler }) => scheduler === 'source-hash',
    what: 'scheduler source-hash',
    backends: ['nftables'],
    because: 'it cannot choose by a hash of the address',
    instead: 'another scheduler',
  },
  {
    path: ['affinity'],
    isAskedBy: ({ affinity }) => affinity !== undefined,
    what: 'affinity',
    backends: ['nftables'],
    because: 'it remembers no more than a hundred clients of a destination',
    instead: 'leave affinity out',
  },
  {
    path: ['limits', 'new_per_second'],
    isAskedBy: ({ limits, endpoints }) =>
      limits.newPerSecond !== undefined && new Set(endpoints.map(({ address }) => address.family)).size > 1,
    what: 'new_per_second of IPv4 and IPv6 together',
    backends: ['nftables'],
    because: 'it counts each address family by itself',
    instead: 'an app for each family',
  },
];

/** What of it `app` asks for and `backend` does not have. */
export function missingIn(backend: Backend, app: App): Limit[] {
  return LIMITS.filter(({ isAskedBy, backends }) => isAskedBy(app) && !backends.includes(backend));
}
