// npm run bench: installs and builds what is missing, then measures. Not a test: machines are shared and noisy, so
// only ratios within one run count.
import { ensureBuild } from './support/build.mjs';
import { ensureMolecule, obstacle } from './support/molecule.mjs';
import { ensureNodeModules } from './support/node-modules.mjs';
import { messageOf, say } from './support/shell.mjs';
import { ensureSystemPackages } from './support/system-packages.mjs';
import { ensureVenv } from './support/venv.mjs';

try {
  ensureNodeModules();
  ensureSystemPackages();
  ensureBuild();
  const { bench } = await import('../bench/bench.mjs');
  const reason = obstacle();
  if (reason === undefined) {
    ensureVenv();
    ensureMolecule();
  }
  bench(reason);
} catch (reason) {
  say(`bench: ${messageOf(reason)}`);
  process.exitCode = 1;
}
