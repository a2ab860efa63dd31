// npm run test:molecule: all scenarios of molecule/, or those that are named.
import { ensureBuild } from './support/build.mjs';
import { ensureMolecule, obstacle, runScenarios, scenarios } from './support/molecule.mjs';
import { ensureNodeModules } from './support/node-modules.mjs';
import { isCi, messageOf, say } from './support/shell.mjs';
import { ensureSystemPackages } from './support/system-packages.mjs';
import { ensureVenv } from './support/venv.mjs';

/** @param {readonly string[]} names */
async function main(names) {
  ensureNodeModules();
  ensureSystemPackages();
  ensureVenv();
  const reason = obstacle();
  if (reason !== undefined) throw new Error(reason);
  ensureMolecule();
  ensureBuild();
  const results = await runScenarios(names);
  const notRun = results.filter((result) => result.obstacle !== undefined);
  for (const result of notRun) say(`could not run: molecule ${result.name}: ${result.obstacle ?? ''}`);
  const failed = results.filter((result) => !result.isGood && !notRun.includes(result));
  if (failed.length > 0) throw new Error(`failed: ${failed.map(({ name }) => name).join(', ')}`);
  if (isCi() && notRun.length > 0) throw new Error('in CI every scenario has to run');
}

try {
  const names = process.argv.slice(2);
  await main(names.length > 0 ? names : scenarios());
} catch (reason) {
  say(`molecule: ${messageOf(reason)}`);
  process.exitCode = 1;
}
