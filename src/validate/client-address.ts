// Whose address the destinations see, and the networks in which that cannot be the client's.
import { EACH_FAMILY } from '../model/address.js';
import { rangeOf, rangesOverlap } from '../model/address-range.js';
import { isEverything, mergeNetworks, networkRange, type Network } from '../model/network.js';
import { error, type Problem } from '../problem/problem.js';
import type { SpecDocument } from '../read/document.js';
import { property, readEntries } from './entries.js';
import { unusedFamilies } from './families.js';
import { entryProblems, readNetworks } from './networks.js';
import { entryId, locate } from './rules.js';

const KEY = 'destination_networks';
/** Of longer lists the schema says that they are, and comparing all with all would take too long. */
const MOST_ENTRIES = 1024;

/** Problems of `client_address` and `destination_networks`, which need each other. */
export function clientAddressProblems(document: SpecDocument): Problem[] {
  const asked = property(document.data, 'client_address') ?? 'masquerade';
  const list = property(document.data, KEY);
  if (list === undefined) return asked === 'preserve' ? [missing(document)] : [];
  const problems = Array.isArray(list) ? entryProblems(document, KEY, list) : [];
  if (asked === 'masquerade') return [...problems, useless(document)];
  const networks = networksOf(list);
  return asked !== 'preserve' || networks === undefined
    ? problems
    : [...problems, ...coverage(document, networks)];
}

function missing(document: SpecDocument): Problem {
  const message = `client_address: preserve needs the key ${KEY}`;
  const hint =
    'add the networks that the destinations are in, like [10.0.1.0/24]: from there, connections are masqueraded, ' +
    'as a destination would answer such a client past the load balancer';
  return error('missing-key', document.locate(['client_address']), message, { hint });
}

/** A key that would do nothing is refused, as something else may be meant. */
function useless(document: SpecDocument): Problem {
  const message = `${KEY} is about client_address: preserve, and every connection is masqueraded`;
  return error('wrong-value', document.locate([KEY]), message, {
    hint: 'leave it out, or add client_address: preserve',
  });
}

/** The networks of a list that has some, not too many, and nothing else. */
function networksOf(list: unknown): Network[] | undefined {
  if (!Array.isArray(list) || list.length === 0 || list.length > MOST_ENTRIES) return undefined;
  return readNetworks(list);
}

function coverage(document: SpecDocument, networks: readonly Network[]): Problem[] {
  const ranges = networks.map(networkRange);
  const destinations = readEntries(document, 'destinations').slice(0, MOST_ENTRIES);
  const outside = destinations.flatMap((entry) => {
    if (entry.address === undefined) return [];
    const own = rangeOf(entry.address);
    if (ranges.some((range) => rangesOverlap(range, own))) return [];
    const message = `the destination ${entryId(entry) ?? entry.address.text} is in none of the ${KEY}`;
    const hint = "add its network, as its neighbours' connections have to be masqueraded";
    return [
      error('destination-outside-networks', locate(entry), message, {
        hint,
        related: { message: 'the networks are at', location: document.locate([KEY]) },
      }),
    ];
  });
  const families = networks.map(({ family }) => family);
  return [
    ...outside,
    ...everybody(document, networks),
    ...unusedFamilies(document, KEY, families, 'networks'),
  ];
}

/** Whoever masquerades all connections of a family preserves nobody's address. */
function everybody(document: SpecDocument, networks: readonly Network[]): Problem[] {
  const all = EACH_FAMILY.flatMap((family) => mergeNetworks(networks, family).filter(isEverything));
  return all.map((network) =>
    error(
      'wrong-value',
      document.locate([KEY]),
      `${KEY} holds every address, ${network}: none is preserved`,
      {
        hint: 'name only the networks that the destinations are in',
      },
    ),
  );
}
