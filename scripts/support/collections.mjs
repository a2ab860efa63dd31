// .cache/collections: what the generated role's own Molecule scenario connects to containers with.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, run, say } from './shell.mjs';
import { hashOf, isStamped, writeStamp } from './stamp.mjs';

const COLLECTIONS = join(ROOT, '.cache/collections');
const PYTHON = join(ROOT, '.venv/bin/python');
/** The community's package, which carries all collections: PyPI can be reached where Galaxy cannot. */
const PACKAGE = 'ansible==12.3.0';
const WANTED = ['containers/podman', 'community/docker'];
/** Unpacks 3 of its 500 MB. */
const UNPACK = `
import sys, zipfile
wheel, target, *wanted = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    folders = tuple(f"ansible_collections/{name}/" for name in wanted)
    archive.extractall(target, [name for name in archive.namelist() if name.startswith(folders)])
`;

/** Installs the collections unless they are there. */
export function ensureCollections() {
  const hash = hashOf([PACKAGE, ...WANTED].join('\n'));
  if (isStamped(COLLECTIONS, hash)) return;
  say(`Downloading ${PACKAGE} for the collections ${WANTED.join(' and ')}`);
  const directory = mkdtempSync(join(tmpdir(), 'pomaloba-collections-'));
  try {
    const options = [
      '--no-deps',
      '--only-binary=:all:',
      '-q',
      '--disable-pip-version-check',
      '-d',
      directory,
    ];
    run(PYTHON, ['-m', 'pip', 'download', ...options, PACKAGE]);
    const wheel = join(directory, readdirSync(directory)[0] ?? '');
    rmSync(COLLECTIONS, { recursive: true, force: true });
    run(PYTHON, ['-c', UNPACK, wheel, COLLECTIONS, ...WANTED]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  writeStamp(COLLECTIONS, hash);
}
