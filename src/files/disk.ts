// Looking at the disk and writing to it. Symbolic links below the root are never followed: a repository is
// changed by many hands, and a link in it could lead a write anywhere.
import { chmodSync, closeSync, fsyncSync, lstatSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { renameSync, rmdirSync, rmSync, type Stats, statSync, unlinkSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EnvironmentError } from '../errors.js';
import type { Found } from './found.js';
import { hashOf } from './text.js';

const FILE_MODE = 0o644;
const EXECUTABLE_MODE = 0o755;
const OWNER_EXECUTES = 0o100;
/** The data of ten thousand apps is 20 MB; nothing of ours is larger. */
const MOST_BYTES = 256 * 1024 * 1024;

/** What there is at `path` below `root`; only `root` itself may be reached by a symbolic link. */
export function find(root: string, path: string): Found {
  const steps = path.split('/');
  for (let depth = 1; depth < steps.length; depth++) {
    const parent = steps.slice(0, depth).join('/');
    const stats = look(join(root, parent));
    if (!stats) return { kind: 'absent' };
    if (!stats.isDirectory()) return { kind: 'obstacle', what: `${parent} is ${kindOf(stats)}` };
  }
  const file = join(root, path);
  const stats = look(file);
  if (!stats) return { kind: 'absent' };
  if (!stats.isFile()) return { kind: 'obstacle', what: `it is ${kindOf(stats)}` };
  if (stats.size > MOST_BYTES) return { kind: 'obstacle', what: 'it is too large to be ours' };
  const bytes = attempt(file, 'read', () => readFileSync(file));
  const executable = (stats.mode & OWNER_EXECUTES) !== 0;
  return { kind: 'file', text: bytes.toString('utf8'), hash: hashOf(bytes), executable };
}

/** Throws EnvironmentError if there is something at `root` that cannot hold files. */
export function checkRoot(root: string): void {
  const stats = attempt(root, 'read', () => statSync(root, { throwIfNoEntry: false }));
  if (stats && !stats.isDirectory()) throw new EnvironmentError(`${root} is not a directory`);
}

/**
 * Writes `text` to `path` below `root` as a whole or not at all, by way of `temporary` (also below `root`). What a
 * killed run may have left there is replaced. The mode does not depend on the umask.
 */
export function write(
  root: string,
  path: string,
  text: string,
  executable: boolean,
  temporary: string,
): void {
  const file = join(root, path);
  attempt(file, 'written', () => {
    makeDirectories(root, path);
    const beside = join(root, temporary);
    rmSync(beside, { force: true });
    const descriptor = openSync(beside, 'wx');
    try {
      writeAll(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    chmodSync(beside, executable ? EXECUTABLE_MODE : FILE_MODE);
    renameSync(beside, file);
  });
}

function writeAll(descriptor: number, text: string): void {
  const bytes = Buffer.from(text, 'utf8');
  for (let written = 0; written < bytes.length;) written += writeSync(descriptor, bytes, written);
}

/** Removes the file, and then the directories above it that this leaves empty, but not `root`. */
export function remove(root: string, path: string): void {
  refuseLinks(root, path);
  const file = join(root, path);
  attempt(file, 'removed', () => {
    if (look(file)) unlinkSync(file);
  });
  removeEmptyParents(root, path);
}

/** Removes the directories above `path` that are empty. */
export function removeEmptyParents(root: string, path: string): void {
  for (let parent = dirname(path); parent !== '.'; parent = dirname(parent)) {
    try {
      if (look(join(root, parent))?.isDirectory()) rmdirSync(join(root, parent));
    } catch {
      // Not empty, or not ours to remove: then it stays, and so do those above it.
      return;
    }
  }
}

/** Removes what a killed run may have left. */
export function removeTemporary(root: string, temporary: string): void {
  attempt(join(root, temporary), 'removed', () => {
    rmSync(join(root, temporary), { force: true });
  });
}

function makeDirectories(root: string, path: string): void {
  mkdirSync(root, { recursive: true });
  refuseLinks(root, path);
  const steps = path.split('/').slice(0, -1);
  steps.forEach((_, index) => {
    const directory = join(root, ...steps.slice(0, index + 1));
    if (look(directory)) return;
    mkdirSync(directory);
    chmodSync(directory, EXECUTABLE_MODE);
  });
}

/** The plan has seen to this; a link that was made since must not lead us out, either. */
function refuseLinks(root: string, path: string): void {
  const found = find(root, path);
  if (found.kind === 'obstacle')
    throw new EnvironmentError(`${join(root, path)} is in the way: ${found.what}`);
}

function look(file: string): Stats | undefined {
  return attempt(file, 'read', () => lstatSync(file, { throwIfNoEntry: false }));
}

function kindOf(stats: Stats): string {
  if (stats.isSymbolicLink()) return 'a symbolic link';
  if (stats.isDirectory()) return 'a directory';
  return stats.isFile() ? 'a file' : 'neither a file nor a directory';
}

function attempt<Value>(file: string, done: 'read' | 'written' | 'removed', action: () => Value): Value {
  try {
    return action();
  } catch (cause) {
    if (cause instanceof EnvironmentError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EnvironmentError(`${file} cannot be ${done}: ${reason}`, { cause });
  }
}
