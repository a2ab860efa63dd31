// What one back end can do and the other cannot: refused by name, never approximated.
import type { Spec } from '../generated/spec.js';
import { type Backend, missingIn } from '../model/backends.js';
import { buildApp } from '../model/build.js';
import { error, type Problem } from '../problem/problem.js';
import type { SpecDocument } from '../read/document.js';

/** What in `documents`, which are valid, `backend` cannot do. */
export function capabilityProblems(documents: readonly SpecDocument[], backend: Backend): Problem[] {
  return documents.flatMap((document) =>
    missingIn(backend, buildApp(document.data as Spec)).map(({ path, what, because, backends, instead }) =>
      error('not-in-backend', document.locate(path), `${backend} has no ${what}: ${because}`, {
        hint: `use ${backends.join(' or ')}, or ${instead}`,
      }),
    ),
  );
}
