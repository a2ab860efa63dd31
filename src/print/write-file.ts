// Writes a printed text to a file of the user's choice. Roles are written by src/files, which keeps a manifest.
import { statSync } from 'node:fs';
import writeFileAtomic from 'write-file-atomic';
import { EnvironmentError } from '../errors.js';

/** Scripts and rules are run as they are: all of them begin with `#!`. */
const EXECUTABLE = 0o755;

/**
 * Writes `text` to `file` by way of a new file beside it and a rename: a reader sees the old text or the new
 * one, and a failure leaves the old one. Throws EnvironmentError if it cannot.
 */
export function writeFile(file: string, text: string): void {
  try {
    // A rename would put a file in the place of a pipe or a device.
    const there = statSync(file, { throwIfNoEntry: false });
    if (there && !there.isFile() && !there.isDirectory()) throw new Error('it is not a regular file');
    writeFileAtomic.sync(file, text, { mode: EXECUTABLE });
  } catch (cause) {
    throw new EnvironmentError(`${file} cannot be written: ${reasonOf(cause)}`, { cause });
  }
}

/** The message of the library names the new file beside, which nobody knows. */
function reasonOf(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such directory',
    ENOTDIR: 'its directory is a file',
    EACCES: 'permission denied',
    EROFS: 'the file system is read-only',
    EISDIR: 'there is a directory of that name',
    ENOSPC: 'the disk is full',
  };
  return reasons[code] ?? (cause instanceof Error ? cause.message : String(cause));
}
