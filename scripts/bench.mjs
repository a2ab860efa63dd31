// npm run bench: installs and builds what is missing, then measures. Not a test: machines are shared and noisy, so
// only ratios within one run count.
import { parseArgs } from 'node:util';
import { ensureBuild } from './support/build.mjs';
import { ensureMolecule, obstacle } from './support/molecule.mjs';
import { ensureNodeModules } from './support/node-modules.mjs';
import { ensureCompiler, ensurePeers } from './support/peers.mjs';
import { messageOf, say } from './support/shell.mjs';
import { ensureSystemPackages } from './support/system-packages.mjs';
import { ensureVenv } from './support/venv.mjs';

const USAGE = 'npm run bench -- [--quick] [--json FILE|-] [--write FILE] [PART...]';

/** What is needed for containers; why they cannot be had. */
function ensureContainers() {
  const reason = obstacle();
  if (reason === undefined) {
    ensureVenv();
    ensureMolecule();
  }
  return reason;
}

/** What packets are sent with, and what else they go through. */
function ensureRivals() {
  if (process.getuid?.() === 0) ensureCompiler();
  return ensurePeers();
}

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { quick: { type: 'boolean' }, json: { type: 'string' }, write: { type: 'string' } },
  });
  ensureNodeModules();
  ensureSystemPackages();
  ensureBuild();
  const { bench, PARTS, TRAFFIC } = await import('../bench/bench.mjs');
  const wrong = positionals.filter((part) => !PARTS.includes(part));
  if (wrong.length > 0)
    throw new Error(`no part ${wrong.join(', ')}; there are ${PARTS.join(', ')}\n${USAGE}`);
  const parts = positionals.length > 0 ? positionals : PARTS;
  const peers = parts.some((part) => TRAFFIC.includes(part)) ? ensureRivals() : { there: {}, missing: [] };
  const reason = parts.includes('ansible') ? ensureContainers() : undefined;
  await bench({
    ...values,
    quick: values.quick ?? false,
    parts,
    obstacle: reason,
    peers: peers.there,
    missing: peers.missing,
  });
} catch (reason) {
  say(`bench: ${messageOf(reason)}`);
  process.exitCode = 1;
}
