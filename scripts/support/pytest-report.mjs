// Running pytest from .venv, and what came of it: from the JUnit XML that it writes.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, runInherited } from './shell.mjs';
import { inVenv } from './venv.mjs';

const REPORT = join(ROOT, '.cache/pytest.xml');
/** No bytecode beside what becomes part of the role. */
const ENVIRONMENT = { PYTHONDONTWRITEBYTECODE: '1' };

const TEST =
  /<testcase classname="([^"]*)" name="([^"]*)"[^>]*?(?:\/>|>(?:\s*<(failure|error|skipped)\b[^>]*?message="([^"]*)")?)/g;
/** @type {Record<string, string>} */
const ENTITIES = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** @typedef {{ name: string, outcome: string, message: string }} Test */

/** @param {string} text */
function decoded(text) {
  return text.replace(/&#(x?)([0-9a-f]+);|&(\w+);/gi, (_, /** @type {string} */ x, digits, name) =>
    name === undefined
      ? String.fromCodePoint(parseInt(String(digits), x === '' ? 10 : 16))
      : (ENTITIES[String(name)] ?? ''),
  );
}

/** The tests of a report. @param {string} xml @returns {Test[]} */
function testsOf(xml) {
  return [...xml.matchAll(TEST)].map(([, file = '', name = '', outcome = 'passed', message = '']) => ({
    name: `${file.replaceAll('.', '/')}.py: ${decoded(name)}`,
    outcome,
    message: decoded(message),
  }));
}

/** None if pytest did not get so far. */
function readTests() {
  try {
    return testsOf(readFileSync(REPORT, 'utf8'));
  } catch {
    return [];
  }
}

/** Runs pytest. @param {readonly string[]} args */
export function runPytest(args) {
  rmSync(REPORT, { force: true });
  const command = ['-m', 'pytest', '-q', `--junitxml=${REPORT}`, ...args];
  const status = runInherited(inVenv('python'), command, { env: ENVIRONMENT });
  const tests = readTests();
  const skipped = tests.filter(({ outcome }) => outcome === 'skipped');
  const passed = tests.filter(({ outcome }) => outcome === 'passed');
  const failed = tests.filter((test) => !skipped.includes(test) && !passed.includes(test));
  return {
    status,
    counts: {
      passed: passed.length,
      // pytest itself failed: no tests, a file that cannot be loaded, a crash.
      failed: failed.length > 0 ? failed.length : Number(status !== 0),
      skipped: skipped.length,
    },
    failures: failed.map(({ name }) => name),
    notRun: skipped.map(({ name, message }) => `${name}: ${message}`),
  };
}
