// Loads what was printed into the lab's load balancer, as README.md says that it is loaded.
import type { Lab } from '../lab/lab.js';
import type { OutputType } from '../print/output.js';

/** What was printed cannot be loaded here: a tool is missing, or the kernel does not take it. */
export class LoadError extends Error {
  override readonly name = 'LoadError';
}

/** In the lab's own /run. */
const FILE = '/run/pomaloba-try';

const RESTORE = `iptables-restore -w 60 --noflush ${FILE} && ip6tables-restore -w 60 --noflush ${FILE}`;
const COMMANDS: Readonly<Record<OutputType, string>> = {
  nftables: `sh ${FILE}`,
  'nftables-rules': `nft -f ${FILE}`,
  iptables: `sh ${FILE}`,
  'iptables-rules': RESTORE,
};

/** The commands that loading needs, each with the Debian package that has it. */
const TOOLS = {
  nftables: [['nft', 'nftables']],
  iptables: [
    ['iptables-restore', 'iptables'],
    ['ip6tables-restore', 'iptables'],
  ],
} as const;

/** Loads `text`, which is of `type`. Rules do not switch forwarding on: it is on then, as on a load balancer. Throws LoadError. */
export async function loadText(lab: Lab, type: OutputType, text: string): Promise<void> {
  for (const [command, name] of TOOLS[type.startsWith('nftables') ? 'nftables' : 'iptables'])
    await needs(lab, command, name);
  await put(lab, FILE, text);
  const { code, stderr } = await lab.exec('lb', ['sh', '-c', COMMANDS[type]], { timeoutMs: 120_000 });
  if (code !== 0) throw new LoadError(`the ${type} cannot be loaded:\n${stderr.trim()}${hintFor(stderr)}`);
  if (type.endsWith('-rules')) await lab.forward();
}

/** Throws LoadError if there is no `command` on this machine. */
export async function needs(lab: Lab, command: string, name: string): Promise<void> {
  const { code } = await lab.exec('lb', ['sh', '-c', 'command -v "$1"', 'sh', command]);
  if (code === 0) return;
  throw new LoadError(
    `${command} is missing: it is in the Debian package ${name} (sudo apt-get install ${name}).`,
  );
}

/** Writes a file of the lab, which ends with it. */
export async function put(lab: Lab, path: string, text: string): Promise<void> {
  const script = 'mkdir -p "${1%/*}" && cat >"$1"';
  const { code, stderr } = await lab.exec('lb', ['sh', '-c', script, 'sh', path], { stdin: text });
  if (code !== 0) throw new LoadError(`${path} cannot be written: ${stderr.trim()}`);
}

/** What nft may send in a user namespace is limited. */
function hintFor(stderr: string): string {
  return stderr.includes('Message too long')
    ? '\nOnly root can load so large a ruleset: put sudo in front of the command.'
    : '';
}
