// Files outside the role (a playbook, the data of another environment) carry the hash of their own text, as the
// manifest of a role can only speak of what is in it.
import { hashOf } from './text.js';

/** Without a space, so that yamllint takes it for one long word. */
const SEAL = /^# pomaloba-sha256:([0-9a-f]{64})\r?\n/;

/** `text` with a first line that tells its hash. */
export function seal(text: string): string {
  return `# pomaloba-sha256:${hashOf(text)}\n${text}`;
}

/**
 * The hash of `sealed` as it was when it was written: that of all of it if it is as it was; some other one if it was
 * edited; undefined if it was never ours.
 */
export function sealedHash(sealed: string): string | undefined {
  const [line, hash] = SEAL.exec(sealed) ?? [];
  if (line === undefined) return undefined;
  return hashOf(sealed.slice(line.length)) === hash ? hashOf(sealed) : 'edited';
}
