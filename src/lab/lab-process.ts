// A long-running process in a host of the lab.
import type { AgentConnection, AgentProcess } from './agent-connection.js';
import { LabError } from './errors.js';
import { withLimit } from './limit.js';
import type { Ended } from './protocol.js';

/** How much of standard error is kept: its end, in characters. */
const ERROR_LIMIT = 100_000;

/** A process that was started and not waited for. It ends with the lab at the latest. */
export class LabProcess {
  /** How it ended. Never rejects. */
  readonly ended: Promise<Ended>;
  readonly #agent: AgentConnection;
  readonly #process: AgentProcess;
  readonly #lines: string[] = [];
  #rest = '';
  #stderr = '';
  #isOver = false;
  #wake: () => void = () => undefined;

  /** Use `Lab.start`. */
  constructor(agent: AgentConnection, argv: readonly string[]) {
    this.#agent = agent;
    this.#process = agent.run(argv, null, (stream, text) => {
      if (stream === 'stderr') this.#stderr = (this.#stderr + text).slice(-ERROR_LIMIT);
      else this.#split(text);
    });
    this.ended = this.#process.ended.then((how) => {
      this.#isOver = true;
      if (this.#rest !== '') this.#lines.push(this.#rest);
      this.#wake();
      return how;
    });
  }

  /** What it has written on standard error so far, or the end of it. */
  get stderr(): string {
    return this.#stderr;
  }

  /**
   * The next line of its standard output, without the line's end; undefined after the last. Lines are kept until
   * they are asked for, by one caller at a time. Rejects with LabError if there is none within `timeoutMs`.
   */
  async nextLine(timeoutMs: number): Promise<string | undefined> {
    const line = this.#lines.shift();
    if (line !== undefined || this.#isOver) return line;
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    const late = (): LabError =>
      new LabError(`no line of output within ${timeoutMs} ms. ${this.#stderr}`.trim());
    await withLimit(woken, timeoutMs, late);
    return this.#lines.shift();
  }

  /** Sends a line to its standard input. */
  writeLine(line: string): void {
    this.#agent.tell({ do: 'write', id: this.#process.id, text: `${line}\n` });
  }

  /** Closes its standard input. */
  endInput(): void {
    this.#agent.tell({ do: 'end-input', id: this.#process.id });
  }

  /** Sends a signal to it and to the children in its process group; await `ended` for what comes of it. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#agent.tell({ do: 'kill', id: this.#process.id, signal });
  }

  #split(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    this.#lines.push(...lines);
    if (lines.length > 0) this.#wake();
  }
}
