// Virtual environments: the Python packages that tests use.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, run, say, succeeds } from './shell.mjs';
import { hashOfFiles, isStamped, writeStamp } from './stamp.mjs';

const MAIN = {
  name: '.venv',
  requirements: 'requirements-dev.txt',
  modules: 'jinja2, ansible, molecule, ansiblelint, mypy, pytest, ruff',
};
/** The oldest ansible-core that the role promises to work with, which no newer Python runs. */
const OLDEST = { name: '.venv-oldest', requirements: 'requirements-oldest.txt', modules: 'ansible' };
const OLD_PYTHON = '(3, 9) <= sys.version_info[:2] <= (3, 11)';

/** A program of .venv. @param {string} program */
export function inVenv(program) {
  return join(ROOT, MAIN.name, 'bin', program);
}

/** A Python that can make a venv with pip in it: Debian has that in a package of its own. */
export function pythonCommand() {
  return ['python3', '/usr/bin/python3'].find((command) =>
    succeeds(command, ['-c', 'import venv, ensurepip']),
  );
}

/** Makes .venv unless it is there and runs. */
export function ensureVenv() {
  const python = pythonCommand();
  if (python === undefined) throw new Error('No Python with venv: please install python3-venv');
  ensure(MAIN, python);
}

/** Makes .venv-oldest unless it is there and runs; says what keeps this machine from it. @returns {string | undefined} */
export function ensureOldestVenv() {
  const python = ['python3', '/usr/bin/python3', 'python3.11', 'python3.10', 'python3.9'].find((command) =>
    succeeds(command, ['-c', `import sys, venv, ensurepip; sys.exit(not ${OLD_PYTHON})`]),
  );
  if (python === undefined) return 'the oldest ansible-core needs Python 3.9 to 3.11, with venv';
  ensure(OLDEST, python);
  return undefined;
}

/** @param {typeof MAIN} venv @param {string} command the Python to make it with */
function ensure({ name, requirements, modules }, command) {
  const directory = join(ROOT, name);
  const python = join(directory, 'bin/python');
  const hash = hashOfFiles([requirements]);
  if (isStamped(directory, hash) && succeeds(python, ['-c', `import ${modules}`])) return;
  say(`Installing the packages of ${requirements} into ${name}`);
  rmSync(directory, { recursive: true, force: true });
  run(command, ['-m', 'venv', directory]);
  const pip = ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', '--no-input'];
  run(python, [...pip, '-r', requirements]);
  writeStamp(directory, hash);
}
