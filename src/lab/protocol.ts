// What the lab's owner and its agent tell each other over the IPC channel of node:child_process.

/** A new process in the lab's own PID namespace. */
export interface RunRequest {
  readonly do: 'run';
  /** Chosen by the owner; names the process in all that follows. */
  readonly id: number;
  readonly argv: readonly string[];
  /** All of standard input; null: a pipe that stays open for `write`. */
  readonly stdin: string | null;
}

/** What the agent does for the owner. `kill` reaches the whole process group. */
export type Request =
  | RunRequest
  | { readonly do: 'write'; readonly id: number; readonly text: string }
  | { readonly do: 'end-input'; readonly id: number }
  | { readonly do: 'kill'; readonly id: number; readonly signal: NodeJS.Signals };

/** How a process ended. */
export interface Ended {
  /** The exit code; null if a signal ended it, or if it never began. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it never began, or that its lab ended first. */
  readonly error?: string;
}

export type OutputStream = 'stdout' | 'stderr';

/** What the agent tells, in the order in which it happened. */
export type Report =
  | { readonly is: 'ready' }
  | { readonly is: 'unable'; readonly reason: string }
  | { readonly is: 'output'; readonly id: number; readonly stream: OutputStream; readonly text: string }
  | { readonly is: 'ended'; readonly id: number; readonly how: Ended };
