// From what became of the requests to the facts.
import { usedOf } from '../explain/capacity.js';
import { countOf } from '../lab/traffic.js';
import { checkRefusals, checksOf } from './checks.js';
import type { PoolFacts, TryFacts } from './facts.js';
import type { TryPlan, Worker } from './plan.js';
import type { Ran } from './run.js';
import { destinationFacts, type Outcome, sourceFacts, tally } from './tally.js';
import type { Trial } from './trials.js';

/** What is known beside what was sent. */
export interface Named {
  readonly ruleset: string;
  readonly outputType: string;
  readonly killed: Worker | undefined;
}

/** The facts of all pools. */
export function factsOf(
  plan: TryPlan,
  trials: readonly Trial[],
  ran: Ran,
  { ruleset, outputType, killed }: Named,
): TryFacts {
  const pools = trials.map((trial, index) =>
    poolFacts(trial, ran.outcomes[index] ?? [], ran.refused[index] ?? [], plan.workers, killed),
  );
  const unseen = ran.unseen === undefined ? [] : [`the picture: packets cannot be seen (${ran.unseen})`];
  return {
    version: 1,
    ruleset,
    output_type: outputType,
    agrees: pools.every(({ checks }) => checks.every(({ agrees }) => agrees)),
    killed: killed ? { name: killed.name, ip: killed.ip } : null,
    pools,
    not_tried: [
      ...plan.notTried,
      ...trials.flatMap((trial, index) => cutOf(trial, ran.outcomes[index]?.length ?? 0)),
      ...unseen,
    ],
    exchanges: ran.unseen === undefined ? ran.exchanges : null,
  };
}

/** What was not done of a trial, of whose requests so many were made. */
function cutOf({ pool, jobs, refused, isCut }: Trial, made: number): string[] {
  const { app, ways, destinations } = pool;
  const isNobody = jobs.length === 0 && usedOf(destinations).length > 0;
  const tried = jobs.length > 0 ? jobs : refused;
  const left = ways.length - new Set(tried.map(({ way }) => way)).size;
  return [
    ...(isCut ? [`${app.name}: more than ${jobs.length} requests, because of its limits`] : []),
    ...(made < jobs.length ? [`${app.name}: ${jobs.length - made} requests, as too many had no answer`] : []),
    ...(isNobody ? [`${app.name}: its destinations, as no client of the lab may come`] : []),
    ...(left > 0 ? [`${app.name}: ${left} of its ports`] : []),
    ...(app.allowFrom !== undefined && jobs.length > 0 && refused.length === 0
      ? [`${app.name}: a client that is not in allow_from`]
      : []),
  ];
}

function poolFacts(
  { pool }: Trial,
  outcomes: readonly Outcome[],
  refused: readonly Outcome[],
  workers: readonly Worker[],
  killed: Worker | undefined,
): PoolFacts {
  const counted = tally(pool, outcomes);
  const sources = sourceFacts(outcomes);
  return {
    app: pool.app.name,
    family: pool.family,
    endpoints: pool.ways.map(({ ip, port, protocol }) => ({ ip, port, protocol })),
    clients: new Set(outcomes.map(({ job }) => job.from)).size,
    requests: outcomes.length,
    errors: countOf(outcomes.flatMap(({ result }) => result.error ?? [])),
    destinations: destinationFacts(pool, counted, outcomes, { workers, killed }),
    sources,
    checks: [...checksOf(pool, outcomes, counted, sources, killed), ...checkRefusals(refused)],
  };
}
