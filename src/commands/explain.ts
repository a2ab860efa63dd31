// pomaloba explain SPEC...: what becomes of the connections, without a kernel.
import { explainApps } from '../explain/facts.js';
import { explanationToText } from '../explain/text.js';
import { buildApp } from '../model/build.js';
import { isError } from '../problem/problem.js';
import { jsonText } from '../problem/printable.js';
import { loadSpecs } from './load.js';
import type { Outcome } from './outcome.js';

/** Explains the apps of `inputs`, as those of one load balancer: as text, or with `json` as data. */
export function explain(inputs: readonly string[], json: boolean): Outcome {
  const { specs, problems } = loadSpecs(inputs);
  if (problems.some(isError)) return { stdout: '', problems };
  const explanation = explainApps(specs.map(buildApp));
  return { stdout: json ? jsonText(explanation) : explanationToText(explanation), problems };
}
