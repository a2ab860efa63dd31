// Which ports of which addresses are taken, so that overlaps are found without comparing all with all.
import type { Address } from '../model/address.js';
import type { Protocol } from '../model/model.js';
import { isRange, overlap, type Ports } from '../model/ports.js';

/** What of an address and protocol is taken, and by whom. */
interface Claims<T> {
  readonly single: Map<number, T>;
  readonly ranges: { readonly ports: Ports; readonly owner: T }[];
}

/** Owners of ports. */
export class Taken<T> {
  readonly #claims = new Map<string, Claims<T>>();

  /** Who has one of these ports, if anybody. */
  ownerOf(address: Address, protocol: Protocol, ports: Ports): T | undefined {
    const claims = this.#claims.get(key(address, protocol));
    if (!claims) return undefined;
    const range = claims.ranges.find((one) => overlap(one.ports, ports));
    if (range || !isRange(ports)) return range?.owner ?? claims.single.get(ports.first);
    return [...claims.single].find(([port]) => overlap({ first: port, last: port }, ports))?.[1];
  }

  /** Gives them to `owner`. */
  claim(address: Address, protocol: Protocol, ports: Ports, owner: T): void {
    const id = key(address, protocol);
    const claims = this.#claims.get(id) ?? { single: new Map<number, T>(), ranges: [] };
    this.#claims.set(id, claims);
    if (isRange(ports)) claims.ranges.push({ ports, owner });
    else claims.single.set(ports.first, owner);
  }
}

function key({ text }: Address, protocol: Protocol): string {
  return `${protocol} ${text}`;
}
