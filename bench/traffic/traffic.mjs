// The parts that send packets, in namespaces that end with this process however it ends: the kernel kills unshare when
// its parent is gone, unshare its child, and with that one all that it has started.
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseJson } from '../json.mjs';
import { run } from '../measure.mjs';

/** Root without a user namespace: large rulesets do not load in one. */
const ISOLATED = [
  ...['setpriv', '--pdeathsig', 'KILL'],
  ...['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--'],
];

/** Compiles the client, the server and the injector. @param {string} directory that they go to */
function compile(directory) {
  mkdirSync(directory, { recursive: true });
  for (const name of ['client', 'server', 'inject'])
    run(['gcc', '-O2', '-o', join(directory, name), join(import.meta.dirname, '../src', `${name}.c`)]);
}

/**
 * @param {readonly string[]} parts
 * @param {{ quick: boolean, peers: Readonly<Record<string, string>>, directory: string }} options directory: for programs
 * @param {import('../report.mjs').Results} results
 */
export async function traffic(parts, { quick, peers, directory }, results) {
  compile(directory);
  const [program, ...args] = [...ISOLATED, process.execPath, join(import.meta.dirname, 'inside.mjs')];
  const env = { ...process.env, BENCH_PROGRAMS: directory, BENCH_PEERS: JSON.stringify(peers) };
  const child = spawn(program, [...args, quick ? 'quick' : 'all', ...parts], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  /** @type {Promise<number | null>} */
  const ended = new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  for await (const line of createInterface(child.stdout)) {
    const record = /** @type {import('../report.mjs').Sample | { note: string }} */ (parseJson(line));
    if ('note' in record) results.notes.push(record.note);
    else results.samples.push(record);
  }
  const status = await ended;
  if (status === 0) return;
  // What was measured until then is of use all the same.
  results.notes.push(`the rest: the lab ended with status ${status}`);
  process.exitCode = 1;
}
