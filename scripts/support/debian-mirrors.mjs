// Where this machine gets Debian from, so that other releases come from there too.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FALLBACK = 'http://deb.debian.org/debian';
/** Debian's own keyring, where the package debian-archive-keyring puts it. */
const KEYRINGS = ['pgp', 'gpg'].map((ending) => `/usr/share/keyrings/debian-archive-keyring.${ending}`);

/**
 * @typedef {{ uri: string, suite: string, components: string[], keyring: string | undefined }} AptSource
 * @typedef {{ uri: string, keyring: string | undefined }} Mirror
 */

/** Debian's keyring on this machine. */
export function debianKeyring() {
  return KEYRINGS.find((file) => existsSync(file));
}

/** A file that apt is told to trust; not a key's fingerprint or the key itself. @param {string | undefined} signedBy */
function keyringFile(signedBy) {
  return signedBy?.startsWith('/') && existsSync(signedBy) ? signedBy : undefined;
}

/** The one-line format: deb [options] uri suite component... @param {string} text @returns {AptSource[]} */
function fromList(text) {
  const lines = text.matchAll(/^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#\n]*)/gm);
  return [...lines].map(([, options = '', uri = '', suite = '', components = '']) => {
    const keyring = keyringFile(/(?:^|\s)signed-by=(\S+)/i.exec(options)?.[1]);
    return { uri, suite, components: words(components), keyring };
  });
}

/** The deb822 format: stanzas of fields. @param {string} text @returns {AptSource[]} */
function fromStanzas(text) {
  const stanzas = text.replace(/^#.*\n?/gm, '').split(/\n\s*\n/);
  return stanzas.map(fieldsOf).flatMap((fields) => {
    const isUsed =
      words(fields.get('types')).includes('deb') && !/^(no|false|0)$/i.test(fields.get('enabled') ?? '');
    if (!isUsed) return [];
    const components = words(fields.get('components'));
    const keyring = keyringFile(fields.get('signed-by'));
    return words(fields.get('uris')).flatMap((uri) =>
      words(fields.get('suites')).map((suite) => ({ uri, suite, components, keyring })),
    );
  });
}

/** @param {string} stanza */
function fieldsOf(stanza) {
  const fields = stanza.replace(/\n[ \t]+/g, ' ').matchAll(/^([A-Za-z-]+):[ \t]*(.*)$/gm);
  return new Map([...fields].map(([, name = '', value = '']) => [name.toLowerCase(), value.trim()]));
}

/** @param {string | undefined} text */
function words(text = '') {
  return text.split(/\s+/).filter((word) => word !== '');
}

/** @param {string} directory */
function aptSources(directory) {
  const parts = join(directory, 'sources.list.d');
  const names = existsSync(parts) ? readdirSync(parts).sort() : [];
  const files = [join(directory, 'sources.list'), ...names.map((name) => join(parts, name))];
  return files
    .filter((file) => existsSync(file))
    .flatMap((file) => {
      if (file.endsWith('.list')) return fromList(readFileSync(file, 'utf8'));
      return file.endsWith('.sources') ? fromStanzas(readFileSync(file, 'utf8')) : [];
    });
}

/** The code name of the Debian that runs here. */
function codeName() {
  if (!existsSync('/etc/os-release')) return undefined;
  const text = readFileSync('/etc/os-release', 'utf8');
  return /^ID="?debian"?$/m.test(text) ? /^VERSION_CODENAME="?(\w+)/m.exec(text)?.[1] : undefined;
}

/**
 * Mirrors of Debian to try one after the other, each with the keyring to trust: those of apt's own sources,
 * then Debian's.
 * @param {string} [directory]
 * @returns {Mirror[]}
 */
export function debianMirrors(directory = '/etc/apt') {
  const here = codeName();
  const debian = debianKeyring();
  const own = aptSources(directory)
    .filter(({ uri, components }) => components.includes('main') && !uri.startsWith('cdrom:'))
    .filter(({ uri, suite }) => /\/debian(\.list)?\/?$/.test(uri) || suite === here)
    .flatMap(({ uri, keyring }) => [keyring ?? debian, debian].map((trusted) => ({ uri, keyring: trusted })));
  const all = [...own, { uri: FALLBACK, keyring: debian }];
  return [...new Map(all.map((mirror) => [`${mirror.uri} ${mirror.keyring ?? ''}`, mirror])).values()];
}
