// What one back end can do and the other cannot: refused by name, never approximated. What only the role does: told.
import type { Spec } from '../generated/spec.js';
import { type Backend, missingIn } from '../model/backends.js';
import { buildApp } from '../model/build.js';
import { error, type Problem, warning } from '../problem/problem.js';
import type { SpecDocument } from '../read/document.js';
import { checkPlaces } from './check-places.js';

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

/** Warns of the health checks in `documents`: a ruleset alone checks nothing. */
export function roleProblems(documents: readonly SpecDocument[]): Problem[] {
  return documents.flatMap((document) =>
    checkPlaces(document)
      .slice(0, 1)
      .map(({ path }) =>
        warning(
          'checks-need-role',
          document.locate(path, 'key'),
          'this ruleset does not check its destinations: one that fails goes on getting connections',
          'the role of pomaloba ansible brings what checks them; without it, take them out by hand, or leave the key out',
        ),
      ),
  );
}
