// What the benchmark compares with, from Debian's packages.
import { join } from 'node:path';
import { aptInstall } from './apt.mjs';
import { isInstalled, ROOT } from './shell.mjs';
import { ensureUnpacked } from './unpacked.mjs';

/** @type {Readonly<Record<string, readonly string[]>>} */
const PACKAGES = { haproxy: ['haproxy'], nginx: ['nginx', 'libnginx-mod-stream'], nftlb: ['nftlb'] };

/** Has the peers that can be had: the roots that they are unpacked in, by name, and what is missing. */
export function ensurePeers() {
  /** @type {Record<string, string>} */
  const there = {};
  /** @type {string[]} */
  const missing = [];
  for (const [name, packages] of Object.entries(PACKAGES))
    if (ensureUnpacked(`peers-${name}`, [packages]))
      there[name] = join(ROOT, '.cache', `peers-${name}`, 'root');
    else missing.push(`${name}: missing (package ${packages.join(', ')})`);
  return { there, missing };
}

/** What makes the client, the server and the injector. */
export function ensureCompiler() {
  if (!isInstalled('gcc')) aptInstall(['gcc', 'libc6-dev']);
}
