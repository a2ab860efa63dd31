// ufw, firewalld and netfilter-persistent in .cache/firewalls/root, as Debian packs them and not installed: their packages
// would start services, and a firewall on this machine. Tests mount them over /usr and /etc of a lab's load balancer.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { aptDownload } from './apt.mjs';
import { isInstalled, messageOf, ROOT, runQuietly, say } from './shell.mjs';
import { hashOf, isStamped, writeStamp } from './stamp.mjs';

/** apt would not take them all together. */
const PACKAGES = [
  ['ufw', 'firewalld'],
  ['netfilter-persistent', 'iptables-persistent'],
];
const NAMES = PACKAGES.flat();
const TARGET = join(ROOT, '.cache/firewalls');
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

/** @param {string} hash */
function unpack(hash) {
  const fresh = `${TARGET}.new`;
  const debs = join(fresh, 'debs');
  try {
    rmSync(fresh, { recursive: true, force: true });
    makeRoot(join(fresh, 'root'));
    for (const together of PACKAGES) aptDownload(together, debs);
    const files = readdirSync(debs).filter((name) => name.endsWith('.deb'));
    const left = NAMES.filter((name) => !files.some((file) => file.startsWith(`${name}_`)));
    if (left.length > 0) throw new Error(`apt-get has no ${left.join(', ')}`);
    for (const file of files)
      runQuietly('bash', ['-c', UNPACK, 'bash', join(debs, file), join(fresh, 'root')]);
    rmSync(debs, { recursive: true });
    writeStamp(fresh, hash);
    rmSync(TARGET, { recursive: true, force: true });
    renameSync(fresh, TARGET);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/**
 * Unpacks them if they are missing. Where they could not be had, that is told, and the tests that need them say so too.
 * Whether they are there.
 */
export function ensureFirewalls() {
  try {
    if (!isInstalled('apt-get') || !isInstalled('dpkg-deb')) throw new Error('needs apt-get and dpkg-deb');
    // What the packages need is the machine's if it has it, and for one version of Python.
    const python = existsSync('/usr/bin/python3') ? runQuietly('/usr/bin/python3', ['--version']) : '';
    const hash = hashOf([UNPACK, ...NAMES, python].join('\n'));
    if (isStamped(TARGET, hash)) return true;
    say(`Unpacking ${NAMES.join(', ')} in .cache/firewalls`);
    unpack(hash);
    return true;
  } catch (reason) {
    say(`${NAMES.join(', ')} could not be had: ${messageOf(reason)}`);
    return false;
  }
}
