// Opens a connection and waits for the server's greeting.
import { createConnection, type Socket } from 'node:net';
import type { Greeting, Target } from './traffic.js';

/** What a server said. */
export interface Answer {
  readonly greeting: Greeting;
  /** From the first packet to the greeting, in microseconds. */
  readonly micros: number;
}

/** A connection on which the server has spoken. */
interface Greeted extends Answer {
  readonly socket: Socket;
}

/** A greeting has less; more without an end of line comes from no server of the lab. */
const GREETING_LIMIT = 1000;

/** An error that has a `code`, as those of Node have. */
export function failure(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}

/** What the server said; undefined if it is no server of the lab. */
export function parse(text: string): Greeting | undefined {
  try {
    const value = JSON.parse(text) as Partial<Greeting> | null;
    return typeof value?.ip === 'string' ? (value as Greeting) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Connects to `target`. Rejects with an error that has a `code`: one of connect(2) or read(2), ETIMEDOUT after
 * `timeoutMs`, ECONNRESET if the server closed without a word, EPROTO if it speaks of other things. `first` is what a server
 * has to be told before it speaks, if any.
 */
export function greet(
  target: Target,
  timeoutMs: number,
  localAddress?: string,
  first?: string,
): Promise<Greeted> {
  return new Promise((resolve, reject) => {
    const begin = process.hrtime.bigint();
    const socket = dial(target, localAddress, first);
    let text = '';
    const settle = (): void => {
      clearTimeout(timer);
      socket.off('error', fail).off('end', closed).off('data', hear);
      // A later error must not end the process; who goes on using the socket listens as well.
      socket.on('error', () => undefined);
    };
    const fail = (cause: Error): void => {
      settle();
      socket.destroy();
      reject(cause);
    };
    const closed = (): void => {
      fail(failure('ECONNRESET'));
    };
    const hear = (chunk: Buffer): void => {
      text += chunk.toString();
      if (!text.includes('\n') && text.length < GREETING_LIMIT) return;
      const micros = Number((process.hrtime.bigint() - begin) / 1000n);
      const greeting = parse(text);
      if (!greeting) {
        fail(failure('EPROTO'));
        return;
      }
      settle();
      resolve({ socket, greeting, micros });
    };
    const timer = setTimeout(fail, timeoutMs, failure('ETIMEDOUT'));
    socket.on('error', fail).on('end', closed).on('data', hear);
  });
}

function dial({ ip, port }: Target, localAddress: string | undefined, first: string | undefined): Socket {
  const source = localAddress === undefined ? {} : { localAddress };
  const socket = createConnection({ host: ip, port, noDelay: true, ...source });
  if (first !== undefined) socket.write(first);
  return socket;
}

/** The code of an error that `greet` rejects with. */
export function codeOf(cause: unknown): string {
  return (cause as NodeJS.ErrnoException).code ?? String(cause);
}

/**
 * Ends a connection by a reset. A normal end would leave the client's port in TIME_WAIT for a minute, and the
 * 28,000 ephemeral ports would be used up within three probes of 10,000 connections; conntrack on the load
 * balancer, too, forgets a reset connection after 10 s instead of 120 s. The greeting has been read: no data
 * can be lost.
 */
export function hangUp(socket: Socket): void {
  socket.resetAndDestroy();
}
