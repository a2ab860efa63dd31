// How time and memory are taken.
import { spawnSync } from 'node:child_process';
import { shuffled } from './statistics.mjs';

/** Prints the peak memory of a Node process at its end, in KiB, after a word to find it by. */
const REPORT_MEMORY =
  "data:text/javascript,process.on('exit',()=>process.stderr.write(`maxrss ${process.resourceUsage().maxRSS}\\n`))";

/** @typedef {{ milliseconds: number, mebibytes: number, stdout: string }} Sample */

/**
 * One run of a command, start to finish.
 * @param {readonly string[]} command
 * @returns {Sample}
 */
export function run([program = '', ...args]) {
  const node = program === process.execPath;
  const start = performance.now();
  const { status, stderr, stdout, error } = spawnSync(
    program,
    node ? ['--import', REPORT_MEMORY, ...args] : args,
    {
      encoding: 'utf8',
      maxBuffer: 1 << 30,
    },
  );
  const milliseconds = performance.now() - start;
  if (status !== 0) throw new Error(`${[program, ...args].join(' ')}: ${error?.message ?? stderr}`);
  return { milliseconds, mebibytes: Number(/maxrss (\d+)/.exec(stderr)?.[1] ?? 0) / 1024, stdout };
}

/**
 * Several commands side by side, in rounds of random order, so that what else the machine does hits all of them.
 * @param {readonly (readonly string[])[]} commands
 * @param {number} rounds
 * @returns {Sample[][]} the samples of each command
 */
export function interleaved(commands, rounds) {
  /** @type {Sample[][]} */
  const samples = commands.map(() => []);
  for (let round = 0; round < rounds; round++)
    for (const [index, command] of shuffled([...commands.entries()])) samples[index]?.push(run(command));
  return samples;
}
