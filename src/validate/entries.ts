// Endpoints and destinations as they can be read from a document that may still be wrong elsewhere, so that
// one run tells all problems: a bad port in one entry does not hide a duplicate among the others.
import { type Address, type AddressFault, parseAddress, unusableBecause } from '../model/address.js';
import { type Protocol, protocolsOf } from '../model/model.js';
import { parsePorts, type Ports } from '../model/ports.js';
import { error, type Problem } from '../problem/problem.js';
import type { SpecDocument } from '../read/document.js';
import { quote } from './describe.js';

export type EntryKind = 'endpoints' | 'destinations';

/** One endpoint or destination; what is missing or wrong in the spec is undefined here. */
export interface Entry {
  readonly document: SpecDocument;
  readonly path: readonly [EntryKind, number];
  readonly address: Address | undefined;
  readonly ports: Ports | undefined;
  /** True for a destination that says no port: the client's is kept. */
  readonly keepsPort: boolean;
  /** Of an endpoint. */
  readonly protocols: readonly Protocol[];
  readonly weight: number;
}

/** What is wrong with a text that is not an address, and what to do. */
export const ADDRESS_FAULTS: Readonly<Record<AddressFault, readonly [message: string, hint: string]>> = {
  zone: ['has a zone id', 'link-local addresses cannot be balanced: use a global or unique local address'],
  network: ['is a network', 'leave out the / and the prefix length: one address is wanted here'],
  brackets: ['has brackets', 'write an IPv6 address without brackets'],
  port: ['has a port', 'the port has a key of its own: { ip: …, port: … }'],
  'leading-zero': [
    'has leading zeros',
    'some programs read 010 as 8: write the numbers without leading zeros',
  ],
  'not-an-address': ['is not an IP address', 'write an IPv4 or IPv6 address; host names are not looked up'],
};

const UNUSABLE_HINTS: Readonly<Record<string, string>> = {
  'the unspecified address': 'it stands for all addresses: write an entry for each one that is meant',
  'an IPv4 address written as IPv6': 'write it as IPv4, without ::ffff:',
};

/** The entries of one kind in `document`, in their order. */
export function readEntries(document: SpecDocument, kind: EntryKind): Entry[] {
  const list = property(document.data, kind);
  if (!Array.isArray(list)) return [];
  return list.map((item: unknown, index) => {
    const [ip, port, protocol = 'tcp', weight] = ['ip', 'port', 'protocol', 'weight'].map((key) =>
      property(item, key),
    );
    const address = typeof ip === 'string' ? parseAddress(ip) : undefined;
    const ports = kind === 'endpoints' || typeof port === 'number' ? parsePorts(port) : undefined;
    return {
      document,
      path: [kind, index] as const,
      address: typeof address === 'object' ? address : undefined,
      ports: typeof ports === 'object' ? ports : undefined,
      keepsPort: kind === 'destinations' && port === undefined,
      protocols: protocolsOf(protocol),
      weight: typeof weight === 'number' ? weight : 1,
    };
  });
}

/** Addresses that are none, or that packets cannot be sent to. */
export function addressProblems(document: SpecDocument, kind: EntryKind): Problem[] {
  const list = property(document.data, kind);
  if (!Array.isArray(list)) return [];
  return list.flatMap((item: unknown, index) => {
    const ip = property(item, 'ip');
    return typeof ip === 'string' ? addressProblem(ip, document, [kind, index, 'ip']) : [];
  });
}

function addressProblem(ip: string, document: SpecDocument, path: readonly (string | number)[]): Problem[] {
  const address = parseAddress(ip);
  if (typeof address === 'string') {
    const [what, hint] = ADDRESS_FAULTS[address];
    return [error('invalid-address', document.locate(path), `${quote(ip)} ${what}`, { hint })];
  }
  const reason = unusableBecause(address);
  if (reason === undefined) return [];
  const hint =
    UNUSABLE_HINTS[reason] ?? 'no packet of another host gets there: name an address that is routed';
  return [error('unusable-address', document.locate(path), `${quote(ip)} is ${reason}`, { hint })];
}

/** `value[key]` of plain data of unknown shape. */
export function property(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}
