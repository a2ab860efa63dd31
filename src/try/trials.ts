// Which requests are made to a pool, by whom, how fast, and what the rules that were printed do with each.
import type { SingleRequest } from '../lab/traffic.js';
import type { Address } from '../model/address.js';
import { clientsFor, keepsDestination } from './clients.js';
import type { Expectation } from './expectation.js';
import type { Pool, TryPlan, Way } from './plan.js';

/** What becomes of a connection of a client. */
export type Expect = (from: Address, way: Way) => Expectation;

/** One request, and what becomes of it by the rules. */
export interface Job {
  readonly way: Way;
  readonly from: string;
  readonly due: Expectation;
}

/** All that is sent to a pool. */
export interface Trial {
  readonly pool: Pool;
  /** Those that are balanced. */
  readonly jobs: readonly Job[];
  /** Those that are not: of clients that may not come, or that meet an empty pool. */
  readonly refused: readonly Job[];
  readonly concurrency: number;
  /** What is waited for before each request, in ms. */
  readonly gapMs: number;
  /** Less than were asked for, because of limits. */
  readonly isCut: boolean;
}

/** More of them would measure how the lab's own programs wait for each other. */
const CONCURRENCY = 4;
/** How many requests are sent where none is answered. */
const FEW = 3;
/** How long requests of an app with limits may take, in ms. */
const LONGEST = 15_000;
/** How near to a rate of a limit the requests come. */
const NEAR = 0.8;

/** How long an answer is waited for, in ms: TCP sends again what was lost after one second, and after three. */
const PATIENCE = 4_000;
/** The same where none is expected. */
const IMPATIENCE = 700;

/** Where nobody says how many: so many to each pool, and to all of them together, but some to each. */
const USUAL = { each: 1_000, together: 20_000, fewest: 20 };

function usualFor(pools: number): number {
  return Math.max(USUAL.fewest, Math.min(USUAL.each, Math.floor(USUAL.together / pools)));
}

/** All requests: of each pool `asked` that are balanced, as far as its limits let them be; undefined: as many as tell something. */
export function trialsOf(plan: TryPlan, asked: number | undefined, expect: Expect): Trial[] {
  const requests = asked ?? usualFor(plan.pools.length);
  const apps = plan.pools.map(({ app }) => app);
  const taken = new Set([...plan.lab.endpointAddresses, ...plan.workers.map(({ ip }) => ip)]);
  const clientsOf = {
    ipv4: clientsFor(apps, 'ipv4', taken),
    ipv6: clientsFor(apps, 'ipv6', taken),
  };
  return plan.pools.map((pool) => {
    const clients = clientsOf[pool.family];
    const [first] = pool.ways;
    const due = dueFor(pool, clients, expect);
    const balanced = clients.filter((one) => first && due(one, first).error === undefined);
    const others = clients.filter((one) => !balanced.includes(one));
    const pace = paceOf(pool, balanced.length, plan.pools);
    const count = balanced.length === 0 ? 0 : Math.min(requests, pace.most);
    return {
      pool,
      jobs: jobsOf(pool, balanced, count, due),
      refused: jobsOf(
        pool,
        others,
        others.length === 0 ? 0 : Math.max(FEW, Math.min(pool.ways.length, 20)),
        due,
      ),
      concurrency: pace.concurrency,
      gapMs: pace.gapMs,
      isCut: count < requests && balanced.length > 0,
    };
  });
}

/** Asked once for all clients where none is told from another: in a large ruleset a question takes a while. */
function dueFor({ app }: Pool, [anyone]: readonly Address[], expect: Expect): Expect {
  const minds =
    app.allowFrom !== undefined || app.scheduler === 'source-hash' || app.clientAddress === 'preserve';
  return minds ? expect : (from, way) => expect(anyone ?? from, way);
}

/** By turns over all ways, and then over all clients. */
function jobsOf({ ways }: Pool, clients: readonly Address[], count: number, expect: Expect): Job[] {
  return Array.from({ length: count }).flatMap((_, index) => {
    const way = ways[index % ways.length];
    const from = clients[Math.floor(index / ways.length) % clients.length];
    return way && from ? [{ way, from: from.text, due: expect(from, way) }] : [];
  });
}

/** So slow that no limit is met. Clients that keep their destination come one after another, so that it is known when they come again. */
function paceOf(
  { app, ways }: Pool,
  clients: number,
  pools: readonly Pool[],
): Pick<Trial, 'concurrency' | 'gapMs'> & { readonly most: number } {
  const { newPerSecond, newPerSecondPerClient, connectionsPerClient } = app.limits;
  // Its other family is tried at the same time, and counts.
  const together = pools.filter((pool) => pool.app === app).length;
  const rates = [
    ...(newPerSecond === undefined ? [] : [newPerSecond / together]),
    ...(newPerSecondPerClient === undefined ? [] : [newPerSecondPerClient * clients]),
  ];
  const gapMs = rates.length === 0 ? 0 : Math.ceil(1000 / (NEAR * Math.min(...rates)));
  // A flow of UDP is open until conntrack forgets it.
  const isKept = connectionsPerClient !== undefined && ways.some(({ protocol }) => protocol === 'udp');
  return {
    concurrency: gapMs > 0 || connectionsPerClient !== undefined || keepsDestination(app) ? 1 : CONCURRENCY,
    gapMs,
    most: Math.min(
      gapMs === 0 ? Infinity : Math.max(FEW, Math.floor(LONGEST / gapMs)),
      isKept ? connectionsPerClient * clients : Infinity,
    ),
  };
}

/** Ports of UDP clients: no flow is taken for an earlier one. */
const FIRST_PORT = 20_000;
const PORTS = 40_000;

/** What the lab's client is asked for. */
export function requestOf({ way, from, due }: Job, id: number): SingleRequest {
  const { protocol, ip, port } = way;
  return {
    id,
    target: { ip, port },
    protocol,
    localAddress: from,
    ...(protocol === 'udp' && { localPort: FIRST_PORT + (id % PORTS) }),
    timeoutMs: due.error === 'ETIMEDOUT' ? IMPATIENCE : PATIENCE,
  };
}
