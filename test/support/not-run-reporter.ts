// Writes down the tests that did not run and why: vitest's JSON report has no place for the note of ctx.skip().
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** Read by scripts/support/vitest-report.mjs. */
const FILE = fileURLToPath(new URL('../../.cache/vitest-not-run.json', import.meta.url));

function describe(test: TestCase) {
  const result = test.result();
  const note = result.state === 'skipped' ? result.note : undefined;
  return { name: `${test.module.relativeModuleId} > ${test.fullName}`, mode: test.options.mode, note };
}

function isNotRun(test: TestCase): boolean {
  const { state } = test.result();
  return state === 'skipped' || state === 'pending';
}

export default class NotRunReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    mkdirSync(dirname(FILE), { recursive: true });
    writeFileSync(FILE, JSON.stringify(tests.filter(isNotRun).map(describe)));
  }
}
