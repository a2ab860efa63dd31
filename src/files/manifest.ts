// The manifest of a role: which files are ours, and what they were when we wrote them. It lies in a repository
// that others can change, so it is input like any other: it can name a file, but never one outside the role.
import { hashOf } from './text.js';

export const MANIFEST = '.pomaloba.json';

export interface Manifest {
  /** Path → hash of each file that was written. */
  readonly files: ReadonlyMap<string, string>;
  /** What is wrong with it, by path; that of the manifest itself if it cannot be read at all. */
  readonly faults: ReadonlyMap<string, string>;
}

const HASH = /^[0-9a-f]{64}$/;

/** The manifest of `files`: one sorted line each, so that Git merges it. */
export function printManifest(files: readonly { readonly path: string; readonly text: string }[]): string {
  const lines = [...files]
    .sort((one, other) => (one.path < other.path ? -1 : 1))
    .map(({ path, text }) => `    ${JSON.stringify(path)}: "${hashOf(text)}"`);
  return `{\n  "version": 1,\n  "files": {\n${lines.join(',\n')}\n  }\n}\n`;
}

/** What `text` says, if it is a manifest. */
export function readManifest(text: string): Manifest {
  const listed = filesOf(text);
  if (typeof listed === 'string') return { files: new Map(), faults: new Map([[MANIFEST, listed]]) };
  const files = new Map<string, string>();
  const faults = new Map<string, string>();
  for (const [path, hash] of Object.entries(listed)) {
    const fault = pathFault(path) ?? (isHash(hash) ? undefined : 'the manifest has no SHA-256 of it');
    if (fault === undefined) files.set(path, String(hash));
    else faults.set(path, fault);
  }
  return { files, faults };
}

/** The entries, or why there are none. */
function filesOf(text: string): object | string {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return 'it is not JSON (are there marks of a merge conflict in it?)';
  }
  if (!isObject(data)) return 'it is not a JSON object';
  const { version, files, ...others } = data as Readonly<Record<string, unknown>>;
  if (version !== 1) return 'its version is not 1: another release of pomaloba has written it';
  if (Object.keys(others).length > 0)
    return `it has the unknown key ${JSON.stringify(Object.keys(others)[0])}`;
  return isObject(files) ? files : 'its key "files" is not an object';
}

/** Why `path` cannot be one of ours. */
function pathFault(path: string): string | undefined {
  if (path.startsWith('/') || /^[A-Za-z]:/.test(path)) return 'the manifest names an absolute path';
  if (path.includes('\0') || path.includes('\\'))
    return 'the manifest names a path with a NUL or a backslash';
  const steps = path.split('/');
  if (steps.includes('..')) return 'the manifest names a path that leads out of the role';
  if (steps.includes('') || steps.includes('.'))
    return 'the manifest names a path that is not in its plain form';
  return path === MANIFEST ? 'the manifest names itself' : undefined;
}

function isHash(value: unknown): value is string {
  return typeof value === 'string' && HASH.test(value);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
