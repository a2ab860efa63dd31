// What stands in the holes of nftables' rules.
import type { Family } from '../model/address.js';
import type { Protocol } from '../model/model.js';
import type { Action, Condition, Match, Meaning, Side, Target } from './language.js';
import { address, type Kind, listOf, network, portsWith, protocol, word } from './shapes.js';

export const family: Kind<Family> = {
  pattern: 'ip6?',
  read: (text) => (text === 'ip6' ? 'ipv6' : 'ipv4'),
};

export const ports = portsWith('-');
export const networks = listOf(network, ', ');

const several = listOf(protocol, ', ');

/** One protocol, or a set of them. */
export const protocols: Kind<readonly Protocol[]> = {
  pattern: String.raw`\{ (?:${several.pattern}) \}|(?:${protocol.pattern})`,
  read: (text) => several.read(text.replaceAll(/[{} ]+/g, '').replaceAll(',', ', ')),
};

/** Destinations as sets have them: `198.51.100.1 . 30080`, or the address alone. */
export const places: Kind<readonly Target[]> = listOf(
  {
    pattern: String.raw`${address.pattern}(?: \. [0-9]+)?`,
    read: (text): Target => {
      const [ip = '', port] = text.split(' . ');
      return { address: address.read(ip), ...(port === undefined ? {} : { ports: ports.read(port) }) };
    },
  },
  ', ',
);

/** By what clients are told apart: the address, or the /64 of it. */
export const client: Kind<Family> = {
  pattern: 'ip saddr|ip6 saddr & ffff:ffff:ffff:ffff::',
  read: (text) => (text.startsWith('ip6') ? 'ipv6' : 'ipv4'),
};

/** The map of an app's clients and their destinations; its name has their seconds. */
export const keptMap: Kind<number> = {
  pattern: `kept/${word.pattern}`,
  read: (text) => Number(/\/([0-9]+)s\//.exec(text)?.[1]),
};

/** The port of a destination that is kept: one, that of a map, or the client's. */
export const keptPort: Kind<string> = {
  pattern: `(?::[0-9]+|:ip6? saddr map @${word.pattern})?`,
  read: String,
};

/** An entry of such maps goes, and with it the packet. */
export const forget: Kind<string> = {
  pattern: String.raw`(?:delete @${word.pattern} \{ ip6? saddr : th dport \} )?delete @${word.pattern} \{ ip6? saddr : ip6? daddr \} drop`,
  read: String,
};

/** The end of what is looked up for counting: the destination, as the packet or the answer to it has it, and the set. */
export const counted: Kind<string> = {
  pattern:
    'ip6? daddr \\. th dport(?: & 0)? @connections-ip6?|ct reply ip6? saddr \\. ct reply proto-src(?: & 0)? @traffic-ip6?',
  read: String,
};

/** Where a rule leads: another chain, or masquerading. */
export const verdict: Kind<Action> = {
  pattern: `(?:jump|goto) ${word.pattern}|masquerade fully-random`,
  read: (text) => {
    const [does, chain = ''] = text.split(' ');
    if (does === 'jump' || does === 'goto') return { does, chain };
    return { does: 'masquerade' };
  },
};

export const drop: Action = { does: 'drop' };
/** The chains of what conntrack cannot place, which a connection's first packet never comes to. */
export const stray: Meaning = { action: { does: 'stray' }, matches: [] };

export function isProtocol(...list: readonly Protocol[]): Match {
  return { is: 'protocol', protocols: list };
}

export function isFamily(one: Family): Match {
  return { is: 'family', family: one };
}

export function isTo(of: Side, ...among: readonly Target[]): Match {
  return { is: 'to', of, among };
}

export function isState(condition: Condition): Match {
  return { is: 'state', condition };
}

export function isFixed(holds: boolean): Match {
  return { is: 'fixed', holds };
}
