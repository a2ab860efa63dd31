// Names of tables and chains: readable, unique, and within what the kernel allows.
import { createHash } from 'node:crypto';

/** Names of apps and rulesets. The first character rules out what programs would read as an option. */
export const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** XT_EXTENSION_MAXNAMELEN is 29 bytes with the final NUL (linux/netfilter/x_tables.h). */
const LONGEST_CHAIN = 28;
const CHAIN_PREFIX = 'PMLB/';
/** Leaves an app's part at least 8 characters, of which a hash has 7. */
const LONGEST_RULESET_PART = 9;
const HASH_LENGTH = 6;
/** What a destination's chain adds to its app's, of which a spec has at most 1024, and what the chain of a choice does. */
const LONGEST_PART = '/1024'.length;
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** The nftables table of a ruleset. It may have 255 bytes (NFT_NAME_MAXLEN), so nothing is shortened. */
export function nftTable(ruleset: string): string {
  return `pomaloba-${ruleset}`;
}

/**
 * The nftables chain of an app for one family, `ip` or `ip6`. The prefix keeps names apart from keywords and
 * digits, which nft reads as something else; `/` cannot occur in an app's name.
 */
export function nftAppChain(app: string, nftFamily: string): string {
  return `app/${app}/${nftFamily}`;
}

/** The nftables chain that notes which destination a client of an app has, and drops what is out of date. */
export function nftKeepChain(app: string, nftFamily: string): string {
  return `keep/${app}/${nftFamily}`;
}

/**
 * The nftables map of the clients of an app and `what` of their destinations they keep. Its timeout is in its name: the kernel
 * does not change that of a map that is there.
 */
export function nftKeptMap(app: string, nftFamily: string, seconds: number, what: string): string {
  return `kept/${app}/${nftFamily}/${seconds}s/${what}`;
}

/** The nftables chain that chooses among an app's destinations for one family, or among its backups. */
export function nftChoiceChain(app: string, nftFamily: string, isBackup: boolean): string {
  return `${isBackup ? 'backup' : 'choose'}/${app}/${nftFamily}`;
}

/** The nftables chain of ports that an app's destinations may answer from, for one family. */
export function nftStrayChain(app: string, nftFamily: string): string {
  return `stray/${app}/${nftFamily}`;
}

/**
 * The nftables chain that sends an app's connections to `ip`, and there to `port` (absent: the client's). Colons
 * cannot stand in a name; a dot cannot stand in an IPv6 address as we write them.
 */
export function nftDestinationChain(app: string, ip: string, port?: number): string {
  return `to/${app}/${ip.replaceAll(':', '.')}${port === undefined ? '' : `/${port}`}`;
}

/** The nftables set of an app's limit for one family, and with an empty one the object of all families. */
export function nftLimit(app: string, nftFamily: string, kind: string, most: number): string {
  // With the number: what a set that outlives a reload holds is never measured by another one.
  return [kind, app, ...(nftFamily === '' ? [] : [nftFamily]), String(most)].join('/');
}

/** The iptables chain of a ruleset; the ruleset's other chains are called this, `/` and a part. */
export function iptablesChain(ruleset: string): string {
  return CHAIN_PREFIX + shorten(ruleset, LONGEST_RULESET_PART);
}

/** The iptables chain of an app. */
export function iptablesAppChain(ruleset: string, app: string): string {
  const stem = `${iptablesChain(ruleset)}/`;
  return stem + shorten(app, LONGEST_CHAIN - LONGEST_PART - stem.length);
}

/** The iptables chain of an app's destination, the first of which has the number 1: an IPv6 address would not fit. */
export function iptablesDestinationChain(ruleset: string, app: string, number: number): string {
  return `${iptablesAppChain(ruleset, app)}/${number}`;
}

/** The iptables chain that chooses among an app's destinations, or among its backups. */
export function iptablesChoiceChain(ruleset: string, app: string, isBackup: boolean): string {
  return `${iptablesAppChain(ruleset, app)}/${isBackup ? 'back' : 'draw'}`;
}

/**
 * What stands behind `PMLB/lb/_to/` and the like in the chain of a branch (src/view/branches.ts), by what the branch is for: the
 * chain has the same name whatever else there is. Of 35 bits: `taken` are those that others have.
 */
export function iptablesBranch(key: string, taken: ReadonlySet<string>): string {
  const name = hash(key, LONGEST_CHAIN - `${CHAIN_PREFIX}${'x'.repeat(LONGEST_RULESET_PART)}/_masq/`.length);
  return taken.has(name) ? iptablesBranch(`${key} `, taken) : name;
}

/** The chain of a part of an app's destinations: a letter that says what is done there, and a number. */
export function iptablesPartChain(chain: string, letter: 'b' | 'd' | 'f', number: number): string {
  return `${chain}/${letter}${number}`;
}

/**
 * The list of xt_recent that tells whether a destination is down, a file below /proc/net/xt_recent: at most 199 bytes
 * (XT_RECENT_NAME_LEN), and nothing that a shell would take for more than a word.
 */
export function recentList(ruleset: string, ip: string, port: number | string): string {
  return `${nftTable(ruleset)},${ip},${port}`;
}

/** The chain of what an app's limits let through; numbers are those of destinations. */
export function iptablesLimitChain(ruleset: string, app: string): string {
  return `${iptablesAppChain(ruleset, app)}/new`;
}

/**
 * The table that hashlimit keeps the rates of an app in. It is found by its name, at most 15 characters, and what a
 * loaded one allows stays as it is: hence the number.
 */
export function hashlimitTable(ruleset: string, app: string, kind: string, most: number): string {
  return `PMLB${hash([ruleset, app, kind, most].join('/'), 11)}`;
}

/**
 * `name`, or its beginning and a hash of the whole, at most `longest` characters. A name that looks like a
 * shortened one is hashed as well, so that nobody can choose a name that collides.
 */
function shorten(name: string, longest: number): string {
  const looksShortened = name.length === longest && new RegExp(`\\.[a-z2-7]{${HASH_LENGTH}}$`).test(name);
  if (name.length <= longest && !looksShortened) return name;
  return `${name.slice(0, longest - HASH_LENGTH - 1)}.${hash(name, HASH_LENGTH)}`;
}

/** `length` characters of 5 bits each. */
function hash(text: string, length: number): string {
  const digest = createHash('sha256').update(text).digest();
  return Array.from(digest.subarray(0, length), (byte) => BASE32.charAt(byte % 32)).join('');
}
