// A packet's way through a chain, with all chances at once: of each rule the share of the packets that it takes, and of those
// that it leaves the share that comes to the next one. So a hundred draws cost no more than as many rules.
import type { Action, Arm, Condition, End, Line, Match, Rule } from './language.js';
import { elementFor, hashOf, holds, type Packet, type World } from './packet.js';

/** What is told of rules that do not end anything. */
export type Remark = Condition | { readonly kind: 'mss' };

/** Who walks, and hears what happens. */
export interface Walker {
  readonly world: World;
  readonly packet: Packet;
  /** Whose turn it is, by the line of the rule; 0 if it is not there. They go on from connection to connection. */
  readonly turns: Map<number, number>;
  /** A share of the packets ends here, after the lines of `way`. */
  readonly ended: (end: End, share: number, way: readonly Line[]) => void;
  /** A rule says something, after so many lines. */
  readonly remarked: (rule: Line, of: Remark, depth: number) => void;
}

type DrawAction = Extract<Action, { readonly does: 'draw' }>;

/** Shares of the packets that a rule does not end: those that go on to the next rule, and those that leave the chain. */
interface Left {
  readonly on: number;
  readonly back: number;
}

/** Walks a share of the packets, of 1, through a chain; returns the share that comes out of it again. */
export function walk(walker: Walker, chain: string, share: number, way: readonly Line[]): number {
  const rules = walker.world.program.chains.get(chain);
  if (!rules) throw new Error(`there is no chain ${chain}`);
  let left = share;
  let back = 0;
  for (const rule of rules) {
    if (left === 0) break;
    const taken = takenBy(walker, rule, left, way.length);
    if (taken === 0) continue;
    const after = act(walker, rule.action, taken, [...way, rule]);
    left = left - taken + after.on;
    back += after.back;
  }
  return left + back;
}

/** Of `share` what all matches of `rule` hold of. */
function takenBy(walker: Walker, rule: Rule, share: number, depth: number): number {
  let taken = share;
  for (const match of rule.matches) {
    if (match.is === 'state') walker.remarked(rule, match.condition, depth);
    taken *= chanceOf(walker, rule, match, taken);
    if (taken === 0) return 0;
  }
  return taken;
}

function chanceOf(walker: Walker, rule: Rule, match: Match, share: number): number {
  switch (match.is) {
    case 'chance':
      return match.share;
    case 'turn':
      return turnOf(walker, rule, match.every, share) === 0 ? 1 : 0;
    case 'state':
      return 0;
    default:
      return holds(match, walker.packet, walker.world) ? 1 : 0;
  }
}

/** How many packets came to the rule since it began anew. */
function turnOf({ turns }: Walker, { line }: Line, every: number, share: number): number {
  // Whether others come between would be a matter of chance.
  if (share !== 1) throw new Error(`line ${line} takes turns among a part of the connections`);
  const turn = turns.get(line) ?? 0;
  turns.set(line, (turn + 1) % every);
  return turn;
}

/** Does `action`, that of the last line of `way`, to a share of the packets. */
function act(walker: Walker, action: Action, share: number, way: readonly Line[]): Left {
  switch (action.does) {
    case 'jump':
      return { on: walk(walker, action.chain, share, way), back: 0 };
    case 'goto':
      return { on: 0, back: walk(walker, action.chain, share, way) };
    case 'return':
      return { on: 0, back: share };
    case 'look-up': {
      const element = elementFor(walker.world.program, action.map, action.of, walker.packet);
      return element?.action ? act(walker, element.action, share, [...way, element]) : { on: share, back: 0 };
    }
    case 'draw':
      return draw(walker, action, share, way);
    case 'clamp':
      walker.remarked(lastOf(way), { kind: 'mss' }, way.length - 1);
      return { on: share, back: 0 };
    case 'nothing':
      return { on: share, back: 0 };
    case 'stray':
      throw new Error(`line ${lastOf(way).line} is for no packet of a new connection`);
    default:
      walker.ended(action, share, way);
      return { on: 0, back: 0 };
  }
}

function lastOf(way: readonly Line[]): Line {
  const last = way.at(-1);
  if (!last) throw new Error('there is no rule');
  return { line: last.line, text: last.text };
}

function draw(walker: Walker, { draw: by, arms }: DrawAction, share: number, way: readonly Line[]): Left {
  const follow = (arm: Arm, part: number): number =>
    walk(walker, arm.chain, part, [...way, { line: arm.line, text: arm.text }]);
  if (by.by === 'chance') {
    let back = 0;
    for (const { arm, numbers } of byChain(arms)) back += follow(arm, (share * numbers) / by.mod);
    return { on: (share * (by.mod - arms.size)) / by.mod, back };
  }
  const number =
    by.by === 'hash' ? hashOf(by.hash, walker.packet.from) : turnOf(walker, lastOf(way), by.mod, share);
  const arm = arms.get(number);
  return arm ? { on: 0, back: follow(arm, share) } : { on: share, back: 0 };
}

/** The first arm to each chain, and how many numbers lead there. */
function byChain(arms: ReadonlyMap<number, Arm>): Iterable<{ readonly arm: Arm; readonly numbers: number }> {
  const found = new Map<string, { arm: Arm; numbers: number }>();
  for (const arm of arms.values()) {
    const known = found.get(arm.chain);
    if (known) known.numbers++;
    else found.set(arm.chain, { arm, numbers: 1 });
  }
  return found.values();
}
