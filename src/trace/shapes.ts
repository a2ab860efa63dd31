// Shapes of lines: what is fixed in them, and holes that hold a value. A line fits as a whole or not at all.
import { parseAddress } from '../model/address.js';
import { type Protocol, PROTOCOLS } from '../model/model.js';
import { type Network, parseNetwork } from '../model/network.js';
import type { Ports } from '../model/ports.js';

/** What may stand in a hole, and what it means. The pattern has no groups that capture. */
export interface Kind<T> {
  readonly pattern: string;
  readonly read: (text: string) => T;
}

/** A hole that holds the same text as an earlier one: the first that has a value has the number 0. */
export interface Same {
  readonly same: number;
}

/** A string is no hole: it is as fixed as what is around it. */
type Hole = Kind<unknown> | Same | string;

/** The values of the holes: of what is fixed, or the same as another one, there is none. */
type Values<H extends readonly Hole[]> = H extends readonly [
  infer First,
  ...infer Rest extends readonly Hole[],
]
  ? First extends Kind<infer T>
    ? [T, ...Values<Rest>]
    : Values<Rest>
  : [];

/** What a line means if it has this shape; undefined if it has another one. */
export type Shape<T> = (text: string) => T | undefined;

/** Which texts fit, and what the values in them mean: shape`-A ${chain} -j DROP`((chain) => …). */
export function shape<const H extends readonly Hole[]>(literals: TemplateStringsArray, ...holes: H) {
  const pattern = new RegExp(`^${source(literals, holes)}$`);
  const kinds = holes.filter(isKind);
  return <T>(meaning: (...values: Values<H>) => T): Shape<T> =>
    (text) => {
      const match = pattern.exec(text);
      if (!match) return undefined;
      const values = kinds.map(({ read }, index) => read(match[index + 1] ?? ''));
      return meaning(...(values as Values<H>));
    };
}

function source(literals: readonly string[], holes: readonly Hole[]): string {
  // As groups are numbered: only those holes count that have a kind.
  const patterns = holes.map((hole) => {
    if (typeof hole === 'string') return escaped(hole);
    return isKind(hole) ? `(${hole.pattern})` : `\\${hole.same + 1}`;
  });
  return literals.map((literal, index) => escaped(literal) + (patterns[index] ?? '')).join('');
}

function isKind(hole: Hole): hole is Kind<unknown> {
  return typeof hole === 'object' && 'read' in hole;
}

function escaped(literal: string): string {
  return literal.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}

/** The meaning of the first of `shapes` that `text` has; undefined if it has none of them. */
export function firstFit<T>(shapes: readonly Shape<T>[], text: string): T | undefined {
  for (const one of shapes) {
    const meaning = one(text);
    if (meaning !== undefined) return meaning;
  }
  return undefined;
}

export function same(hole: number): Same {
  return { same: hole };
}

/** One of a few words. */
export function oneOf<const T extends string>(...words: readonly T[]): Kind<T> {
  return { pattern: words.map(escaped).join('|'), read: (text) => text as T };
}

/** What may be there or not. */
export function maybe(text: string): Kind<boolean> {
  return { pattern: `(?:${escaped(text)})?`, read: (found) => found !== '' };
}

/** Several of a kind, with `separator` between them. */
export function listOf<T>({ pattern, read }: Kind<T>, separator: string): Kind<readonly T[]> {
  const one = `(?:${pattern})`;
  return {
    pattern: `${one}(?:${escaped(separator)}${one})*`,
    read: (text) => text.split(separator).map(read),
  };
}

const IP = '[0-9a-f.:]+';

export const address: Kind<string> = {
  pattern: IP,
  read: (text) => {
    const read = parseAddress(text);
    if (typeof read === 'string') throw new TypeError(`${text} is no address`);
    return read.text;
  },
};

export const network: Kind<Network> = {
  pattern: `${IP}(?:/[0-9]+)?`,
  read: (text) => {
    const read = parseNetwork(text);
    if (typeof read === 'string') throw new TypeError(`${text} is no network`);
    return read;
  },
};

export const number: Kind<number> = { pattern: '[0-9]+', read: Number };
export const hexadecimal: Kind<number> = { pattern: '0x[0-9a-f]+', read: Number };
export const fraction: Kind<number> = { pattern: String.raw`0\.[0-9]+`, read: Number };
export const protocol: Kind<Protocol> = oneOf(...PROTOCOLS);
/** A name of a table, chain, set or app. */
export const word: Kind<string> = { pattern: '[A-Za-z0-9._/-]+', read: String };

/** One port, or a range with `dash` between its ends. */
export function portsWith(dash: string): Kind<Ports> {
  return {
    pattern: `[0-9]+(?:${dash}[0-9]+)?`,
    read: (text) => {
      const [first = Number.NaN, last = first] = text.split(dash).map(Number);
      return { first, last };
    },
  };
}

/** What DNAT translates to; a port alone, as `:1`, leaves the address as it is. */
export const target: Kind<{ readonly address?: string; readonly port?: number }> = {
  pattern: String.raw`\[${IP}\]:[0-9]+|[0-9.]+:[0-9]+|:[0-9]+|${IP}`,
  read: (text) => {
    const [, six, four, port] = /^(?:\[(.+)\]|([0-9.]*)):([0-9]+)$/.exec(text) ?? [];
    const ip = port === undefined ? text : (six ?? four ?? '');
    return {
      ...(ip === '' ? {} : { address: address.read(ip) }),
      ...(port === undefined ? {} : { port: Number(port) }),
    };
  },
};
