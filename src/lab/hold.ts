// The client's mode `hold`: connections that stay open, and whether they still work.
import type { Socket } from 'node:net';
import { eachBounded } from './bounded.js';
import { codeOf, greet, hangUp } from './greet.js';
import {
  countOf,
  DEFAULT_CONCURRENCY,
  DEFAULT_TIMEOUT,
  type Holding,
  type HoldRequest,
  type HoldResult,
  nameOf,
} from './traffic.js';

const DEFAULT_INTERVAL = 100;
const TIMEOUT = 'ETIMEDOUT';

/** One connection, and what became of it. */
class Held {
  /** Why it is not alive any more: an error code. */
  lostBy: string | undefined;
  echoes = 0;
  slowestMs = 0;
  readonly #socket: Socket;
  readonly #timeoutMs: number;
  #waiting: Promise<void> | undefined;
  #settle: () => void = () => undefined;
  #expected = '';
  #received = '';
  #sent = 0;

  constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    socket.on('data', (chunk) => {
      this.#hear(chunk.toString());
    });
    socket.on('error', (cause) => {
      this.#lose(codeOf(cause));
    });
    socket.on('end', () => {
      this.#lose('ECONNRESET');
    });
  }

  /** Sends a line, unless one is on its way; resolves when it is back, or never will be. */
  check(): Promise<void> {
    if (this.lostBy !== undefined) return Promise.resolve();
    this.#waiting ??= this.#exchange();
    return this.#waiting;
  }

  async #exchange(): Promise<void> {
    const begin = performance.now();
    this.#expected = `${++this.#sent}\n`;
    this.#received = '';
    const timer = setTimeout(() => {
      this.#lose(TIMEOUT);
    }, this.#timeoutMs);
    await new Promise<void>((resolve) => {
      this.#settle = resolve;
      this.#socket.write(this.#expected);
    });
    clearTimeout(timer);
    this.#waiting = undefined;
    this.#expected = '';
    if (this.lostBy !== undefined) return;
    this.echoes++;
    this.slowestMs = Math.max(this.slowestMs, performance.now() - begin);
  }

  #hear(text: string): void {
    this.#received += text;
    if (this.#received === this.#expected) this.#settle();
    // What was never sent comes from another connection: this one is broken.
    else if (!this.#expected.startsWith(this.#received)) this.#lose('EPROTO');
  }

  #lose(code: string): void {
    this.lostBy ??= code;
    this.#socket.destroy();
    this.#settle();
  }

  end(): void {
    hangUp(this.#socket);
  }
}

/** Connections that are open, or were. */
export class Holder {
  readonly holding: Holding;
  readonly #held: readonly Held[];
  readonly #timer: NodeJS.Timeout;

  /** Opens the connections that `request` asks for, and begins to send lines. Failures are counted. */
  static async open(request: HoldRequest): Promise<Holder> {
    const { target, connections, timeoutMs = DEFAULT_TIMEOUT, localAddress } = request;
    const held: Held[] = [];
    const destinations: string[] = [];
    const errors: string[] = [];
    await eachBounded(Array(connections).keys(), DEFAULT_CONCURRENCY, async () => {
      try {
        const { socket, greeting } = await greet(target, timeoutMs, localAddress);
        held.push(new Held(socket, timeoutMs));
        destinations.push(nameOf(greeting));
      } catch (cause) {
        errors.push(codeOf(cause));
      }
    });
    const holding = {
      opened: held.length,
      destinations: countOf(destinations),
      errors: countOf(errors),
    };
    return new Holder(held, holding, request.intervalMs ?? DEFAULT_INTERVAL);
  }

  private constructor(held: readonly Held[], holding: Holding, intervalMs: number) {
    this.#held = held;
    this.holding = holding;
    this.#timer = setInterval(() => void this.#checkAll(), intervalMs);
  }

  /** Sends one last line on each connection, ends all, and tells how they fared. */
  async stop(): Promise<HoldResult> {
    clearInterval(this.#timer);
    // First what is on its way, then a line of which it is known that it was sent after `stop`.
    await this.#checkAll();
    await this.#checkAll();
    const held = this.#held;
    const lost = held.flatMap(({ lostBy }) => lostBy ?? []);
    const timeouts = lost.filter((code) => code === TIMEOUT).length;
    const result = {
      opened: held.length,
      alive: held.length - lost.length,
      resets: lost.length - timeouts,
      timeouts,
      echoes: held.reduce((sum, { echoes }) => sum + echoes, 0),
      slowestMs: held.reduce((most, { slowestMs }) => Math.max(most, slowestMs), 0),
      errors: countOf(lost),
    };
    for (const one of held) one.end();
    return result;
  }

  async #checkAll(): Promise<void> {
    await Promise.all(this.#held.map((one) => one.check()));
  }
}
