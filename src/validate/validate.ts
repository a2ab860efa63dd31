// Documents in, specs out: all problems of all documents at once, or typed specs.
import type { Spec } from '../generated/spec.js';
import { isError, type Problem } from '../problem/problem.js';
import type { SpecDocument } from '../read/document.js';
import { clientAddressProblems } from './client-address.js';
import { addressProblems } from './entries.js';
import { healthProblems } from './health.js';
import { networkProblems } from './networks.js';
import { ruleProblems } from './rules.js';
import { schemaProblems } from './schema.js';
import { snatProblems } from './snat.js';
import { togetherProblems } from './together.js';

export interface Validated {
  /** Empty if any problem is an error. */
  readonly specs: readonly Spec[];
  readonly problems: readonly Problem[];
}

/** Validates all documents of a run, each by itself and together. */
export function validateDocuments(documents: readonly SpecDocument[]): Validated {
  const problems = [...documents.flatMap(documentProblems), ...togetherProblems(documents)];
  const valid = !problems.some(isError);
  return { specs: valid ? documents.map(({ data }) => data as Spec) : [], problems };
}

function documentProblems(document: SpecDocument): Problem[] {
  return [
    ...schemaProblems(document),
    ...addressProblems(document, 'endpoints'),
    ...addressProblems(document, 'destinations'),
    ...networkProblems(document),
    ...ruleProblems(document),
    ...clientAddressProblems(document),
    ...snatProblems(document),
    ...healthProblems(document),
  ];
}
