// What a template prints of one app.
import type { Family } from '../model/address.js';
import { addressesOf, mergeRanges } from '../model/address-range.js';
import { type App, type Destination, type Endpoint, PROTOCOLS } from '../model/model.js';
import {
  iptablesAppChain,
  iptablesDestinationChain,
  iptablesLimitChain,
  nftAppChain,
  nftStrayChain,
} from '../model/names.js';
import { isEverything, mergeNetworks, type Network } from '../model/network.js';
import { probabilities } from '../model/shares.js';
import { type AffinityView, affinityView } from './affinity.js';
import type { BranchView } from './branches.js';
import { type ChoiceView, choiceViews } from './choices.js';
import { type DestinationView, destinationViews, treeOfDestinations } from './destinations.js';
import { type EndpointView, endpointView } from './endpoints.js';
import { FAMILIES } from './families.js';
import { type HealthView, healthView } from './health.js';
import { type LimitView, limitViews, type TotalView, totalViews } from './limits.js';

export interface AppView {
  readonly app: string;
  readonly iptables_chain: string;
  /** The chains of its choices, and those below the one that counts what passes: both families have the same. */
  readonly iptables_choices: readonly string[];
  readonly iptables_counts: readonly string[];
  /** The chain that its limits are in. */
  readonly iptables_limit_chain: string;
  /** True if a pool lets in only the clients of `allow_from`; and if one has limits. */
  readonly guards: boolean;
  readonly is_limited: boolean;
  /** True if a pool has a destination. */
  readonly counts: boolean;
  /** True if a pool has a destination that keeps the client's port. */
  readonly any_ports: boolean;
  /** The limit that its pools share; none: there is no such limit. */
  readonly totals: readonly TotalView[];
  /** True if destinations see the client's address, but for clients that could not hear them then. */
  readonly preserves: boolean;
  /** True if a pool has addresses of its own for masquerading. */
  readonly snats: boolean;
  /** What becomes of it when checks fail; absent: no destination is checked. */
  readonly health?: HealthView;
  readonly pools: readonly PoolView[];
}

/** The endpoints and destinations of one app and one family. */
export interface PoolView extends AffinityView {
  readonly family: Family;
  /** What nftables calls the family, and what limits a line of a restore file to it. */
  readonly nft: string;
  /** The unspecified address of the family. */
  readonly any: string;
  readonly iptables_option: string;
  readonly nft_chain: string;
  readonly endpoints: readonly EndpointView[];
  /** True if an endpoint has one port. */
  readonly singles: boolean;
  /** Those that an endpoint has. */
  readonly protocols: readonly string[];
  readonly destinations: readonly DestinationView[];
  /** How iptables finds one of them that counts what passes, if they are many. */
  readonly branches: readonly BranchView[];
  /** The addresses of those that keep the client's port, and the chain that tells theirs from other ports. */
  readonly any_port: readonly string[];
  readonly nft_stray_chain: string;
  /** True if only clients in the networks of `allow_from` may come, which may be none. */
  readonly guards: boolean;
  readonly allow_from: readonly string[];
  /** How many connections are taken, in the order of the questions; none: any number. */
  readonly limits: readonly LimitView[];
  /** True if the maximum segment size of its TCP connections is cut to what fits the path. */
  readonly clamps: boolean;
  /** True if every connection is masqueraded, by the address of the interface that it leaves by; else a chain says more. */
  readonly masquerades: boolean;
  /** Where clients are masqueraded although the app preserves their addresses. */
  readonly destination_networks: readonly string[];
  /** The addresses that masquerading uses; none: that of the interface. */
  readonly snat: readonly SnatView[];
  /** By what a slot is chosen: as in the spec. */
  readonly scheduler: string;
  /** How a destination is chosen; none for an empty pool. */
  readonly choices: readonly ChoiceView[];
  /** What becomes of new connections that no destination is left for: `reject` or `drop`. */
  readonly on_empty: string;
}

interface SnatView {
  readonly ip: string;
  /** Of the rule to match when those before it did not; empty: always. */
  readonly probability: string;
}

/** The view of `app` in the ruleset of that name; `branchOf` tells where iptables finds an endpoint (EndpointView). */
export function appView(ruleset: string, app: App, branchOf: (endpoint: Endpoint) => string): AppView {
  const numbered = app.destinations.map((destination, index) => ({
    ...destination,
    iptablesChain: iptablesDestinationChain(ruleset, app.name, index + 1),
  }));
  const pools = FAMILIES.map((names) => {
    const endpoints = app.endpoints.filter(({ address }) => address.family === names.family);
    const destinations = numbered.filter(({ address }) => address.family === names.family);
    const views = endpoints.map((endpoint) => endpointView(endpoint, branchOf(endpoint)));
    return poolView(ruleset, app, names, views, destinations);
  }).filter(({ endpoints }) => endpoints.length > 0);
  return {
    app: app.name,
    iptables_chain: iptablesAppChain(ruleset, app.name),
    iptables_choices: choiceChains(pools),
    iptables_counts: [...new Set(pools.flatMap(({ branches }) => branches.map(({ to }) => to)))],
    iptables_limit_chain: iptablesLimitChain(ruleset, app.name),
    guards: pools.some(({ guards }) => guards),
    counts: pools.some(({ destinations: of }) => of.length > 0),
    any_ports: pools.some(({ any_port }) => any_port.length > 0),
    is_limited: pools.some(({ limits }) => limits.length > 0),
    totals: totalViews(pools.flatMap(({ limits }) => limits)),
    preserves: app.clientAddress === 'preserve',
    snats: pools.some(({ snat }) => snat.length > 0),
    ...healthView(app, pools),
    pools,
  };
}

function choiceChains(pools: readonly PoolView[]): string[] {
  const choices = pools.flatMap((pool) => pool.choices).filter(({ usable }) => usable > 1);
  return [
    ...new Set(
      choices.flatMap(({ iptables_chain, branches }) => [
        iptables_chain,
        ...branches.map(({ from }) => from),
      ]),
    ),
  ];
}

function poolView(
  ruleset: string,
  app: App,
  { family, nft, any, iptables_option }: (typeof FAMILIES)[number],
  endpoints: readonly EndpointView[],
  destinations: readonly (Destination & { readonly iptablesChain: string })[],
): PoolView {
  const tree = treeOfDestinations(iptablesAppChain(ruleset, app.name), destinations);
  const views = destinationViews(ruleset, app, destinations, tree.leaves);
  const choices = choiceViews(ruleset, app, nft, views);
  return {
    family,
    nft,
    any,
    iptables_option,
    nft_chain: nftAppChain(app.name, nft),
    endpoints,
    singles: endpoints.some(({ is_range }) => !is_range),
    protocols: PROTOCOLS.filter((one) => endpoints.some(({ protocol }) => protocol === one)),
    destinations: views,
    branches: tree.branches,
    any_port: destinations.filter(({ port }) => port === undefined).map(({ address }) => address.text),
    nft_stray_chain: nftStrayChain(app.name, nft),
    clamps: app.clampsMss && endpoints.some(({ protocol }) => protocol === 'tcp'),
    ...sourceView(app, family),
    scheduler: app.scheduler,
    choices,
    ...affinityView(app, nft, destinations),
    // A pool without destinations takes nobody: it has nothing to guard.
    ...guardView(choices.length > 0 ? app.allowFrom : undefined, family),
    limits: choices.length > 0 ? limitViews(ruleset, app.name, app.limits, nft) : [],
    on_empty: app.onEmpty,
  };
}

function sourceView(
  app: App,
  family: Family,
): Pick<PoolView, 'masquerades' | 'destination_networks' | 'snat'> {
  const addresses = addressesOf(mergeRanges(app.snat, family));
  const chances = probabilities(addresses.map(() => 1));
  return {
    masquerades: app.clientAddress === 'masquerade' && addresses.length === 0,
    destination_networks: mergeNetworks(app.destinationNetworks, family),
    snat: addresses.map(({ text }, index) => ({ ip: text, probability: chances[index] ?? '' })),
  };
}

/** `allowFrom` is what the app says of both families; absent: nothing to guard. */
function guardView(
  allowFrom: readonly Network[] | undefined,
  family: Family,
): Pick<PoolView, 'guards' | 'allow_from'> {
  const networks = mergeNetworks(allowFrom ?? [], family);
  const guards = allowFrom !== undefined && !networks.some(isEverything);
  return { guards, allow_from: guards ? networks : [] };
}
