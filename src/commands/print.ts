// pomaloba --input-spec FILE --output-type TYPE [--delete [--now]]: the ruleset, or its undo, as text.
import { roleProblems } from '../validate/capabilities.js';
import { type Action, printRuleset } from '../print/output.js';
import { isError } from '../problem/problem.js';
import { loadSpecs } from './load.js';
import type { Outcome } from './outcome.js';
import { refuseSpecs } from './overwrite.js';
import { type Asked, backendOf, checkedType, rulesetOf } from './ruleset.js';

export interface PrintOptions extends Asked {
  readonly inputs: readonly string[];
  readonly action: Action;
  /** The file that the text will be written to, if any. */
  readonly out: string | undefined;
}

/** The text that `options` ask for. Throws UsageError where no spec could make up for the command line. */
export function print(options: PrintOptions): Outcome {
  const { inputs, name, action, out } = options;
  const type = checkedType(options);
  const loaded = loadSpecs(inputs);
  if (loaded.problems.some(isError)) return { stdout: '', problems: loaded.problems };
  if (out !== undefined) refuseSpecs([out], loaded.identities);
  // What cannot have been loaded can be removed.
  const loads = action === 'load';
  const { view, problems } = rulesetOf(loaded, name, loads ? backendOf(type) : undefined);
  const unchecked = loads ? roleProblems(loaded.documents) : [];
  return { stdout: view ? printRuleset(type, view, action) : '', problems: [...problems, ...unchecked] };
}
