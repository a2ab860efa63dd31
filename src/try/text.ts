// The report as text for a terminal of 80 columns: the picture, a bar for each destination, and what was checked.
import pico from 'picocolors';
import { wrap } from '../explain/layout.js';
import { withPort } from '../model/address.js';
import type { Check, DestinationFacts, PoolFacts, TryFacts } from './facts.js';
import { type Actor, drawSequence } from './sequence.js';
import type { Worker } from './plan.js';

const WIDTH = 80;
const BAR = 28;
/** How many destinations of a pool are shown, and how many endpoints are named. */
const MOST_ROWS = 40;
const MOST_ENDPOINTS = 3;

/** Text in a colour, or as it is. */
interface Colors {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly dim: (text: string) => string;
}

const WHAT_IS_LOADED: Readonly<Record<string, string>> = {
  nftables: 'nftables script',
  iptables: 'iptables script',
  ansible: 'role',
};

const LABELS: Readonly<Record<Check['of'], string>> = {
  answers: 'answers',
  shares: 'shares',
  sources: 'workers saw',
  refusals: 'not let in',
};
const LABEL_WIDTH = 14;

/** The text of `facts`; `workers` are all of the lab, in order. */
export function tryToText(facts: TryFacts, workers: readonly Worker[], isColorful: boolean): string {
  const colors = colorsOf(isColorful);
  const parts = [
    pictureOf(facts, workers),
    ...facts.pools.map((pool) => poolLines(pool, colors)),
    facts.not_tried.length === 0
      ? []
      : ['Not tried:', ...facts.not_tried.flatMap((what) => indented(what, '  '))],
    verdictOf(facts, colors),
  ];
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function colorsOf(isColorful: boolean): Colors {
  const { green, red, dim } = pico.createColors(isColorful);
  return { good: green, bad: red, dim };
}

function verdictOf({ agrees, output_type: type, killed }: TryFacts, { good, bad }: Colors): string[] {
  const what = `The traffic through the ${WHAT_IS_LOADED[type] ?? type}`;
  const beside = killed ? `, but for what ${killed.name} had, which was stopped on the way` : '';
  return agrees
    ? wrap(`${what} does what the spec says${beside}.`, WIDTH).map(good)
    : wrap(`${what} does not do what the spec says: see DIFFERS.`, WIDTH).map(bad);
}

function pictureOf({ exchanges, pools }: TryFacts, workers: readonly Worker[]): string[] {
  const [first] = exchanges ?? [];
  if (!exchanges || !first) return [];
  const taking = new Set(exchanges.flatMap(({ hops }) => hops.flatMap(({ from, to }) => [from, to])));
  // Of the pool that was looked at: those of others are not asked.
  const pool =
    pools.find(({ destinations }) => destinations.some(({ name }) => taking.has(name))) ?? pools[0];
  const names = new Set(pool?.destinations.map(({ name }) => name));
  const [ip = '', ...others] = new Set(pool?.endpoints.map((one) => one.ip));
  const actors: Actor[] = [
    { id: 'client', title: 'client', ip: '' },
    { id: 'lb', title: 'LB', ip: others.length > 0 ? '' : ip },
    ...workers
      .filter(({ name }) => names.has(name) || taking.has(name))
      .map((worker) => ({ id: worker.name, title: worker.name, ip: worker.ip })),
  ];
  return drawSequence(exchanges, actors, WIDTH);
}

function poolLines(pool: PoolFacts, colors: Colors): string[] {
  const { app, endpoints, requests, clients, destinations, checks } = pool;
  const named = endpoints
    .slice(0, MOST_ENDPOINTS)
    .map(({ ip, port, protocol }) => `${withPort({ family: pool.family, text: ip }, port)}/${protocol}`);
  const more = endpoints.length > MOST_ENDPOINTS ? ` and ${endpoints.length - MOST_ENDPOINTS} more` : '';
  const from =
    requests === 0 ? '' : `${requests} requests of ${clients} client${clients === 1 ? '' : 's'} to `;
  const most = Math.max(0, ...destinations.flatMap(({ share, expected }) => [share, expected]));
  const rows = requests === 0 ? [] : shown(destinations);
  const hidden = destinations.length - rows.length;
  return [
    ...wrap(`${app}: ${from}${named.join(', ')}${more}`, WIDTH),
    ...(rows.length === 0 ? [] : ['', headings()]),
    ...rows.flatMap((one) => destinationLines(one, pool, most, colors)),
    ...(rows.length > 0 && hidden > 0 ? [`  and ${hidden} more destinations`] : []),
    '',
    ...checks.flatMap((check) => checkLines(check, colors)),
  ];
}

/** The first of them, and of many those that are farthest from what is expected. */
function shown(destinations: readonly DestinationFacts[]): readonly DestinationFacts[] {
  if (destinations.length <= MOST_ROWS) return destinations;
  const distance = ({ share, expected }: DestinationFacts): number => Math.abs(share - expected);
  return destinations.toSorted((one, other) => distance(other) - distance(one)).slice(0, MOST_ROWS);
}

function headings(): string {
  return columns('', ['requests', 'share', 'expected', 'p50', 'p99']);
}

function columns(
  first: string,
  [requests = '', share = '', expected = '', ...times]: readonly string[],
): string {
  const numbers = [
    requests.padStart(8),
    share.padStart(8),
    expected.padStart(8),
    ...times.map((one) => one.padStart(7)),
  ];
  return `  ${first.padEnd(BAR)} ${numbers.join(' ')}`;
}

function destinationLines(
  destination: DestinationFacts,
  { family, checks }: PoolFacts,
  most: number,
  { good, bad, dim }: Colors,
): string[] {
  const { name, ip, port, requests, share, expected, latency } = destination;
  const place = withPort({ family, text: ip }, port ?? undefined);
  const bar = barOf(most === 0 ? 0 : share / most);
  const line = columns(bar, [
    String(requests),
    percent(share),
    percent(expected),
    ...(latency ? [millis(latency.p50), millis(latency.p99)] : ['-', '-']),
  ]);
  const paint = checks.every(({ of, agrees }) => of !== 'shares' || agrees) ? good : bad;
  const state = stateOf(destination);
  return [
    `  ${name}  ${place}${state === '' ? '' : dim(`  ${state}`)}`,
    // The colour is put in last, as it has no width.
    bar === '' ? line : line.replace(bar, paint(bar)),
  ];
}

function stateOf({ weight, backup, expected, failed }: DestinationFacts): string {
  if (failed > 0) return `stopped on the way: ${failed} requests failed`;
  if (weight === 0) return 'drained';
  return backup && expected === 0 ? 'backup' : '';
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar of at most BAR columns; whoever has anything has a little. */
function barOf(part: number): string {
  const eighths = part === 0 ? 0 : Math.max(1, Math.round(part * BAR * 8));
  return '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? '');
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

function millis(micros: number): string {
  const number = micros / 1000;
  return `${number.toFixed(number < 100 ? 1 : 0)} ms`;
}

function checkLines({ of, agrees, says }: Check, { good, bad }: Colors): string[] {
  const [first = '', ...rest] = wrap(says, WIDTH - LABEL_WIDTH - 10);
  const mark = agrees ? good('ok     ') : bad('DIFFERS');
  return [
    `  ${mark} ${LABELS[of].padEnd(LABEL_WIDTH)}${first}`,
    ...rest.map((line) => `${' '.repeat(LABEL_WIDTH + 10)}${line}`),
  ];
}

function indented(text: string, by: string): string[] {
  return wrap(text, WIDTH - by.length).map((line) => by + line);
}
