// The facts as text for people.
import { labelled, table, wrap } from '../explain/layout.js';
import { type Address, parseAddress, withPort } from '../model/address.js';
import { mergeRanges, rangeOf, rangeText } from '../model/address-range.js';
import { percent } from '../model/shares.js';
import type { NoteFacts, OutcomeFacts, SourceFacts, Trace } from './facts.js';

/** What stands beside a label. */
type Fact = readonly [label: string, text: string];

const WIDTH = 100;
/** Of a rule; what is longer is cut. */
const MOST_LINES = 3;

/** The text of `trace`: what becomes of the connection, and the rules by which. */
export function traceToText(trace: Trace): string {
  const { from, to, protocol, ruleset, output_type: type } = trace;
  const title = `${from} to ${placed(to.ip, to.port)}/${protocol}, by the ${type} of ${ruleset}`;
  const [first = [], ...others] = outcomeParts(trace);
  const parts = [[title, ...first], ...others, ruleLines(trace)];
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function placed(ip: string, port?: number): string {
  return withPort(addressOf(ip), port);
}

function addressOf(ip: string): Address {
  const address = parseAddress(ip);
  if (typeof address === 'string') throw new TypeError(`${ip} is no address`);
  return address;
}

/** The facts, and the table of destinations: of each verdict and source address. There is hardly ever more than one. */
function outcomeParts({ outcomes, down, notes, from }: Trace): string[][] {
  const kinds = new Map<string, OutcomeFacts[]>();
  for (const outcome of outcomes) {
    const kind = `${verdictText(outcome)} ${sourceText(outcome.sources)}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), outcome]);
  }
  const beside: Fact[] = [
    ...(down.length === 0
      ? []
      : [['down', down.map(({ ip, port }) => placed(ip, port ?? undefined)).join(', ')] as const]),
    ...notes.map((note) => noteFact(note, clientOf(from))),
  ];
  return [...kinds.values()].flatMap((alike, index) => [
    labelled([...factsOf(alike), ...(index === 0 ? beside : [])]),
    destinationTable(alike),
  ]);
}

function factsOf(alike: readonly OutcomeFacts[]): Fact[] {
  const [first] = alike;
  if (!first) return [];
  const share = alike.reduce((sum, one) => sum + one.share, 0);
  const part = shareText(share);
  return [
    ['verdict', part === '100.00 %' ? verdictText(first) : `${part} ${verdictText(first)}`],
    ...(first.sources.length === 0 ? [] : [['workers see', sourceText(first.sources)] as const]),
  ];
}

function verdictText({ verdict, reject_with: how, lines }: OutcomeFacts): string {
  const by = `by line ${lines.at(-1) ?? 0}`;
  switch (verdict) {
    case 'balanced':
      return 'balanced';
    case 'dropped':
      return `dropped ${by}, without an answer`;
    case 'rejected':
      return `rejected ${by}, with ${how === 'tcp-reset' ? 'a TCP reset' : 'an ICMP error (port unreachable)'}`;
    case 'not-balanced':
      return 'not balanced: no rule takes it';
  }
}

function sourceText(sources: readonly SourceFacts[]): string {
  const [first] = sources;
  if (first?.kind === 'client')
    return `${first.ip ?? ''}, the client's own address, and have to answer through the load balancer`;
  if (first?.kind === 'masquerade') return "the load balancer's address on the way to them";
  const byShare = new Map<string, Address[]>();
  for (const { ip, share } of sources) {
    const text = shareText(share);
    byShare.set(text, [...(byShare.get(text) ?? []), addressOf(ip ?? '')]);
  }
  return [...byShare]
    .map(([share, list]) => `${rangesOf(list)}${share === '100.00 %' ? '' : `, each ${share}`}`)
    .join('; ');
}

function rangesOf(list: readonly Address[]): string {
  const [first] = list;
  return first ? mergeRanges(list.map(rangeOf), first.family).map(rangeText).join(', ') : '';
}

/** A share of 1 as explain has it. */
function shareText(share: number): string {
  const text = percent(Math.round(share * 1e8), 1e8);
  return text === '0.00 %' && share > 0 ? '< 0.01 %' : text;
}

function destinationTable(alike: readonly OutcomeFacts[]): string[] {
  const rows = alike.flatMap(({ destination, share }) =>
    destination ? [[placed(destination.ip, destination.port), shareText(share)]] : [],
  );
  return rows.length === 0 ? [] : table([['destination', 'share'], ...rows]);
}

function noteFact({ kind, line, most, together, seconds }: NoteFacts, client: string): Fact {
  const number = (most ?? 0).toLocaleString('en-US');
  // Whom a table of clients has no place for, is counted with all others like him.
  const rest = 'the table of clients is full, and those who have no place in it';
  switch (kind) {
    case 'connections_per_client':
      return [
        'dropped if',
        `${together ? `${rest} have together` : `${client} has`} more than ${number} connections open: line ${line}`,
      ];
    case 'new_per_second_per_client':
      return [
        'dropped if',
        `${together ? `${rest} open together` : `${client} opens`} more than ${number} a second: line ${line}`,
      ];
    case 'new_per_second':
      return ['dropped if', `all clients together open more than ${number} a second: line ${line}`];
    case 'affinity':
      return [
        'affinity',
        `a client that has connected within the last ${seconds ?? 0} s keeps its destination: line ${line}`,
      ];
    case 'mss':
      return ['segments', `are cut to what fits the path: line ${line}`];
  }
}

/** By whom limits count. */
function clientOf(from: string): string {
  return addressOf(from).family === 'ipv6' ? "the client's /64" : 'the client';
}

/** The rules, with the number of their line. */
function ruleLines({ rules }: Trace): string[] {
  if (rules.length === 0) return [];
  const width = Math.max(...rules.map(({ line }) => String(line).length), 'line'.length);
  const row = (line: string, text: string): string => `  ${line.padStart(width)}  ${text}`;
  const rows = rules.flatMap(({ line, text }) =>
    ruleText(text, WIDTH - width - 4).map((part, index) => row(index === 0 ? String(line) : '', part)),
  );
  return [row('line', 'rule'), ...rows];
}

function ruleText(text: string, width: number): string[] {
  const lines = wrap(text, width - ' …'.length);
  const shown = lines.slice(0, MOST_LINES);
  return lines.length > MOST_LINES ? [...shown.slice(0, -1), `${shown.at(-1) ?? ''} …`] : shown;
}
