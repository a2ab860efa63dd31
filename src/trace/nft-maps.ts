// What is looked up in nftables' template: the elements of sets and maps, and the maps that are part of a rule.
import { type Block, expectEnd } from './blocks.js';
import {
  type Action,
  type Arm,
  type Draw,
  type Element,
  type Meaning,
  rule,
  UnknownLineError,
} from './language.js';
import { family, isFamily } from './nft-kinds.js';
import { keyOf } from './packet.js';
import {
  address,
  firstFit,
  hexadecimal,
  type Kind,
  listOf,
  number,
  protocol,
  type Shape,
  shape,
  word,
} from './shapes.js';

const comment: Kind<string> = { pattern: '(?: comment "[A-Za-z0-9._-]+")?', read: String };

const lead: Kind<Action> = {
  pattern: `(?:jump|goto) ${word.pattern}`,
  read: (text) => {
    const [does, chain = ''] = text.split(' ');
    return { does: does === 'jump' ? 'jump' : 'goto', chain };
  },
};

type Found = Pick<Element, 'key' | 'action'>;

const ELEMENTS: readonly Shape<Found>[] = [
  shape`${address} . ${protocol} . ${number}${comment} : ${lead}`((ip, one, port, _, action) => ({
    key: keyOf(ip, one, port),
    action,
  })),
  shape`${address} . ${protocol} . ${number}`((ip, one, port) => ({ key: keyOf(ip, one, port) })),
  // For counting: an endpoint and a destination.
  shape`${address} . ${protocol} . ${number} . ${address} . ${number}`((ip, one, port, to, at) => ({
    key: `${keyOf(ip, one, port)} ${to} ${at}`,
  })),
  // Of answers, by the other order.
  shape`${protocol} . ${address} . ${number}`((one, ip, port) => ({ key: keyOf(ip, one, port) })),
];

/** The element that `block` is; of a list, each ends in a comma. */
export function elementOf(block: Block): Element {
  const { line } = block;
  const text = block.text.replace(/,$/, '');
  const found = firstFit(ELEMENTS, text);
  if (!found) throw new UnknownLineError(block);
  return { line, text, ...found };
}

/** What stands before the rows of a map of chains. */
const DRAWS: readonly Shape<Draw>[] = [
  shape`numgen random mod ${number} vmap {`((mod) => ({ by: 'chance', mod })),
  shape`numgen inc mod ${number} vmap {`((mod) => ({ by: 'turn', mod })),
  shape`jhash ${family} saddr mod ${number} seed ${hexadecimal} vmap {`((_, mod, seed) => ({
    by: 'hash',
    hash: { mod, seed },
  })),
];

const ARM = String.raw`[0-9]+ : goto ${word.pattern}`;
const ARMS = shape`${listOf({ pattern: ARM, read: String }, ', ')},`((arms) => arms);
const SNAT = shape`snat ${family} to numgen random mod ${number} map {`((six, mod) => ({ six, mod }));
const ADDRESS = shape`${number} : ${address},`((_, ip) => ip);

/** The rule that `block` is, which has a map of its own; undefined if it is none. */
export function mapRuleOf(block: Block): Meaning | undefined {
  const draw = firstFit(DRAWS, block.text);
  if (draw) {
    expectEnd(block, '');
    return rule({ does: 'draw', draw, arms: new Map(block.inside.flatMap(armsOf)) });
  }
  const snat = SNAT(block.text);
  if (snat?.mod !== block.inside.length) return undefined;
  expectEnd(block, 'fully-random');
  const addresses = block.inside.map((row) => ADDRESS(row.text) ?? unknown(row));
  return rule({ does: 'snat', addresses }, isFamily(snat.six));
}

function armsOf(row: Block): [number, Arm][] {
  const arms = ARMS(row.text) ?? unknown(row);
  return arms.map((text) => {
    const [at = '', chain = ''] = text.split(' : goto ');
    return [Number(at), { line: row.line, text, chain }];
  });
}

function unknown(row: Block): never {
  throw new UnknownLineError(row);
}
