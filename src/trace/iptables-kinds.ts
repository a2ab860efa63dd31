// What stands in the holes of iptables' rules.
import type { Action, Rejection } from './language.js';
import { type Kind, maybe, portsWith } from './shapes.js';

export const ports = portsWith(':');

/** Which app a rule is of, for people. */
export const comment: Kind<string> = {
  pattern: '(?: -m comment --comment "[A-Za-z0-9._-]+")?',
  read: String,
};

/** The first packet of TCP is a SYN. */
export const syn = maybe(' --syn');

const REJECTIONS: Readonly<Record<string, Rejection>> = {
  'tcp-reset': 'tcp-reset',
  'icmp-port-unreachable': 'port-unreachable',
  'icmp6-port-unreachable': 'port-unreachable',
};

const BUILT_IN: Readonly<Record<string, Action>> = {
  RETURN: { does: 'return' },
  ACCEPT: { does: 'accept' },
  DROP: { does: 'drop' },
  MASQUERADE: { does: 'masquerade' },
};

/** Where a rule leads: a built-in target without options of its own, or another chain of ours. */
export const verdict: Kind<Action> = {
  pattern: [
    '-j (?:RETURN|ACCEPT|DROP)',
    '-j MASQUERADE --random-fully',
    `-j REJECT --reject-with (?:${Object.keys(REJECTIONS).join('|')})`,
    '-[jg] PMLB/[A-Za-z0-9._/-]+',
  ].join('|'),
  read: (text) => {
    const [option, name = '', , last = ''] = text.split(' ');
    const rejection = REJECTIONS[last];
    if (rejection !== undefined) return { does: 'reject', with: rejection };
    return BUILT_IN[name] ?? { does: option === '-g' ? 'goto' : 'jump', chain: name };
  },
};
