// pomaloba --input-spec FILE --output-type TYPE [--delete [--now]]: the ruleset, or its undo, as text.
import { UsageError } from '../errors.js';
import { buildRuleset } from '../model/build.js';
import { NAME_PATTERN } from '../model/names.js';
import { type Action, isOutputType, OUTPUT_TYPES, printRuleset } from '../print/output.js';
import { isError } from '../problem/problem.js';
import { capabilityProblems } from '../validate/capabilities.js';
import { collisions } from '../validate/together.js';
import { buildView } from '../view/view.js';
import { type Loaded, loadSpecs } from './load.js';
import type { Outcome } from './outcome.js';
import { refuseSpecs } from './overwrite.js';

export interface PrintOptions {
  readonly inputs: readonly string[];
  readonly outputType: string;
  readonly action: Action;
  /** The ruleset's name; undefined: that of the only app. */
  readonly name: string | undefined;
  /** The file that the text will be written to, if any. */
  readonly out: string | undefined;
}

/** The text that `options` ask for. Throws UsageError where no spec could make up for the command line. */
export function print(options: PrintOptions): Outcome {
  const { inputs, outputType } = options;
  if (!isOutputType(outputType)) {
    throw new UsageError(`there is no output type ${outputType}`, `use one of ${OUTPUT_TYPES.join(', ')}`);
  }
  if (options.name !== undefined && !NAME_PATTERN.test(options.name)) {
    const hint =
      "a name has letters, digits, '.', '_' and '-', begins with a letter or digit, and has at most 63 characters";
    throw new UsageError(`${JSON.stringify(options.name)} cannot name a ruleset`, hint);
  }
  const loaded = loadSpecs(inputs);
  if (loaded.problems.some(isError)) return { stdout: '', problems: loaded.problems };
  if (options.out !== undefined) refuseSpecs([options.out], loaded.identities);
  const name = options.name ?? onlyName(loaded);
  const backend = outputType.startsWith('nftables') ? 'nftables' : 'iptables';
  const problems = [
    ...loaded.problems,
    ...collisions(name, loaded.documents),
    // What cannot have been loaded can be removed.
    ...(options.action === 'load' ? capabilityProblems(loaded.documents, backend) : []),
  ];
  if (problems.some(isError)) return { stdout: '', problems };
  const view = buildView(buildRuleset(name, loaded.specs));
  return { stdout: printRuleset(outputType, view, options.action), problems };
}

function onlyName({ specs }: Loaded): string {
  const [first, second] = specs;
  if (first && !second) return first.app;
  throw new UsageError(
    `the specs hold ${specs.length} apps, so the ruleset needs a name of its own`,
    'add --name NAME, for example --name lb',
  );
}
