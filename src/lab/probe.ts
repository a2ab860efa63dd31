// The client's mode `probe`: many short connections, and who answered them.
import { eachBounded } from './bounded.js';
import { ask } from './ask.js';
import { type Answer, codeOf, greet, hangUp } from './greet.js';
import { percentile } from './percentile.js';
import {
  countOf,
  DEFAULT_CONCURRENCY,
  DEFAULT_TIMEOUT,
  nameOf,
  type ProbeRequest,
  type ProbeResult,
  type Target,
  type TargetResult,
} from './traffic.js';

/** Where the results of one target gather. */
interface Tally {
  readonly target: Target;
  readonly greeted: Answer[];
  readonly errors: string[];
}

/** Opens the connections that `request` asks for, in the order of its targets. Failures are counted. */
export async function probe(request: ProbeRequest): Promise<ProbeResult> {
  const { connections, concurrency = DEFAULT_CONCURRENCY, timeoutMs = DEFAULT_TIMEOUT } = request;
  const tallies = request.targets.map((target): Tally => ({ target, greeted: [], errors: [] }));
  await eachBounded(repeated(tallies, connections), concurrency, async ({ target, greeted, errors }) => {
    try {
      greeted.push(await one(target, timeoutMs, request));
    } catch (cause) {
      errors.push(codeOf(cause));
    }
  });
  return Object.fromEntries(tallies.map((tally) => [nameOf(tally.target), resultOf(tally)]));
}

async function one(target: Target, timeoutMs: number, request: ProbeRequest): Promise<Answer> {
  if (request.protocol === 'udp') return ask(target, timeoutMs, request);
  const { socket, ...answer } = await greet(target, timeoutMs, request.localAddress);
  hangUp(socket);
  return answer;
}

function* repeated<Item>(items: readonly Item[], times: number): Generator<Item, undefined> {
  for (const item of items) for (let i = 0; i < times; i++) yield item;
  return undefined;
}

function resultOf({ greeted, errors }: Tally): TargetResult {
  const sorted = greeted.map(({ micros }) => micros).sort((one, other) => one - other);
  return {
    destinations: countOf(greeted.map(({ greeting }) => nameOf(greeting))),
    sources: countOf(greeted.map(({ greeting }) => greeting.from)),
    errors: countOf(errors),
    ...(sorted.length > 0 && { latency: { p50: percentile(sorted, 50), p99: percentile(sorted, 99) } }),
  };
}
