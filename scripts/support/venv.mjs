// .venv: the Python packages that tests use.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, run, say, succeeds } from './shell.mjs';
import { hashOfFiles, isStamped, writeStamp } from './stamp.mjs';

const VENV = join(ROOT, '.venv');
const PYTHON = join(VENV, 'bin/python');
const REQUIREMENTS = 'requirements-dev.txt';

/** A Python that can make a venv with pip in it: Debian has that in a package of its own. */
export function pythonCommand() {
  return ['python3', '/usr/bin/python3'].find((command) =>
    succeeds(command, ['-c', 'import venv, ensurepip']),
  );
}

/** Makes .venv unless it is there and runs. */
export function ensureVenv() {
  const hash = hashOfFiles([REQUIREMENTS]);
  if (isStamped(VENV, hash) && succeeds(PYTHON, ['-c', 'import jinja2, ansible, molecule, ansiblelint']))
    return;
  const python = pythonCommand();
  if (python === undefined) throw new Error('No Python with venv: please install python3-venv');
  say(`Installing the packages of ${REQUIREMENTS} into .venv`);
  rmSync(VENV, { recursive: true, force: true });
  run(python, ['-m', 'venv', VENV]);
  run(PYTHON, [
    '-m',
    'pip',
    'install',
    '-q',
    '--disable-pip-version-check',
    '--no-input',
    '-r',
    REQUIREMENTS,
  ]);
  writeStamp(VENV, hash);
}
