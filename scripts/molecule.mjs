// npm run test:molecule: all scenarios of molecule/, or those that are named.
import { ensureBuild } from './support/build.mjs';
import { ensureMolecule, ensureNeeds, obstacle, runScenario, scenarios } from './support/molecule.mjs';
import { ensureNodeModules } from './support/node-modules.mjs';
import { isCi, messageOf, say } from './support/shell.mjs';
import { ensureSystemPackages } from './support/system-packages.mjs';
import { ensureVenv } from './support/venv.mjs';

/** @param {readonly string[]} names */
function main(names) {
  ensureNodeModules();
  ensureSystemPackages();
  ensureVenv();
  const reason = obstacle();
  if (reason !== undefined) throw new Error(reason);
  ensureMolecule();
  ensureBuild();
  const results = names.map((name) => ({ name, result: played(name) }));
  const failed = results.filter(({ result }) => result === 'failed').map(({ name }) => name);
  const notRun = results.filter(({ result }) => result === 'not run').map(({ name }) => name);
  if (failed.length > 0) throw new Error(`failed: ${failed.join(', ')}`);
  if (isCi() && notRun.length > 0) throw new Error(`in CI every scenario has to run: ${notRun.join(', ')}`);
}

/** @param {string} name */
function played(name) {
  const reason = ensureNeeds(name);
  if (reason === undefined) return runScenario(name) ? 'ok' : 'failed';
  say(`could not run: molecule ${name}: ${reason}`);
  return 'not run';
}

try {
  const names = process.argv.slice(2);
  main(names.length > 0 ? names : scenarios());
} catch (reason) {
  say(`molecule: ${messageOf(reason)}`);
  process.exitCode = 1;
}
