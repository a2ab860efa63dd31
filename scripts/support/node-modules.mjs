// node_modules, as package-lock.json says.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readJson } from './json.mjs';
import { ROOT, run, say } from './shell.mjs';
import { hashOfFiles, isStamped, writeStamp } from './stamp.mjs';

const NODE_MODULES = join(ROOT, 'node_modules');

/** @typedef {{ version?: string, integrity?: string, optional?: boolean }} LockedPackage */

/** @param {string} file @returns {Record<string, LockedPackage>} */
function lockedPackages(file) {
  const lock = /** @type {{ packages: Record<string, LockedPackage> }} */ (readJson(file));
  return lock.packages;
}

/** Whether npm's own record of what it installed agrees with the lock file: somebody ran npm by hand. */
function isInstalledByHand() {
  const record = join(NODE_MODULES, '.package-lock.json');
  if (!existsSync(record)) return false;
  const installed = lockedPackages(record);
  return Object.entries(lockedPackages('package-lock.json')).every(([path, wanted]) => {
    const found = installed[path];
    if (path === '' || (found === undefined && wanted.optional === true)) return true;
    return found?.version === wanted.version && found?.integrity === wanted.integrity;
  });
}

/** Installs the npm packages unless those of this lock file are there. */
export function ensureNodeModules() {
  const hash = hashOfFiles(['package-lock.json']);
  if (isStamped(NODE_MODULES, hash)) return;
  if (!isInstalledByHand()) {
    say('Installing the npm packages (npm ci)');
    // --include=dev: a NODE_ENV of production would leave out the compiler.
    run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund']);
  }
  writeStamp(NODE_MODULES, hash);
}
