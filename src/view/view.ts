// The model as templates print it: strings, numbers and lists, every decision taken. The names of the keys
// are those of the role's variables, so that the role's data and the CLI's rendering are one thing.
import type { Family } from '../model/address.js';
import { BACKENDS, missingIn } from '../model/backends.js';
import { type App, PROTOCOLS, type Ruleset } from '../model/model.js';
import { iptablesChain, nftTable } from '../model/names.js';
import { type AppView, appView, type PoolView } from './app.js';
import { type EndpointBranchView, treesOfEndpoints } from './endpoints.js';
import { FAMILIES } from './families.js';
import { checksView } from './health.js';

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
  /** The back ends that can do all that its apps ask for. */
  readonly backends: readonly string[];
  /** The protocols of its endpoints. */
  readonly protocols: readonly string[];
  /** True if an app has endpoints and no destination to send them to. */
  readonly rejects: boolean;
  /** True if an endpoint is for UDP. */
  readonly flows: boolean;
  /** True if there is a destination, whose connections are counted. */
  readonly counts: boolean;
  /** True if a pool does. */
  readonly clamps: boolean;
  /** The addresses that masquerading uses beside those of interfaces. */
  readonly snat: readonly string[];
  /** True if an app shows its destinations the clients' addresses. */
  readonly preserves: boolean;
  /** True if not every connection may come to every endpoint. */
  readonly guards: boolean;
  /** True if an app has limits. */
  readonly is_limited: boolean;
  /** How iptables finds one of many endpoints. */
  readonly branches: readonly EndpointBranchView[];
  /** The single-app rulesets of our apps, which this ruleset takes the place of. */
  readonly replaces: readonly ReplacedView[];
  /** True if a destination is checked, and if one is by a command; absent if not. */
  readonly checks?: true;
  readonly executes?: true;
}

interface FamilyView {
  readonly family: Family;
  readonly title: string;
  /** What nftables calls the family: `ip`, `ip6`. */
  readonly nft: string;
  /** Which of its families an inet table means by `ipv4_addr`, `ipv6_addr`. */
  readonly nft_type: string;
  /** The unspecified address. */
  readonly any: string;
  readonly iptables: string;
  /** The sysctl that switches forwarding on, as a name and as a file below /proc/sys. */
  readonly forwarding: string;
  readonly proc: string;
  /** True if an endpoint has one port: ranges are in no map. */
  readonly maps: boolean;
  /** Of those that have one port: true if one is simply masqueraded, and if a chain of its app says more. */
  readonly masquerades: boolean;
  readonly has_sources: boolean;
  /** True if clients of a pool keep their destinations. */
  readonly keeps: boolean;
  /** True if there is a destination, whose connections are counted. */
  readonly counts: boolean;
  /** True if a destination has a port of its own. */
  readonly sources: boolean;
  /** The protocols of its endpoints. */
  readonly protocols: readonly string[];
}

interface ReplacedView {
  readonly nft_table: string;
  readonly iptables_chain: string;
}

/** The view of `ruleset`. */
export function buildView({ name, apps }: Ruleset): View {
  const { branches, branchOf } = treesOfEndpoints(apps.flatMap(({ endpoints }) => endpoints));
  const appViews = apps.map((app) => appView(name, app, branchOf));
  const pools = appViews.flatMap((app) => app.pools);
  const families = familyViews(pools);
  return {
    pomaloba_ruleset: {
      name,
      nft_table: nftTable(name),
      iptables_chain: iptablesChain(name),
      families,
      unused_iptables: FAMILIES.map(({ iptables }) => iptables).filter(
        (tool) => !families.some(({ iptables }) => iptables === tool),
      ),
      backends: BACKENDS.filter((backend) => apps.every((app) => missingIn(backend, app).length === 0)),
      protocols: protocolsOf(pools),
      rejects: pools.some(({ choices }) => choices.length === 0),
      flows: protocolsOf(pools).includes('udp'),
      counts: families.some(({ counts }) => counts),
      clamps: pools.some(({ clamps }) => clamps),
      guards: appViews.some(({ guards, is_limited }) => guards || is_limited),
      is_limited: appViews.some(({ is_limited }) => is_limited),
      preserves: appViews.some(({ preserves }) => preserves),
      snat: [...new Set(pools.flatMap(({ snat }) => snat.map(({ ip }) => ip)))],
      branches,
      replaces: replaced(name, apps),
      ...checksView(pools),
    },
    pomaloba_apps: appViews,
  };
}

function familyViews(pools: readonly PoolView[]): FamilyView[] {
  return FAMILIES.map((names) => ({
    ...names,
    pools: pools.filter(({ family }) => family === names.family),
  }))
    .filter((family) => family.pools.length > 0)
    .map(({ pools: mine, ...names }) => ({
      ...names,
      maps: mine.some(({ singles }) => singles),
      keeps: mine.some(({ keeps }) => keeps),
      counts: mine.some(({ destinations }) => destinations.length > 0),
      sources: mine.some(({ any_port, destinations }) => any_port.length < destinations.length),
      protocols: protocolsOf(mine),
      masquerades: mine.some(({ singles, masquerades }) => singles && masquerades),
      has_sources: mine.some(({ singles, masquerades }) => singles && !masquerades),
    }));
}

function protocolsOf(pools: readonly PoolView[]): string[] {
  return PROTOCOLS.filter((one) => pools.some(({ protocols }) => protocols.includes(one)));
}

function replaced(name: string, apps: readonly App[]): ReplacedView[] {
  return apps
    .filter((app) => app.name !== name)
    .map((app) => ({ nft_table: nftTable(app.name), iptables_chain: iptablesChain(app.name) }));
}
