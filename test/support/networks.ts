// Membership in a network, by another library than the one under test.
import ipaddr from 'ipaddr.js';

/** True if `address` is in `network`, in CIDR notation or an address alone. */
export function isIn(address: string, network: string): boolean {
  const ip = ipaddr.parse(address);
  const range = ipaddr.parseCIDR(
    network.includes('/') ? network : `${network}/${ip.toByteArray().length * 8}`,
  );
  return ip.match(range);
}
