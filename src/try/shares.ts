// Whether each destination has what the spec says: by chance, by turns, or always the same for a client.
import { usedOf } from '../explain/capacity.js';
import { nameOf } from '../lab/traffic.js';
import { slotCount, slotsOf } from '../model/shares.js';
import { type Cell, testShares, turnsBetween } from './chi-square.js';
import type { Check } from './facts.js';
import type { Pool } from './plan.js';
import type { Outcome, Tally } from './tally.js';

/** Destinations that are gone, and the requests that nobody answered since. */
export interface Lost {
  readonly gone: readonly boolean[];
  readonly lost: readonly Outcome[];
}

/** Whether the destinations that answered are those that the rules choose, as often as they do. */
export function checkShares(pool: Pool, outcomes: readonly Outcome[], counted: Tally, lost: Lost): Check {
  const strange = strangers(outcomes);
  if (strange !== undefined) return { of: 'shares', agrees: false, says: strange, test: null };
  if (pool.app.affinity !== undefined) return checkAffinity(pool, outcomes, counted, lost);
  if (pool.app.scheduler === 'round-robin') return checkTurns(pool, outcomes, counted, lost);
  if (pool.app.scheduler === 'source-hash') {
    return { of: 'shares', agrees: true, says: 'each client has the destination of its hash', test: null };
  }
  return judged(cellsOf(counted, lost));
}

/** Who answered and should not have. */
function strangers(outcomes: readonly Outcome[]): string | undefined {
  const places = outcomes.flatMap(({ job, result }) => {
    const place = result.error === undefined ? nameOf(result.greeting) : undefined;
    return place === undefined || job.due.destinations[place] !== undefined
      ? []
      : [`${place} answered ${job.from}`];
  });
  const [first] = places;
  if (first === undefined) return undefined;
  const more = places.length > 1 ? ` (and ${places.length - 1} more like that)` : '';
  return `${first}, which the rules do not send there${more}`;
}

/** Who is gone has a cell with all that failed since, as it would have had them. */
function cellsOf({ rows }: Tally, { gone, lost }: Lost): Cell[] {
  const failed = rows.filter((_, index) => gone[index]);
  const sum = (list: readonly Cell[]): Cell => ({
    seen: list.reduce((all, { seen }) => all + seen, 0) + lost.length,
    due: list.reduce((all, { due }) => all + due, 0),
  });
  const others = rows.filter((_, index) => !gone[index]);
  return failed.length === 0 ? others : [...others, sum(failed)];
}

function judged(cells: readonly Cell[]): Check {
  const test = testShares(cells);
  if (!test)
    return { of: 'shares', agrees: true, says: 'there is one destination, and it has all', test: null };
  const { statistic, value, limit } = test;
  const agrees = value <= limit;
  const found = agrees ? `as the weights say: ${statistic}` : `not as the weights say: ${statistic}`;
  const bound = `${agrees ? 'at most' : 'more than'} ${limit.toFixed(2)}`;
  return { of: 'shares', agrees, says: `${found} ${value.toFixed(2)}, ${bound}`, test };
}

/** Turns are no chance: each destination has had as many as its weight says, but for the round that is not over. */
function checkTurns(pool: Pool, outcomes: readonly Outcome[], { rows }: Tally, { gone, lost }: Lost): Check {
  const used = usedOf(pool.destinations);
  const slots = slotsOf(used.map(({ weight }) => weight));
  const all = slotCount(used.map(({ weight }) => weight));
  const off = used.filter((destination, index) => {
    const at = pool.destinations.indexOf(destination);
    const [fewest, most] = turnsBetween(slots[index]?.length ?? 0, all, outcomes.length);
    const seen = rows[at]?.seen ?? 0;
    // What failed may all have been the turns of one that is gone.
    return seen > most || seen + (gone[at] ? lost.length : 0) < fewest;
  });
  const names = off.map(({ address }) => address.text).join(', ');
  const says = off.length === 0 ? `each has had its turns, ${all} in a round` : `not the turns of ${names}`;
  return { of: 'shares', agrees: off.length === 0, says, test: null };
}

/** A client that comes again comes to where it was; where it was first, is chance. */
function checkAffinity(
  pool: Pool,
  outcomes: readonly Outcome[],
  { chosen, rows }: Tally,
  { gone, lost }: Lost,
): Check {
  const missing = gone.indexOf(true);
  const placesOf = new Map<string, Set<number>>();
  outcomes.forEach((outcome, index) => {
    const place = lost.includes(outcome) ? missing : (chosen[index] ?? -1);
    const { from } = outcome.job;
    placesOf.set(from, (placesOf.get(from) ?? new Set()).add(place));
  });
  const unfaithful = [...placesOf].filter(([, places]) => places.size > 1).length;
  if (unfaithful > 0) {
    const says = `${unfaithful} of ${placesOf.size} clients have had several destinations`;
    return { of: 'shares', agrees: false, says, test: null };
  }
  const clients = [...placesOf.values()].flatMap((places) => [...places]);
  const cells = pool.destinations.map((_, place) => ({
    seen: clients.filter((one) => one === place).length,
    due: ((rows[place]?.due ?? 0) * clients.length) / outcomes.length,
  }));
  const check = judged(cells);
  return { ...check, says: `each client keeps its own, chosen ${check.says}` };
}
