// Ranges of addresses: what is one, many of them as few, and each address by itself.
import {
  type Address,
  type AddressFault,
  addressOf,
  type Family,
  numberOf,
  parseAddress,
} from './address.js';

/** All addresses from the first to the last, as numbers; of a single address, both are it. */
export interface AddressRange {
  readonly family: Family;
  readonly first: bigint;
  readonly last: bigint;
}

/** Reads an address, or a range like 192.0.2.20-192.0.2.23, without blanks. */
export function parseAddressRange(text: string): AddressRange | AddressFault | 'backwards' | 'two-families' {
  const [first = '', last = first, ...more] = text.split('-');
  if (more.length > 0) return 'not-an-address';
  const [from, to] = [parseAddress(first), parseAddress(last)];
  if (typeof from === 'string') return from;
  if (typeof to === 'string') return to;
  if (from.family !== to.family) return 'two-families';
  const range = { family: from.family, first: numberOf(from), last: numberOf(to) };
  return range.first > range.last ? 'backwards' : range;
}

/** The same addresses as those of `ranges` that are of `family`, in as few ranges as can be, in order. */
export function mergeRanges(ranges: readonly AddressRange[], family: Family): AddressRange[] {
  const mine = ranges.filter((range) => range.family === family);
  const merged: AddressRange[] = [];
  for (const range of mine.toSorted((one, other) => (one.first < other.first ? -1 : 1))) {
    const before = merged.at(-1);
    if (before === undefined || range.first > before.last + 1n) merged.push(range);
    else if (range.last > before.last) merged.splice(-1, 1, { ...before, last: range.last });
  }
  return merged;
}

/** How many addresses are in `ranges`, none of which overlaps another. */
export function countAddresses(ranges: readonly AddressRange[]): bigint {
  return ranges.reduce((sum, { first, last }) => sum + last - first + 1n, 0n);
}

/** Each address of `ranges`. There must not be many. */
export function addressesOf(ranges: readonly AddressRange[]): Address[] {
  return ranges.flatMap(({ family, first, last }) =>
    Array.from({ length: Number(last - first) + 1 }, (_, index) => addressOf(family, first + BigInt(index))),
  );
}

/** True if an address is in both. */
export function rangesOverlap(one: AddressRange, other: AddressRange): boolean {
  return one.family === other.family && one.first <= other.last && other.first <= one.last;
}

/** The range of a single address. */
export function rangeOf(address: Address): AddressRange {
  const number = numberOf(address);
  return { family: address.family, first: number, last: number };
}

/** The first and the last address of a range. */
export function endsOf({ family, first, last }: AddressRange): readonly [Address, Address] {
  return [addressOf(family, first), addressOf(family, last)];
}

/** As in a spec: `192.0.2.20`, or `192.0.2.20-192.0.2.23`. */
export function rangeText(range: AddressRange): string {
  const [first, last] = endsOf(range);
  return first.text === last.text ? first.text : `${first.text}-${last.text}`;
}
