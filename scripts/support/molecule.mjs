// Molecule's scenarios: the role on container load balancers.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { aptInstall } from './apt.mjs';
import { ensureCollections } from './collections.mjs';
import { isInstalled, ROOT, say, succeeds } from './shell.mjs';
import { ensureOldestVenv } from './venv.mjs';

const SCENARIOS = join(ROOT, 'molecule');
const LOGS = join(ROOT, '.cache/molecule');

/** Each command, and the Debian package that has it. */
const PACKAGE_OF = {
  podman: 'podman',
  runc: 'runc',
  mmdebstrap: 'mmdebstrap',
  ssh: 'openssh-client',
  'ssh-keygen': 'openssh-client',
  ip: 'iproute2',
};

/**
 * What single scenarios need: installs it, and says what keeps this machine from it.
 * @type {Record<string, () => string | undefined | void>}
 */
const NEEDS = { oldest: ensureOldestVenv, own: ensureCollections };

/** The names of all scenarios. */
export function scenarios() {
  return readdirSync(SCENARIOS)
    .filter((name) => existsSync(join(SCENARIOS, name, 'molecule.yml')))
    .sort();
}

/** What keeps this machine from running scenarios; undefined if nothing does. @returns {string | undefined} */
export function obstacle() {
  if (process.getuid?.() !== 0) return 'Molecule needs root: the lab is made of network namespaces';
  if (!isInstalled('apt-get')) return 'Molecule needs podman and mmdebstrap';
  return succeeds('ip', ['netns', 'list']) ? undefined : 'Molecule needs network namespaces';
}

/** Installs podman and what makes images. */
export function ensureMolecule() {
  const missing = Object.entries(PACKAGE_OF).filter(([command]) => !isInstalled(command));
  if (missing.length > 0) aptInstall([...new Set(missing.map(([, name]) => name))]);
}

/** Most of the time a scenario waits: for ssh, for systemd, for timers that are to fire. */
const AT_ONCE = 2;

/**
 * Runs scenarios; what keeps this machine from running one is its `obstacle`.
 * @param {readonly string[]} names
 * @returns {Promise<{ name: string, isGood: boolean, obstacle: string | undefined }[]>} in the order of the names
 */
export async function runScenarios(names) {
  mkdirSync(LOGS, { recursive: true });
  const results = names.map((name) => ({ name, isGood: false, obstacle: NEEDS[name]?.() ?? undefined }));
  const queue = results.filter(({ obstacle: reason }) => reason === undefined);
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift())
      next.isGood = await runScenario(next.name);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

/** What a scenario says is kept in .cache/molecule, and shown if it fails. @param {string} name */
async function runScenario(name) {
  const log = join(LOGS, `${name}.log`);
  const output = openSync(log, 'w');
  const start = Date.now();
  const molecule = spawn(join(ROOT, '.venv/bin/molecule'), ['test', '--scenario-name', name], {
    cwd: ROOT,
    env: { ...process.env, PATH: `${join(ROOT, '.venv/bin')}:${process.env['PATH'] ?? ''}` },
    stdio: ['ignore', output, output],
  });
  await once(molecule, 'close');
  closeSync(output);
  const isGood = molecule.exitCode === 0;
  if (!isGood) console.error(readFileSync(log, 'utf8').slice(-20_000));
  say(`molecule ${name}: ${isGood ? 'ok' : 'FAILED'}, ${((Date.now() - start) / 1000).toFixed(0)} s`);
  return isGood;
}
