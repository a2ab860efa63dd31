// How time and memory are taken.
import { spawnSync } from 'node:child_process';

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
 * Several commands side by side, in rounds, so that what else the machine does hits all of them.
 * @param {readonly (readonly string[])[]} commands
 * @param {number} rounds
 * @returns {Sample[][]} the samples of each command
 */
export function interleaved(commands, rounds) {
  /** @type {Sample[][]} */
  const samples = commands.map(() => []);
  for (let round = 0; round < rounds; round++)
    commands.forEach((command, index) => samples[index]?.push(run(command)));
  return samples;
}

/** @param {readonly Sample[]} samples */
export function median(samples) {
  const sorted = samples.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

/** `12 ms [11..14]` @param {readonly Sample[]} samples */
export function spread(samples) {
  const times = samples.map(({ milliseconds }) => milliseconds);
  return `${median(samples).toFixed(0)} ms [${Math.min(...times).toFixed(0)}..${Math.max(...times).toFixed(0)}]`;
}
