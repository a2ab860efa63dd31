// The parts of the benchmark, and what becomes of their figures.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { benchAnsible } from './ansible.mjs';
import { run } from './measure.mjs';
import { benchRendering, benchRole, benchStart } from './program.mjs';
import { markdown } from './report.mjs';
import { targets } from './targets.mjs';
import { traffic } from './traffic/traffic.mjs';

/** @typedef {import('./report.mjs').Results} Results */

/** Those that send packets. */
export const TRAFFIC = ['packets', 'tcp', 'loads', 'reloads', 'blast'];
const PROGRAM = { start: benchStart, render: benchRendering, role: benchRole };
export const PARTS = [...Object.keys(PROGRAM), ...TRAFFIC, 'ansible'];

/** Where the tables go in a file. */
const MARKS = /** @type {const} */ ([
  '<!-- bench: made by npm run bench -- --write -->',
  '<!-- bench: end -->',
]);

/**
 * @typedef {object} Options
 * @property {readonly string[]} parts
 * @property {boolean} quick
 * @property {string} [json] a file for the data, `-` for stdout
 * @property {string} [write] a file whose part between the marks becomes the tables
 * @property {string | undefined} [obstacle] what keeps this machine from running container load balancers
 * @property {Readonly<Record<string, string>>} peers the roots that they are unpacked in
 * @property {readonly string[]} missing what else could not be had
 */

/** @param {readonly string[]} command */
function firstLine(command) {
  return run(command).stdout.trim().split('\n')[0] ?? '';
}

function machine() {
  const memory = `${(totalmem() / 2 ** 30).toFixed(0)} GiB`;
  const programs = [firstLine(['nft', '--version']), firstLine(['iptables', '--version'])];
  const cpu = `${cpus()[0]?.model ?? 'unknown CPU'} x ${cpus().length}`;
  return [cpu, memory, `Linux ${release()}`, `Node ${process.version}`, ...programs].join(', ');
}

/** @param {Options} options @param {string} directory @param {Results} results */
async function measure({ parts, quick, obstacle, peers, missing }, directory, results) {
  for (const [part, program] of Object.entries(PROGRAM))
    if (parts.includes(part)) program(directory, quick, results);
  const wanted = TRAFFIC.filter((part) => parts.includes(part));
  results.notes.push(...missing);
  if (wanted.length > 0 && process.getuid?.() !== 0)
    results.notes.push(`${wanted.join(', ')}: need root (sudo npm run bench)`);
  else if (wanted.length > 0)
    await traffic(wanted, { quick, peers, directory: join(directory, 'programs') }, results);
  if (!parts.includes('ansible')) return;
  if (obstacle === undefined) benchAnsible(directory, results);
  else results.notes.push(`ansible-playbook: ${obstacle}`);
}

/** @param {string} file @param {string} tables */
function write(file, tables) {
  const text = readFileSync(file, 'utf8');
  const [begin, end] = MARKS.map((mark) => text.indexOf(mark));
  if (begin === undefined || end === undefined || begin < 0 || end < begin)
    throw new Error(`${file} has no lines ${MARKS.join(' and ')}`);
  writeFileSync(file, `${text.slice(0, begin)}${MARKS[0]}\n\n${tables}\n${text.slice(end)}`);
}

/** @param {Options} options */
export async function bench(options) {
  const directory = mkdtempSync(join(tmpdir(), 'pomaloba-bench-'));
  const date = new Date().toISOString().slice(0, 10);
  /** @type {Results} */
  const results = { machine: machine(), date, samples: [], notes: [] };
  try {
    await measure(options, directory, results);
  } finally {
    rmSync(directory, { recursive: true });
  }
  const style = await resolveConfig(options.write ?? 'x.md');
  const tables = await format(markdown(results), { ...style, parser: 'markdown' });
  const data = `${JSON.stringify({ ...results, targets: targets(results.samples) }, undefined, 1)}\n`;
  if (options.json !== undefined && options.json !== '-') writeFileSync(options.json, data);
  process.stdout.write(options.json === '-' ? data : tables);
  if (options.write !== undefined) write(options.write, tables);
}
