// Runs a command in the lab to its end.
import type { AgentConnection } from './agent-connection.js';
import { LabError } from './errors.js';
import { withLimit } from './limit.js';

export interface ExecOptions {
  /** All of standard input; nothing if absent. */
  readonly stdin?: string | undefined;
  /** After how many ms the command and its children are killed; 60,000 if absent. */
  readonly timeoutMs?: number | undefined;
}

export interface ExecResult {
  /** Null if a signal ended it. Not 0, with a word of `ip` on stderr, if there is no such command. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

const DEFAULT_LIMIT = 60_000;

/** Runs `argv` in the lab, in no host. Rejects with LabError if it never begins, or does not end in time. */
export async function execute(
  agent: AgentConnection,
  argv: readonly string[],
  { stdin = '', timeoutMs = DEFAULT_LIMIT }: ExecOptions,
): Promise<ExecResult> {
  const output = { stdout: '', stderr: '' };
  const { id, ended } = agent.run(argv, stdin, (stream, text) => {
    output[stream] += text;
  });
  const late = (): LabError => {
    agent.tell({ do: 'kill', id, signal: 'SIGKILL' });
    return new LabError(`${argv.join(' ')} took longer than ${timeoutMs} ms\n${output.stderr}`.trim());
  };
  const { code, signal, error } = await withLimit(ended, timeoutMs, late);
  if (error !== undefined) throw new LabError(`${argv.join(' ')}: ${error}`);
  return { code, signal, ...output };
}
