// What one back end can do and the other cannot: refused by name, never approximated.
import { type Backend, isLimited, LIMITS } from '../model/backends.js';
import { error, type Problem } from '../problem/problem.js';
import type { SpecDocument } from '../read/document.js';
import { property } from './entries.js';

/** What in `documents` `backend` cannot do. */
export function capabilityProblems(documents: readonly SpecDocument[], backend: Backend): Problem[] {
  return documents.flatMap((document) =>
    LIMITS.filter(
      (limit) => isLimited(limit, property(document.data, limit.key)) && !limit.backends.includes(backend),
    ).map(({ key, value, backends, because }) => {
      const what = value === undefined ? key : `${key} ${value}`;
      const other = value === undefined ? `leave ${key} out` : `another ${key}`;
      return error('not-in-backend', document.locate([key]), `${backend} has no ${what}: ${because}`, {
        hint: `use ${backends.join(' or ')}, or ${other}`,
      });
    }),
  );
}
