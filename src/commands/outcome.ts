// What a command yields; only cli.ts turns it into streams and an exit code.
import type { Problem } from '../problem/problem.js';

/** Exit codes, an interface like any other: documented in --help, tested. */
export const EXIT = {
  done: 0,
  /** The spec has problems, or the traffic does not do what it says. */
  problems: 1,
  /** The command line or the environment is at fault. */
  usage: 2,
  /** What was generated is stale, or in the way of something that is not ours. */
  stale: 3,
  /** A bug in Pomaloba: EX_SOFTWARE of sysexits(3). */
  bug: 70,
} as const;

export interface Outcome {
  /** The product: printed to standard output when there is no error. */
  readonly stdout: string;
  /** A word about what was done, for standard error. */
  readonly note?: string;
  readonly problems: readonly Problem[];
  /** What --json tells beside the problems. */
  readonly report?: object;
  /** The exit code if there is no error among the problems; 0 if it is not there. */
  readonly exitCode?: number;
}

/** What a command that takes a while can do meanwhile. */
export interface Stage {
  /** Shows how far it is. */
  readonly progress: (text: string) => void;
  /** True if standard output takes colours. */
  readonly isColorful: boolean;
  /** Names what is to be done before a signal ends the program; of several the last. */
  readonly beforeSignal: (cleanUp: () => Promise<void>) => void;
}

/** How to show what a command yields; `cli.ts` has the streams. */
export type Run = (
  command: (stage: Stage) => Outcome | Promise<Outcome>,
  options: {
    /** Problems as JSON instead of text. */
    readonly json: boolean;
    /** True where the report is what was asked for: then JSON goes to standard output. */
    readonly reportIsProduct: boolean;
  },
) => Promise<void>;
