// Running vitest, and what came of it: counts from its JSON reporter, reasons from our own.
import { rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readJson } from './json.mjs';
import { ROOT, runInherited } from './shell.mjs';

const REPORT = join(ROOT, '.cache/vitest.json');
const NOT_RUN = join(ROOT, '.cache/vitest-not-run.json');
const NOT_RUN_REPORTER = fileURLToPath(new URL('../../test/support/not-run-reporter.ts', import.meta.url));

const REPORTERS = ['--reporter=default', '--reporter=json', `--outputFile.json=${REPORT}`];

/**
 * @typedef {{ passed: number, failed: number, skipped: number }} Counts
 * @typedef {{ name: string, status: string, assertionResults: { status: string, fullName: string }[] }} FileReport
 * @typedef {{ name: string, mode: string, note?: string }} NotRun
 */

/** A report; none if vitest did not get so far. @param {string} file @returns {unknown} */
function readReport(file) {
  try {
    return readJson(file);
  } catch {
    return undefined;
  }
}

/** @param {FileReport} file @returns {Counts} */
function countFile({ status, assertionResults }) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const test of assertionResults) {
    if (test.status === 'passed' || test.status === 'failed') counts[test.status] += 1;
    else counts.skipped += 1;
  }
  // A file that cannot even be loaded has no tests to count.
  if (status === 'failed' && counts.failed === 0) counts.failed = 1;
  return counts;
}

/**
 * @param {Counts} one
 * @param {Counts} other
 * @returns {Counts}
 */
export function sum(one, other) {
  return {
    passed: one.passed + other.passed,
    failed: one.failed + other.failed,
    skipped: one.skipped + other.skipped,
  };
}

/**
 * @param {readonly FileReport[] | undefined} files none: vitest did not get so far
 * @param {number} status vitest's exit status
 * @returns {Counts}
 */
function count(files, status) {
  const counts = (files ?? []).map(countFile).reduce(sum, { passed: 0, failed: 0, skipped: 0 });
  // vitest itself failed: no tests, an unhandled error, a crash.
  if (counts.failed === 0 && (status !== 0 || files === undefined)) counts.failed = 1;
  return counts;
}

/** What failed in a file, as lines: its tests, or the file that cannot be loaded. @param {FileReport} file */
function failedIn({ name, status, assertionResults }) {
  const path = relative(ROOT, name);
  const tests = assertionResults.filter((test) => test.status === 'failed');
  if (tests.length === 0) return status === 'failed' ? [path] : [];
  return tests.map(({ fullName }) => `${path}: ${fullName}`);
}

/**
 * The tests that could not run, as lines. When only some tests were asked for by name, the others carry no
 * note, and nobody misses them.
 * @param {boolean} isFiltered
 */
function couldNotRun(isFiltered) {
  const tests = /** @type {NotRun[]} */ (readReport(NOT_RUN) ?? []);
  return tests
    .filter(({ mode, note }) => !isFiltered || note !== undefined || mode === 'todo')
    .map(({ name, mode, note }) => `${name}: ${note ?? `marked as ${mode} in its source`}`);
}

/** Runs vitest. @param {readonly string[]} args */
export function runVitest(args) {
  for (const file of [REPORT, NOT_RUN]) rmSync(file, { force: true });
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const all = [vitest, 'run', ...REPORTERS, `--reporter=${NOT_RUN_REPORTER}`, ...args];
  const status = runInherited(process.execPath, all);
  const isFiltered = args.some((arg) => /^(-t|--testNamePattern)/.test(arg));
  const report = /** @type {{ testResults: FileReport[] } | undefined} */ (readReport(REPORT));
  return {
    status,
    counts: count(report?.testResults, status),
    failures: (report?.testResults ?? []).flatMap(failedIn),
    notRun: couldNotRun(isFiltered),
  };
}
