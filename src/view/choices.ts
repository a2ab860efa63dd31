// How a destination is chosen for a new connection: among those of the pool, and among its backups when none of them is left.
import type { App } from '../model/model.js';
import { iptablesAppChain, iptablesChoiceChain, iptablesPartChain, nftChoiceChain } from '../model/names.js';
import { probabilities } from '../model/shares.js';
import { FANOUT, LONGEST_LIST } from './branches.js';
import { type DestinationView, type TurnView, turnViews } from './destinations.js';

export interface ChoiceView {
  /** True if it is the choice among the backups. */
  readonly backup: boolean;
  /** How many destinations it has to choose from; one needs no chain for it. */
  readonly usable: number;
  readonly nft_chain: string;
  readonly iptables_chain: string;
  /** How often it is made again when it comes to a destination that is down. */
  readonly draws: number;
  /** For a source hash, that always comes to the same one: the chains of other hashes, and what they are hashed with. */
  readonly rehashes: readonly RehashView[];
  /** True if nftables asks the destinations one after another, too: few of them, by chance. */
  readonly cascades: boolean;
  /** How many slots the weights make. */
  readonly slots: number;
  /** What the weights add up to, divided by their greatest common divisor. */
  readonly parts: number;
  /** For iptables, whose rules are tried one after another: a round robin's; none if the choice is random. */
  readonly turns: readonly TurnView[];
  /** For iptables, the rules of a random choice among many destinations: a tree of chains; none if they are few. */
  readonly branches: readonly DrawView[];
}

interface DrawView {
  /** The chain that the rule is in, and where it leads. */
  readonly from: string;
  readonly to: string;
  /** As in DestinationView. */
  readonly probability: string;
}

interface RehashView {
  readonly nft_chain: string;
  readonly seed: string;
}

/**
 * So many rules are walked as fast as a map is looked up in, and without a map of its own for each app a ruleset of
 * thousands loads several times as fast (docs/decisions.md).
 */
const LONGEST_CASCADE = 8;

/**
 * While destinations are down, the others are to have their shares of all connections. What comes to one that is down
 * is drawn again; what is left after the last draw goes to the first that is up, which is of no weight if it is less than this.
 */
const NEGLIGIBLE = 0.001;
const MOST_DRAWS = 16;

/** Each of them is a rule for each destination. */
const REHASHES = ['0x706d6c63', '0x706d6c64', '0x706d6c65', '0x706d6c66'] as const;

/** The choices of a pool, in the order in which they are made; none for destinations that nobody may use. */
export function choiceViews(
  ruleset: string,
  app: App,
  nftFamily: string,
  destinations: readonly DestinationView[],
): ChoiceView[] {
  return [false, true]
    .map((backup) =>
      choiceView(
        app,
        destinations.filter((one) => one.backup === backup && one.weight > 0),
        {
          backup,
          nft_chain: nftChoiceChain(app.name, nftFamily, backup),
          iptables_chain: iptablesChoiceChain(ruleset, app.name, backup),
        },
        (number) => iptablesPartChain(iptablesAppChain(ruleset, app.name), backup ? 'b' : 'd', number),
      ),
    )
    .filter(({ usable }) => usable > 0);
}

function choiceView(
  { scheduler }: App,
  destinations: readonly DestinationView[],
  names: Pick<ChoiceView, 'backup' | 'nft_chain' | 'iptables_chain'>,
  partChain: (number: number) => string,
): ChoiceView {
  const usable = destinations.length;
  const draws = drawsFor(destinations.map(({ parts }) => parts));
  const hashes = scheduler === 'source-hash' && usable > 1;
  return {
    ...names,
    usable,
    draws: hashes ? 1 : draws,
    rehashes: hashes
      ? REHASHES.slice(0, draws - 1).map((seed, index) => ({
          nft_chain: `${names.nft_chain}/${index + 2}`,
          seed,
        }))
      : [],
    cascades: scheduler === 'random' && usable <= LONGEST_CASCADE,
    slots: destinations.reduce((sum, { slots }) => sum + slots.length, 0),
    parts: destinations.reduce((sum, { parts }) => sum + parts, 0),
    turns: scheduler === 'round-robin' ? turnViews(destinations) : [],
    branches:
      scheduler === 'random' && usable > LONGEST_LIST
        ? drawViews(names.iptables_chain, partChain, destinations)
        : [],
  };
}

/** Each chain chooses among a few parts of what is left to it, by their weights; `partChain` names those of several destinations. */
function drawViews(
  chain: string,
  partChain: (number: number) => string,
  destinations: readonly DestinationView[],
): DrawView[] {
  let number = 0;
  const grow = (from: string, among: readonly DestinationView[]): DrawView[] => {
    const size = Math.ceil(among.length / FANOUT);
    const parts = Array.from({ length: Math.ceil(among.length / size) }, (_, part) =>
      among.slice(part * size, (part + 1) * size),
    );
    const chances = probabilities(parts.map((part) => part.reduce((sum, { weight }) => sum + weight, 0)));
    return parts.flatMap((part, index) => {
      const probability = chances[index] ?? '';
      const [first, ...more] = part;
      if (first && more.length === 0) return [{ from, to: first.iptables_chain, probability }];
      const to = partChain(++number);
      return [{ from, to, probability }, ...grow(to, part)];
    });
  };
  return grow(chain, destinations);
}

/**
 * How often to draw. The case that needs most: all but two are down, the two with the smallest shares. With one that is up
 * there is nothing to be shared.
 */
function drawsFor(parts: readonly number[]): number {
  if (parts.length <= 2) return parts.length - 1;
  const total = parts.reduce((sum, one) => sum + one, 0);
  const [least = 0, next = 0] = parts.toSorted((one, other) => one - other);
  const needed = Math.ceil(Math.log(NEGLIGIBLE) / Math.log(1 - (least + next) / total));
  return Math.min(needed, MOST_DRAWS);
}
