// From what the user names (files, directories, `-`) to texts. The only stage that reads specs from disk.
import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { error, type Problem } from '../problem/problem.js';
import { decode } from './decode.js';
import { identityOf } from './identity.js';

/** Ten thousand apps of ten destinations are about 5 MB; more than this is a mistake or an attack. */
const MOST_BYTES = 8 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;
const STDIN = 0;
const SPEC_FILE = /^[^.].*\.(?:json|ya?ml)$/;

/** One text to parse, and what to call it in messages. */
export interface Source {
  readonly file: string;
  readonly text: string;
}

export interface Sources {
  readonly sources: readonly Source[];
  /** All that was named or found, as messages call it, in its order; also what could not be read. */
  readonly files: readonly string[];
  /** What identityOf says of the files that were read. */
  readonly identities: ReadonlySet<string>;
  readonly problems: readonly Problem[];
}

/**
 * Reads all that `inputs` name, in their order: a file, a directory (its *.json, *.yaml and *.yml, sorted
 * by name, without subdirectories), or `-` for standard input.
 */
export function readSources(inputs: readonly string[]): Sources {
  const sources: Source[] = [];
  const problems: Problem[] = [];
  const files = new Set<string>();
  const identities = new Set<string>();
  for (const file of new Set(inputs.flatMap((input) => expand(input, files, problems)))) {
    files.add(nameOf(file));
    const source = readSource(file, identities, problems);
    if (source) sources.push(source);
  }
  return { sources, files: [...files], identities, problems };
}

/** The files of a directory; anything else as it is. */
function expand(input: string, files: Set<string>, problems: Problem[]): string[] {
  if (input === '-') return [input];
  files.add(input);
  try {
    if (!statSync(input).isDirectory()) return [input];
    // By code unit: the order must not depend on the locale.
    const names = readdirSync(input)
      .filter((name) => SPEC_FILE.test(name))
      .sort();
    if (names.length === 0) {
      problems.push(
        error('no-specs', { file: input }, 'the directory holds no spec', {
          hint: 'specs are files that end in .json, .yaml or .yml; subdirectories are not searched',
        }),
      );
    }
    const paths = names.map((name) => join(input, name)).filter((path) => !isDirectory(path));
    for (const path of paths) files.add(path);
    return paths;
  } catch (cause) {
    problems.push(unreadable(input, cause));
    return [];
  }
}

/** False, too, for what cannot be looked at (a dangling link): reading it tells why. */
function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function nameOf(file: string): string {
  return file === '-' ? '<stdin>' : file;
}

function readSource(file: string, identities: Set<string>, problems: Problem[]): Source | undefined {
  const name = nameOf(file);
  try {
    const bytes = file === '-' ? readOpen(STDIN, identities) : readFile(file, identities);
    if (bytes.length <= MOST_BYTES) {
      const text = decode(name, bytes);
      if (typeof text === 'string') return { file: name, text };
      problems.push(text);
      return undefined;
    }
    problems.push(
      error('file-too-large', { file: name }, `the file is larger than ${MOST_BYTES / 1024 / 1024} MiB`, {
        hint: 'split the apps over several files of a directory and give the directory',
      }),
    );
  } catch (cause) {
    problems.push(unreadable(name, cause));
  }
  return undefined;
}

function readFile(file: string, identities: Set<string>): Buffer {
  const descriptor = openSync(file, 'r');
  try {
    return readOpen(descriptor, identities);
  } finally {
    closeSync(descriptor);
  }
}

function readOpen(descriptor: number, identities: Set<string>): Buffer {
  const identity = identityOf(descriptor);
  if (identity !== undefined) identities.add(identity);
  return readBytes(descriptor);
}

/** All bytes, or a few more than the limit of what may never end: a pipe, a device. */
function readBytes(descriptor: number): Buffer {
  const chunks: Buffer[] = [];
  let total = 0;
  while (total <= MOST_BYTES) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const size = readChunk(descriptor, chunk);
    if (size === 0) break;
    chunks.push(chunk.subarray(0, size));
    total += size;
  }
  return Buffer.concat(chunks);
}

/** `readSync` that waits: a pipe or terminal that does not block has nothing to read yet (EAGAIN). */
function readChunk(descriptor: number, chunk: Buffer): number {
  for (;;) {
    try {
      return readSync(descriptor, chunk);
    } catch (cause) {
      if (codeOf(cause) !== 'EAGAIN') throw cause;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

function unreadable(file: string, cause: unknown): Problem {
  const reasons: Readonly<Record<string, readonly [reason: string, hint: string]>> = {
    ENOENT: [
      'there is no such file or directory',
      'is the path right? A relative one begins at the current directory',
    ],
    EACCES: ['permission denied', 'make it readable for the user that runs pomaloba'],
    EISDIR: ['this is a directory', 'name the directory itself, or a file in it'],
  };
  const [reason, hint] = reasons[codeOf(cause)] ?? [cause instanceof Error ? cause.message : String(cause)];
  return error('unreadable-file', { file }, `cannot be read: ${reason}`, hint === undefined ? {} : { hint });
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : '';
}
