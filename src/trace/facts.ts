// What the rules do with a connection, as plain data. It is what `trace --json` prints: docs/trace.md.
import type { Protocol } from '../model/model.js';
import type { Rejection } from './language.js';
import type { Remark } from './walk.js';

export interface Trace {
  /** Of the format; another one if a key changes its meaning or goes. */
  readonly version: 1;
  readonly ruleset: string;
  readonly output_type: string;
  readonly from: string;
  readonly to: PlaceFacts;
  readonly protocol: Protocol;
  readonly down: readonly { readonly ip: string; readonly port: number | null }[];
  /** Their shares make 1. */
  readonly outcomes: readonly OutcomeFacts[];
  readonly notes: readonly NoteFacts[];
  /** Those that decided or are noted, in the order in which they are asked. */
  readonly rules: readonly RuleFacts[];
}

interface PlaceFacts {
  readonly ip: string;
  readonly port: number;
}

export type Verdict = 'balanced' | 'rejected' | 'dropped' | 'not-balanced';

export interface OutcomeFacts {
  readonly verdict: Verdict;
  /** Of the connections, from 0 to 1, with eight decimals. */
  readonly share: number;
  /** Of what is balanced. */
  readonly destination: PlaceFacts | null;
  /** What the destination may see as the client's address. */
  readonly sources: readonly SourceFacts[];
  readonly reject_with: Rejection | null;
  /** Of the rules by which it comes to this; of several draws by the first. */
  readonly lines: readonly number[];
}

export interface SourceFacts {
  /** `client`: it is kept; `masquerade`: that of the interface on the way to the destination; `snat`: one that is named. */
  readonly kind: 'client' | 'masquerade' | 'snat';
  /** Null: the interface's, which is in no rule. */
  readonly ip: string | null;
  /** Of the connections of the outcome. */
  readonly share: number;
}

export interface NoteFacts {
  /** A limit of the spec, over which a connection is dropped; that clients keep destinations; that segments are cut. */
  readonly kind: Remark['kind'];
  readonly line: number;
  /** Of a limit. */
  readonly most: number | null;
  /** True of a limit if it holds for all clients together whom a table of clients has no place for. */
  readonly together: boolean;
  /** Of an affinity: for how long after its last connection a client keeps its destination. */
  readonly seconds: number | null;
}

export interface RuleFacts {
  readonly line: number;
  readonly text: string;
}
