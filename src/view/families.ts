// The address families, by the names that others have for them; IPv4 first.
import { FAMILY_NAMES } from '../model/address.js';

export const FAMILIES = [
  {
    family: 'ipv4',
    title: FAMILY_NAMES.ipv4,
    nft: 'ip',
    nft_type: 'ipv4_addr',
    any: '0.0.0.0',
    iptables: 'iptables',
    iptables_option: '-4',
    forwarding: 'net.ipv4.ip_forward',
    proc: 'net/ipv4/ip_forward',
  },
  {
    family: 'ipv6',
    title: FAMILY_NAMES.ipv6,
    nft: 'ip6',
    nft_type: 'ipv6_addr',
    any: '::',
    iptables: 'ip6tables',
    iptables_option: '-6',
    forwarding: 'net.ipv6.conf.all.forwarding',
    proc: 'net/ipv6/conf/all/forwarding',
  },
] as const;
