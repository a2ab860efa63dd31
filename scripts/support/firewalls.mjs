// ufw, firewalld and netfilter-persistent in .cache/firewalls/root, as Debian packs them and not installed: their packages
// would start services, and a firewall on this machine. Tests mount them over /usr and /etc of a lab's load balancer.
import { ensureUnpacked } from './unpacked.mjs';

/** Whether they are there. */
export function ensureFirewalls() {
  // apt would not take them all together.
  return ensureUnpacked('firewalls', [
    ['ufw', 'firewalld'],
    ['netfilter-persistent', 'iptables-persistent'],
  ]);
}
