// What a template prints of one app.
import { type Family, withPort } from '../model/address.js';
import type { App, Destination, Endpoint, Scheduler } from '../model/model.js';
import { iptablesAppChain, nftAppChain } from '../model/names.js';
import { isEverything, mergeNetworks, type Network } from '../model/network.js';
import { percent, probabilities, slotCount, slotsOf, turnsOf } from '../model/shares.js';
import { FAMILIES } from './families.js';

export interface AppView {
  readonly app: string;
  readonly iptables_chain: string;
  /** True if a pool does. */
  readonly guards: boolean;
  readonly pools: readonly PoolView[];
}

/** The endpoints and destinations of one app and one family. */
interface PoolView {
  readonly family: Family;
  /** What nftables calls the family, and what limits a line of a restore file to it. */
  readonly nft: string;
  readonly iptables_option: string;
  readonly nft_chain: string;
  readonly endpoints: readonly EndpointView[];
  readonly destinations: readonly DestinationView[];
  /** True if only clients in the networks of `allow_from` may come, which may be none. */
  readonly guards: boolean;
  readonly allow_from: readonly string[];
  /** How nftables draws a slot: at `random`, or one after the other, `inc`. */
  readonly numgen: string;
  /** For iptables, whose rules are tried one after another: a round robin's; none if the choice is random. */
  readonly turns: readonly TurnView[];
  /** How many slots the weights make; 0 for a pool that rejects. */
  readonly slots: number;
}

interface EndpointView {
  readonly ip: string;
  readonly port: number;
  readonly protocol: string;
  /** `ip:port` as ss prints it, an IPv6 address in brackets. */
  readonly socket: string;
}

interface TurnView {
  readonly target: string;
  /** Of the connections that the rules before it left, each so many-th; 1: all of them. */
  readonly every: number;
}

interface DestinationView {
  readonly ip: string;
  readonly port: number;
  readonly weight: number;
  readonly share: string;
  /** `ip:port` as iptables' DNAT target takes it, an IPv6 address in brackets. */
  readonly target: string;
  readonly slots: readonly number[];
  /** Of the rule to match when those before it did not; empty: always. */
  readonly probability: string;
}

/** The view of `app` in the ruleset of that name. */
export function appView(ruleset: string, app: App): AppView {
  const pools = FAMILIES.map(({ family, nft }) => ({
    family,
    nft,
    endpoints: app.endpoints.filter(({ address }) => address.family === family),
    destinations: app.destinations.filter(({ address }) => address.family === family),
  })).filter(({ endpoints }) => endpoints.length > 0);
  const poolViews = pools.map(({ family, nft, endpoints, destinations }) => {
    const slots = slotCount(destinations.map(({ weight }) => weight));
    const views = destinationViews(app.scheduler, destinations);
    return {
      family,
      nft,
      iptables_option: family === 'ipv4' ? '-4' : '-6',
      nft_chain: nftAppChain(app.name, nft),
      endpoints: endpoints.map(endpointView),
      destinations: views,
      numgen: app.scheduler === 'random' ? 'random' : 'inc',
      turns: app.scheduler === 'random' ? [] : turnViews(views),
      // A pool without destinations rejects everyone: it has nothing to guard.
      ...guardView(slots > 0 ? app.allowFrom : undefined, family),
      slots,
    };
  });
  return {
    app: app.name,
    iptables_chain: iptablesAppChain(ruleset, app.name),
    guards: poolViews.some(({ guards }) => guards),
    pools: poolViews,
  };
}

function endpointView({ address, port, protocol }: Endpoint): EndpointView {
  return { ip: address.text, port, protocol, socket: withPort(address, port) };
}

/** `allowFrom` is what the app says of both families; absent: nothing to guard. */
function guardView(
  allowFrom: readonly Network[] | undefined,
  family: Family,
): Pick<PoolView, 'guards' | 'allow_from'> {
  const networks = mergeNetworks((allowFrom ?? []).filter((network) => network.family === family));
  const guards = allowFrom !== undefined && !networks.some(isEverything);
  return { guards, allow_from: guards ? networks : [] };
}

/** The targets in the order of their slots. */
function turnViews(destinations: readonly DestinationView[]): TurnView[] {
  const targets: string[] = [];
  for (const { target, slots } of destinations) for (const slot of slots) targets[slot] = target;
  return targets.map((target, slot) => ({ target, every: targets.length - slot }));
}

function destinationViews(scheduler: Scheduler, destinations: readonly Destination[]): DestinationView[] {
  const weights = destinations.map(({ weight }) => weight);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const slots = scheduler === 'random' ? slotsOf(weights) : turnsOf(weights);
  const chances = probabilities(weights);
  return destinations.map(({ address, port, weight }, index) => ({
    ip: address.text,
    port,
    weight,
    share: percent(weight, total),
    target: withPort(address, port),
    slots: slots[index] ?? [],
    probability: chances[index] ?? '',
  }));
}
