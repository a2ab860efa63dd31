// Reads what `--output-type nftables-rules` prints: the commands of the file, its one table, and what is in it.
import { type Block, blocksOf, expectEnd } from './blocks.js';
import {
  type BaseChain,
  type Element,
  HOOKS,
  type Program,
  type Rule,
  UnknownLineError,
} from './language.js';
import { linesOf } from './lines.js';
import { elementOf, mapRuleOf } from './nft-maps.js';
import { DESTINATION_RULES } from './nft-rules.js';
import { SOURCE_RULES } from './nft-source-rules.js';
import { firstFit, type Kind, number, oneOf, same, type Shape, shape, word } from './shapes.js';

/** The program, while it is read. */
interface Reading {
  readonly bases: BaseChain[];
  readonly chains: Map<string, readonly Rule[]>;
  readonly sets: Map<string, Map<string, Element>>;
}

/** Notes what a line says, and all that is inside of it. */
type Note = (reading: Reading, block: Block) => void;

/** The program that `text` is. Throws UnknownLineError at the first line that has none of the shapes that we print. */
export function parseNft(text: string): Program {
  const lines = linesOf(text);
  const [table = ''] = lines.flatMap((line) => TABLE(line.text) ?? []);
  const reading: Reading = { bases: [], chains: new Map(), sets: new Map() };
  noteAll(reading, blocksOf(lines), commandsOf(table));
  return reading;
}

function noteAll(reading: Reading, blocks: readonly Block[], shapes: readonly Shape<Note>[]): void {
  for (const block of blocks) {
    const note = firstFit(shapes, block.text);
    if (!note) throw new UnknownLineError(block);
    expectEnd(block, '');
    note(reading, block);
  }
}

const TABLE = shape`table inet ${word} {`((name) => name);
const ip = oneOf('ipv4_addr', 'ipv6_addr');

/** What becomes of sets and maps: they are there, and empty. */
function declares(name: string): Note {
  return ({ sets }) => void sets.set(name, new Map());
}

const nothing: Note = () => undefined;

/** The commands of a file about the table of that name. Others are deleted, and nothing else. */
function commandsOf(table: string): readonly Shape<Note>[] {
  return [
    shape`add table inet ${word}`(() => nothing),
    shape`delete table inet ${word}`(() => nothing),
    shape`flush table inet ${table}`(() => nothing),
    shape`flush ${oneOf('set', 'map')} inet ${table} ${word}`(() => nothing),
    shape`add set inet ${table} ${word} { type ${ip} . inet_service; }`((name) => declares(name)),
    shape`add set inet ${table} ${word} { type ${ip} . inet_proto . inet_service; }`((name) =>
      declares(name),
    ),
    shape`add set inet ${table} ${word} { type inet_proto . ${ip} . inet_service; }`((name) =>
      declares(name),
    ),
    shape`add set inet ${table} ${word} { type ${ip} . inet_proto . inet_service . ${same(1)} . inet_service; counter; }`(
      (name) => declares(name),
    ),
    shape`add map inet ${table} ${word} { type ${ip} . inet_proto . inet_service : verdict; }`((name) =>
      declares(name),
    ),
    ...stateCommandsOf(table),
    shape`add element inet ${table} ${word} {`(addsTo),
    shape`add element inet ${table} ${word} { ${element} }`((name, text) => (reading, { line }) => {
      add(reading, name, { line, text, inside: [] });
    }),
    shape`table inet ${table} {`(() => (reading, { inside }) => {
      noteAll(reading, inside, [CHAIN]);
    }),
  ];
}

/** The commands of what packets fill. What rules need to know of it, the seconds and the numbers, is in the names, too. */
function stateCommandsOf(table: string): readonly Shape<Note>[] {
  const kept = oneOf('ipv4_addr', 'ipv6_addr', 'inet_service');
  const dynamic = 'flags dynamic,timeout';
  return [
    shape`add map inet ${table} kept/${word}/${number}s/${word} { type ${ip} : ${kept}; ${dynamic}; size ${number}; timeout ${same(1)}s; }`(
      () => nothing,
    ),
    shape`add limit inet ${table} new/${word}/${number} { rate over ${same(1)}/second burst ${same(1)} packets; }`(
      () => nothing,
    ),
    shape`add set inet ${table} ${word} { type ${ip}; size ${number}; flags dynamic; }`(() => nothing),
    shape`add set inet ${table} ${word} { type ${ip}; size ${number}; ${dynamic}; timeout ${number}s; }`(
      () => nothing,
    ),
  ];
}

const element: Kind<string> = { pattern: '[^{}]+', read: String };

function addsTo(name: string): Note {
  return (reading, { inside }) => {
    for (const one of inside) add(reading, name, one);
  };
}

function add({ sets }: Reading, name: string, block: Block): void {
  const set = sets.get(name);
  if (!set) throw new UnknownLineError(block);
  const found = elementOf(block);
  set.set(found.key, found);
}

const CHAIN = shape`chain ${word} {`((name): Note => ({ bases, chains }, { inside }) => {
  const [first, ...rest] = inside;
  const base = first && BASE(first.text);
  if (base) bases.push({ ...base, chain: name });
  chains.set(name, (base ? rest : inside).map(ruleOf));
});

const signed: Kind<number> = { pattern: '-?[0-9]+', read: Number };

const BASE = shape`type ${oneOf('nat', 'filter')} hook ${oneOf(...HOOKS)} priority ${signed}; policy accept;`(
  (_, hook, priority) => ({ hook, priority }),
);

const RULES = [...DESTINATION_RULES, ...SOURCE_RULES];

function ruleOf(block: Block): Rule {
  const { line, text, end } = block;
  const meaning = end ? mapRuleOf(block) : firstFit(RULES, text);
  if (!meaning) throw new UnknownLineError(block);
  return { line, text: end ? `${text} … } ${end.text}`.trimEnd() : text, ...meaning };
}
