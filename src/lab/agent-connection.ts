// The owner's end of the channel to an agent.
import { type ChildProcess, spawn } from 'node:child_process';
import { withLimit } from './limit.js';
import type { Ended, OutputStream, Report, Request } from './protocol.js';

/** How long, in ms, an agent may take to begin and to end. */
const AGENT_LIMIT = 10_000;
/** How much of what `unshare` and the agent write on standard error is kept, in characters. */
const COMPLAINT_LIMIT = 10_000;

export type OnOutput = (stream: OutputStream, text: string) => void;

interface Running {
  readonly onOutput: OnOutput;
  readonly resolve: (how: Ended) => void;
}

/** A process in the lab, as the owner sees it. */
export interface AgentProcess {
  readonly id: number;
  /** Never rejects; a lab that ends kills all its processes. */
  readonly ended: Promise<Ended>;
}

/** What an agent's command said instead of becoming an agent. */
export class AgentStartError extends Error {
  override readonly name = 'AgentStartError';
}

/** An agent that is up, and its processes. */
export class AgentConnection {
  readonly #child: ChildProcess;
  readonly #running = new Map<number, Running>();
  readonly #closed: Promise<void>;
  #lastId = 0;
  #complaint = '';
  #isOver = false;

  /**
   * Starts `command`, which has to become an agent. Rejects with AgentStartError if it does not.
   *
   * It gets a session of its own, so that Ctrl-C on a terminal reaches the owner alone: the owner decides
   * whether it closes the lab and reports, or dies, and the lab with it.
   */
  static async start([program = '', ...args]: readonly string[]): Promise<AgentConnection> {
    const env = { ...process.env };
    // Meant for the owner: a debugger or a test runner's loader.
    delete env['NODE_OPTIONS'];
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], detached: true, env });
    const connection = new AgentConnection(child);
    await connection.#ready();
    return connection;
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-COMPLAINT_LIMIT);
    });
    child.on('message', (report: Report) => {
      this.#hear(report);
    });
    child.on('error', (cause) => {
      this.#complaint ||= cause.message;
    });
    this.#closed = gone(child).then(() => {
      this.#over();
    });
  }

  /** Starts a process; `stdin` as in RunRequest. */
  run(argv: readonly string[], stdin: string | null, onOutput: OnOutput): AgentProcess {
    const id = ++this.#lastId;
    const ended = new Promise<Ended>((resolve) => {
      this.#running.set(id, { onOutput, resolve });
    });
    if (this.#isOver) this.#over();
    else this.tell({ do: 'run', id, argv, stdin });
    return { id, ended };
  }

  /** Asks the agent for something; nothing happens if the lab has ended. */
  tell(request: Request): void {
    if (this.#child.connected) this.#child.send(request, () => undefined);
  }

  /** Ends the agent and with it all processes and namespaces; resolves when they are gone. */
  async close(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    // `unshare --kill-child` passes it on to the agent.
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), AGENT_LIMIT);
    await this.#closed;
    clearTimeout(timer);
  }

  async #ready(): Promise<void> {
    const first = new Promise<string | undefined>((resolve) => {
      this.#child.once('message', (report: Report) => {
        resolve(report.is === 'unable' ? report.reason : undefined);
      });
      void this.#closed.then(() => {
        resolve(summaryOf(this.#complaint) || `ended with code ${String(this.#child.exitCode)}`);
      });
    });
    const late = (): Error => new AgentStartError(`no answer within ${AGENT_LIMIT / 1000} s`);
    try {
      const trouble = await withLimit(first, AGENT_LIMIT, late);
      if (trouble !== undefined) throw new AgentStartError(trouble);
    } catch (cause) {
      await this.close();
      throw cause;
    }
  }

  #hear(report: Report): void {
    if (report.is === 'output') this.#running.get(report.id)?.onOutput(report.stream, report.text);
    if (report.is !== 'ended') return;
    const running = this.#running.get(report.id);
    this.#running.delete(report.id);
    running?.resolve(report.how);
  }

  #over(): void {
    this.#isOver = true;
    const message = ['the lab has ended', summaryOf(this.#complaint)].filter(Boolean).join(': ');
    for (const { resolve } of this.#running.values()) {
      resolve({ code: null, signal: 'SIGKILL', error: message });
    }
    this.#running.clear();
  }
}

/** What a command has said; of an uncaught error of Node only the line that tells what it is. */
function summaryOf(complaint: string): string {
  return /^\w*Error: .*$/m.exec(complaint)?.[0] ?? complaint.trim();
}

/**
 * Resolves when neither `unshare` nor the agent is there any more: the agent, too, holds standard error open, and
 * its end is the end of the lab. Not the event 'close' of `child`: Node 20 fails to emit it after `disconnect`.
 */
async function gone(child: ChildProcess): Promise<void> {
  const { stderr } = child;
  const drained = new Promise<void>((resolve) => {
    if (stderr) stderr.once('close', resolve);
    else resolve();
  });
  await new Promise<void>((resolve) => {
    child.once('exit', () => {
      resolve();
    });
    // Without a process, there is no exit. Later errors are those of a broken channel.
    child.once('error', () => {
      if (child.pid === undefined) resolve();
    });
  });
  await drained;
}
