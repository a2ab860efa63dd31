// Networks in CIDR notation: what is one, in which canonical form, and many of them as few.
import { mergeCidr, normalizeCidr, parseCidr } from 'cidr-tools';
import {
  type Address,
  type AddressFault,
  addressOf,
  type Family,
  numberOf,
  parseAddress,
} from './address.js';
import type { AddressRange } from './address-range.js';

/** A network in canonical form; one address is a network of its own, written without a prefix length. */
export interface Network {
  readonly family: Family;
  readonly text: string;
  /** False for what was written with bits beyond its prefix, as 192.0.2.1/24. */
  readonly isExact: boolean;
}

const LONGEST: Readonly<Record<Family, number>> = { ipv4: 32, ipv6: 128 };

/** Reads an address or a network. Only plain decimals are a prefix length (RFC 4632, section 3.1): no masks. */
export function parseNetwork(text: string): Network | AddressFault | 'prefix' {
  const [ip = '', prefix, ...more] = text.split('/');
  const address = parseAddress(ip);
  if (typeof address === 'string') return address;
  const { family } = address;
  if (prefix === undefined) return { family, text: address.text, isExact: true };
  if (more.length > 0 || !/^(?:0|[1-9][0-9]{0,2})$/.test(prefix)) return 'prefix';
  if (Number(prefix) > LONGEST[family]) return 'prefix';
  const canonical = normalizeCidr(`${address.text}/${prefix}`);
  return { family, text: plain(canonical), isExact: canonical.split('/')[0] === address.text };
}

/** The same addresses as those of `networks` that are of `family`, in as few networks as can be, in order. */
export function mergeNetworks(networks: readonly Network[], family: Family): string[] {
  const mine = networks.filter((network) => network.family === family);
  return mergeCidr(mine.map(({ text }) => text)).map(plain);
}

/** The smallest network that two addresses of a family are in. */
export function networkAround({ family, ...one }: Address, other: Address): string {
  const first = numberOf({ family, ...one });
  const differing = (first ^ numberOf(other)).toString(2).replace(/^0$/, '').length;
  const base = (first >> BigInt(differing)) << BigInt(differing);
  return plain(`${addressOf(family, base).text}/${LONGEST[family] - differing}`);
}

/** The first and the last address of a network. */
export function networkRange({ family, text }: Network): AddressRange {
  const { start, end } = parseCidr(text);
  return { family, first: start, last: end };
}

/** True if `address` is one of `network`. */
export function isIn(address: Address, network: Network): boolean {
  const { first, last } = networkRange(network);
  const number = numberOf(address);
  return address.family === network.family && first <= number && number <= last;
}

/** True if `network` is all addresses of its family. */
export function isEverything(network: string): boolean {
  return network.endsWith('/0');
}

function plain(network: string): string {
  return network.replace(network.includes(':') ? /\/128$/ : /\/32$/, '');
}
