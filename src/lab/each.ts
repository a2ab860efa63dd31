// The client's mode `each`: one request after the other, and what became of every one.
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from './ask.js';
import { eachBounded } from './bounded.js';
import { codeOf, greet, hangUp } from './greet.js';
import type { EachRequest, EachResult, Lane, SingleRequest } from './traffic.js';

/** What a client says first, over TCP. */
const GET = 'GET / HTTP/1.0\r\n\r\n';

/** Makes the requests of all lanes, which do not wait for each other, and tells of each as soon as it has ended. */
export async function each({ lanes }: EachRequest, tell: (result: EachResult) => void): Promise<void> {
  await Promise.all(lanes.map((lane) => drive(lane, tell)));
}

async function drive(
  { requests, concurrency, gapMs, mostTimeouts }: Lane,
  tell: (result: EachResult) => void,
): Promise<void> {
  let timeouts = 0;
  await eachBounded(requests, concurrency, async (request) => {
    if (timeouts >= mostTimeouts) {
      tell({ id: request.id, error: 'ECANCELED' });
      return;
    }
    if (gapMs > 0) await sleep(gapMs);
    const result = await one(request);
    if (result.error === 'ETIMEDOUT') timeouts++;
    tell(result);
  });
}

async function one({ id, ...request }: SingleRequest): Promise<EachResult> {
  try {
    const { greeting, micros } = await answerTo(request);
    return { id, greeting, micros };
  } catch (cause) {
    return { id, error: codeOf(cause) };
  }
}

async function answerTo(request: Omit<SingleRequest, 'id'>) {
  const { target, protocol, localAddress, localPort, timeoutMs } = request;
  if (protocol === 'udp') return ask(target, timeoutMs, { localAddress, localPort });
  const { socket, ...answer } = await greet(target, timeoutMs, localAddress, GET);
  hangUp(socket);
  return answer;
}
