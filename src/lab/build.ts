// Turns a topology into namespaces, links, addresses and routes.
import type { AgentConnection } from './agent-connection.js';
import { eachBounded } from './bounded.js';
import { LabError, LabUnavailable } from './errors.js';
import { execute } from './execute.js';
import type { HostSetup, Topology } from './topology.js';
import { installFix } from './unshare.js';

/** How many hosts are set up at the same time. */
const AT_ONCE = 4;
const LIMIT = 60_000;

/**
 * A new namespace inherits IPv4's settings from the machine (devconf_inherit_init_net of the kernel's
 * Documentation/admin-guide/sysctl/net.rst), so a router or a Docker host would make each host a router.
 * Duplicate address detection would keep new IPv6 addresses, the link-local ones included, unusable for a second.
 */
const SETTINGS = `
cd /proc/sys/net
echo 0 > ipv4/ip_forward
echo 0 > ipv6/conf/all/forwarding
for file in ipv4/conf/*/rp_filter ipv6/conf/*/disable_ipv6 ipv6/conf/*/accept_dad; do echo 0 > "$file"; done
exec ip -batch -`;

/** The command that runs `argv` in a host. */
export function inHost(host: string, argv: readonly string[]): readonly string[] {
  return ['ip', 'netns', 'exec', host, ...argv];
}

/** Builds `topology` in the agent's namespaces. Rejects with LabError, or LabUnavailable if there is no `ip`. */
export async function build(agent: AgentConnection, { links, setups }: Topology): Promise<void> {
  await batch(agent, ['ip', '-batch', '-'], links);
  await eachBounded(setups, AT_ONCE, ({ host, lines }: HostSetup) =>
    batch(agent, inHost(host, ['sh', '-ec', SETTINGS]), lines),
  );
}

async function batch(
  agent: AgentConnection,
  argv: readonly string[],
  lines: readonly string[],
): Promise<void> {
  const stdin = lines.map((line) => `${line}\n`).join('');
  const { code, stderr } = await execute(agent, argv, { stdin, timeoutMs: LIMIT }).catch(orMissing);
  if (code !== 0) throw new LabError(`the lab cannot be built: ${stderr.trim()}`);
}

function orMissing(cause: Error): never {
  const fix = installFix(cause.message);
  if (fix === undefined) throw cause;
  throw new LabUnavailable([{ command: 'ip', error: cause.message }], fix);
}
