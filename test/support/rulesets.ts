// From a spec's text to a view and to rulesets, without a process: what most tests begin with.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Spec } from '../../src/generated/spec.js';
import { buildRuleset } from '../../src/model/build.js';
import { isError } from '../../src/problem/problem.js';
import { readDocuments } from '../../src/read/document.js';
import { validateDocuments } from '../../src/validate/validate.js';
import { buildView, type View } from '../../src/view/view.js';

/** The valid specs of a text; the test fails with the problems if there are any. */
export function specsOf(text: string): readonly Spec[] {
  const { documents, problems: unreadable } = readDocuments({ file: 'spec.yml', text });
  const { specs, problems } = validateDocuments(documents);
  expect([...unreadable, ...problems].filter(isError).map(({ message }) => message)).toEqual([]);
  return specs;
}

/** The view of a text's ruleset; its name is `lb` if there are several apps and no name is given. */
export function viewOf(text: string, name?: string): View {
  const specs = specsOf(text);
  return buildView(buildRuleset(name ?? (specs.length === 1 ? (specs[0]?.app ?? '') : 'lb'), specs));
}

/** A new directory below the system's, for files of a test. */
export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'pomaloba-test-'));
}
