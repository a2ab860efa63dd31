// Traces of both packet filters' texts, and what a spec says of the same connections: from the spec alone, by another way.
import { expect } from 'vitest';
import { type Address, parseAddress } from '../../src/model/address.js';
import type { Protocol } from '../../src/model/model.js';
import { turnsOf } from '../../src/model/shares.js';
import type { Trace, Verdict } from '../../src/trace/facts.js';
import type { Program } from '../../src/trace/language.js';
import { trace } from '../../src/trace/trace.js';
import type { View } from '../../src/view/view.js';
import type { RandomSpec } from './arbitrary-spec.js';
import { isIn } from './networks.js';

/** A connection of a client; the load balancer has the endpoint's address unless `isLocal` is false. */
export interface Way {
  readonly from: string;
  readonly ip: string;
  readonly port: number;
  readonly protocol: Protocol;
  readonly isLocal?: boolean;
}

/** A destination that is down, by the port that the spec has; 0: none. */
export interface DownPlace {
  readonly ip: string;
  readonly port: number;
}

function addressOf(ip: string): Address {
  const address = parseAddress(ip);
  if (typeof address === 'string') throw new TypeError(`${ip} is no address`);
  return address;
}

/** The trace of a connection. */
export function traced(
  program: Program,
  { from, ip, port, protocol, isLocal = true }: Way,
  down: readonly DownPlace[] = [],
): Trace {
  const question = {
    from: addressOf(from),
    to: addressOf(ip),
    ...{ port, protocol, own: isLocal ? [ip] : [] },
    down: down.map((one) => ({ address: addressOf(one.ip), port: one.port })),
  };
  return trace(program, question, { ruleset: 'test', output_type: 'test' });
}

/** What becomes of a connection, in the form in which traces and specs can be compared. */
export interface Expected {
  readonly verdict: Verdict;
  readonly rejectWith: string | null;
  /** By `ip port`. */
  readonly shares: Readonly<Record<string, number>>;
  /** By address; `masquerade` is that of the interface. */
  readonly sources: Readonly<Record<string, number>>;
  readonly notes: readonly string[];
}

/** A trace in that form; it has to have one verdict, and all its destinations see the same sources. */
export function summaryOf({ outcomes, notes }: Trace): Expected {
  const [first] = outcomes;
  if (!first) throw new Error('no outcome');
  expect(new Set(outcomes.map(({ verdict }) => verdict)).size).toBe(1);
  expect(new Set(outcomes.map(({ sources }) => JSON.stringify(sources))).size).toBe(1);
  const places = outcomes.flatMap(({ destination, share }) =>
    destination ? [[`${destination.ip} ${destination.port}`, share] as const] : [],
  );
  return {
    verdict: first.verdict,
    rejectWith: first.reject_with,
    shares: Object.fromEntries(places),
    sources: Object.fromEntries(first.sources.map(({ kind, ip, share }) => [ip ?? kind, share])),
    notes: [...new Set(notes.map(({ kind }) => kind))].toSorted(),
  };
}

/**
 * Compares a trace with what the spec says: of shares the trace has eight decimals, and iptables' chances 31 bits. What a source
 * hash comes to, the spec does not say: it is one of those that it may come to.
 */
export function expectAgreement(found: Expected, due: Expected, isHashed: boolean, about: string): void {
  const places = Object.keys(found.shares);
  if (isHashed && due.verdict === 'balanced') {
    expect(places, about).toHaveLength(1);
    expect(Object.keys(due.shares), about).toEqual(expect.arrayContaining(places));
  }
  const shares = isHashed ? Object.fromEntries(places.map((place) => [place, 1])) : due.shares;
  const rough = (all: Readonly<Record<string, number>>): Record<string, unknown> =>
    Object.fromEntries(Object.entries(all).map(([key, share]) => [key, expect.closeTo(share, 6) as unknown]));
  expect(found, about).toEqual({ ...due, shares: rough(shares), sources: rough(due.sources) });
}

/** How often the choice among a pool's destinations is made before the first that is up gets the rest, and among its backups. */
export type Draws = Readonly<Record<'others' | 'backups', number>>;

/** The draws of the pool of an endpoint: a number that the spec does not say (docs/spec.md). */
export function drawsOf(view: View, app: string, ip: string): Draws {
  const pool = view.pomaloba_apps
    .find((one) => one.app === app)
    ?.pools.find((one) => one.endpoints.some((endpoint) => endpoint.ip === ip));
  const of = (backup: boolean): number => {
    const choice = pool?.choices.find((one) => one.backup === backup);
    return choice ? choice.draws + choice.rehashes.length : 0;
  };
  return { others: of(false), backups: of(true) };
}

type Destination = RandomSpec['destinations'][number];

/** What `spec` says of a connection to one of its endpoints. Of a source hash: all that it may come to, each with a share of 1. */
export function expectedOf(spec: RandomSpec, way: Way, down: readonly DownPlace[], draws: Draws): Expected {
  const nothing = { rejectWith: null, shares: {}, sources: {} };
  const usable = spec.destinations.filter((one) => isSix(one.ip) === isSix(way.ip) && (one.weight ?? 1) > 0);
  const rejectWith = way.protocol === 'tcp' ? 'tcp-reset' : 'port-unreachable';
  const empty =
    (spec.on_empty ?? spec.health_check?.on_all_down) === 'drop'
      ? ({ ...nothing, verdict: 'dropped' } as const)
      : ({ ...nothing, verdict: 'rejected', rejectWith } as const);
  if (usable.length === 0) return { ...empty, notes: [] };
  if (!mayCome(spec, way)) return { ...nothing, verdict: 'dropped', notes: [] };
  const isUp = ({ ip, port = 0 }: Destination): boolean =>
    !down.some((one) => one.ip === ip && one.port === port);
  const others = usable.filter(({ backup = false }) => !backup);
  const onBackups = !others.some(isUp);
  const group = onBackups ? usable.filter(({ backup = false }) => backup) : others;
  const notes = [...Object.keys(spec.limits ?? {}), ...(spec.affinity ? ['affinity'] : [])];
  if (!group.some(isUp)) return { ...empty, notes: notes.toSorted() };
  const clamps = spec.mss === 'clamp' && way.protocol === 'tcp';
  return {
    verdict: 'balanced',
    rejectWith: null,
    shares: byPlace(way, group, sharesOf(spec, group, isUp, draws[onBackups ? 'backups' : 'others'])),
    sources: sourcesOf(spec, way),
    notes: [...notes, ...(clamps ? ['mss'] : [])].toSorted(),
  };
}

function isSix(ip: string): boolean {
  return ip.includes(':');
}

function mayCome({ allow_from: networks }: RandomSpec, { from }: Way): boolean {
  return networks?.some((one) => isSix(one) === isSix(from) && isIn(from, one.toLowerCase())) ?? true;
}

function sharesOf(
  { scheduler }: RandomSpec,
  group: readonly Destination[],
  isUp: (destination: Destination) => boolean,
  draws: number,
): number[] {
  if (scheduler === 'source-hash') return group.map((one) => (isUp(one) ? 1 : 0));
  const up = group.map(isUp);
  const first = up.indexOf(true);
  if (scheduler === 'round-robin') return turnShares(group, up, draws);
  const total = group.reduce((sum, { weight = 1 }) => sum + weight, 0);
  const isDown = group.reduce((sum, { weight = 1 }, index) => sum + (up[index] ? 0 : weight), 0) / total;
  // Of a geometric series: what each draw leaves to the next one.
  const drawn = Array.from({ length: draws }, (_, draw) => isDown ** draw).reduce((sum, one) => sum + one, 0);
  return group.map(({ weight = 1 }, index) => {
    const rest = index === first ? isDown ** draws : 0;
    return up[index] ? (draws === 0 ? 0 : (weight / total) * drawn) + rest : 0;
  });
}

/** Counted: one connection after another, until the turn is where it was; first as many as it takes to be where it comes again. */
function turnShares(group: readonly Destination[], up: readonly boolean[], draws: number): number[] {
  const slots: number[] = [];
  turnsOf(group.map(({ weight = 1 }) => weight)).forEach((turns, index) => {
    for (const turn of turns) slots[turn] = index;
  });
  let turn = 0;
  const next = (): number => {
    for (let draw = 0; draw < draws; draw++) {
      const slot = slots[turn] ?? 0;
      turn = (turn + 1) % slots.length;
      if (up[slot]) return slot;
    }
    return up.indexOf(true);
  };
  slots.forEach(next);
  const start = turn;
  const chosen: number[] = [];
  do chosen.push(next());
  while (turn !== start);
  return group.map((_, index) => chosen.filter((one) => one === index).length / chosen.length);
}

/** One with its own port and one that keeps the client's may be the same place. */
function byPlace(
  { port }: Way,
  group: readonly Destination[],
  shares: readonly number[],
): Record<string, number> {
  const places: Record<string, number> = {};
  group.forEach((one, index) => {
    const share = shares[index] ?? 0;
    const place = `${one.ip} ${one.port ?? port}`;
    if (share > 0) places[place] = (places[place] ?? 0) + share;
  });
  return places;
}

function sourcesOf(spec: RandomSpec, { from }: Way): Record<string, number> {
  const isBesideThem = (spec.destination_networks ?? []).some(
    (one) => isSix(one) === isSix(from) && isIn(from, one.toLowerCase()),
  );
  if (spec.client_address === 'preserve' && !isBesideThem) return { [from]: 1 };
  const addresses = new Set((spec.snat ?? []).filter((item) => isSix(item) === isSix(from)).flatMap(spread));
  return addresses.size === 0
    ? { masquerade: 1 }
    : Object.fromEntries([...addresses].map((ip) => [ip, 1 / addresses.size]));
}

/** Each address of a range whose ends differ in their last digit. */
function spread(item: string): string[] {
  const [first = '', last = first] = item.split('-');
  const from = Number(first.at(-1));
  return Array.from(
    { length: Number(last.at(-1)) - from + 1 },
    (_, index) => `${first.slice(0, -1)}${from + index}`,
  );
}
