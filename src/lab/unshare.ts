// Enters new namespaces, in whichever way this machine and this user allow.
import { existsSync, readFileSync } from 'node:fs';
import { AgentConnection, AgentStartError } from './agent-connection.js';
import { type LabAttempt, LabUnavailable } from './errors.js';
import { programFile } from './programs.js';

/** unshare(1). The PID namespace makes the agent's death that of all others, --kill-child unshare's the agent's. */
const UNSHARE = ['unshare', '--net', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child'];
const USER_NAMESPACE = ['--user', '--map-root-user'];

/** Where the programs are that a lab cannot do without. */
const DEBIAN_PACKAGES: ReadonlyMap<string, string> = new Map([
  ['unshare', 'util-linux'],
  ['mount', 'mount'],
  ['ip', 'iproute2'],
]);

/** Settings that forbid user namespaces to users other than root: the value that forbids, the value that allows. */
const OBSTACLES = [
  // Ubuntu 23.10 and later.
  { setting: 'kernel.apparmor_restrict_unprivileged_userns', forbids: '1', allows: '0' },
  // Debian's own, before Debian 11 off by default.
  { setting: 'kernel.unprivileged_userns_clone', forbids: '0', allows: '1' },
  { setting: 'user.max_user_namespaces', forbids: '0', allows: '10000' },
] as const;

/**
 * Starts an agent in new namespaces. `userNamespace`: true and false insist on with and without a user
 * namespace; undefined tries with one and then, for root, without. Throws LabUnavailable.
 */
export async function startAgent(userNamespace: boolean | undefined): Promise<AgentConnection> {
  const attempts: LabAttempt[] = [];
  for (const withUser of userNamespace === undefined && isRoot() ? [true, false] : [userNamespace ?? true]) {
    const command = [...UNSHARE, ...(withUser ? USER_NAMESPACE : [])];
    try {
      return await AgentConnection.start([...command, process.execPath, programFile('agent')]);
    } catch (cause) {
      if (!(cause instanceof AgentStartError)) throw cause;
      attempts.push({ command: command.join(' '), error: cause.message });
    }
  }
  throw new LabUnavailable(attempts, fixFor(attempts, userNamespace));
}

/**
 * What to install if `error`, a message of node:child_process, tells that one of the lab's own programs is
 * missing; otherwise undefined.
 */
export function installFix(error: string): string | undefined {
  const program = /\bspawn(?:Sync)? (\S+) ENOENT\b/.exec(error)?.[1] ?? '';
  const name = DEBIAN_PACKAGES.get(program);
  return name && `Install ${program}: it is in the Debian package ${name} (sudo apt-get install ${name}).`;
}

function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

function fixFor(attempts: readonly LabAttempt[], userNamespace: boolean | undefined): string {
  const missing = attempts.map(({ error }) => installFix(error)).find(Boolean);
  if (missing !== undefined) return missing;
  if (!existsSync(programFile('agent'))) return 'The lab is not built: npm run build.';
  if (isRoot()) {
    return 'Root lacks CAP_SYS_ADMIN here, as in most containers: run it outside, or with docker run --privileged.';
  }
  const asRoot = 'Run it as root: put sudo in front of the command.';
  if (userNamespace === false) return asRoot;
  const obstacles = OBSTACLES.filter(({ setting, forbids }) => valueOf(setting) === forbids);
  const settings = obstacles.map(({ setting, allows }) => `Or allow it: sudo sysctl -w ${setting}=${allows}`);
  return [asRoot, ...settings].join('\n');
}

/** The value of a kernel setting; undefined where the kernel lacks it. */
function valueOf(setting: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${setting.replaceAll('.', '/')}`, 'utf8').trim();
  } catch {
    return undefined;
  }
}
