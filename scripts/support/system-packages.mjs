// The commands of the system that tests use.
import { aptInstall } from './apt.mjs';
import { extendPath, isInstalled } from './shell.mjs';
import { pythonCommand } from './venv.mjs';

/** Each command, and the Debian package that has it. */
const PACKAGE_OF = {
  nft: 'nftables',
  iptables: 'iptables',
  'iptables-restore': 'iptables',
  'ip6tables-restore': 'iptables',
  'iptables-legacy-restore': 'iptables',
  ip: 'iproute2',
  unshare: 'util-linux',
  conntrack: 'conntrack',
  shellcheck: 'shellcheck',
  dash: 'dash',
  awk: 'mawk',
  // The shells that completion is for, and a terminal for them.
  bash: 'bash',
  zsh: 'zsh',
  fish: 'fish',
  script: 'bsdutils',
};

/** What is missing: each command with its package. */
function missing() {
  const commands = Object.entries(PACKAGE_OF).filter(([command]) => !isInstalled(command));
  return pythonCommand() === undefined
    ? [...commands, /** @type {const} */ (['python3 -m venv', 'python3-venv'])]
    : commands;
}

/** @param {readonly [command: string, name: string]} entry */
function described([command, name]) {
  return `${command} (package ${name})`;
}

/** Installs what tests need and this machine lacks. */
export function ensureSystemPackages() {
  extendPath();
  const wanted = missing();
  if (wanted.length === 0) return;
  aptInstall([...new Set(wanted.map(([, name]) => name))], wanted.map(described));
  const left = missing().map(described);
  if (left.length > 0) throw new Error(`Still missing after the installation: ${left.join(', ')}`);
}
