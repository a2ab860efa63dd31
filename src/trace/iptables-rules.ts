// The rules of iptables' templates: each shape that they have behind the name of their chain, and no other.
import type { Protocol } from '../model/model.js';
import type { Network } from '../model/network.js';
import type { Ports } from '../model/ports.js';
import { comment, ports, syn, verdict } from './iptables-kinds.js';
import { type Condition, type Match, type Meaning, rule, type Side } from './language.js';
import {
  address,
  fraction,
  network,
  number,
  oneOf,
  protocol,
  same,
  type Shape,
  shape,
  target,
  word,
} from './shapes.js';

/** What is sent to, or was opened to, one port of an address, a range, or any of its ports. */
function toEndpoint(of: Side, one: Protocol, ip: string, at?: Ports): readonly Match[] {
  return [
    { is: 'protocol', protocols: [one] },
    { is: 'to', of, among: [{ address: ip, ...(at && { ports: at }) }] },
  ];
}

function toNetwork(of: Side, network: Network): Match {
  return { is: 'to', of, among: [{ network }] };
}

/** iptables-filter.j2, and what it has in common with the others. */
const FILTER: readonly Shape<Meaning>[] = [
  shape`${verdict}`((action) => rule(action)),
  shape`-m comment --comment "replaced by ${word}" -j RETURN`(() => rule({ does: 'return' })),
  shape`-p tcp --syn -m conntrack --ctstate NEW --ctorigdst ${address} --ctorigdstport ${ports}${comment} ${verdict}`(
    (ip, at, _, action) => rule(action, ...toEndpoint('original', 'tcp', ip, at)),
  ),
  shape`-p ${protocol} -m addrtype --dst-type LOCAL -m conntrack --ctstate NEW --ctorigdst ${address} --ctorigdstport ${ports}${comment} ${verdict}`(
    (one, ip, at, _, action) => rule(action, { is: 'local' }, ...toEndpoint('original', one, ip, at)),
  ),
  shape`-p ${protocol} -m ${same(0)} --dport ${ports} -m conntrack --ctstate DNAT ${verdict}`(
    (one, at, action) =>
      rule(
        action,
        { is: 'protocol', protocols: [one] },
        { is: 'to', of: 'now', among: [{ ports: at }] },
        { is: 'translated' },
      ),
  ),
  shape`-p ${protocol} -m conntrack --ctorigdst ${address} --ctorigdstport ${ports}${comment} ${verdict}`(
    (one, ip, at, _, action) => rule(action, ...toEndpoint('original', one, ip, at)),
  ),
  shape`-m conntrack --ctproto ${protocol} --ctorigdst ${address} --ctorigdstport ${ports} ${verdict}`(
    (one, ip, at, action) => rule(action, ...toEndpoint('original', one, ip, at)),
  ),
  // Branches of many endpoints.
  shape`-m conntrack --ctorigdst ${network} ${verdict}`((one, action) =>
    rule(action, toNetwork('original', one)),
  ),
  shape`-m conntrack --ctproto ${protocol} --ctorigdst ${address} ${verdict}`((one, ip, action) =>
    rule(action, ...toEndpoint('original', one, ip)),
  ),
  // Answers come from where the packet goes.
  shape`-m conntrack --ctreplsrc ${network} ${verdict}`((one, action) => rule(action, toNetwork('now', one))),
  shape`-m conntrack --ctreplsrc ${address} --ctreplsrcport ${ports} ${verdict}`((ip, at, action) =>
    rule(action, { is: 'to', of: 'now', among: [{ address: ip, ports: at }] }),
  ),
  shape`-m conntrack --ctstate ${oneOf('NEW', 'INVALID', 'DNAT')} ${verdict}`((state, action) =>
    rule(action, state === 'DNAT' ? { is: 'translated' } : { is: 'fixed', holds: state === 'NEW' }),
  ),
  // Ports that answers come from: only for what conntrack cannot place.
  shape`-s ${address} -p ${protocol} --sport ${ports} -j DROP`(() => rule({ does: 'stray' })),
  shape`-p ${protocol} --sport ${ports} -j DROP`(() => rule({ does: 'stray' })),
];

function limit(kind: Exclude<Condition['kind'], 'affinity'>, most: number): Meaning {
  return rule({ does: 'drop' }, { is: 'state', condition: { kind, most, together: false } });
}

/** iptables-mangle.j2. */
const MANGLE: readonly Shape<Meaning>[] = [
  shape`-d ${address} -p ${protocol} --dport ${ports}${syn} -m conntrack ! --ctstatus CONFIRMED${comment} ${verdict}`(
    (ip, one, at, _syn, _app, action) => rule(action, ...toEndpoint('now', one, ip, at)),
  ),
  shape`-s ${network} ${verdict}`((from, action) => rule(action, { is: 'from', networks: [from] })),
  shape`-m hashlimit --hashlimit-above ${number}/second --hashlimit-burst ${same(0)} --hashlimit-name ${word} --hashlimit-htable-size 1 --hashlimit-htable-max 1 --hashlimit-htable-expire 2000 -j DROP`(
    (most) => limit('new_per_second', most),
  ),
  shape`-m hashlimit --hashlimit-above ${number}/second --hashlimit-burst ${same(0)} --hashlimit-mode srcip --hashlimit-srcmask ${oneOf('32', '64')} --hashlimit-name ${word} --hashlimit-htable-size 4096 --hashlimit-htable-max 65536 --hashlimit-htable-expire 2000 -j DROP`(
    (most) => limit('new_per_second_per_client', most),
  ),
  shape`-m connlimit --connlimit-above ${number} --connlimit-mask ${oneOf('32', '64')} --connlimit-saddr -j DROP`(
    (most) => limit('connections_per_client', most),
  ),
  shape`-p tcp --tcp-flags SYN,RST SYN -m conntrack --ctstate DNAT ${verdict}`((action) =>
    rule(action, { is: 'protocol', protocols: ['tcp'] }, { is: 'translated' }),
  ),
  shape`-p tcp --tcp-flags SYN,RST SYN -m conntrack --ctorigdst ${address} --ctorigdstport ${ports}${comment} -j TCPMSS --clamp-mss-to-pmtu`(
    (ip, at) => rule({ does: 'clamp' }, ...toEndpoint('original', 'tcp', ip, at)),
  ),
];

/** The kernel keeps 31 bits of it (statistic_mt_check in net/netfilter/xt_statistic.c, and lround in libxt_statistic.c). */
function chance(probability: number): Match {
  return { is: 'chance', share: Math.round(probability * 2 ** 31) / 2 ** 31 };
}

/** iptables-nat.j2. Clients are elsewhere. */
const NAT: readonly Shape<Meaning>[] = [
  shape`-d ${network} ${verdict}`((one, action) => rule(action, toNetwork('now', one))),
  shape`-d ${address} -p ${protocol} ${verdict}`((ip, one, action) =>
    rule(action, ...toEndpoint('now', one, ip)),
  ),
  shape`-d ${address} -p ${protocol} --dport ${ports}${syn}${comment} ${verdict}`(
    (ip, one, at, _syn, _app, action) => rule(action, ...toEndpoint('now', one, ip, at)),
  ),
  shape`-m statistic --mode nth --every ${number} --packet 0 ${verdict}`((every, action) =>
    rule(action, { is: 'turn', every }),
  ),
  shape`-m statistic --mode random --probability ${fraction} ${verdict}`((probability, action) =>
    rule(action, chance(probability)),
  ),
  // Whoever takes a destination out says in the first list that there is one.
  shape`-m recent --name ${word} --rcheck --mask ${oneOf('0.0.0.0', '::')} -m recent --name ${same(0)},${address},${number} --rcheck --mask ${same(1)} -j RETURN`(
    (_ruleset, _any, ip, port) =>
      rule({ does: 'return' }, { is: 'down', destination: { address: ip, port } }),
  ),
  shape`-p ${protocol} -m addrtype --dst-type LOCAL -j DNAT --to-destination ${target}`((one, to) =>
    rule({ does: 'dnat', ...to }, { is: 'protocol', protocols: [one] }, { is: 'local' }),
  ),
  shape`-p ${protocol} -j DNAT --to-destination ${target}`((one, to) =>
    rule({ does: 'dnat', ...to }, { is: 'protocol', protocols: [one] }),
  ),
  shape`-p ${protocol} -j REDIRECT --to-ports ${number}`((one, port) =>
    rule({ does: 'redirect', port }, { is: 'protocol', protocols: [one] }),
  ),
  shape`-m addrtype --src-type LOCAL ${verdict}`((action) => rule(action, { is: 'fixed', holds: false })),
  shape`-m statistic --mode random --probability ${fraction} -j SNAT --to-source ${address} --random-fully`(
    (probability, ip) => rule({ does: 'snat', addresses: [ip] }, chance(probability)),
  ),
  shape`-j SNAT --to-source ${address} --random-fully`((ip) => rule({ does: 'snat', addresses: [ip] })),
];

export const IPTABLES_RULES = [...FILTER, ...MANGLE, ...NAT];
