// A connection's way through the hooks of the kernel, in its order, and the long run of connections.
import { HOOKS, type BaseChain, type End, type Hook, type Line, type Program } from './language.js';
import type { Packet, World } from './packet.js';
import { type Remark, walk } from './walk.js';

/** A line that decided something; of which of the chains that the kernel calls, and how far in there. */
export interface Step extends Line {
  readonly stage: number;
  readonly depth: number;
}

/** A share of the connections, of 1, that have come to the same end, or as far as the others. */
export interface Part {
  readonly share: number;
  readonly packet: Packet;
  /** How one of them came there: of several draws by the first. */
  readonly steps: readonly Step[];
  /** Absent: it goes on. */
  readonly refused?: Refusal;
}

type Refusal = Extract<End, { readonly does: 'drop' | 'reject' }>;

/** What becomes of connections, and what else is to be said. */
export interface Run {
  readonly parts: readonly Part[];
  readonly notes: readonly Note[];
}

/** What a rule says beside. */
export type Note = Step & { readonly of: Remark };

/** What stays from one connection to the next. */
interface Journal {
  readonly world: World;
  readonly turns: Map<number, number>;
  readonly notes: Map<number, Note>;
}

/**
 * What becomes of connections like that of `packet`, one after another as after a load: until the turns are as they were
 * before one of them. All that follow go on like those between.
 */
export function runOf(world: World, packet: Packet): Run {
  const journal: Journal = { world, turns: new Map(), notes: new Map() };
  const connections: (readonly Part[])[] = [];
  const seen = new Map<string, number>();
  for (;;) {
    const state = [...journal.turns].filter(([, turn]) => turn > 0).join(' ');
    const before = seen.get(state);
    if (before !== undefined) {
      const parts = averageOf(connections.slice(before));
      return { parts, notes: [...journal.notes.values()] };
    }
    seen.set(state, connections.length);
    connections.push(connect(journal, packet));
  }
}

function averageOf(connections: readonly (readonly Part[])[]): readonly Part[] {
  const count = connections.length;
  return merged(connections.flat()).map((part) => ({ ...part, share: part.share / count }));
}

/** One connection. What the kernel calls for a packet depends on where it goes after the first hook. */
function connect(journal: Journal, packet: Packet): readonly Part[] {
  const bases = inOrder(journal.world.program);
  let parts: readonly Part[] = [{ share: 1, packet, steps: [] }];
  bases.forEach((base, stage) => {
    parts = merged(
      parts.flatMap((part) => (comesTo(part, base.hook) ? pass(journal, base, stage, part) : [part])),
    );
  });
  return parts;
}

/** The order of the hooks of a packet; of each, by priority. */
function inOrder({ bases }: Program): BaseChain[] {
  const rank = ({ hook }: BaseChain): number => HOOKS.indexOf(hook);
  return bases.toSorted((one, other) => rank(one) - rank(other) || one.priority - other.priority);
}

/** A packet from elsewhere does not come to `output`. */
function comesTo({ packet, refused }: Part, hook: Hook): boolean {
  if (refused || hook === 'output') return false;
  return hook === 'prerouting' || packet.isLocal === (hook === 'input');
}

/** What becomes of `part` in one of the chains that the kernel calls. */
function pass({ world, turns, notes }: Journal, base: BaseChain, stage: number, part: Part): Part[] {
  const { packet, steps, share } = part;
  const parts: Part[] = [];
  const left = walk(
    {
      world,
      packet,
      turns,
      ended: (end, ends, way) => {
        const more = way.map(({ line, text }, depth) => ({ line, text, stage, depth }));
        parts.push(...endings(world, end, { share: ends, packet, steps: [...steps, ...more] }));
      },
      remarked: ({ line, text }, of, depth) => notes.set(line, { line, text, stage, depth, of }),
    },
    base.chain,
    share,
    [],
  );
  return left > 0 ? [...parts, { ...part, share: left }] : parts;
}

/** What `end` does to a part. */
function endings(world: World, end: End, part: Part): Part[] {
  const { packet, share } = part;
  switch (end.does) {
    case 'accept':
      return [part];
    case 'drop':
    case 'reject':
      return [{ ...part, refused: end }];
    case 'masquerade':
      return [{ ...part, packet: { ...packet, source: { by: 'masquerade' } } }];
    case 'snat':
      return end.addresses.map((address) => ({
        ...part,
        share: share / end.addresses.length,
        packet: { ...packet, source: { by: 'snat', address } },
      }));
    case 'dnat':
    case 'redirect':
      return [{ ...part, packet: translated(world, packet, end) }];
  }
}

function translated(
  { isOwn }: World,
  packet: Packet,
  end: Extract<End, { readonly does: 'dnat' | 'redirect' }>,
): Packet {
  const { address, port } = packet.now;
  const isTranslated = true;
  if (end.does === 'redirect')
    return { ...packet, now: { address, port: end.port }, isTranslated, isLocal: true };
  const now = { address: end.address ?? address, port: end.port ?? port };
  return { ...packet, now, isTranslated, isLocal: isOwn(now.address) };
}

/** One part for all that have come to the same. */
function merged(parts: readonly Part[]): readonly Part[] {
  if (parts.length === 1) return parts;
  const found = new Map<string, Part>();
  for (const part of parts) {
    const { now, source, isLocal, isTranslated } = part.packet;
    const key = JSON.stringify([now, source, isLocal, isTranslated, part.refused]);
    const known = found.get(key);
    found.set(key, known ? { ...known, share: known.share + part.share } : part);
  }
  return [...found.values()];
}
