// Debian's packages, unpacked and not installed: theirs would start services, and firewalls, on this machine.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { aptDownload } from './apt.mjs';
import { isInstalled, messageOf, ROOT, runQuietly, say } from './shell.mjs';
import { hashOf, isStamped, writeStamp } from './stamp.mjs';

/** dpkg-deb --extract would put directories in the place of the links. */
const UNPACK =
  'set -o pipefail; dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink --no-same-owner -C "$2"';

/** Packages still have files in /lib and /sbin, which are in /usr. @param {string} root */
function makeRoot(root) {
  for (const name of ['bin', 'lib', 'sbin']) {
    mkdirSync(join(root, 'usr', name), { recursive: true });
    symlinkSync(`usr/${name}`, join(root, name));
  }
}

/** @param {string} target @param {readonly (readonly string[])[]} groups @param {string} hash */
function unpack(target, groups, hash) {
  const fresh = `${target}.new`;
  const debs = join(fresh, 'debs');
  try {
    rmSync(fresh, { recursive: true, force: true });
    makeRoot(join(fresh, 'root'));
    for (const together of groups) aptDownload(together, debs);
    const files = readdirSync(debs).filter((name) => name.endsWith('.deb'));
    const left = groups.flat().filter((name) => !files.some((file) => file.startsWith(`${name}_`)));
    if (left.length > 0) throw new Error(`apt-get has no ${left.join(', ')}`);
    for (const file of files)
      runQuietly('bash', ['-c', UNPACK, 'bash', join(debs, file), join(fresh, 'root')]);
    rmSync(debs, { recursive: true });
    writeStamp(fresh, hash);
    rmSync(target, { recursive: true, force: true });
    renameSync(fresh, target);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/**
 * Unpacks packages, and those that they need and this machine lacks, in `.cache/NAME/root`, if that was not done yet. Where
 * they could not be had, that is told. Whether they are there.
 * @param {string} name
 * @param {readonly (readonly string[])[]} groups packages; apt is asked for each group by itself, as not all may be together
 */
export function ensureUnpacked(name, groups) {
  const names = groups.flat();
  try {
    if (!isInstalled('apt-get') || !isInstalled('dpkg-deb')) throw new Error('needs apt-get and dpkg-deb');
    // What the packages need is the machine's if it has it, and for one version of Python.
    const python = existsSync('/usr/bin/python3') ? runQuietly('/usr/bin/python3', ['--version']) : '';
    const hash = hashOf([UNPACK, ...names, python].join('\n'));
    const target = join(ROOT, '.cache', name);
    if (isStamped(target, hash)) return true;
    say(`Unpacking ${names.join(', ')} in .cache/${name}`);
    unpack(target, groups, hash);
    return true;
  } catch (reason) {
    say(`${names.join(', ')} could not be had: ${messageOf(reason)}`);
    return false;
  }
}
