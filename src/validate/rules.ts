// What a schema cannot say of one app: numbers as written, duplicates inside, families, sizes.
import { EACH_FAMILY, type Family, FAMILY_NAMES, withPort } from '../model/address.js';
import { portsText } from '../model/ports.js';
import { slotCount } from '../model/shares.js';
import { error, type Problem, warning } from '../problem/problem.js';
import type { SpecDocument } from '../read/document.js';
import { affinityProblems } from './affinity.js';
import { numbersOfChecks, type Path } from './check-places.js';
import { type Entry, property, readEntries } from './entries.js';
import { portProblems } from './ports.js';
import { repeats } from './repeats.js';

/** So many elements of a map are what one app may cost the kernel, and one file the reader. */
const MOST_SLOTS = 65_536;
/** With iptables each slot of a round robin is a rule, and a new connection passes half of them. */
const MOST_TURNS = 1024;

/** Problems of one app that its schema does not know. */
export function ruleProblems(document: SpecDocument): Problem[] {
  const endpoints = readEntries(document, 'endpoints');
  const destinations = readEntries(document, 'destinations');
  return [
    ...notationProblems(document),
    ...duplicateDestinations(destinations),
    ...familyProblems(document, endpoints, destinations),
    ...slotProblems(document, destinations),
    ...portProblems(document, endpoints, destinations),
    ...mssProblems(document, endpoints),
    ...affinityProblems(document, destinations),
  ];
}

/** YAML reads 0x50, 0o120, 80.0 and 8e1 as 80, and 010 as 10: what was meant is not ours to guess. */
function notationProblems(document: SpecDocument): Problem[] {
  const limits = ['connections_per_client', 'new_per_second', 'new_per_second_per_client'];
  const paths: Path[] = [['pomaloba'], ...limits.map((key) => ['limits', key]), ...numbersOfChecks(document)];
  for (const kind of ['endpoints', 'destinations'] as const) {
    const list = property(document.data, kind);
    if (!Array.isArray(list)) continue;
    list.forEach((_, index) => paths.push([kind, index, 'port'], [kind, index, 'weight']));
  }
  return paths.flatMap((path) => {
    const value = path.reduce<unknown>((at, step) => property(at, String(step)), document.data);
    if (typeof value !== 'number' || !Number.isInteger(value)) return [];
    const written = document.sourceAt(path);
    if (written === undefined || written === String(value)) return [];
    const name = path.findLast((step) => typeof step === 'string') ?? '';
    const message = `${name} is written as ${written}, which is read as ${value}`;
    return [
      error('not-decimal', document.locate(path), message, { hint: `write ${value} if that is meant` }),
    ];
  });
}

function duplicateDestinations(destinations: readonly Entry[]): Problem[] {
  return repeats(destinations, entryId).map(({ key, again, first }) =>
    error('duplicate-destination', locate(again), `the destination ${key} is listed twice`, {
      hint: 'list it once; a larger share is a weight',
      related: { message: 'listed first at', location: locate(first) },
    }),
  );
}

/** Endpoints need destinations of their own family; an app without any destination rejects, and says so. */
function familyProblems(
  document: SpecDocument,
  endpoints: readonly Entry[],
  destinations: readonly Entry[],
): Problem[] {
  const known = [...endpoints, ...destinations].every(({ address }) => address !== undefined);
  // While an address is wrong, its family is not known, and each conclusion from families would be noise.
  if (!known || endpoints.length === 0) return [];
  if (destinations.every(({ weight }) => weight === 0)) return emptyPool(document, destinations);
  return EACH_FAMILY.flatMap((family) => {
    const mine = endpoints.find(({ address }) => address?.family === family);
    const theirs = destinations.filter(({ address }) => address?.family === family);
    const name = FAMILY_NAMES[family];
    if (mine && theirs.length === 0) {
      const message = `the endpoint has no destination: none is ${name}`;
      const hint = `add an ${name} destination, or remove the ${name} endpoints; NAT does not cross families`;
      return [error('family-without-destinations', locate(mine), message, { hint })];
    }
    if (!mine && theirs[0]) {
      const message = `the ${name} destinations are not used: no endpoint is ${name}`;
      return [
        warning('unused-destinations', locate(theirs[0]), message, `add an ${name} endpoint, or remove them`),
      ];
    }
    if (mine && theirs.every(({ weight }) => weight === 0)) return emptyPool(document, theirs, `${name} `);
    return [];
  });
}

function emptyPool(document: SpecDocument, destinations: readonly Entry[], family = ''): Problem[] {
  if (!Array.isArray(property(document.data, 'destinations'))) return [];
  const why =
    destinations.length === 0 ? 'there is no destination' : `all ${family}destinations have the weight 0`;
  const verdict = property(document.data, 'on_empty') === 'drop' ? 'dropped' : 'rejected';
  const message = `${why}: ${family}connections are ${verdict}`;
  const hint = 'if that is not meant, list a destination with a weight of 1 or more';
  return [warning('no-destinations', document.locate(['destinations']), message, hint)];
}

function slotProblems(document: SpecDocument, destinations: readonly Entry[]): Problem[] {
  const weights = (family: Family): number[] =>
    destinations
      .filter(({ address }) => address?.family === family)
      .map(({ weight }) => weight)
      .filter((weight) => Number.isInteger(weight) && weight > 0);
  // A pool has slots of its own, and each family has a pool.
  const slots = Math.max(slotCount(weights('ipv4')), slotCount(weights('ipv6')));
  const scheduler = property(document.data, 'scheduler');
  // The table of a source hash has the same size for all weights.
  if (scheduler === 'source-hash') return [];
  const inTurn = scheduler === 'round-robin';
  const most = inTurn ? MOST_TURNS : MOST_SLOTS;
  if (slots <= most) return [];
  const message = `the weights need ${slots} slots, and ${most} is the most${inTurn ? ' for a round robin' : ''}`;
  const hint = 'use smaller weights, or weights with a common divisor';
  return [error('too-many-slots', document.locate(['destinations']), message, { hint })];
}

/** A key that would do nothing is refused, as it may be meant for something else. */
function mssProblems(document: SpecDocument, endpoints: readonly Entry[]): Problem[] {
  const isMeant = property(document.data, 'mss') === 'clamp' && endpoints.length > 0;
  if (!isMeant || endpoints.some(({ protocols }) => protocols.includes('tcp'))) return [];
  const message = 'mss is about TCP, and no endpoint is for TCP';
  return [error('wrong-value', document.locate(['mss']), message, { hint: 'leave it out' })];
}

/** What an entry is called, and what makes a destination the same as another: `ip:port` in canonical form. */
export function entryId({ address, ports, keepsPort }: Entry): string | undefined {
  return address && (ports ?? keepsPort) ? withPort(address, ports && portsText(ports)) : undefined;
}

/** Where an entry stands in its file. */
export function locate(entry: Entry): ReturnType<SpecDocument['locate']> {
  return entry.document.locate(entry.path);
}
