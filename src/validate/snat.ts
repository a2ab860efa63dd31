// The addresses that masquerading uses: what is none, what cannot be one, what is there twice, and how many there are.
import { EACH_FAMILY, type Family, FAMILY_NAMES, unusableBecause } from '../model/address.js';
import {
  type AddressRange,
  countAddresses,
  endsOf,
  mergeRanges,
  parseAddressRange,
  rangeOf,
  rangesOverlap,
  rangeText,
} from '../model/address-range.js';
import { error, type Location, type Problem, warning } from '../problem/problem.js';
import type { SpecDocument } from '../read/document.js';
import { quote } from './describe.js';
import { ADDRESS_FAULTS, property, readEntries } from './entries.js';
import { unusedFamilies } from './families.js';

/** With so many a destination has 16 million connections, and conntrack some 5 GB for them. */
const MOST_ADDRESSES = 256;
/** Of longer lists the schema says that they are, and comparing all with all would take too long. */
const [MOST_ITEMS, MOST_DESTINATIONS] = [256, 1024];

interface Item {
  readonly text: string;
  readonly place: Location;
  readonly range: AddressRange;
}

/** Problems of the list `snat`. */
export function snatProblems(document: SpecDocument): Problem[] {
  const whole = property(document.data, 'snat');
  if (!Array.isArray(whole)) return [];
  const list: readonly unknown[] = whole.slice(0, MOST_ITEMS);
  const read = list.flatMap((text, index) => {
    const place = document.locate(['snat', index]);
    return typeof text === 'string' ? [{ text, place, range: parseAddressRange(text) }] : [];
  });
  const items = read.filter((item): item is Item => typeof item.range === 'object');
  return [
    ...read.flatMap(({ text, place, range }) =>
      typeof range === 'string' ? [noRange(text, place, range)] : [],
    ),
    ...items.flatMap(unusable),
    ...ownDestinations(document, items),
    ...duplicates(items),
    ...tooMany(document, items),
    ...unusedFamilies(document, 'snat', list.map(familyOf), 'addresses'),
  ];
}

function familyOf(item: unknown): Family | undefined {
  const range = typeof item === 'string' ? parseAddressRange(item) : undefined;
  return typeof range === 'object' ? range.family : undefined;
}

function noRange(
  text: string,
  place: Location,
  fault: Exclude<ReturnType<typeof parseAddressRange>, AddressRange>,
): Problem {
  const hint = 'write the first and the last address: 192.0.2.20-192.0.2.23';
  if (fault === 'backwards')
    return error('wrong-value', place, `${quote(text)} ends before it begins`, { hint });
  if (fault === 'two-families') {
    return error('wrong-value', place, `${quote(text)} begins and ends in different address families`, {
      hint,
    });
  }
  const [what, advice] = ADDRESS_FAULTS[fault];
  // What is said of endpoints does not fit everywhere.
  const hints: Partial<Record<typeof fault, string>> = {
    zone: 'use a global or unique local address',
    network: hint,
    port: 'masquerading chooses the ports: leave it out',
    ...(text.includes('-') && { 'not-an-address': `${hint}, without blanks` }),
  };
  return error('invalid-address', place, `${quote(text)} ${what}`, { hint: hints[fault] ?? advice });
}

function unusable({ text, place, range }: Item): Problem[] {
  const reason = endsOf(range)
    .map(unusableBecause)
    .find((one) => one !== undefined);
  if (reason === undefined) return [];
  const hint = 'no answer gets there: name an address of the load balancer, or one that is routed to it';
  return [error('unusable-address', place, `${quote(text)} is or holds ${reason}`, { hint })];
}

/** A destination that is asked by its own address answers itself. */
function ownDestinations(document: SpecDocument, items: readonly Item[]): Problem[] {
  const destinations = readEntries(document, 'destinations')
    .slice(0, MOST_DESTINATIONS)
    .flatMap(({ address, path }) => (address ? [{ address, path, own: rangeOf(address) }] : []));
  return items.flatMap(({ text, place, range }) => {
    const taken = destinations.find(({ own }) => rangesOverlap(range, own));
    if (!taken) return [];
    const message = `${quote(text)} is or holds the address of a destination, ${taken.address.text}`;
    return [
      error('snat-is-destination', place, message, {
        hint: 'name an address of the load balancer: it is where the destination answers to',
        related: { message: 'the destination is at', location: document.locate(taken.path) },
      }),
    ];
  });
}

function duplicates(items: readonly Item[]): Problem[] {
  return items.flatMap(({ text, place, range }, index) => {
    const first = items.slice(0, index).find((one) => rangesOverlap(one.range, range));
    if (!first) return [];
    const message =
      rangeText(first.range) === rangeText(range)
        ? `${quote(text)} is listed twice`
        : `${quote(text)} has addresses that ${quote(first.text)} has, too`;
    return [
      warning(
        'duplicate-address',
        place,
        message,
        'each address has the same share, however often it is listed',
      ),
    ];
  });
}

function tooMany(document: SpecDocument, items: readonly Item[]): Problem[] {
  return EACH_FAMILY.flatMap((family) => {
    const ranges = items.map(({ range }) => range);
    const count = countAddresses(mergeRanges(ranges, family));
    if (count <= MOST_ADDRESSES) return [];
    const message = `snat has ${count} ${FAMILY_NAMES[family]} addresses, and ${MOST_ADDRESSES} is the most`;
    const hint = 'a destination can have some 64,000 connections from each of them: a few are enough';
    return [error('too-many-addresses', document.locate(['snat']), message, { hint })];
  });
}
