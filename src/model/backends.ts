// The packet filters, and what one of them can do and the other cannot: README.md shows the same table.

export const BACKENDS = ['nftables', 'iptables'] as const;
export type Backend = (typeof BACKENDS)[number];

/** A value of a key of a spec that not all back ends have. */
interface Limit {
  readonly key: 'scheduler' | 'affinity';
  /** Absent: whatever the key says. */
  readonly value?: string;
  readonly backends: readonly Backend[];
  readonly because: string;
}

/** True if `said`, which is what an app or a spec says of the key, is what only some of the back ends have. */
export function isLimited({ value }: Limit, said: unknown): boolean {
  return value === undefined ? said !== undefined : said === value;
}

export const LIMITS: readonly Limit[] = [
  {
    key: 'scheduler',
    value: 'source-hash',
    backends: ['nftables'],
    because: 'it cannot choose by a hash of the address',
  },
  {
    key: 'affinity',
    backends: ['nftables'],
    because: 'it remembers no more than a hundred clients of a destination',
  },
];
