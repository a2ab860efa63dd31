// The rules of nftables' template that come after a destination is chosen: each shape that they have, and no other.
import type { Family } from '../model/address.js';
import type { Protocol } from '../model/model.js';
import { type Match, type Meaning, rule, type Target } from './language.js';
import {
  counted,
  drop,
  family,
  forget,
  isFamily,
  isFixed,
  isProtocol,
  isTo,
  networks,
  places,
  ports,
  protocols,
  stray,
  verdict,
} from './nft-kinds.js';
import { address, maybe, number, protocol, same, type Shape, shape, word } from './shapes.js';

/** What was balanced; of what it was opened to, the family and the protocol. */
function opened(list: readonly Protocol[], six: Family): Match[] {
  return [{ is: 'translated' }, isProtocol(...list), isFamily(six)];
}

/** nftables-source.j2: whose source address is changed, and to which. Clients are elsewhere. */
const SOURCES: readonly Shape<Meaning>[] = [
  shape`ct status dnat meta l4proto ${protocols} ct original ${family} daddr . meta l4proto . ct original proto-dst vmap @${word}`(
    (list, six, map) => rule({ does: 'look-up', of: 'original', map }, ...opened(list, six)),
  ),
  shape`ct status dnat meta l4proto ${protocols} ct original ${family} daddr . meta l4proto . ct original proto-dst @${word} masquerade fully-random`(
    (list, six, set) => rule({ does: 'masquerade' }, ...opened(list, six), { is: 'in', of: 'original', set }),
  ),
  shape`ct status dnat ct original ${family} daddr ${address} meta l4proto ${protocol} ct original proto-dst ${ports} ${verdict}`(
    (six, ip, one, at, action) =>
      rule(action, ...opened([one], six), isTo('original', { address: ip, ports: at })),
  ),
  shape`fib saddr type local ${verdict}`((action) => rule(action, isFixed(false))),
  shape`${family} saddr { ${networks} } ${verdict}`((six, from, action) =>
    rule(action, isFamily(six), { is: 'from', networks: from }),
  ),
  shape`snat ${family} to ${address} fully-random`((six, ip) =>
    rule({ does: 'snat', addresses: [ip] }, isFamily(six)),
  ),
];

function isElsewhere(among: readonly Target[]): Match {
  return { is: 'to', of: 'now', among, not: true };
}

/** nftables-source.j2: who does not keep his destination. */
const KEEPING: readonly Shape<Meaning>[] = [
  shape`${family} daddr . th dport${maybe(' & 0')} @down-${same(0)} ${forget}`((six, withoutPort) =>
    rule(drop, isFamily(six), { is: 'down', destination: withoutPort ? 'packet-without-port' : 'packet' }),
  ),
  shape`${family} daddr${maybe(' . th dport')} != { ${places} } ${forget}`((six, _, among) =>
    rule(drop, isFamily(six), isElsewhere(among)),
  ),
  shape`${family} daddr${maybe(' . th dport')} { ${places} } return`((six, _, among) =>
    rule({ does: 'return' }, isFamily(six), isTo('now', ...among)),
  ),
  shape`update @${word} { ${family} saddr : ${same(1)} daddr }`(() => rule({ does: 'nothing' })),
  shape`update @${word} { ${family} saddr : th dport }`(() => rule({ does: 'nothing' })),
];

/** nftables-table.j2: segments that fit the path. The first packet of TCP is a SYN. */
const CLAMP: readonly Shape<Meaning>[] = [
  shape`tcp flags & (syn | rst) != syn return`(() => rule({ does: 'return' }, isFixed(false))),
  shape`ct status dnat ct original ${family} daddr ${address} meta l4proto tcp ct original proto-dst ${ports} tcp option maxseg size set rt mtu`(
    (six, ip, at) =>
      rule({ does: 'clamp' }, ...opened(['tcp'], six), isTo('original', { address: ip, ports: at })),
  ),
];

/** nftables-source.j2 and nftables-traffic.j2: what is counted, by elements of sets. It changes nothing. */
const COUNTING: readonly Shape<Meaning>[] = [
  shape`ct status dnat meta l4proto ${protocols} ct original ${family} daddr . meta l4proto . ct original proto-dst . ${counted}`(
    () => rule({ does: 'nothing' }),
  ),
  shape`ct status dnat ct original ${family} daddr ${address} meta l4proto ${protocol} ct original proto-dst ${ports} ct original ${same(0)} daddr . meta l4proto . ct original proto-dst & ${number} | ${same(4)} . ${counted}`(
    () => rule({ does: 'nothing' }),
  ),
];

/** nftables-stray.j2: a connection's first packet is none that conntrack cannot place. */
const STRAY: readonly Shape<Meaning>[] = [
  shape`ct state invalid jump ${word}`((chain) => rule({ does: 'jump', chain }, isFixed(false))),
  shape`${protocol} sport ${ports} counter drop`(() => stray),
  shape`meta l4proto . ${family} saddr . th sport @${word} counter drop`(() => stray),
  shape`${family} daddr . meta l4proto . th dport @${word} counter drop`(() => stray),
  shape`${family} daddr ${address} ${protocol} dport ${ports} counter drop`(() => stray),
];

export const SOURCE_RULES = [...SOURCES, ...KEEPING, ...COUNTING, ...CLAMP, ...STRAY];
