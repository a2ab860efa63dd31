// The digest by which the role notices data that was edited by hand.
import { createHash } from 'node:crypto';
import type { View } from '../view/view.js';

/**
 * SHA-256 of the view as Python's `json.dumps(view, sort_keys=True)` prints it, which is what Ansible's
 * `to_json(sort_keys=True)` does: so the role can compute it again from its variables.
 */
export function digestOf(view: View): string {
  return createHash('sha256').update(pythonJson(view)).digest('hex');
}

/** JSON with sorted keys, `, ` and `: ` between, and ASCII only. */
export function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
    return `{${entries.map(([key, item]) => `${pythonJson(key)}: ${pythonJson(item)}`).join(', ')}}`;
  }
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
