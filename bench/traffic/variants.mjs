// What is compared.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { textOf } from '../specs.mjs';
import { changed, OTHER_DESTINATION } from './fleet.mjs';
import * as iptables from './iptables.mjs';
import * as nftables from './nftables.mjs';
import * as proxies from './proxies.mjs';

/** @typedef {import('./fleet.mjs').App} App */

/**
 * @typedef {object} Variant
 * @property {string} name
 * @property {'direct' | 'nothing' | 'nft' | 'restore' | 'script' | 'nftlb' | 'haproxy' | 'nginx'} kind what takes the text.
 *   `direct`: the client is wired to the workers; `nothing`: the load balancer only routes
 * @property {readonly string[]} [loader] the command that takes the file, for `restore`
 * @property {(apps: App[]) => string} text
 * @property {{ text: (apps: App[]) => string, loader?: readonly string[] }} [change] of the last destination of the last app, after it has changed;
 *   the whole text if not given
 * @property {number} [most] apps that it is loaded with: more take minutes
 */

const CLI = join(import.meta.dirname, '../../dist/cli.js');

/** The ratios are to this one. */
export const BASE = 'one fixed DNAT + masquerade';
export const FLAT_MAP = 'nft: one flat map';
export const DIRECT = 'no load balancer';
export const OURS = /** @type {const} */ ({
  nftables: 'pomaloba nftables-rules',
  nftablesScript: 'pomaloba nftables (script)',
  iptables: 'pomaloba iptables-rules',
  iptablesLegacy: 'pomaloba iptables-rules (legacy)',
  iptablesScript: 'pomaloba iptables (script)',
});

/** What is printed for it. @param {string} type */
function ours(type) {
  /** @param {App[]} apps */
  return (apps) => {
    const command = [CLI, '-', '--name', 'lb', '--output-type', type];
    return execFileSync(process.execPath, command, {
      input: textOf(apps),
      encoding: 'utf8',
      maxBuffer: 1 << 30,
    });
  };
}

/** @param {string} suffix of iptables @param {boolean} partial */
function restore(suffix, partial) {
  return [`iptables${suffix}-restore`, ...(partial ? ['--noflush'] : [])];
}

/** @param {string} suffix @returns {Variant[]} */
function onIptables(suffix) {
  const label = suffix === '-nft' ? '' : ' (legacy)';
  return [
    { name: `original${label}`, kind: 'restore', loader: restore(suffix, false), text: iptables.original },
    {
      name: `kube-proxy iptables${label}`,
      kind: 'restore',
      loader: restore(suffix, false),
      text: iptables.kubeProxy,
      change: { text: iptables.kubeProxyChange, loader: restore(suffix, true) },
    },
  ];
}

/** Packet filters: those that have a first packet of their own to pay for. @returns {Variant[]} */
export function packetFilters() {
  return [
    { name: 'plain routing', kind: 'nothing', text: () => '' },
    { name: BASE, kind: 'nft', text: nftables.fixed },
    { name: OURS.nftables, kind: 'nft', text: ours('nftables-rules') },
    { name: OURS.iptables, kind: 'restore', loader: restore('-nft', true), text: ours('iptables-rules') },
    {
      name: OURS.iptablesLegacy,
      kind: 'restore',
      loader: restore('-legacy', true),
      text: ours('iptables-rules'),
    },
    { name: FLAT_MAP, kind: 'nft', text: nftables.flatMap, change: { text: nftables.flatMapChange } },
    ...['-nft', '-legacy'].flatMap(onIptables),
    {
      name: 'kube-proxy nftables',
      kind: 'nft',
      text: nftables.kubeProxy,
      change: { text: nftables.kubeProxyChange },
    },
    { name: 'nftlb', kind: 'nftlb', text: proxies.nftlb, most: 100 },
  ];
}

/** Our scripts, as users run them. @returns {Variant[]} */
export function scripts() {
  return [
    { name: OURS.nftablesScript, kind: 'script', text: ours('nftables') },
    { name: OURS.iptablesScript, kind: 'script', text: ours('iptables') },
  ];
}

/** The original as its users load it. @returns {Variant} */
export function originalScript() {
  return { name: 'original (a command a rule)', kind: 'script', text: iptables.originalCommands };
}

/** @param {Readonly<Record<string, string>>} roots of the peers @param {number} threads @returns {Variant[]} */
export function proxiesOf(roots, threads) {
  return [
    { name: 'HAProxy', kind: 'haproxy', text: (apps) => proxies.haproxy(apps, threads) },
    { name: 'nginx', kind: 'nginx', text: (apps) => proxies.nginx(apps, threads, roots['nginx'] ?? '') },
  ];
}

/** The client is wired to the workers. @type {Variant} */
export const direct = { name: DIRECT, kind: 'direct', text: () => '' };

/** The texts that change one destination there and back. @param {Variant} variant @param {App[]} apps */
export function changes({ change, text }, apps) {
  const there = changed(apps, OTHER_DESTINATION);
  return [there, apps].map((one) => (change?.text ?? text)(one));
}
