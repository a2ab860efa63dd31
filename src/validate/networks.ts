// Lists of networks: what is none, what means something else than it seems to, and who may connect if it is nobody.
import { EACH_FAMILY, FAMILY_NAMES } from '../model/address.js';
import { type Network, parseNetwork } from '../model/network.js';
import { error, type Location, type Problem, warning } from '../problem/problem.js';
import type { SpecDocument } from '../read/document.js';
import { quote } from './describe.js';
import { ADDRESS_FAULTS, property, readEntries } from './entries.js';

/** Problems of the list `allow_from`. */
export function networkProblems(document: SpecDocument): Problem[] {
  const list = property(document.data, 'allow_from');
  if (!Array.isArray(list)) return [];
  return [...entryProblems(document, 'allow_from', list), ...excludedFamilies(list, document)];
}

/** The networks of `list`, if each entry is one. */
export function readNetworks(list: readonly unknown[]): Network[] | undefined {
  const networks = list.map((item) => (typeof item === 'string' ? parseNetwork(item) : 'prefix'));
  return networks.every((network) => typeof network === 'object') ? networks : undefined;
}

/** What is wrong with each entry of `list`, which is that of the key. */
export function entryProblems(document: SpecDocument, key: string, list: readonly unknown[]): Problem[] {
  return list.flatMap((item, index) =>
    typeof item === 'string' ? networkProblem(item, document.locate([key, index])) : [],
  );
}

function networkProblem(text: string, place: Location): Problem[] {
  const network = parseNetwork(text);
  if (network === 'prefix') {
    const hint = 'write the number of leading bits that are fixed: 0 to 32 for IPv4, 0 to 128 for IPv6';
    return [error('invalid-network', place, `${quote(text)} has no valid prefix length`, { hint })];
  }
  if (typeof network === 'string') {
    const [what, advice] = ADDRESS_FAULTS[network];
    // What is said of endpoints does not fit: a client's address is only compared.
    const hint = network === 'zone' ? 'leave out the % and what follows' : advice;
    return [error('invalid-network', place, `${quote(text)} ${what}`, { hint })];
  }
  if (network.isExact) return [];
  const message = `${quote(text)} is read as ${network.text}`;
  return [warning('network-with-host-bits', place, message, `write ${network.text} if that is meant`)];
}

/** Who lists the networks of one family only may have forgotten that clients come with the other as well. */
function excludedFamilies(list: readonly unknown[], document: SpecDocument): Problem[] {
  const networks = readNetworks(list);
  if (networks === undefined) return [];
  const endpoints = readEntries(document, 'endpoints');
  return EACH_FAMILY.flatMap((family) => {
    const isServed = endpoints.some(({ address }) => address?.family === family);
    const isAllowed = networks.some((network) => network.family === family);
    if (!isServed || isAllowed) return [];
    const name = FAMILY_NAMES[family];
    const message = `nobody may come to the ${name} endpoints: no network is ${name}`;
    const hint = `add an ${name} network, or remove the ${name} endpoints`;
    return [warning('family-without-networks', document.locate(['allow_from']), message, hint)];
  });
}
