// A variant's text is written, loaded, and its proxy started.
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseJson } from '../json.mjs';
import { run } from '../measure.mjs';
import { inside, sh, start } from './namespaces.mjs';

/** @typedef {import('./variants.mjs').Variant} Variant */

/** In milliseconds. What takes longer to load is not measured, and that is said. */
const LIMIT = 20_000;
const FILES = '/run/files';
/** @type {Map<string, string>} */
const written = new Map();

/** Roots of unpacked peers, by name. */
export const peers = /** @type {Record<string, string>} */ (parseJson(process.env['BENCH_PEERS'] ?? '{}'));

/** Whether there is what a variant needs. @param {Variant} variant */
export function isThere({ kind }) {
  return !['nftlb', 'haproxy', 'nginx'].includes(kind) || peers[kind] !== undefined;
}

/** A file with that text; the same text is written once. @param {string} key @param {() => string} text */
export function fileOf(key, text) {
  const known = written.get(key);
  if (known !== undefined) return known;
  mkdirSync(FILES, { recursive: true });
  const file = join(mkdtempSync(join(FILES, 'f-')), 'text');
  writeFileSync(file, text());
  written.set(key, file);
  return file;
}

/** A program of a package that is not installed. @param {string} name @param {readonly string[]} args */
function peer(name, args) {
  const root = peers[name] ?? '';
  const libraries = sh(`ls -d ${root}/usr/lib/*-linux-gnu* 2>/dev/null || true`).trim().split('\n').join(':');
  return ['env', `LD_LIBRARY_PATH=${libraries}`, `${root}/usr/sbin/${name}`, ...args];
}

/**
 * The command that loads a file; undefined for what is not loaded.
 * @param {Pick<Variant, 'kind' | 'loader'>} variant
 * @param {string} file
 */
export function loading({ kind, loader = [] }, file) {
  if (kind === 'nft') return ['nft', '-f', file];
  if (kind === 'restore') return [...loader, file];
  if (kind === 'script') return ['sh', file];
  if (kind === 'nftlb') return peer('nftlb', ['-e', '-l', '3', '-L', '2', '-c', file]);
  return undefined;
}

/** The same with an end. @param {readonly string[]} command */
export function bounded(command) {
  return ['timeout', '--signal=KILL', String(LIMIT / 1000), ...command];
}

/**
 * Loads a variant in a namespace, or starts its proxy there.
 * @param {string} namespace
 * @param {Variant} variant
 * @param {string} file
 */
export async function load(namespace, variant, file) {
  const command = loading(variant, file);
  if (command) run(inside(namespace, bounded(command)));
  if (variant.kind !== 'haproxy' && variant.kind !== 'nginx') return undefined;
  const args = variant.kind === 'haproxy' ? ['-db', '-f', file] : ['-p', join(file, '..'), '-c', file];
  const proxy = start(inside(namespace, peer(variant.kind, args)));
  await new Promise((resolve) => setTimeout(resolve, 1500));
  return proxy;
}
