// What was tried and what came of it, as plain data. It is what `try --json` prints: docs/try.md.
import type { Family } from '../model/address.js';
import type { Exchange } from './exchanges.js';
import type { ShareTest } from './chi-square.js';

export interface TryFacts {
  /** Of the format; another one if a key changes its meaning or goes. */
  readonly version: 1;
  readonly ruleset: string;
  readonly output_type: string;
  /** True if the traffic did what the spec says, in all that was checked. */
  readonly agrees: boolean;
  readonly killed: WorkerFacts | null;
  readonly pools: readonly PoolFacts[];
  /** What of the spec was not tried, in words. */
  readonly not_tried: readonly string[];
  /** The first connections, and with a killed worker one to it, by the packets that the load balancer saw; null: nobody looked. */
  readonly exchanges: readonly Exchange[] | null;
}

interface WorkerFacts {
  readonly name: string;
  readonly ip: string;
}

export interface PoolFacts {
  readonly app: string;
  readonly family: Family;
  readonly endpoints: readonly { readonly ip: string; readonly port: number; readonly protocol: string }[];
  /** How many client addresses the requests came from. */
  readonly clients: number;
  readonly requests: number;
  /** Error codes of those that were not answered. */
  readonly errors: Readonly<Record<string, number>>;
  readonly destinations: readonly DestinationFacts[];
  /** What the destinations saw as the client's address. */
  readonly sources: readonly SourceFacts[];
  readonly checks: readonly Check[];
}

export interface DestinationFacts extends WorkerFacts {
  /** Null: the client's. */
  readonly port: number | null;
  readonly weight: number;
  readonly backup: boolean;
  /** Requests that it answered. */
  readonly requests: number;
  /** Of a worker that was stopped, those that nobody answered since. */
  readonly failed: number;
  /** Of all requests, and what the rules say, from 0 to 1. */
  readonly share: number;
  readonly expected: number;
  /** From the first packet to the answer, in µs; null if it answered nothing. */
  readonly latency: { readonly p50: number; readonly p99: number } | null;
}

export interface SourceFacts {
  readonly ip: string;
  readonly requests: number;
  readonly expected: number;
}

/** One question, and whether the traffic is as the spec says. */
export interface Check {
  readonly of: 'answers' | 'shares' | 'sources' | 'refusals';
  readonly agrees: boolean;
  /** In words. */
  readonly says: string;
  readonly test: ShareTest | null;
}
