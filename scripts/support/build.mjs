// dist/, built from the sources as they are.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, run, say } from './shell.mjs';
import { filesBelow, hashOfFiles, isStamped, writeStamp } from './stamp.mjs';

const DIST = join(ROOT, 'dist');
const GENERATED = 'src/generated/';
const BUILD_FILES = [
  'scripts/build.mjs',
  'scripts/support/generate.mjs',
  'scripts/support/generate-role.mjs',
  'scripts/support/licenses.mjs',
  'package-lock.json',
];

function sourceHash() {
  const sources = filesBelow('src').filter((file) => !file.startsWith(GENERATED));
  return hashOfFiles([
    ...sources,
    ...filesBelow('schemas'),
    ...filesBelow('roles-templates'),
    ...BUILD_FILES,
  ]);
}

/** @param {string} hash */
function isBuilt(hash) {
  return isStamped(DIST, hash) && existsSync(join(ROOT, GENERATED, 'schema-validator.js'));
}

/**
 * Builds dist/ unless it is that of these sources. The stamp is written here and not by the build itself, so
 * that a package made by `npm pack` does not carry it.
 * @param {{ always?: boolean }} [options]
 */
export function ensureBuild({ always = false } = {}) {
  const hash = sourceHash();
  if (!always && isBuilt(hash)) return;
  say('Building dist/');
  run(process.execPath, [join(ROOT, 'scripts/build.mjs')]);
  writeStamp(DIST, hash);
}
