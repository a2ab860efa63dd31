// The first packet of a connection from elsewhere, and what its rules' matches find.
import { type Address, bytesOf, type Family } from '../model/address.js';
import type { Protocol } from '../model/model.js';
import { isIn } from '../model/network.js';
import { jhash, scaled } from './jhash.js';
import type { Destination, Element, Hash, Match, Program, Side, Target } from './language.js';

/** Where a packet goes. */
interface Place {
  readonly address: string;
  readonly port: number;
}

/** What became of the source address, where it was changed: it is the interface's, or one that is named. */
type Source = { readonly by: 'masquerade' } | { readonly by: 'snat'; readonly address: string };

export interface Packet {
  readonly from: Address;
  readonly protocol: Protocol;
  /** What the connection was opened to, and where the packet goes now. */
  readonly original: Place;
  readonly now: Place;
  readonly isTranslated: boolean;
  /** True if `now` is the load balancer itself. */
  readonly isLocal: boolean;
  readonly source?: Source;
}

/** What packets are asked by, and of what: the rules, what people have put into the sets of what is down, and the host. */
export interface World {
  readonly program: Program;
  readonly isDown: (destination: Destination) => boolean;
  /** Whether the load balancer has an address, as far as anybody knows. */
  readonly isOwn: (address: string) => boolean;
}

/** A match that the packet decides, and neither chance nor other packets. */
export type Plain = Exclude<Match, { readonly is: 'chance' | 'turn' | 'state' }>;

/** True if `match` holds of `packet`. */
export function holds(match: Plain, packet: Packet, world: World): boolean {
  const found = isFound(match, packet, world);
  return 'not' in match && match.not ? !found : found;
}

function isFound(match: Plain, packet: Packet, { program, isDown }: World): boolean {
  switch (match.is) {
    case 'family':
      return packet.from.family === match.family;
    case 'protocol':
      return match.protocols.includes(packet.protocol);
    case 'to':
      return match.among.some((one) => isAt(packet[match.of], packet.from.family, one));
    case 'from':
      return match.networks.some((one) => isIn(packet.from, one));
    case 'in':
      return elementFor(program, match.set, match.of, packet) !== undefined;
    case 'down':
      return isDown(namedBy(match.destination, packet.now));
    case 'translated':
      return packet.isTranslated;
    case 'local':
      return packet.isLocal;
    case 'hash':
      return hashOf(match.hash, packet.from) < match.below;
    case 'fixed':
      return match.holds;
  }
}

function isAt(place: Place, family: Family, { address, network, ports }: Target): boolean {
  if (address !== undefined && address !== place.address) return false;
  if (network !== undefined && !isIn({ family, text: place.address }, network)) return false;
  return ports === undefined || (ports.first <= place.port && place.port <= ports.last);
}

function namedBy(asked: Destination | 'packet' | 'packet-without-port', now: Place): Destination {
  if (typeof asked === 'object') return asked;
  return asked === 'packet' ? now : { ...now, port: 0 };
}

/** By what the elements of sets are found. */
export function keyOf(address: string, protocol: string, port: number): string {
  return `${address} ${protocol} ${port}`;
}

/** What the set `name` has of where `packet` goes, or was opened to. */
export function elementFor({ sets }: Program, name: string, of: Side, packet: Packet): Element | undefined {
  const set = sets.get(name);
  if (!set) throw new Error(`there is no set ${name}`);
  const { address, port } = packet[of];
  return set.get(keyOf(address, packet.protocol, port));
}

/** The number that nftables hashes a client's address to (net/netfilter/nft_hash.c). */
export function hashOf({ mod, seed }: Hash, from: Address): number {
  return scaled(jhash(Uint8Array.from(bytesOf(from)), seed), mod);
}
