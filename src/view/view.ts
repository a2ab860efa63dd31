// The model as templates print it: strings, numbers and lists, every decision taken. The names of the keys
// are those of the role's variables, so that the role's data and the CLI's rendering are one thing.
import { type Family, withPort } from '../model/address.js';
import type { App, Destination, Endpoint, Ruleset } from '../model/model.js';
import { iptablesAppChain, iptablesChain, nftAppChain, nftTable } from '../model/names.js';
import { percent, probabilities, slotCount, slotsOf } from '../model/shares.js';

/** Everything that a ruleset template can print. */
export interface View {
  readonly pomaloba_ruleset: RulesetView;
  readonly pomaloba_apps: readonly AppView[];
}

interface RulesetView {
  readonly name: string;
  readonly nft_table: string;
  readonly iptables_chain: string;
  /** The address families that have an endpoint, IPv4 first. */
  readonly families: readonly FamilyView[];
  /** Of iptables and ip6tables what no family needs. */
  readonly unused_iptables: readonly string[];
  /** True if an app has endpoints and no destination to send them to. */
  readonly rejects: boolean;
  /** The single-app rulesets of our apps, which this ruleset takes the place of. */
  readonly replaces: readonly ReplacedView[];
}

interface FamilyView {
  readonly family: Family;
  readonly title: string;
  /** What nftables calls the family: `ip`, `ip6`. */
  readonly nft: string;
  /** Which of its families an inet table means by `ipv4_addr`, `ipv6_addr`. */
  readonly nft_type: string;
  readonly iptables: string;
  /** The sysctl that switches forwarding on, as a name and as a file below /proc/sys. */
  readonly forwarding: string;
  readonly proc: string;
  /** True if a pool of this family has destinations; and if one has none. */
  readonly balances: boolean;
  readonly rejects: boolean;
}

interface ReplacedView {
  readonly nft_table: string;
  readonly iptables_chain: string;
}

interface AppView {
  readonly app: string;
  readonly iptables_chain: string;
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

const FAMILIES = [
  {
    family: 'ipv4',
    title: 'IPv4',
    nft: 'ip',
    nft_type: 'ipv4_addr',
    iptables: 'iptables',
    forwarding: 'net.ipv4.ip_forward',
    proc: 'net/ipv4/ip_forward',
  },
  {
    family: 'ipv6',
    title: 'IPv6',
    nft: 'ip6',
    nft_type: 'ipv6_addr',
    iptables: 'ip6tables',
    forwarding: 'net.ipv6.conf.all.forwarding',
    proc: 'net/ipv6/conf/all/forwarding',
  },
] as const;

/** The view of `ruleset`. */
export function buildView({ name, apps }: Ruleset): View {
  const appViews = apps.map((app) => appView(name, app));
  const pools = appViews.flatMap((app) => app.pools);
  const families = FAMILIES.map((names) => ({
    ...names,
    pools: pools.filter(({ family }) => family === names.family),
  }))
    .filter((family) => family.pools.length > 0)
    .map(({ pools: mine, ...names }) => ({
      ...names,
      balances: mine.some(({ slots }) => slots > 0),
      rejects: mine.some(({ slots }) => slots === 0),
    }));
  return {
    pomaloba_ruleset: {
      name,
      nft_table: nftTable(name),
      iptables_chain: iptablesChain(name),
      families,
      unused_iptables: FAMILIES.map(({ iptables }) => iptables).filter(
        (tool) => !families.some(({ iptables }) => iptables === tool),
      ),
      rejects: families.some(({ rejects }) => rejects),
      replaces: replaced(name, apps),
    },
    pomaloba_apps: appViews,
  };
}

function replaced(name: string, apps: readonly App[]): ReplacedView[] {
  return apps
    .filter((app) => app.name !== name)
    .map((app) => ({ nft_table: nftTable(app.name), iptables_chain: iptablesChain(app.name) }));
}

function appView(ruleset: string, app: App): AppView {
  const pools = FAMILIES.map(({ family, nft }) => ({
    family,
    nft,
    endpoints: app.endpoints.filter(({ address }) => address.family === family),
    destinations: app.destinations.filter(({ address }) => address.family === family),
  })).filter(({ endpoints }) => endpoints.length > 0);
  return {
    app: app.name,
    iptables_chain: iptablesAppChain(ruleset, app.name),
    pools: pools.map(({ family, nft, endpoints, destinations }) => ({
      family,
      nft,
      iptables_option: family === 'ipv4' ? '-4' : '-6',
      nft_chain: nftAppChain(app.name, nft),
      endpoints: endpoints.map(endpointView),
      destinations: destinationViews(destinations),
      slots: slotCount(destinations.map(({ weight }) => weight)),
    })),
  };
}

function endpointView({ address, port, protocol }: Endpoint): EndpointView {
  return { ip: address.text, port, protocol, socket: withPort(address, port) };
}

function destinationViews(destinations: readonly Destination[]): DestinationView[] {
  const weights = destinations.map(({ weight }) => weight);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const slots = slotsOf(weights);
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
