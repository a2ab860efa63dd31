// IP addresses: what is one, in which canonical form, and what it may be used for.
import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

export type Family = 'ipv4' | 'ipv6';

/** IPv4 first, as everywhere. */
export const EACH_FAMILY: readonly Family[] = ['ipv4', 'ipv6'];

/** What people call them. */
export const FAMILY_NAMES: Readonly<Record<Family, string>> = { ipv4: 'IPv4', ipv6: 'IPv6' };

/** An address in canonical form: IPv4 as dotted decimals, IPv6 as RFC 5952 asks. */
export interface Address {
  readonly family: Family;
  readonly text: string;
}

/** Why a text is not an address; the first that fits is told. */
export type AddressFault = 'zone' | 'network' | 'brackets' | 'port' | 'leading-zero' | 'not-an-address';

/** Ranges of ipaddr.js (after the IANA special-purpose registries) that no packet can be sent to by DNAT. */
const UNUSABLE = {
  unspecified: 'the unspecified address',
  loopback: 'a loopback address',
  multicast: 'a multicast address',
  broadcast: 'the broadcast address',
  ipv4Mapped: 'an IPv4 address written as IPv6',
} as const satisfies Partial<Record<string, string>>;

/**
 * Reads an address. node:net decides what is one, since ipaddr.js also takes octal, hexadecimal and short
 * forms (`010.1.1.1` would become 8.1.1.1).
 */
export function parseAddress(text: string): Address | AddressFault {
  if (isIPv4(text)) return { family: 'ipv4', text };
  if (text.includes('%')) return 'zone';
  if (isIPv6(text)) return { family: 'ipv6', text: ipaddr.IPv6.parse(text).toRFC5952String() };
  return faultOf(text);
}

function faultOf(text: string): AddressFault {
  if (text.includes('/')) return 'network';
  if (/^\[[^\]]*\]$/.test(text)) return 'brackets';
  if (/^(?:\[.*\]|[0-9.]+):[0-9]+$/.test(text)) return 'port';
  if (/^[0-9]+(?:\.[0-9]+){3}$/.test(text) && /(?:^|\.)0[0-9]/.test(text)) return 'leading-zero';
  return 'not-an-address';
}

/** What kind of address makes `address` useless as an endpoint and as a destination; undefined if none. */
export function unusableBecause(address: Address): string | undefined {
  const range: string = ipaddr.parse(address.text).range();
  // fe80::/10 needs an interface beside the address, which DNAT cannot express.
  if (address.family === 'ipv6' && range === 'linkLocal') return 'a link-local address';
  return Object.hasOwn(UNUSABLE, range) ? UNUSABLE[range as keyof typeof UNUSABLE] : undefined;
}

const BYTES: Readonly<Record<Family, number>> = { ipv4: 4, ipv6: 16 };

/** An address as packets have it. */
export function bytesOf({ text }: Address): readonly number[] {
  return ipaddr.parse(text).toByteArray();
}

/** An address as a number, so that those of a family can be compared and counted. */
export function numberOf(address: Address): bigint {
  return bytesOf(address).reduce((number, byte) => number * 256n + BigInt(byte), 0n);
}

/** The address whose number it is. */
export function addressOf(family: Family, number: bigint): Address {
  const count = BYTES[family];
  const bytes = Array.from({ length: count }, (_, index) =>
    Number((number >> BigInt(8 * (count - 1 - index))) & 255n),
  );
  const ip = ipaddr.fromByteArray(bytes);
  return { family, text: ip instanceof ipaddr.IPv6 ? ip.toRFC5952String() : ip.toString() };
}

/** `address:port`, with the brackets that IPv6 needs (RFC 3986, section 3.2.2). A range is a port, too; without one, only the address. */
export function withPort({ family, text }: Address, port?: number | string): string {
  if (port === undefined) return text;
  return family === 'ipv6' ? `[${text}]:${port}` : `${text}:${port}`;
}
