// The licenses of the packages that end up in dist/: most of them ask to be passed on.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readJson } from './json.mjs';
import { ROOT } from './shell.mjs';

const LICENSE_FILE = /^licen[cs]e/i;

/**
 * The text for dist/THIRD-PARTY-LICENSES.txt.
 * @param {readonly string[]} inputs all files of a bundle, relative to the repository
 */
export function licensesOf(inputs) {
  const packages = inputs.map((file) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? '');
  return [...new Set(packages)]
    .filter((name) => name !== '')
    .sort()
    .map(licenseOf)
    .join('\n');
}

/** @param {string} name */
function licenseOf(name) {
  const directory = join(ROOT, 'node_modules', name);
  const { version, license } = /** @type {{ version: string, license: string }} */ (
    readJson(`node_modules/${name}/package.json`)
  );
  const file = readdirSync(directory).find((entry) => LICENSE_FILE.test(entry));
  const text =
    file === undefined
      ? 'The package carries no license text.\n'
      : readFileSync(join(directory, file), 'utf8');
  return `== ${name} ${version} (${license})\n\n${text.trim()}\n`;
}
