// Stamps: a file inside something made (node_modules, dist, ...) that holds the hash of what it was made from.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './shell.mjs';

const STAMP = '.pomaloba-stamp';

/** @param {string} text */
export function hashOf(text) {
  return createHash('sha256').update(text).digest('hex');
}

/** The hash of the names and contents of files, given relative to the root. @param {readonly string[]} files */
export function hashOfFiles(files) {
  const hash = createHash('sha256');
  for (const file of [...files].sort()) {
    const content = readFileSync(join(ROOT, file));
    hash.update(`${file}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

/** What Python makes of modules, beside them. */
export const BYTECODE = '__pycache__';

/** Every file below a directory, relative to the root, but for Python's bytecode. @param {string} directory */
export function filesBelow(directory) {
  return readdirSync(join(ROOT, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.endsWith(BYTECODE))
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length));
}

/**
 * @param {string} directory
 * @param {string} hash
 */
export function isStamped(directory, hash) {
  try {
    return readFileSync(join(directory, STAMP), 'utf8').trim() === hash;
  } catch {
    return false;
  }
}

/**
 * @param {string} directory
 * @param {string} hash
 */
export function writeStamp(directory, hash) {
  writeFileSync(join(directory, STAMP), `${hash}\n`);
}
