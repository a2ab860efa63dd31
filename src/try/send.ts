// Sends the requests of all pools, in the order of their lists, a part at a time.
import type { Lab } from '../lab/lab.js';
import type { Lane } from '../lab/traffic.js';
import type { Worker } from './plan.js';
import type { Outcome } from './tally.js';
import { type Job, requestOf, type Trial } from './trials.js';

/** A part of the requests to a pool. */
interface Part {
  readonly trial: number;
  readonly jobs: readonly Job[];
  readonly concurrency: number;
}

/** When so many to a pool have had no answer, the others would not have one either, and take long. */
const MOST_TIMEOUTS = 12;

/** Requests of a number of trials, and what became of them. */
export class Sender {
  /** By trial, in the order in which they ended. */
  readonly outcomes: readonly Outcome[][];
  readonly refused: readonly Outcome[][];
  /** True when a worker is gone. */
  isLate = false;
  readonly #lab: Lab;
  readonly #trials: readonly Trial[];
  readonly #progress: (text: string) => void;
  /** How many of each trial's requests are made. */
  readonly #made: number[];
  readonly #total: number;
  #ended = 0;
  #lastId = 0;

  constructor(lab: Lab, trials: readonly Trial[], progress: (text: string) => void) {
    this.#lab = lab;
    this.#trials = trials;
    this.#progress = progress;
    this.#made = trials.map(() => 0);
    this.outcomes = trials.map(() => []);
    this.refused = trials.map(() => []);
    this.#total = trials.reduce((sum, { jobs, refused }) => sum + jobs.length + refused.length, 0);
  }

  /** The first few to the first pool that takes any, one after another. */
  async sendFirst(count: number): Promise<void> {
    const trial = Math.max(
      0,
      this.#trials.findIndex(({ jobs }) => jobs.length > 0),
    );
    await this.#sendFrom([{ trial, jobs: this.#next(trial, count), concurrency: 1 }]);
  }

  /** So many that each pool has had half of its requests. */
  async sendHalf(): Promise<void> {
    await this.#sendUpTo(({ jobs }) => Math.ceil(jobs.length / 2));
  }

  async sendRest(): Promise<void> {
    await this.#sendUpTo(({ jobs }) => jobs.length);
  }

  /** One after another to a pool that `worker` is in, until one fails, but at most so many. */
  async sendUntilFailure(worker: Worker, most: number): Promise<void> {
    const trial = this.#trials.findIndex(
      ({ pool, jobs }) =>
        jobs.length > 0 && pool.destinations.some(({ address }) => address.text === worker.ip),
    );
    const seen = this.outcomes[trial];
    const hasFailed = (): boolean => seen?.at(-1)?.result.error !== undefined;
    for (let made = 0; seen && made < most && (made === 0 || !hasFailed()); made++) {
      await this.#sendFrom([{ trial, jobs: this.#next(trial, 1), concurrency: 1 }]);
    }
  }

  /** Those that are not to be answered. */
  async sendRefused(): Promise<void> {
    const parts = this.#trials.map(({ refused: jobs, concurrency }, trial) => ({ trial, jobs, concurrency }));
    await this.#send(parts, this.refused);
  }

  async #sendUpTo(limitOf: (trial: Trial) => number): Promise<void> {
    await this.#sendFrom(
      this.#trials.map((one, trial) => ({
        trial,
        jobs: this.#next(trial, limitOf(one) - (this.#made[trial] ?? 0)),
        concurrency: one.concurrency,
      })),
    );
  }

  #next(trial: number, count: number): readonly Job[] {
    const first = this.#made[trial] ?? 0;
    const jobs = this.#trials[trial]?.jobs.slice(first, first + Math.max(0, count)) ?? [];
    this.#made[trial] = first + jobs.length;
    return jobs;
  }

  async #sendFrom(parts: readonly Part[]): Promise<void> {
    await this.#send(parts, this.outcomes);
  }

  async #send(parts: readonly Part[], into: readonly Outcome[][]): Promise<void> {
    // Where no answer is due, none is no surprise.
    const mostTimeouts = into === this.outcomes ? MOST_TIMEOUTS : Number.MAX_SAFE_INTEGER;
    const pending = new Map<number, { readonly trial: number; readonly job: Job }>();
    const lanes = parts.map(({ trial, jobs, concurrency }): Lane => {
      const requests = jobs.map((job) => {
        const id = ++this.#lastId;
        pending.set(id, { trial, job });
        return requestOf(job, id);
      });
      const gapMs = this.#trials[trial]?.gapMs ?? 0;
      return { requests, concurrency, gapMs, mostTimeouts };
    });
    if (pending.size === 0) return;
    await this.#lab.each('client', lanes, (result) => {
      const sent = pending.get(result.id);
      if (sent && result.error !== 'ECANCELED')
        into[sent.trial]?.push({ job: sent.job, result, isLate: this.isLate });
      this.#progress(`${++this.#ended} of ${this.#total} requests`);
    });
  }
}
