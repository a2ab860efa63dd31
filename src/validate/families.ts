// What is listed of an address family that the endpoints do not have.
import { EACH_FAMILY, type Family, FAMILY_NAMES } from '../model/address.js';
import { type Problem, warning } from '../problem/problem.js';
import type { SpecDocument } from '../read/document.js';
import { readEntries } from './entries.js';

/** Warns if `families`, those of the entries of the list `key`, have one without endpoints; `what` is what they are. */
export function unusedFamilies(
  document: SpecDocument,
  key: string,
  families: readonly (Family | undefined)[],
  what: string,
): Problem[] {
  const endpoints = readEntries(document, 'endpoints');
  // While an address is wrong, its family is not known.
  if (endpoints.length === 0 || endpoints.some(({ address }) => address === undefined)) return [];
  return EACH_FAMILY.filter(
    (family) => families.includes(family) && endpoints.every(({ address }) => address?.family !== family),
  ).map((family) => {
    const name = FAMILY_NAMES[family];
    const message = `the ${name} ${what} of ${key} are not used: no endpoint is ${name}`;
    return warning(
      'unused-family',
      document.locate([key, families.indexOf(family)]),
      message,
      `add an ${name} endpoint, or remove them`,
    );
  });
}
