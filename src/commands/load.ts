// Read and validate: what every command that takes specs begins with.
import type { Spec } from '../generated/spec.js';
import type { Problem } from '../problem/problem.js';
import { readDocuments, type SpecDocument } from '../read/document.js';
import { readSources } from '../read/sources.js';
import { validateDocuments } from '../validate/validate.js';

export interface Loaded {
  readonly documents: readonly SpecDocument[];
  /** Empty if any problem is an error. */
  readonly specs: readonly Spec[];
  /** The files that they come from, as refuseSpecs takes them. */
  readonly identities: ReadonlySet<string>;
  readonly problems: readonly Problem[];
}

/** Reads and validates all specs that `inputs` name; all problems of all of them at once. */
export function loadSpecs(inputs: readonly string[]): Loaded {
  const { sources, files, identities, problems: unreadable } = readSources(inputs);
  const parsed = sources.map(readDocuments);
  const documents = parsed.flatMap((one) => one.documents);
  const unparsable = parsed.flatMap((one) => one.problems);
  const { specs, problems: invalid } = validateDocuments(documents);
  const complete = unreadable.length === 0 && unparsable.length === 0;
  const problems = inOrderOf(files, [...unreadable, ...unparsable, ...invalid]);
  return { documents, specs: complete ? specs : [], identities, problems };
}

/** Problems in the order in which the user named the files, not in that of the stages that found them. */
function inOrderOf(files: readonly string[], problems: readonly Problem[]): Problem[] {
  const order = new Map(files.map((file, index) => [file, index]));
  const rank = ({ location }: Problem): number => order.get(location.file) ?? 0;
  return [...problems].sort((one, other) => rank(one) - rank(other));
}
