// What a template prints of the destinations of one app and one family.
import { withPort } from '../model/address.js';
import { placesOf, tableSize } from '../model/maglev.js';
import type { App, Destination, Scheduler } from '../model/model.js';
import { nftDestinationChain } from '../model/names.js';
import { leftFrom, percent, probabilities, slotsOf, turnsOf } from '../model/shares.js';

export interface TurnView {
  readonly iptables_chain: string;
  /** Of the connections that the rules before it left, each so many-th; 1: all of them. */
  readonly every: number;
}

export interface DestinationView {
  readonly ip: string;
  /** A number, or `any`: the client's is kept. */
  readonly port: number | string;
  readonly weight: number;
  readonly share: string;
  /** The chains of the connections that it gets. */
  readonly nft_chain: string;
  readonly iptables_chain: string;
  /** `ip:port` as DNAT takes it, an IPv6 address in brackets; without a port only the address. */
  readonly target: string;
  readonly slots: readonly number[];
  /** What is left of the weights, divided by their greatest common divisor, from this destination on. */
  readonly left: number;
  /** Of the rule to match when those before it did not; empty: always. */
  readonly probability: string;
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

/** `destinations` are those of one family of the app. */
export function destinationViews(
  { name, scheduler }: App,
  destinations: readonly (Destination & { readonly iptablesChain: string })[],
): DestinationView[] {
  const weights = destinations.map(({ weight }) => weight);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const slots = slotsBy(scheduler, destinations);
  const chances = probabilities(weights);
  const rests = leftFrom(weights);
  return destinations.map(({ address, port, weight, iptablesChain }, index) => ({
    ip: address.text,
    port: port ?? 'any',
    weight,
    share: percent(weight, total),
    nft_chain: nftDestinationChain(name, address.text, port),
    iptables_chain: iptablesChain,
    target: withPort(address, port),
    slots: slots[index] ?? [],
    left: rests[index] ?? 0,
    probability: chances[index] ?? '',
  }));
}
