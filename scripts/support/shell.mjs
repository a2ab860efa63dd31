// Running other programs. Only Node's built-ins: node_modules may be missing when this is used.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the repository. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Where system tools live that a normal user's PATH often leaves out. */
const SYSTEM_DIRECTORIES = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** Whether this runs in CI, where what cannot be tested is a failure. */
export function isCi() {
  return !['', '0', 'false'].includes(process.env['CI'] ?? '');
}

/** Tells on stderr what is going on: stdout belongs to the program that was asked for. @param {string} line */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/** @param {unknown} reason */
export function messageOf(reason) {
  return reason instanceof Error ? reason.message : String(reason);
}

function searchPath() {
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((directory) => directory !== '');
  return [...new Set([...path, ...SYSTEM_DIRECTORIES])];
}

/** Lets every program started from here on find the tools in /usr/sbin. */
export function extendPath() {
  process.env['PATH'] = searchPath().join(delimiter);
}

/** @param {string} file */
function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Whether there is such a command. @param {string} command */
export function isInstalled(command) {
  return searchPath().some((directory) => isExecutable(join(directory, command)));
}

/**
 * @typedef {object} RunOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env] added to this process's own
 */

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} options
 * @param {import('node:child_process').StdioOptions} stdio
 */
function spawn(command, args, options, stdio) {
  const env = { ...process.env, ...options.env };
  return spawnSync(command, args, { cwd: options.cwd ?? ROOT, env, stdio, maxBuffer: 1e8, encoding: 'utf8' });
}

/**
 * Runs a program in the foreground; gives its exit status.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 */
export function runInherited(command, args, options = {}) {
  return spawn(command, args, options, 'inherit').status ?? 1;
}

/**
 * Runs a program, its output on stderr; throws if it fails.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 */
export function run(command, args, options = {}) {
  const { status, error } = spawn(command, args, options, ['inherit', 2, 2]);
  if (status !== 0) throw new Error(error?.message ?? `${command} ${args.join(' ')} failed`);
}

/**
 * Runs a program and keeps its output to itself: shown only in the error if it fails.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 */
export function runQuietly(command, args, options = {}) {
  const { status, error, stdout, stderr } = spawn(command, args, options, ['ignore', 'pipe', 'pipe']);
  if (status === 0) return stdout.trim();
  const output = error?.message ?? (stderr.trim() || stdout.trim() || `${command} failed`);
  throw new Error(output.split('\n').slice(-10).join('\n'));
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 */
export function succeeds(command, args) {
  return spawn(command, args, {}, 'ignore').status === 0;
}
