// Traffic from any host: a request as a line of JSON on standard input, results as lines of JSON.
import { createInterface } from 'node:readline';
import { each } from './each.js';
import { Holder } from './hold.js';
import { probe } from './probe.js';
import { type ClientRequest, STOP } from './traffic.js';

function print(what: object): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function nextLine(): Promise<string | undefined> {
  const next = await lines.next();
  return next.done === true ? undefined : next.value;
}

const request = JSON.parse((await nextLine()) ?? '') as ClientRequest;
if (request.mode === 'probe') {
  print(await probe(request.probe));
} else if (request.mode === 'each') {
  await each(request.each, print);
} else {
  const holder = await Holder.open(request.hold);
  print(holder.holding);
  let line = await nextLine();
  // The end of the input is a stop, too.
  while (line !== undefined && line !== STOP) line = await nextLine();
  print(await holder.stop());
}
// The input may still be open.
process.stdin.destroy();
