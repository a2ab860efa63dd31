// pomaloba validate SPEC...: the problems, and nothing else.
import { isError } from '../problem/problem.js';
import { loadSpecs } from './load.js';
import type { Outcome } from './outcome.js';

/** Validates the specs of `inputs`, each by itself and together. */
export function validate(inputs: readonly string[]): Outcome {
  const { specs, problems } = loadSpecs(inputs);
  if (problems.some(isError)) return { stdout: '', problems };
  const apps = `${specs.length} app${specs.length === 1 ? '' : 's'}`;
  return { stdout: '', note: `${apps}: valid`, problems };
}
