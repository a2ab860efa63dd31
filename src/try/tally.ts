// What became of a pool's requests, counted by destination and by source.
import { percentile } from '../lab/percentile.js';
import { countOf, type EachResult, nameOf } from '../lab/traffic.js';
import type { Expectation } from './expectation.js';
import type { DestinationFacts, SourceFacts } from './facts.js';
import type { Pool, Way, Worker } from './plan.js';
import type { Job } from './trials.js';

/** What became of one request. */
export interface Outcome {
  readonly job: Job;
  readonly result: EachResult;
  /** True if it was made when the worker was gone. */
  readonly isLate: boolean;
}

/** One destination, as far as it was seen. */
interface Row {
  readonly seen: number;
  /** How many are expected on the average. */
  readonly due: number;
  readonly micros: readonly number[];
}

export interface Tally {
  /** In the order of the pool's destinations. */
  readonly rows: readonly Row[];
  /** For each outcome the destination that answered, by its place in the list; -1: no one of the pool, undefined: none. */
  readonly chosen: readonly (number | undefined)[];
}

/** The destinations of a pool by `ip:port`, as they are reached by a way: by their place in the list, of two that are one the first. */
function placesOf({ destinations }: Pool, way: Way): ReadonlyMap<string, number> {
  const places = destinations.map(
    ({ address, port }, index) => [nameOf({ ip: address.text, port: port ?? way.port }), index] as const,
  );
  return new Map(places.toReversed());
}

/** Counts `outcomes` by destination. */
export function tally(pool: Pool, outcomes: readonly Outcome[]): Tally {
  const placesBy = new Map<Way, ReadonlyMap<string, number>>();
  for (const { job } of outcomes) {
    if (!placesBy.has(job.way)) placesBy.set(job.way, placesOf(pool, job.way));
  }
  const chosen = outcomes.map(({ job, result }) =>
    result.error === undefined ? (placesBy.get(job.way)?.get(nameOf(result.greeting)) ?? -1) : undefined,
  );
  const due = pool.destinations.map(() => 0);
  for (const { way, shares, count } of expectedOf(outcomes)) {
    for (const [place, share] of Object.entries(shares)) {
      const index = placesBy.get(way)?.get(place) ?? -1;
      due[index] = (due[index] ?? 0) + share * count;
    }
  }
  const micros = pool.destinations.map((): number[] => []);
  outcomes.forEach(({ result }, index) => {
    if (result.error === undefined) micros[chosen[index] ?? -1]?.push(result.micros);
  });
  return {
    rows: micros.map((list, index) => ({
      seen: list.length,
      due: due[index] ?? 0,
      micros: list.toSorted((one, other) => one - other),
    })),
    chosen,
  };
}

/** What is expected, each once with the number of requests: a large pool has a thousand shares. */
function expectedOf(outcomes: readonly Outcome[]) {
  const found = new Map<Expectation, { way: Way; shares: Expectation['destinations']; count: number }>();
  for (const { job } of outcomes) {
    const { way, due } = job;
    const one = found.get(due) ?? { way, shares: due.destinations, count: 0 };
    one.count++;
    found.set(due, one);
  }
  return found.values();
}

/** True of a request that failed when a worker was gone. */
export function isLost({ result, isLate }: Outcome): boolean {
  return isLate && result.error !== undefined;
}

/** The destinations of a pool, as they were seen. */
export function destinationFacts(
  { destinations }: Pool,
  { rows }: Tally,
  outcomes: readonly Outcome[],
  { workers, killed }: { readonly workers: readonly Worker[]; readonly killed: Worker | undefined },
): DestinationFacts[] {
  const lost = outcomes.filter(isLost).length;
  const missing = destinations.findIndex(
    ({ address }, index) => address.text === killed?.ip && (rows[index]?.due ?? 0) > 0,
  );
  return destinations.map(({ address, port, weight, isBackup }, index) => {
    const { seen = 0, due = 0, micros = [] } = rows[index] ?? {};
    return {
      name: workers.find(({ ip }) => ip === address.text)?.name ?? '',
      ip: address.text,
      port: port ?? null,
      weight,
      backup: isBackup,
      requests: seen,
      failed: index === missing ? lost : 0,
      share: ratio(seen, outcomes.length),
      expected: ratio(due, outcomes.length),
      latency: seen === 0 ? null : { p50: percentile(micros, 50), p99: percentile(micros, 99) },
    };
  });
}

/** The addresses that workers saw, and those that they were to see. */
export function sourceFacts(outcomes: readonly Outcome[]): SourceFacts[] {
  const answered = outcomes.filter(({ result }) => result.error === undefined);
  const seen = countOf(
    answered.flatMap(({ result }) => (result.error === undefined ? [result.greeting.from] : [])),
  );
  const due: Record<string, number> = {};
  for (const { job } of answered) {
    for (const [ip, share] of Object.entries(job.due.sources)) due[ip] = (due[ip] ?? 0) + share;
  }
  return [...new Set([...Object.keys(due), ...Object.keys(seen)])].map((ip) => ({
    ip,
    requests: seen[ip] ?? 0,
    expected: ratio(due[ip] ?? 0, answered.length),
  }));
}

/** With six decimals; 0 of nothing. */
function ratio(part: number, all: number): number {
  return all === 0 ? 0 : Math.round((part * 1e6) / all) / 1e6;
}
