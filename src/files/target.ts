// A directory to be written to, with what would change in it: the role, or the directory of a single file.
import { basename, dirname, join, resolve } from 'node:path';
import type { Artifact } from '../role/artifact.js';
import { checkRoot, find } from './disk.js';
import { MANIFEST, type Manifest, printManifest, readManifest } from './manifest.js';
import { type Change, plan } from './plan.js';
import { seal, sealedHash } from './seal.js';

export interface Target {
  /** The directory, as the user named it. */
  readonly root: string;
  /** What is written first and renamed then, below `root`. */
  readonly temporary: string;
  /** In the order in which they are made; the manifest is the last. */
  readonly changes: readonly Change[];
}

const NO_MANIFEST: Manifest = { files: new Map(), faults: new Map() };

/** The role in the directory `root`. */
export function roleTarget(root: string, artifacts: readonly Artifact[], force: boolean): Target {
  checkRoot(root);
  const present = find(root, MANIFEST);
  const manifest = present.kind === 'file' ? readManifest(present.text) : NO_MANIFEST;
  const wanted = new Set(artifacts.map(({ path }) => path));
  const changes = plan({
    artifacts,
    obsolete: [...manifest.files.keys()].filter((path) => !wanted.has(path)).sort(),
    find: (path) => find(root, path),
    knownHash: (path) => manifest.files.get(path),
    force,
  });
  // Of what --force does nothing is left of them: the manifest is written anew.
  const faults = force ? [] : [...manifest.faults].map(([path, reason]) => refusal(path, reason));
  const [own] = plan({
    artifacts: [{ path: MANIFEST, text: printManifest(artifacts), executable: false }],
    obsolete: [],
    find: () => present,
    // It is always ours: what is wrong with it has been told already.
    knownHash: () => (present.kind === 'file' ? present.hash : undefined),
    force,
  });
  return {
    root,
    temporary: '.pomaloba.tmp',
    changes: [...changes, ...faults, ...(own && (force || !manifest.faults.has(MANIFEST)) ? [own] : [])],
  };
}

/** A file outside the role, which carries its own hash. */
export function sealedTarget(file: string, text: string, force: boolean): Target {
  return singleTarget(file, seal(text), (found) => sealedHash(found), force);
}

/** A file that is only written where there is none; undefined where there is one, of whatever kind. */
export function initialTarget(file: string, text: string): Target | undefined {
  const target = singleTarget(file, text, () => undefined, false);
  return target.changes.some(({ action }) => action === 'create') ? target : undefined;
}

/** The absolute paths of all that `target` is about. */
export function pathsOf({ root, changes }: Target): string[] {
  return [...new Set(changes.map(({ path }) => resolve(root, path)))];
}

/** The same as messages call them. */
export function namesOf(target: Target): string[] {
  return target.changes.map((change) => nameOf(target, change));
}

/** The path of a change as messages call it. */
export function nameOf({ root }: Target, { path }: Change): string {
  return join(root, path);
}

function singleTarget(
  file: string,
  text: string,
  hashWhenWritten: (found: string) => string | undefined,
  force: boolean,
): Target {
  const [root, path] = [dirname(file), basename(file)];
  checkRoot(root);
  const present = find(root, path);
  const changes = plan({
    artifacts: [{ path, text, executable: false }],
    obsolete: [],
    find: () => present,
    knownHash: () => (present.kind === 'file' ? hashWhenWritten(present.text) : undefined),
    force,
  });
  return { root, temporary: `.${path}.pomaloba.tmp`, changes };
}

function refusal(path: string, reason: string): Change {
  return { path, action: 'refuse', reason, executable: false };
}
