// Many endpoints, or destinations, as a tree of chains: iptables tries rules one after another, and a packet is to meet few of them.
import { type Address, numberOf } from '../model/address.js';
import { type Protocol, PROTOCOLS } from '../model/model.js';
import { networkAround } from '../model/network.js';
import type { Ports } from '../model/ports.js';

/** What a rule of a tree is for: no two of them are for the same packet. */
export interface Place {
  readonly address: Address;
  /** Absent: all. */
  readonly protocol?: Protocol;
  readonly ports?: Ports | undefined;
}

/** Which packets a branch is for: those of a network; of an address only those of a protocol, or of some of its ports. */
export interface BranchView {
  /** The branch whose chain leads here; empty: the chain that the tree begins with. */
  readonly from: string;
  readonly to: string;
  readonly network: string;
  /** Empty: all. */
  readonly protocol: string;
  readonly ports: string;
}

/** A tree, and the branch that each of the places stands in, in their order; empty: the chain that it begins with. */
export interface Tree {
  readonly branches: readonly BranchView[];
  readonly leaves: readonly string[];
}

/** So many rules are as readable in one chain, and no tree of them would be faster. */
export const LONGEST_LIST = 8;
/** Of a tree: of each chain half of the rules are tried, and a chain more costs as much as one or two rules. */
export const FANOUT = 4;

type Selector = Pick<BranchView, 'network' | 'protocol' | 'ports'>;

interface Item extends Place {
  readonly index: number;
  readonly number: bigint;
}

/** Some of the places, in the order of their addresses, protocols and ports. */
interface Group {
  readonly items: readonly Item[];
  readonly selector: Selector;
}

/** The tree of `places` of one family; `nameOf` names a branch by what it is for. */
export function treeOf(places: readonly Place[], nameOf: (key: string) => string): Tree {
  const leaves = places.map(() => '');
  const branches: BranchView[] = [];
  const grow = (items: readonly Item[], name: string): void => {
    for (const group of split({ items, selector: { network: '', protocol: '', ports: '' } })) {
      if (group.items.length === 1) {
        for (const { index } of group.items) leaves[index] = name;
        continue;
      }
      const to = nameOf(Object.values(group.selector).join(' '));
      branches.push({ from: name, to, ...group.selector });
      if (group.items.length > FANOUT) grow(group.items, to);
      else for (const { index } of group.items) leaves[index] = to;
    }
  };
  if (places.length > LONGEST_LIST) grow(inOrder(places), '');
  return { branches, leaves };
}

function inOrder(places: readonly Place[]): Item[] {
  const rank = ({ protocol }: Place): number => (protocol ? PROTOCOLS.indexOf(protocol) : 0);
  return places
    .map((place, index) => ({ ...place, index, number: numberOf(place.address) }))
    .toSorted(
      (one, other) =>
        Number(one.number > other.number) - Number(one.number < other.number) ||
        rank(one) - rank(other) ||
        (one.ports?.first ?? 0) - (other.ports?.first ?? 0),
    );
}

/** The groups of a chain: the largest is parted until there are enough of them. */
function split(all: Group): Group[] {
  let groups = [all];
  while (groups.length < FANOUT) {
    const sizes = groups.map(({ items }) => items.length);
    const largest = sizes.indexOf(Math.max(...sizes));
    const parts = groups[largest] ? parted(groups[largest]) : [];
    if (parts.length < 2) break;
    groups = groups.toSpliced(largest, 1, ...parts);
  }
  // What cannot be parted stays in the chain that it is in.
  return groups.length > 1 ? groups : all.items.map((item) => ({ ...all, items: [item] }));
}

/** Two groups, by the first bit in which addresses differ; of one address by protocols, or by ports. One: it cannot be parted. */
function parted({ items }: Group): Group[] {
  const [first, last] = [items[0], items.at(-1)];
  if (!first || !last || first === last) return [];
  const { address, protocol = '' } = first;
  if (first.number !== last.number) {
    const bit = 1n << BigInt((first.number ^ last.number).toString(2).length - 1);
    const zeros = items.filter(({ number: one }) => (one & bit) === 0n).length;
    return cut(items, zeros).map((part) => ({
      items: part,
      selector: { network: around(part), protocol: '', ports: '' },
    }));
  }
  const network = address.text;
  if (protocol !== (last.protocol ?? ''))
    return PROTOCOLS.map((one) => ({
      items: items.filter((item) => item.protocol === one),
      selector: { network, protocol: one, ports: '' },
    })).filter((group) => group.items.length > 0);
  if (items.some(({ ports }) => ports === undefined)) return [];
  return cut(items, Math.ceil(items.length / 2)).map((part) => ({
    items: part,
    selector: { network, protocol, ports: `${part[0]?.ports?.first}:${part.at(-1)?.ports?.last}` },
  }));
}

function cut(items: readonly Item[], count: number): Item[][] {
  return [items.slice(0, count), items.slice(count)];
}

function around(items: readonly Item[]): string {
  const [first, last] = [items[0], items.at(-1)];
  return first && last ? networkAround(first.address, last.address) : '';
}
