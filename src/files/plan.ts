// What would be done, decided without doing any of it: from the files that are to be, those that there are, and
// those that we know to be ours.
import type { Artifact } from '../role/artifact.js';
import type { Found } from './found.js';
import { hashOf } from './text.js';

/** `forget`: a file that the manifest lists and that is gone already. */
export type Action = 'create' | 'update' | 'same' | 'delete' | 'forget' | 'refuse';

export interface Change {
  readonly path: string;
  readonly action: Action;
  /** Why it is refused; or, of what --force does, why it would have been. */
  readonly reason?: string;
  /** The text that there is, and the one that is to be; absent where there is none. */
  readonly before?: string;
  readonly after?: string;
  readonly executable: boolean;
}

/** Everything that a plan for one directory is made of. */
export interface Situation {
  readonly artifacts: readonly Artifact[];
  /** Files that were ours and are no longer wanted. */
  readonly obsolete: readonly string[];
  readonly find: (path: string) => Found;
  /** The hash that a file of ours had when it was written; undefined for those of others. */
  readonly knownHash: (path: string) => string | undefined;
  readonly force: boolean;
}

/** The changes that `situation` asks for, the files in the order of the artifacts, then the obsolete ones. */
export function plan(situation: Situation): Change[] {
  return [
    ...situation.artifacts.map((artifact) => planFile(artifact, situation)),
    ...situation.obsolete.map((path) => planRemoval(path, situation)),
  ];
}

function planFile({ path, text, executable }: Artifact, { find, knownHash, force }: Situation): Change {
  const found = find(path);
  const wanted = { path, after: text, executable };
  if (found.kind === 'absent') return { ...wanted, action: 'create' };
  if (found.kind === 'obstacle') return { ...wanted, action: 'refuse', reason: found.what };
  const change = { ...wanted, before: found.text };
  if (found.hash === hashOf(text)) {
    return { ...change, action: found.executable === executable ? 'same' : 'update' };
  }
  const known = knownHash(path);
  if (known === found.hash) return { ...change, action: 'update' };
  const reason = known === undefined ? 'it is there, and not ours' : 'it was edited by hand';
  return { ...change, action: force ? 'update' : 'refuse', reason };
}

function planRemoval(path: string, { find, knownHash, force }: Situation): Change {
  const found = find(path);
  if (found.kind === 'absent') return { path, action: 'forget', executable: false };
  if (found.kind === 'obstacle') return { path, action: 'refuse', reason: found.what, executable: false };
  const change = { path, before: found.text, executable: found.executable };
  if (knownHash(path) === found.hash) return { ...change, action: 'delete' };
  const reason = 'it is no longer generated, and was edited by hand';
  return { ...change, action: force ? 'delete' : 'refuse', reason };
}
