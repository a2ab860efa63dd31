// Reads what `--output-type iptables-rules` prints, as iptables-restore and ip6tables-restore do.
import { IPTABLES_RULES } from './iptables-rules.js';
import {
  type Action,
  type BaseChain,
  type Line,
  type Match,
  type Program,
  type Rule,
  UnknownLineError,
} from './language.js';
import { linesOf } from './lines.js';
import { firstFit, type Kind, oneOf, type Shape, shape, word } from './shapes.js';

/** The chains that the kernel calls, with the priorities of its tables (NF_IP_PRI_* in linux/netfilter_ipv4.h). */
const BASES: readonly BaseChain[] = [
  { chain: 'mangle PREROUTING', hook: 'prerouting', priority: -150 },
  { chain: 'nat PREROUTING', hook: 'prerouting', priority: -100 },
  { chain: 'filter INPUT', hook: 'input', priority: 0 },
  { chain: 'mangle FORWARD', hook: 'forward', priority: -150 },
  { chain: 'filter FORWARD', hook: 'forward', priority: 0 },
  { chain: 'mangle OUTPUT', hook: 'output', priority: -150 },
  { chain: 'nat OUTPUT', hook: 'output', priority: -100 },
  { chain: 'filter OUTPUT', hook: 'output', priority: 0 },
  { chain: 'nat POSTROUTING', hook: 'postrouting', priority: 100 },
];

/** The program, while it is read: chains by the name of their table and their own. */
interface Reading {
  table: string;
  readonly chains: Map<string, Rule[]>;
}

/** Notes what a line says. */
type Note = (reading: Reading, line: Line) => void;

/** The program that `text` is. Throws UnknownLineError at the first line that has none of the shapes that we print. */
export function parseIptables(text: string): Program {
  const reading: Reading = { table: '', chains: new Map(BASES.map(({ chain }) => [chain, []])) };
  for (const line of linesOf(text)) {
    const note = firstFit(LINES, line.text);
    if (!note) throw new UnknownLineError(line);
    note(reading, line);
  }
  return { bases: BASES, chains: reading.chains, sets: new Map() };
}

/** The tool that takes the line, if it is only one: `-4 `, `-6 `. */
const only: Kind<readonly Match[]> = {
  pattern: '(?:-[46] )?',
  read: (text) => (text === '' ? [] : [{ is: 'family', family: text === '-4 ' ? 'ipv4' : 'ipv6' }]),
};

const rest: Kind<string> = { pattern: '.+', read: String };

const LINES: readonly Shape<Note>[] = [
  shape`*${oneOf('filter', 'mangle', 'nat')}`((table) => (reading) => {
    reading.table = table;
  }),
  shape`COMMIT`(() => (reading) => {
    reading.table = '';
  }),
  shape`:${word} - [0:0]`(
    (name) =>
      ({ table, chains }) =>
        void chains.set(`${table} ${name}`, []),
  ),
  shape`${only}-A ${word} ${rest}`((family, name, text) => (reading, line) => {
    chainOf(reading, name, line).push(ruleOf(reading, family, text, line));
  }),
  // Before what is there.
  shape`${only}-I ${word} ${rest}`((family, name, text) => (reading, line) => {
    chainOf(reading, name, line).unshift(ruleOf(reading, family, text, line));
  }),
];

function chainOf({ table, chains }: Reading, name: string, line: Line): Rule[] {
  const chain = chains.get(`${table} ${name}`);
  if (!chain) throw new UnknownLineError(line);
  return chain;
}

function ruleOf({ table }: Reading, family: readonly Match[], text: string, line: Line): Rule {
  const meaning = firstFit(IPTABLES_RULES, text);
  if (!meaning) throw new UnknownLineError(line);
  return { ...line, matches: [...family, ...meaning.matches], action: within(table, meaning.action) };
}

/** Chains of the same name in two tables are two. */
function within(table: string, action: Action): Action {
  return 'chain' in action ? { ...action, chain: `${table} ${action.chain}` } : action;
}
