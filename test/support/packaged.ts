// ufw, firewalld and netfilter-persistent themselves, as Debian packs them, on a lab's load balancer.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Backend } from './backends.js';

const PACKAGES = join(import.meta.dirname, '../../.cache/firewalls/root');

/**
 * Puts the packages over the host's own /usr and /etc, for one command: `ip netns exec` gives each its own mounts. What
 * they write goes to the lab's /run.
 */
const MOUNT = `
mkdir -p /run/packages; mount --bind '${PACKAGES}' /run/packages
if [ ! -e /run/etc ]; then
  cp -r /run/packages/etc /run/etc
  cp /run/packages/usr/share/ufw/iptables/*.rules /run/packages/usr/share/ufw/*.init /run/packages/usr/share/ufw/ufw.conf /run/etc/ufw
fi
mount -t overlay -o lowerdir=/run/packages/usr:/usr overlay /usr
mount -t overlay -o lowerdir=/run/packages/etc:/etc overlay /etc
for name in default firewalld iptables ufw; do mount --bind /run/etc/$name /etc/$name; done
`;
/** They call iptables by its path. */
const MOUNT_LEGACY =
  'mount --bind "$(readlink -f /usr/sbin/iptables-legacy)" "$(readlink -f /usr/sbin/iptables-nft)"\n';

/** The backend on a host that has the packages; iptables is of the variant that the backend uses. */
export function withPackages(backend: Backend): Backend {
  const isLegacy = backend.name.includes('legacy');
  return { ...backend, tools: `${MOUNT}${isLegacy ? MOUNT_LEGACY : ''}${backend.tools}` };
}

/** What a test that uses them begins with. */
export function expectPackages(): void {
  expect(existsSync(PACKAGES), 'the packages are in .cache/firewalls: npm test unpacks them').toBe(true);
}

/** A firewall, and shell for what its operator does with it. */
export interface PackagedFirewall {
  readonly name: string;
  readonly start: string;
  readonly reload: string;
}

/** ufw with a setting of /etc/default/ufw. Only its first reload completes its rules for IPv6. */
function ufw(name: string, setting: string, value: string): PackagedFirewall {
  const set = `sed -i 's/^${setting}=.*/${setting}=${value}/' /etc/default/ufw`;
  return { name, start: `${set}; ufw --force enable; ufw reload`, reload: 'ufw reload' };
}

export const UFW = ufw('ufw', 'DEFAULT_FORWARD_POLICY', '"DROP"');
export const UFW_REJECTS = ufw('ufw that rejects', 'DEFAULT_FORWARD_POLICY', '"REJECT"');
export const UFW_FLUSHES = ufw('ufw that has iptables to itself', 'MANAGE_BUILTINS', 'yes');

/** A session's bus in the place of the system's lets everyone do everything, and has no polkit. */
const LAUNCH = `mkdir -p /run/dbus
dbus-daemon --session --fork --nosyslog --address=unix:path=/run/dbus/system_bus_socket
firewalld --nofork --nopid --log-target=console >/run/firewalld.log 2>&1 & echo $! >/run/firewalld.pid`;

/** netfilter-persistent, with rules that somebody has saved; of the tables that iptables-save shows nearly always. */
export const NETFILTER_PERSISTENT: PackagedFirewall = {
  name: 'netfilter-persistent',
  start: `printf '%s\\n' '*nat' COMMIT '*filter' ':FORWARD DROP [0:0]' COMMIT | tee /etc/iptables/rules.v4 >/etc/iptables/rules.v6
netfilter-persistent start`,
  reload: 'netfilter-persistent restart',
};

type FirewalldBackend = 'nftables' | 'iptables';

/** Begins to start firewalld. It ends with the lab, and its bus, too. */
export function launchFirewalld(backend: FirewalldBackend): string {
  return `sed -i 's/^FirewallBackend=.*/FirewallBackend=${backend}/' /etc/firewalld/firewalld.conf\n${LAUNCH}`;
}

/** firewalld with that backend. */
export function firewalld(backend: FirewalldBackend): PackagedFirewall {
  const start = `${launchFirewalld(backend)}\nuntil firewall-cmd --state; do sleep 0.2; done`;
  return { name: `firewalld (${backend})`, start, reload: 'firewall-cmd --reload' };
}
