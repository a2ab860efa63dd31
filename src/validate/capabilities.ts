// What one back end can do and the other cannot: refused by name, never approximated.
import { type Backend, LIMITS } from '../model/backends.js';
import { error, type Problem } from '../problem/problem.js';
import type { SpecDocument } from '../read/document.js';
import { property } from './entries.js';

/** What in `documents` `backend` cannot do. */
export function capabilityProblems(documents: readonly SpecDocument[], backend: Backend): Problem[] {
  return documents.flatMap((document) =>
    LIMITS.filter(
      ({ key, value, backends }) => property(document.data, key) === value && !backends.includes(backend),
    ).map(({ key, value, backends, because }) =>
      error('not-in-backend', document.locate([key]), `${backend} has no ${key} ${value}: ${because}`, {
        hint: `use ${backends.join(' or ')}, or another ${key}`,
      }),
    ),
  );
}
