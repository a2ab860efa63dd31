// What rules say, whichever packet filter they are written for: both texts are read into this, and one interpreter walks it.
import type { Family } from '../model/address.js';
import type { Protocol } from '../model/model.js';
import type { Network } from '../model/network.js';
import type { Ports } from '../model/ports.js';

/** A line of the text, the first of which has the number 1. */
export interface Line {
  readonly line: number;
  readonly text: string;
}

/** An address, one of a network, or any; a port of some, or any. */
export interface Target {
  readonly address?: string;
  readonly network?: Network;
  readonly ports?: Ports;
}

/** What a packet is sent to now, or what the connection was opened to. */
export type Side = 'now' | 'original';

/** What a rule asks. A rule does what it does to a packet of which all of its matches hold. */
export type Match =
  | { readonly is: 'family'; readonly family: Family }
  | { readonly is: 'protocol'; readonly protocols: readonly Protocol[] }
  /** Whether it goes to one of `among`; with `not`, here and below, whether that is not so. */
  | { readonly is: 'to'; readonly of: Side; readonly among: readonly Target[]; readonly not?: boolean }
  | { readonly is: 'from'; readonly networks: readonly Network[]; readonly not?: boolean }
  /** Whether address, protocol and port are in a set. */
  | { readonly is: 'in'; readonly of: Side; readonly set: string }
  /** Whether a destination is down: one that is named; or where the packet goes, which is known by its port or without. */
  | {
      readonly is: 'down';
      readonly destination: Destination | 'packet' | 'packet-without-port';
      readonly not?: boolean;
    }
  | { readonly is: 'translated' }
  /** Whether the address that it goes to is the load balancer's. */
  | { readonly is: 'local' }
  /** By chance: of so many packets the part that is `share`. */
  | { readonly is: 'chance'; readonly share: number }
  /** By turns: of `every` packets that ask, the first. */
  | { readonly is: 'turn'; readonly every: number }
  | { readonly is: 'hash'; readonly hash: Hash; readonly below: number }
  /** What is the same for each first packet of a connection that comes from elsewhere. */
  | { readonly is: 'fixed'; readonly holds: boolean }
  /** What packets before it decide: taken not to hold, and told. */
  | { readonly is: 'state'; readonly condition: Condition };

export interface Destination {
  readonly address: string;
  /** 0: the client's is kept, as sets and lists have it. */
  readonly port: number;
}

/** A number below `mod` that follows from the client's address. */
export interface Hash {
  readonly mod: number;
  readonly seed: number;
}

/** What the answer depends on beside the rules. Rates are per second. */
export type Condition =
  | {
      readonly kind: 'connections_per_client' | 'new_per_second_per_client' | 'new_per_second';
      readonly most: number;
      /** True for the clients that the table of clients has no place for, which are counted as one. */
      readonly together: boolean;
    }
  | { readonly kind: 'affinity'; readonly seconds: number };

export type Rejection = 'tcp-reset' | 'port-unreachable';

/** What is looked up by a number that is drawn, counted or hashed. */
export type Draw =
  { readonly by: 'chance' | 'turn'; readonly mod: number } | { readonly by: 'hash'; readonly hash: Hash };

/** Which chain a number leads to. */
export interface Arm extends Line {
  readonly chain: string;
}

/** What ends a packet's way through a chain that the kernel calls, whose policy is accept. */
export type End =
  | { readonly does: 'accept' }
  | { readonly does: 'drop' }
  | { readonly does: 'reject'; readonly with: Rejection }
  /** What is absent stays as it is. */
  | { readonly does: 'dnat'; readonly address?: string; readonly port?: number }
  /** To the load balancer itself. */
  | { readonly does: 'redirect'; readonly port: number }
  | { readonly does: 'masquerade' }
  /** To one of `addresses`, each with the same chance. */
  | { readonly does: 'snat'; readonly addresses: readonly string[] };

export type Action =
  | End
  | { readonly does: 'jump'; readonly chain: string }
  /** A jump that does not come back to the chain that it leaves. */
  | { readonly does: 'goto'; readonly chain: string }
  | { readonly does: 'return' }
  /** What a map says of address, protocol and port; nothing if it has none. */
  | { readonly does: 'look-up'; readonly of: Side; readonly map: string }
  | { readonly does: 'draw'; readonly draw: Draw; readonly arms: ReadonlyMap<number, Arm> }
  /** Cuts the maximum segment size: told, and the packet goes on. */
  | { readonly does: 'clamp' }
  /** Counts or notes something: the packet goes on. */
  | { readonly does: 'nothing' }
  /** Only for what conntrack cannot place, of which a connection's first packet is none. */
  | { readonly does: 'stray' };

export interface Rule extends Line {
  readonly matches: readonly Match[];
  readonly action: Action;
}

/** What a rule says, before it has a place. */
export type Meaning = Pick<Rule, 'matches' | 'action'>;

/** A rule that does `action` to packets of which all of `matches` hold. */
export function rule(action: Action, ...matches: readonly Match[]): Meaning {
  return { action, matches };
}

export interface Element extends Line {
  /** Address, protocol and port. */
  readonly key: string;
  /** Of a map. */
  readonly action?: Action;
}

export const HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting'] as const;
export type Hook = (typeof HOOKS)[number];

/** A chain that the kernel calls. */
export interface BaseChain {
  readonly hook: Hook;
  /** Those of a hook in this order, the lowest number first. */
  readonly priority: number;
  readonly chain: string;
}

/** A whole text, read. */
export interface Program {
  readonly bases: readonly BaseChain[];
  readonly chains: ReadonlyMap<string, readonly Rule[]>;
  /** By the name of the set or map, and there by address, protocol and port. */
  readonly sets: ReadonlyMap<string, ReadonlyMap<string, Element>>;
}

/** A line that the table of shapes does not know. What it says is not guessed. */
export class UnknownLineError extends Error {
  override readonly name = 'UnknownLineError';

  constructor({ line, text }: Line) {
    super(`line ${line} has none of the shapes that are known: ${text}`);
  }
}
