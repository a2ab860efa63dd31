// What a template prints of the limits of one app.
import type { Limits } from '../model/model.js';
import { hashlimitTable, nftLimit } from '../model/names.js';
import type { FAMILIES } from './families.js';

/** A limit, in the order in which they are asked: a client that is over its own uses nothing up of what all share. */
export interface LimitView {
  /** As in the spec. */
  readonly limit: 'new_per_second_per_client' | 'connections_per_client' | 'new_per_second';
  readonly most: number;
  /** The set of the clients, or the object that all of them share. */
  readonly nft: string;
  readonly hashlimit: string;
  /** By what clients are told apart: as nftables says it, and in bits of the address. */
  readonly client: string;
  readonly bits: number;
}

/** What nftables counts for both families together. */
export interface TotalView {
  readonly most: number;
  readonly nft: string;
}

/** An IPv6 client has a /64, and as many addresses as it likes. */
const CLIENTS = {
  ip: { client: 'ip saddr', bits: 32 },
  ip6: { client: 'ip6 saddr & ffff:ffff:ffff:ffff::', bits: 64 },
} as const;

/** The limits of `app` for one family. */
export function limitViews(
  ruleset: string,
  app: string,
  limits: Limits,
  nft: (typeof FAMILIES)[number]['nft'],
): LimitView[] {
  const asked = [
    { limit: 'new_per_second_per_client', most: limits.newPerSecondPerClient, kind: 'new', family: nft },
    { limit: 'connections_per_client', most: limits.connectionsPerClient, kind: 'open', family: nft },
    { limit: 'new_per_second', most: limits.newPerSecond, kind: 'new', family: '' },
  ] as const;
  return asked.flatMap(({ limit, most, kind, family }) =>
    most === undefined
      ? []
      : [
          {
            limit,
            most,
            nft: nftLimit(app, family, kind, most),
            hashlimit: hashlimitTable(ruleset, app, limit, most),
            ...CLIENTS[nft],
          },
        ],
  );
}

/** The one among `limits`, those of all pools of an app, that is not of a client; each pool has it. */
export function totalViews(limits: readonly LimitView[]): TotalView[] {
  const total = limits.find(({ limit }) => limit === 'new_per_second');
  return total === undefined ? [] : [{ most: total.most, nft: total.nft }];
}
