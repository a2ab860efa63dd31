// What a template prints of the destinations of one app and one family.
import { withPort } from '../model/address.js';
import type { Check } from '../model/health.js';
import { placesOf, tableSize } from '../model/maglev.js';
import type { App, Destination, Scheduler } from '../model/model.js';
import { iptablesPartChain, nftDestinationChain, recentList } from '../model/names.js';
import { leftFrom, percent, probabilities, slotsOf, turnsOf } from '../model/shares.js';
import { type Tree, treeOf } from './branches.js';

export interface TurnView {
  readonly iptables_chain: string;
  /** Of the connections that the rules before it left, each so many-th; 1: all of them. */
  readonly every: number;
}

/** What a destination has of the connections; a backup while it is used. */
interface ShareView {
  readonly share: string;
  readonly slots: readonly number[];
  /** Its weight, divided by the greatest common divisor of all; what is left of their sum from it on, and what is used up with it. */
  readonly parts: number;
  readonly left: number;
  readonly upto: number;
  /** Of the rule to match when those before it did not; empty: always. */
  readonly probability: string;
}

export interface DestinationView extends ShareView {
  readonly ip: string;
  /** A number, or `any`: the client's is kept. */
  readonly port: number | string;
  readonly weight: number;
  /** True if it is used only when no other is left. */
  readonly backup: boolean;
  /** The chains of the connections that it gets. */
  readonly nft_chain: string;
  readonly iptables_chain: string;
  /** The chain of iptables that counts what passes, if it is not that of the app. */
  readonly iptables_count: string;
  /** Its port where nftables notes that it is down, 0 for the client's; and what iptables looks in. */
  readonly down_port: number;
  readonly down_list: string;
  /** `ip:port` as DNAT takes it, an IPv6 address in brackets; without a port only the address. */
  readonly target: string;
  /** Absent: it is not checked. */
  readonly check?: Check;
}

/** What each of `destinations` has of the connections that they share. */
function shareViews(scheduler: Scheduler, destinations: readonly Destination[]): ShareView[] {
  const weights = destinations.map(({ weight }) => weight);
  const sum = weights.reduce((all, weight) => all + weight, 0);
  const slots = slotsBy(scheduler, destinations);
  const chances = probabilities(weights);
  const lefts = leftFrom(weights);
  const total = lefts[0] ?? 0;
  return lefts.map((left, index) => {
    const rest = lefts[index + 1] ?? 0;
    return {
      share: percent(weights[index] ?? 0, sum),
      slots: slots[index] ?? [],
      parts: left - rest,
      left,
      upto: total - rest,
      probability: chances[index] ?? '',
    };
  });
}

function slotsBy(scheduler: Scheduler, destinations: readonly Destination[]): number[][] {
  const weights = destinations.map(({ weight }) => weight);
  if (scheduler === 'random') return slotsOf(weights);
  if (scheduler === 'round-robin') return turnsOf(weights);
  const shares = destinations.map(({ address, port, weight }) => ({
    id: withPort(address, port),
    weight,
  }));
  return placesOf(shares, tableSize(shares.length));
}

/** For a round robin: the chains in the order of their slots. */
export function turnViews(destinations: readonly DestinationView[]): TurnView[] {
  const chains: string[] = [];
  for (const { iptables_chain, slots } of destinations)
    for (const slot of slots) chains[slot] = iptables_chain;
  return chains.map((chain, slot) => ({ iptables_chain: chain, every: chains.length - slot }));
}

/** `destinations` are those of one family of the app, `leaves` where they are in its tree. Its backups share connections among themselves, and so do the others. */
export function destinationViews(
  ruleset: string,
  { name, scheduler }: App,
  destinations: readonly (Destination & { readonly iptablesChain: string })[],
  leaves: readonly string[],
): DestinationView[] {
  // Each list has a place for all of them, and shares for its own.
  const [others = [], backups = []] = [false, true].map((isBackup) =>
    shareViews(
      scheduler,
      destinations.map((one) => (one.isBackup === isBackup ? one : { ...one, weight: 0 })),
    ),
  );
  return destinations.flatMap(({ address, port, weight, isBackup, iptablesChain, check }, index) => {
    const share = (isBackup ? backups : others)[index];
    if (!share) return [];
    return {
      ip: address.text,
      port: port ?? 'any',
      weight,
      backup: isBackup,
      nft_chain: nftDestinationChain(name, address.text, port),
      iptables_chain: iptablesChain,
      iptables_count: leaves[index] ?? '',
      down_port: port ?? 0,
      down_list: recentList(ruleset, address.text, port ?? 0),
      target: withPort(address, port),
      ...share,
      // Whoever gets no connections need not be asked.
      ...(check === undefined || weight === 0 ? {} : { check }),
    };
  });
}

/** The tree of an app's destinations of one family, below the chain of the app that counts what passes. */
export function treeOfDestinations(chain: string, destinations: readonly Destination[]): Tree {
  let number = 0;
  const places = destinations.map(({ address, port }) => ({
    address,
    ports: port === undefined ? port : { first: port, last: port },
  }));
  return treeOf(places, () => iptablesPartChain(chain, 'f', ++number));
}
