// A datagram and its answer, as a connection of UDP.
import { createSocket } from 'node:dgram';
import { type Answer, failure, parse } from './greet.js';
import type { Target } from './traffic.js';

/** Where the datagram comes from; the kernel's choice where nothing is said. */
interface Source {
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
}

/**
 * Sends a datagram to `target` and waits for the answer of its server. Rejects with an error that has a `code`:
 * ECONNREFUSED for an ICMP error, ETIMEDOUT after `timeoutMs`, EPROTO for an answer of a stranger.
 */
export function ask({ ip, port }: Target, timeoutMs: number, source: Source): Promise<Answer> {
  return new Promise((resolve, reject) => {
    // Of IPv6 only, or it would hold the port of IPv4, too.
    const type = ip.includes(':') ? 'udp6' : 'udp4';
    const socket = createSocket({ type, ...(type === 'udp6' && { ipv6Only: true }) });
    let begin = 0n;
    const settle = (): void => {
      clearTimeout(timer);
      socket.close();
    };
    const fail = (cause: Error): void => {
      settle();
      reject(cause);
    };
    const timer = setTimeout(fail, timeoutMs, failure('ETIMEDOUT'));
    socket.on('error', fail).on('message', (data) => {
      const micros = Number((process.hrtime.bigint() - begin) / 1000n);
      const greeting = parse(data.toString());
      if (!greeting) {
        fail(failure('EPROTO'));
        return;
      }
      settle();
      resolve({ greeting, micros });
    });
    // Only a connected socket hears of ICMP errors (udp(7)).
    socket.bind(source.localPort ?? 0, source.localAddress, () => {
      socket.connect(port, ip, () => {
        begin = process.hrtime.bigint();
        socket.send('?');
      });
    });
  });
}
