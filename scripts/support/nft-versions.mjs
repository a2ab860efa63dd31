// The nft of other Debian releases in .cache/nft/<suite>/bin/nft, each with its own libraries and loader, so
// that tests can load rulesets with them. The machine's own packages and apt state stay untouched.
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { aptInstall } from './apt.mjs';
import { debianKeyring, debianMirrors } from './debian-mirrors.mjs';
import { isInstalled, messageOf, ROOT, runQuietly, say, succeeds } from './shell.mjs';
import { hashOf, isStamped, writeStamp } from './stamp.mjs';

const SUITES = ['bullseye', 'trixie'];
const ARCHITECTURES = ['amd64', 'arm64'];
const PACKAGES = [
  ...[
    'nftables',
    'libnftables1',
    'libnftnl11',
    'libmnl0',
    'libxtables12',
    'iptables',
    'libip4tc2',
    'libip6tc2',
  ],
  ...['libnetfilter-conntrack3', 'libnfnetlink0', 'libjansson4', 'libedit2', 'libbsd0', 'libmd0', 'libgmp10'],
  ...['libc6', 'libtinfo6'],
];
const CACHE = join(ROOT, '.cache/nft');

/** An apt that has only its own directory: its state, its cache, its one source. @param {string} directory */
function aptConfiguration(directory) {
  return `#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Dir::State "${directory}/state";
Dir::State::status "${directory}/status";
Dir::Cache "${directory}/cache";
Dir::Etc::sourcelist "${directory}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "60";
`;
}

/**
 * Downloads the packages into debs/ of an apt directory.
 * @param {string} directory
 * @param {string} suite
 * @param {import('./debian-mirrors.mjs').Mirror} mirror
 */
function download(directory, suite, { uri, keyring }) {
  rmSync(directory, { recursive: true, force: true });
  for (const part of ['state/lists/partial', 'cache/archives/partial', 'debs']) {
    mkdirSync(join(directory, part), { recursive: true });
  }
  const options = keyring === undefined ? '' : `[signed-by=${keyring}] `;
  writeFileSync(join(directory, 'sources.list'), `deb ${options}${uri} ${suite} main\n`);
  writeFileSync(join(directory, 'status'), '');
  writeFileSync(join(directory, 'apt.conf'), aptConfiguration(directory));
  const own = ['-q', '-c', join(directory, 'apt.conf')];
  runQuietly('apt-get', [...own, 'update']);
  runQuietly('apt-get', [...own, 'download', ...PACKAGES], { cwd: join(directory, 'debs') });
}

/** Downloads from the first mirror that has the suite. @param {string} directory @param {string} suite */
function downloadFromAny(directory, suite) {
  const failures = [];
  for (const mirror of debianMirrors()) {
    try {
      download(directory, suite, mirror);
      return;
    } catch (reason) {
      failures.push(messageOf(reason));
    }
  }
  throw new Error(failures[0]);
}

/** The wrapper: relative to itself, so that the repository can move. @param {string} root */
function wrapper(root) {
  const files = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
  const loader = files.find((file) => /(^|\/)ld-[^/]*\.so[^/]*$/.test(file));
  if (loader === undefined) throw new Error('libc6 holds no loader');
  const isLibrary = /^(usr\/)?lib\/[^/]+-linux-gnu\/[^/]+\.so[^/]*$/;
  const libraries = new Set(files.filter((file) => isLibrary.test(file)).map((file) => dirname(file)));
  const extension = files.find((file) => file.endsWith('/xtables/libxt_tcp.so')) ?? '';
  return `#!/bin/sh
# Written by scripts/support/nft-versions.mjs.
root=\${0%/*}/../root
export XTABLES_LIBDIR="$root/${dirname(extension)}"
exec "$root/${loader}" --library-path "${[...libraries].map((path) => `$root/${path}`).join(':')}" "$root/usr/sbin/nft" "$@"
`;
}

/**
 * @param {string} suite
 * @param {string} hash
 */
function install(suite, hash) {
  const target = join(CACHE, suite);
  const fresh = `${target}.new`;
  const apt = `${target}.apt`;
  say(`Installing the nft of Debian ${suite} in .cache/nft`);
  try {
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(join(fresh, 'bin'), { recursive: true });
    downloadFromAny(apt, suite);
    for (const file of readdirSync(join(apt, 'debs'))) {
      runQuietly('dpkg-deb', ['-x', join(apt, 'debs', file), join(fresh, 'root')]);
    }
    const nft = join(fresh, 'bin/nft');
    writeFileSync(nft, wrapper(join(fresh, 'root')), { mode: 0o755 });
    runQuietly(nft, ['--version']);
    writeStamp(fresh, hash);
    rmSync(target, { recursive: true, force: true });
    renameSync(fresh, target);
  } finally {
    for (const rest of [apt, fresh]) rmSync(rest, { recursive: true, force: true });
  }
}

/** What this machine lacks to have other versions at all. */
function obstacle() {
  if (!isInstalled('apt-get') || !isInstalled('dpkg-deb')) return 'needs apt-get and dpkg-deb';
  const architecture = runQuietly('dpkg', ['--print-architecture']);
  return ARCHITECTURES.includes(architecture) ? undefined : `needs ${ARCHITECTURES.join(' or ')}`;
}

/** Ubuntu has Debian's keys in a package. */
function ensureKeyring() {
  if (debianKeyring() === undefined) aptInstall(['debian-archive-keyring']);
}

/** @param {string} suite @param {string} hash */
function isInstalledVersion(suite, hash) {
  return isStamped(join(CACHE, suite), hash) && succeeds(join(CACHE, suite, 'bin/nft'), ['--version']);
}

/**
 * Installs each version that is missing. One that could not be had is told, and the tests that need it say so
 * too: that is no failure here. Whether all are there.
 */
export function ensureNftVersions() {
  const hash = hashOf([process.arch, ...PACKAGES, wrapper.toString()].join('\n'));
  let isComplete = true;
  for (const suite of SUITES.filter((name) => !isInstalledVersion(name, hash))) {
    try {
      const reason = obstacle();
      if (reason !== undefined) throw new Error(reason);
      ensureKeyring();
      install(suite, hash);
    } catch (reason) {
      isComplete = false;
      say(`The nft of Debian ${suite} could not be had: ${messageOf(reason)}`);
    }
  }
  return isComplete;
}
