// A spec is somebody's work: it is never replaced by what is made of it.
import { UsageError } from '../errors.js';
import { identityOf } from '../read/identity.js';

/** Throws UsageError if one of `paths`, which are to be written, leads to a file that was read: one of `identities`. */
export function refuseSpecs(paths: readonly string[], identities: ReadonlySet<string>): void {
  // Of what is not there the identity is the empty string, which no file has.
  const spec = paths.find((path) => identities.has(identityOf(path) ?? ''));
  if (spec === undefined) return;
  throw new UsageError(`${spec} is a spec that was read: it cannot be written to`, 'name another file');
}
