// From a plan to the disk. Each file is replaced as a whole, and the manifest comes last: whatever a killed run has
// written is what the next one wants, so running again completes it.
import { remove, removeEmptyParents, removeTemporary, write } from './disk.js';
import type { Target } from './target.js';

/** Makes the changes of `target`, none of which may be a refusal. */
export function apply({ root, temporary, changes }: Target): void {
  removeTemporary(root, temporary);
  for (const { action, path, after = '', executable } of changes) {
    if (action === 'create' || action === 'update') write(root, path, after, executable, temporary);
    if (action === 'delete') remove(root, path);
    if (action === 'forget') removeEmptyParents(root, path);
    if (action === 'refuse') throw new TypeError(`refused, and not to be applied: ${path}`);
  }
}
