// Installing Debian packages on this machine, or having them without that.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { isInstalled, messageOf, runQuietly, say, succeeds } from './shell.mjs';

const OPTIONS = ['-o', 'DPkg::Lock::Timeout=120', '-q', '-y'];

/** The words to put before a command to run it as root; none if there is no way. @returns {string[] | undefined} */
function asRoot() {
  if (process.getuid?.() === 0) return [];
  if (!isInstalled('sudo')) return undefined;
  if (succeeds('sudo', ['-n', 'true'])) return ['sudo', '-n'];
  return process.stdin.isTTY ? ['sudo'] : undefined;
}

/**
 * Installs packages by apt-get; throws if it cannot, naming what is missing: where there is no apt-get, commands say
 * more than the names that Debian gives to packages.
 * @param {readonly string[]} packages
 * @param {readonly string[]} [missing]
 */
export function aptInstall(packages, missing = packages) {
  const prefix = isInstalled('apt-get') ? asRoot() : undefined;
  if (prefix === undefined)
    throw new Error(`Please install ${missing.join(', ')} (this needs apt-get and root)`);
  say(`Installing ${packages.join(' ')}`);
  withLists(aptGet(prefix, ['install', '--no-install-recommends', ...packages]));
}

/**
 * Downloads packages into a directory, with those that they need and this machine lacks. Nothing is installed: what their
 * scripts would do to this machine, such as start a service, is not done. Throws if it cannot.
 * @param {readonly string[]} packages
 * @param {string} directory
 */
export function aptDownload(packages, directory) {
  mkdirSync(join(directory, 'partial'), { recursive: true });
  const settings = ['Debug::NoLocking=true', 'APT::Sandbox::User=root', `Dir::Cache::archives=${directory}`];
  const words = ['install', '--download-only', '--reinstall', '--no-install-recommends', ...packages];
  withLists(aptGet([], [...settings.flatMap((setting) => ['-o', setting]), ...words]));
}

/** @param {readonly string[]} prefix @param {readonly string[]} args @returns {[string, string[]]} */
function aptGet(prefix, args) {
  // env, as sudo would drop the variable.
  const words = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...OPTIONS, ...args];
  return [words[0] ?? 'env', words.slice(1)];
}

/** Runs what needs apt's lists, which may be missing or too old. @param {[string, string[]]} command */
function withLists(command) {
  try {
    runQuietly(...command);
  } catch {
    update();
    runQuietly(...command);
  }
}

/** A list that cannot be had need not be one that is needed: the installation tells. */
function update() {
  try {
    runQuietly(...aptGet(asRoot() ?? [], ['update']));
  } catch (reason) {
    say(messageOf(reason));
  }
}
