// The rules of nftables' template that choose a destination: each shape that they have, and no other.
import { type Condition, type Meaning, rule } from './language.js';
import {
  client,
  drop,
  family,
  isFamily,
  isFixed,
  isProtocol,
  isState,
  isTo,
  keptMap,
  keptPort,
  networks,
  ports,
  verdict,
} from './nft-kinds.js';
import {
  address,
  hexadecimal,
  number,
  oneOf,
  protocol,
  same,
  type Shape,
  shape,
  target,
  word,
} from './shapes.js';

/** nftables-table.j2: which app a connection is for. The first packet of TCP is a SYN. */
const DISPATCH: readonly Shape<Meaning>[] = [
  shape`tcp flags & (fin | syn | rst | ack) != syn return`(() => rule({ does: 'return' }, isFixed(false))),
  shape`${family} daddr . meta l4proto . th dport vmap @${word}`((six, map) =>
    rule({ does: 'look-up', of: 'now', map }, isFamily(six)),
  ),
  shape`${family} daddr ${address} ${protocol} dport ${ports} goto ${word}`((six, ip, one, at, chain) =>
    rule({ does: 'goto', chain }, isFamily(six), isProtocol(one), isTo('now', { address: ip, ports: at })),
  ),
  shape`${verdict}`((action) => rule(action)),
];

/** nftables-apps.j2: how a destination is chosen, and that it is not down. */
const CHOICES: readonly Shape<Meaning>[] = [
  shape`numgen random mod ${number} < ${number} goto ${word}`((mod, below, chain) =>
    rule({ does: 'goto', chain }, { is: 'chance', share: below / mod }),
  ),
  shape`jhash ${family} saddr mod ${number} seed ${hexadecimal} < ${number} goto ${word}`(
    (six, mod, seed, below, chain) =>
      rule({ does: 'goto', chain }, isFamily(six), { is: 'hash', hash: { mod, seed }, below }),
  ),
  shape`meta l4proto ${protocol} ${family} daddr & ${address} | ${same(2)} . th dport & ${number} | ${same(3)} != @down-${same(1)} dnat ${same(1)} to ${target}`(
    (one, six, ip, port, to) =>
      rule({ does: 'dnat', ...to }, isProtocol(one), isFamily(six), {
        is: 'down',
        destination: { address: ip, port },
        not: true,
      }),
  ),
];

type Limit = Exclude<Condition['kind'], 'affinity'>;

function limit(kind: Limit, most: number, together: boolean): Meaning {
  return rule(drop, isState({ kind, most, together }));
}

/** nftables-apps.j2: who may come, how many, who has been here, and what becomes of whom no destination is left for. */
const APPS: readonly Shape<Meaning>[] = [
  shape`${family} saddr != { ${networks} } counter drop`((six, from) =>
    rule(drop, isFamily(six), { is: 'from', networks: from, not: true }),
  ),
  shape`counter drop`(() => rule(drop)),
  shape`limit name "new/${word}/${number}" counter drop`((_, most) => limit('new_per_second', most, false)),
  shape`add @${word} { ${client} ct count over ${number} } counter drop`((_set, _client, most) =>
    limit('connections_per_client', most, false),
  ),
  shape`${client} != @${word} ct count over ${number} counter drop`((_client, _set, most) =>
    limit('connections_per_client', most, true),
  ),
  shape`update @${word} { ${client} limit rate over ${number}/second burst ${same(2)} packets } counter drop`(
    (_set, _client, most) => limit('new_per_second_per_client', most, false),
  ),
  shape`${client} != @${word} limit rate over ${number}/second burst ${same(2)} packets counter drop`(
    (_client, _set, most) => limit('new_per_second_per_client', most, true),
  ),
  // Who is in the map, packets before this one have decided.
  shape`meta l4proto ${protocol} dnat ${family} to ${same(1)} saddr map @${keptMap}${keptPort}`(
    (one, six, timeout) =>
      rule(
        { does: 'nothing' },
        isProtocol(one),
        isFamily(six),
        isState({ kind: 'affinity', seconds: timeout }),
      ),
  ),
  shape`drop`(() => rule(drop)),
  shape`meta l4proto tcp reject with tcp reset`(() =>
    rule({ does: 'reject', with: 'tcp-reset' }, isProtocol('tcp')),
  ),
  shape`meta l4proto ${oneOf('udp', 'sctp')} reject with icmpx type port-unreachable`((one) =>
    rule({ does: 'reject', with: 'port-unreachable' }, isProtocol(one)),
  ),
];

export const DESTINATION_RULES = [...DISPATCH, ...CHOICES, ...APPS];
