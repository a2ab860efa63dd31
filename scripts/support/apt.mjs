// Installing Debian packages on this machine.
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
  const names = packages.join(' ');
  const prefix = isInstalled('apt-get') ? asRoot() : undefined;
  if (prefix === undefined)
    throw new Error(`Please install ${missing.join(', ')} (this needs apt-get and root)`);
  /** @param {readonly string[]} args @returns {[string, string[]]} */
  const aptGet = (args) => {
    // env, as sudo would drop the variable.
    const words = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...OPTIONS, ...args];
    return [words[0] ?? 'env', words.slice(1)];
  };
  const install = aptGet(['install', '--no-install-recommends', ...packages]);
  say(`Installing ${names}`);
  try {
    runQuietly(...install);
  } catch {
    // The lists are missing or too old.
    update(aptGet(['update']));
    runQuietly(...install);
  }
}

/** A list that cannot be had need not be one that is needed: the installation tells. @param {[string, string[]]} command */
function update(command) {
  try {
    runQuietly(...command);
  } catch (reason) {
    say(messageOf(reason));
  }
}
