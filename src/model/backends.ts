// The packet filters, and what one of them can do and the other cannot: README.md shows the same table.

export const BACKENDS = ['nftables', 'iptables'] as const;
export type Backend = (typeof BACKENDS)[number];

/** A value of a key of a spec that not all back ends have. */
interface Limit {
  readonly key: 'scheduler';
  readonly value: string;
  readonly backends: readonly Backend[];
  readonly because: string;
}

export const LIMITS: readonly Limit[] = [
  {
    key: 'scheduler',
    value: 'source-hash',
    backends: ['nftables'],
    because: 'it cannot choose by a hash of the address',
  },
];
