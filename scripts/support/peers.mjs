// What the benchmark compares with, from Debian's packages.
import { join } from 'node:path';
import { aptInstall } from './apt.mjs';
import { isInstalled, ROOT } from './shell.mjs';
import { ensureUnpacked } from './unpacked.mjs';

/** @type {Readonly<Record<string, readonly string[]>>} */
const PACKAGES = { haproxy: ['haproxy'], nginx: ['nginx', 'libnginx-mod-stream'], nftlb: ['nftlb'] };

/** Has the peers that can be had; gives the roots that they are unpacked in, by name. @returns {Record<string, string>} */
export function ensurePeers() {
  const there = Object.entries(PACKAGES).filter(([name, packages]) =>
    ensureUnpacked(`peers-${name}`, [packages]),
  );
  return Object.fromEntries(there.map(([name]) => [name, join(ROOT, '.cache', `peers-${name}`, 'root')]));
}

/** What makes the client, the server and the injector. */
export function ensureCompiler() {
  if (!isInstalled('gcc')) aptInstall(['gcc', 'libc6-dev']);
}
