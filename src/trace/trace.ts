// From a question to its facts: what the rules do with a new connection.
import type { Address } from '../model/address.js';
import type { Protocol } from '../model/model.js';
import type { NoteFacts, OutcomeFacts, RuleFacts, SourceFacts, Trace, Verdict } from './facts.js';
import { type Note, type Part, runOf, type Step } from './hooks.js';
import type { Destination, Program } from './language.js';
import type { Packet } from './packet.js';

/** A new connection of a client, which is not the load balancer itself. */
export interface Question {
  readonly from: Address;
  readonly to: Address;
  readonly port: number;
  readonly protocol: Protocol;
  readonly down: readonly Down[];
  /** The addresses that the load balancer has. Whether an endpoint's is one, with our rules comes to the same. */
  readonly own: readonly string[];
}

/** A destination that gets no new connections; without a port all of the address, with 0 the one that keeps the client's. */
export interface Down {
  readonly address: Address;
  readonly port?: number;
}

/** What `program` does with the connection; `named` tells what it was read from. */
export function trace(
  program: Program,
  { from, to, port, protocol, down, own }: Question,
  named: Pick<Trace, 'ruleset' | 'output_type'>,
): Trace {
  const place = { address: to.text, port };
  const ends = { from, original: place, now: place };
  const isOwn = (ip: string): boolean => own.includes(ip);
  const packet: Packet = { ...ends, protocol, isTranslated: false, isLocal: isOwn(to.text) };
  const isDown = (asked: Destination): boolean => down.some((one) => isMeant(one, asked));
  const { parts, notes } = runOf({ program, isDown, isOwn }, packet);
  return {
    version: 1,
    ruleset: named.ruleset,
    output_type: named.output_type,
    from: from.text,
    to: { ip: to.text, port },
    protocol,
    down: down.map((one) => ({ ip: one.address.text, port: one.port ?? null })),
    outcomes: outcomesOf(parts).toSorted(inOrderOf(program)),
    notes: notes.map(noteFacts),
    rules: rulesOf([...parts.flatMap(({ steps }) => steps), ...notes]),
  };
}

/** True if a rule of `program` asks whether the destination is down. */
export function asksFor({ chains }: Program, down: Down): boolean {
  return [...chains.values()]
    .flat()
    .some(({ matches }) =>
      matches.some(
        (match) =>
          match.is === 'down' && typeof match.destination === 'object' && isMeant(down, match.destination),
      ),
    );
}

function isMeant({ address, port }: Down, asked: Destination): boolean {
  return address.text === asked.address && (port === undefined || port === asked.port);
}

/** One outcome for all that come to the same place, from whichever source. */
function outcomesOf(parts: readonly Part[]): OutcomeFacts[] {
  const together = new Map<string, Part[]>();
  for (const part of parts) {
    const key = JSON.stringify([verdictOf(part), part.refused, part.packet.now]);
    together.set(key, [...(together.get(key) ?? []), part]);
  }
  return [...together.values()].flatMap(outcomeOf);
}

/** By the rule that sends there: those are in the order of the spec, whoever has the first turn. */
function inOrderOf({ chains }: Program): (one: OutcomeFacts, other: OutcomeFacts) => number {
  const senders = [...chains.values()].flat().filter(({ action }) => action.does === 'dnat');
  const place = ({ lines }: OutcomeFacts): number => senders.findIndex(({ line }) => lines.includes(line));
  return (one, other) => place(one) - place(other);
}

function outcomeOf(parts: readonly Part[]): OutcomeFacts[] {
  const [first] = parts;
  if (!first) return [];
  const verdict = verdictOf(first);
  const { address, port } = first.packet.now;
  const share = sumOf(parts);
  return [
    {
      verdict,
      share: rounded(share),
      destination: verdict === 'balanced' ? { ip: address, port } : null,
      sources: verdict === 'balanced' ? parts.map((part) => sourceOf(part, share)) : [],
      reject_with: first.refused?.does === 'reject' ? first.refused.with : null,
      lines: rulesOf(parts.flatMap(({ steps }) => steps)).map(({ line }) => line),
    },
  ];
}

function verdictOf({ packet, refused }: Part): Verdict {
  if (refused) return refused.does === 'drop' ? 'dropped' : 'rejected';
  return packet.isTranslated ? 'balanced' : 'not-balanced';
}

function sourceOf({ packet, share }: Part, all: number): SourceFacts {
  const { source, from } = packet;
  const part = rounded(share / all);
  if (!source) return { kind: 'client', ip: from.text, share: part };
  return { kind: source.by, ip: source.by === 'snat' ? source.address : null, share: part };
}

function sumOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { share }) => sum + share, 0);
}

/** To what is exact whatever draws: iptables has 31 bits. */
function rounded(share: number): number {
  return Math.round(share * 1e8) / 1e8;
}

function noteFacts({ line, of }: Note): NoteFacts {
  return {
    kind: of.kind,
    line,
    most: 'most' in of ? of.most : null,
    together: 'together' in of && of.together,
    seconds: 'seconds' in of ? of.seconds : null,
  };
}

/** Each line once, in the order in which they are asked. */
function rulesOf(steps: readonly Step[]): RuleFacts[] {
  const inOrder = steps.toSorted(
    (one, other) => one.stage - other.stage || one.depth - other.depth || one.line - other.line,
  );
  const rules = new Map(inOrder.map(({ line, text }) => [`${line} ${text}`, { line, text }]));
  return [...rules.values()];
}
