// From specs to a ruleset that one packet filter can have: what every command that prints or reads one begins with.
import { UsageError } from '../errors.js';
import type { Backend } from '../model/backends.js';
import { buildRuleset } from '../model/build.js';
import { NAME_PATTERN } from '../model/names.js';
import { isOutputType, OUTPUT_TYPES, type OutputType } from '../print/output.js';
import { isError, type Problem } from '../problem/problem.js';
import { capabilityProblems } from '../validate/capabilities.js';
import { collisions } from '../validate/together.js';
import { buildView, type View } from '../view/view.js';
import type { Loaded } from './load.js';

export interface Asked {
  /** As it was given. */
  readonly outputType: string;
  /** The ruleset's name; undefined: that of the only app. */
  readonly name: string | undefined;
}

export interface Found {
  /** Undefined if any problem is an error. */
  readonly view: View | undefined;
  readonly problems: readonly Problem[];
}

/** The output type that is asked for. Throws UsageError if there is none, or no ruleset can have the name that is asked for. */
export function checkedType({ outputType, name }: Asked): OutputType {
  if (!isOutputType(outputType)) {
    throw new UsageError(`there is no output type ${outputType}`, `use one of ${OUTPUT_TYPES.join(', ')}`);
  }
  if (name !== undefined && !NAME_PATTERN.test(name)) {
    const hint =
      "a name has letters, digits, '.', '_' and '-', begins with a letter or digit, and has at most 63 characters";
    throw new UsageError(`${JSON.stringify(name)} cannot name a ruleset`, hint);
  }
  return outputType;
}

export function backendOf(type: OutputType): Backend {
  return type.startsWith('nftables') ? 'nftables' : 'iptables';
}

/**
 * The ruleset of what was loaded without an error. Throws UsageError if it needs a name. With `backend` undefined nobody asks
 * what one can do.
 */
export function rulesetOf(loaded: Loaded, name: string | undefined, backend: Backend | undefined): Found {
  const { specs, documents } = loaded;
  const chosen = name ?? onlyName(loaded);
  const problems = [
    ...loaded.problems,
    ...collisions(chosen, documents),
    ...(backend === undefined ? [] : capabilityProblems(documents, backend)),
  ];
  const failed = problems.some(isError);
  return { view: failed ? undefined : buildView(buildRuleset(chosen, specs)), problems };
}

function onlyName({ specs }: Loaded): string {
  const [first, second] = specs;
  if (first && !second) return first.app;
  throw new UsageError(
    `the specs hold ${specs.length} apps, so the ruleset needs a name of its own`,
    'add --name NAME, for example --name lb',
  );
}
