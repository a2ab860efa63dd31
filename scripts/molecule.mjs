// npm run test:molecule: all scenarios of molecule/, or those that are named.
import { ensureBuild } from './support/build.mjs';
import { ensureMolecule, obstacle, runScenario, scenarios } from './support/molecule.mjs';
import { ensureNodeModules } from './support/node-modules.mjs';
import { messageOf, say } from './support/shell.mjs';
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
  const failed = names.filter((name) => !runScenario(name));
  if (failed.length > 0) throw new Error(`failed: ${failed.join(', ')}`);
}

try {
  const names = process.argv.slice(2);
  main(names.length > 0 ? names : scenarios());
} catch (reason) {
  say(`molecule: ${messageOf(reason)}`);
  process.exitCode = 1;
}
