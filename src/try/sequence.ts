// The sequence picture, as in README.md: a line of life for the client, the load balancer and each worker, and arrows between.
import type { Exchange } from './exchanges.js';

/** Who takes part. */
export interface Actor {
  /** As hops name it. */
  readonly id: string;
  readonly title: string;
  /** Its address, as shown below the title; empty: none. */
  readonly ip: string;
}

/** Between two lines of life: an arrow with its words needs 13 columns, and more are for the eye. */
const GAPS = [16, 15, 14, 13];
/** Longer addresses, which are those of IPv6, are listed below the picture. */
const LONGEST_ADDRESS = '255.255.255.255'.length;
/** Beside the outermost lines. */
const MARGIN = 4;

/** A line of life: its column, and who it is. */
interface Line extends Actor {
  readonly at: number;
}

/**
 * The picture of `exchanges` in lines of at most `width` columns. `actors` begin with the client and the load balancer; of the
 * others there are as many as fit, first of all those that take part.
 */
export function drawSequence(
  exchanges: readonly Exchange[],
  actors: readonly Actor[],
  width: number,
): string[] {
  const hasNotes = actors.every(({ ip }) => ip.length <= LONGEST_ADDRESS);
  const taking = new Set(exchanges.flatMap(({ hops }) => hops.flatMap(({ from, to }) => [from, to])));
  const lines = GAPS.map((gap) => linesOf(actors, taking, { hasNotes, gap, width })).reduce((one, other) =>
    other.length > one.length ? other : one,
  );
  const shown = new Set(lines.map(({ id }) => id));
  const drawable = exchanges.filter(({ hops }) =>
    hops.every(({ from, to }) => shown.has(from) && shown.has(to)),
  );
  const hidden = actors.length - lines.length;
  const left = exchanges.length - drawable.length;
  return [
    ...header(lines, hasNotes),
    ...drawable.flatMap((exchange) => [blank(lines), ...rowsOf(exchange, lines)]),
    blank(lines),
    ...(hasNotes ? [] : legend(lines)),
    ...(hidden > 0 ? ['', `    and ${hidden} more worker${hidden === 1 ? '' : 's'} beside`] : []),
    ...(left > 0
      ? ['', `    and ${left} more connection${left === 1 ? '' : 's'}, to workers that do not fit`]
      : []),
  ].map((line) => line.trimEnd());
}

/** How the picture is laid out. */
interface Layout {
  /** Whether addresses stand below the titles. */
  readonly hasNotes: boolean;
  readonly gap: number;
  readonly width: number;
}

function linesOf(actors: readonly Actor[], taking: ReadonlySet<string>, layout: Layout): readonly Line[] {
  const [client, lb, ...workers] = actors;
  let chosen = [client, lb].filter((one) => one !== undefined);
  const inOrder = [
    ...workers.filter(({ id }) => taking.has(id)),
    ...workers.filter(({ id }) => !taking.has(id)),
  ];
  for (const worker of inOrder) {
    const more = actors.filter((one) => chosen.includes(one) || one === worker);
    const last = placed(more, layout).at(-1);
    if (last && last.at + halfOf(last, layout) > layout.width) break;
    chosen = more;
  }
  return placed(chosen, layout);
}

function noteOf({ ip }: Actor): string {
  return ip === '' ? '' : `(IP ${ip})`;
}

/** Half of its columns. */
function halfOf(actor: Actor, { hasNotes }: Layout): number {
  return Math.ceil(Math.max(actor.title.length, hasNotes ? noteOf(actor).length : 0) / 2);
}

function placed(actors: readonly Actor[], layout: Layout): Line[] {
  let at = 0;
  return actors.map((actor, index) => {
    const before = actors[index - 1];
    const half = halfOf(actor, layout);
    at = before ? at + Math.max(layout.gap, halfOf(before, layout) + half + 1) : MARGIN + half;
    return { ...actor, at };
  });
}

function legend(lines: readonly Line[]): string[] {
  const named = lines.filter(({ ip }) => ip !== '');
  const width = Math.max(0, ...named.map(({ title }) => title.length));
  return ['', ...named.map(({ title, ip }) => `    ${title.padEnd(width)}  ${ip}`)];
}

function header(lines: readonly Line[], hasNotes: boolean): string[] {
  const titles = centred(lines, ({ title }) => title);
  const notes = centred(lines, noteOf);
  return [titles, ...(hasNotes ? [notes] : []), centred(lines, ({ title }) => '-'.repeat(title.length))];
}

function centred(lines: readonly Line[], textOf: (line: Line) => string): string {
  return lines.reduce((row, line) => {
    const text = textOf(line);
    return put(row, line.at - Math.floor(text.length / 2), text);
  }, '');
}

function blank(lines: readonly Line[]): string {
  return lines.reduce((row, { at }) => put(row, at, '|'), '');
}

/** `row` with `text` at a column, whatever was there. */
function put(row: string, at: number, text: string): string {
  return row.slice(0, at).padEnd(at) + text + row.slice(at + text.length);
}

/** Words stand above their arrow, and beside the arrow before where that is elsewhere. */
function rowsOf({ hops }: Exchange, lines: readonly Line[]): string[] {
  const columns = new Map(lines.map(({ id, at }) => [id, at]));
  const rows: string[] = [];
  let before: readonly [number, number] | undefined;
  for (const hop of hops) {
    const [from, to] = [columns.get(hop.from) ?? 0, columns.get(hop.to) ?? 0];
    const [first, last] = [Math.min(from, to), Math.max(from, to)];
    const isBeside = before && Math.max(first, before[0]) >= Math.min(last, before[1]);
    const words = isBeside ? (rows.pop() ?? '') : blank(lines);
    rows.push(put(words, from < to ? from + 2 : from - 1 - hop.label.length, hop.label));
    rows.push(put(blank(lines), first + 1, arrow(from < to, last - first - 2)));
    before = [first, last];
  }
  return rows;
}

function arrow(isForth: boolean, length: number): string {
  return isForth ? `${'-'.repeat(length)}>` : `<${'-'.repeat(length)}`;
}
