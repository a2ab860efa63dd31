// What the spec's format has and this version does not implement: refused by name, never ignored.
import { error, type Problem } from '../problem/problem.js';
import type { SpecDocument } from '../read/document.js';
import { property } from './entries.js';

/** A place of the spec that is not implemented when it holds anything but `allowed`. */
interface Gap {
  readonly key: string;
  readonly allowed: readonly unknown[];
  readonly hint: string;
}

const APP_GAPS: readonly Gap[] = [{ key: 'health_check', allowed: [], hint: 'leave the key out' }];

/** Everything in `document` that is valid and not implemented yet. */
export function supportProblems(document: SpecDocument): Problem[] {
  const { data } = document;
  return [
    ...APP_GAPS.flatMap(({ key, allowed, hint }) => {
      const value = property(data, key);
      const fine = value === undefined || allowed.includes(value);
      return fine
        ? []
        : [notYet(document, [key], typeof value === 'string' ? `${key}: ${value}` : key, hint)];
    }),
  ];
}

function notYet(
  document: SpecDocument,
  path: readonly (string | number)[],
  what: string,
  hint: string,
): Problem {
  return error('not-supported-yet', document.locate(path), `${what} is not supported yet`, { hint });
}
