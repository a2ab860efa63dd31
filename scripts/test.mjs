// npm test: installs what is missing, builds, checks and tests. Arguments after -- go to vitest, without checks.
import { ensureBuild } from './support/build.mjs';
import { ensureFirewalls } from './support/firewalls.mjs';
import { readJson } from './support/json.mjs';
import { ensureMolecule, obstacle, runScenarios, scenarios } from './support/molecule.mjs';
import { ensureNftVersions } from './support/nft-versions.mjs';
import { ensureNodeModules } from './support/node-modules.mjs';
import { ensurePromtool } from './support/promtool.mjs';
import { isCi, messageOf, runInherited } from './support/shell.mjs';
import { ensureSystemPackages } from './support/system-packages.mjs';
import { ensureVenv } from './support/venv.mjs';
import { runPytest } from './support/pytest-report.mjs';
import { runVitest, sum } from './support/vitest-report.mjs';

/**
 * What must be there before anything is tested. It counts only when it fails; `false` tells that something is
 * missing which only some tests need.
 * @type {[name: string, prepare: () => boolean | void][]}
 */
const PREPARATIONS = [
  ['npm packages', ensureNodeModules],
  ['system packages', ensureSystemPackages],
  ['Python packages', ensureVenv],
  ['other versions of nft', ensureNftVersions],
  ['firewalls of others', ensureFirewalls],
  ['promtool', ensurePromtool],
  [
    'build',
    () => {
      ensureBuild({ always: true });
    },
  ],
];

/** The scenarios that are quick enough for every run; CI and npm run test:molecule run all. */
const QUICK_SCENARIOS = ['default', 'iptables'];

/** @typedef {{ name: string, isGood: boolean, counts: import('./support/vitest-report.mjs').Counts }} Step */

/**
 * @param {string} name
 * @param {boolean} isGood
 * @param {number} [whenGood] what a step that went well adds to the passed
 * @returns {Step}
 */
function step(name, isGood, whenGood = 1) {
  return { name, isGood, counts: { passed: isGood ? whenGood : 0, failed: isGood ? 0 : 1, skipped: 0 } };
}

/** @param {string} name @param {() => boolean | void} prepare @returns {Step} */
function prepared(name, prepare) {
  try {
    const isComplete = prepare() !== false;
    return { ...step(name, true, 0), name: isComplete ? name : `${name} (not all)` };
  } catch (reason) {
    console.log(`${name}: ${messageOf(reason)}`);
    return step(name, false);
  }
}

/** The parts of `npm run check`. */
function checkNames() {
  const { scripts } = /** @type {{ scripts: Record<string, string> }} */ (readJson('package.json'));
  return Object.keys(scripts).filter((name) => name.startsWith('check:'));
}

/** @param {string} name */
function checked(name) {
  console.log(`\n== ${name}`);
  return step(name, runInherited('npm', ['run', '--silent', name]) === 0);
}

/** @param {readonly string[]} args */
function tested(args) {
  console.log('\n== vitest');
  const { status, counts, failures, notRun } = runVitest(args);
  return { notRun, failures, step: { name: 'vitest', isGood: status === 0 && counts.failed === 0, counts } };
}

/** The programs of the role. */
function testedPython() {
  console.log('\n== pytest');
  const { status, counts, failures, notRun } = runPytest([]);
  return {
    notRun,
    failures,
    steps: [{ name: 'pytest', isGood: status === 0 && counts.failed === 0, counts }],
  };
}

/** The role on container load balancers. @returns {Promise<{ steps: Step[], notRun: string[] }>} */
async function played() {
  console.log('\n== molecule');
  const reason = obstacle();
  if (reason !== undefined) return { steps: [], notRun: [reason] };
  const ready = prepared('podman', ensureMolecule);
  const results = ready.isGood ? await runScenarios(isCi() ? scenarios() : QUICK_SCENARIOS) : [];
  const run = results.filter((result) => result.obstacle === undefined);
  return {
    steps: [ready, ...run.map(({ name, isGood }) => step(`molecule ${name}`, isGood))],
    notRun: results.flatMap(({ name, obstacle: why }) =>
      why === undefined ? [] : [`molecule ${name}: ${why}`],
    ),
  };
}

/**
 * @param {readonly Step[]} steps
 * @param {readonly string[]} failures the tests that failed: whoever sees only the end of the output shall know them
 * @param {readonly string[]} notRun
 */
function report(steps, failures, notRun) {
  const { passed, failed, skipped } = steps
    .map(({ counts }) => counts)
    .reduce(sum, { passed: 0, failed: 0, skipped: 0 });
  console.log('\n== Summary');
  for (const { name, isGood } of steps) console.log(`${isGood ? 'ok    ' : 'FAILED'}  ${name}`);
  for (const line of failures) console.log(`failed: ${line}`);
  for (const line of notRun) console.log(`could not run: ${line}`);
  if (isCi() && notRun.length > 0) console.log('In CI every test has to run: this run has failed.');
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  process.exitCode = failed > 0 || (isCi() && notRun.length > 0) ? 1 : 0;
}

const args = process.argv.slice(2);
const preparations = PREPARATIONS.map(([name, prepare]) => prepared(name, prepare));
const checks = args.length > 0 ? [] : checkNames().map(checked);
const pythons = args.length > 0 ? { steps: [], notRun: [], failures: [] } : testedPython();
const tests = tested(args);
const plays = args.length > 0 ? { steps: [], notRun: [] } : await played();
report(
  [...preparations, ...checks, ...pythons.steps, tests.step, ...plays.steps],
  [...pythons.failures, ...tests.failures],
  [...pythons.notRun, ...tests.notRun, ...plays.notRun],
);
