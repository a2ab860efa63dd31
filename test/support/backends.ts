// The packet filters that rulesets are loaded into, and how each output type is loaded and removed.
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Lab } from '../../src/lab/lab.js';
import type { Action, OutputType } from '../../src/print/output.js';
import { printRuleset } from '../../src/print/output.js';
import type { View } from '../../src/view/view.js';
import { viewOf } from './rulesets.js';

export interface Backend {
  readonly name: string;
  readonly type: OutputType;
  /** Shell that sets up the tools, run before everything else in the lb. */
  readonly tools: string;
  /** Shell that loads the file $1. */
  readonly load: string;
}

const FILES = mkdtempSync(join(tmpdir(), 'pomaloba-kernel-'));
const LEGACY = `mkdir -p /run/legacy; for tool in iptables ip6tables; do for end in '' -restore -save; do
  ln -sf "$(command -v $tool-legacy$end)" /run/legacy/$tool$end; done; done; PATH=/run/legacy:$PATH;`;
const RESTORE = 'iptables-restore -w 60 --noflush "$1" && ip6tables-restore -w 60 --noflush "$1"';
let files = 0;

/** Debian's nft of another release, which `npm test` unpacks there; an empty string for the system's own. */
function nftOf(suite: string): string {
  return join(import.meta.dirname, '../../.cache/nft', suite, 'bin');
}

export const BACKENDS: readonly Backend[] = [
  { name: 'nftables script', type: 'nftables', tools: '', load: 'dash "$1"' },
  { name: 'nftables rules', type: 'nftables-rules', tools: '', load: 'nft -f "$1"' },
  { name: 'iptables script', type: 'iptables', tools: '', load: 'dash "$1"' },
  { name: 'iptables rules', type: 'iptables-rules', tools: '', load: RESTORE },
  { name: 'iptables script (legacy)', type: 'iptables', tools: LEGACY, load: 'dash "$1"' },
  { name: 'iptables rules (legacy)', type: 'iptables-rules', tools: LEGACY, load: RESTORE },
];

/** Those whose output is a script. A file of rules holds what the script of its packet filter loads. */
export const SCRIPTS = BACKENDS.filter(({ type }) => !type.endsWith('-rules'));

/** nft of Debian 11 and 13, beside the system's: the rulesets promise 0.9.8 and later. */
export const OTHER_NFTS: readonly {
  readonly suite: string;
  readonly available: boolean;
  readonly backend: Backend;
}[] = ['bullseye', 'trixie'].map((suite) => ({
  suite,
  available: existsSync(nftOf(suite)),
  backend: {
    name: `nftables rules (${suite})`,
    type: 'nftables-rules',
    tools: `PATH=${nftOf(suite)}:$PATH;`,
    load: 'nft -f "$1"',
  },
}));

/** Runs shell in the lb with the backend's tools; the test fails if it does. */
export async function inLb(
  lab: Lab,
  { tools }: Backend,
  shell: string,
  ...args: readonly string[]
): Promise<string> {
  const { code, stdout, stderr } = await lab.exec('lb', ['sh', '-c', `${tools} ${shell}`, 'sh', ...args]);
  expect(code, `${shell}: ${stderr}`).toBe(0);
  return stdout;
}

function file(text: string): string {
  const path = join(FILES, `ruleset-${++files}`);
  writeFileSync(path, text, { mode: 0o755 });
  return path;
}

/** The file that loads a spec, or does another `action` to it. */
export function rulesetFile({ type }: Backend, spec: string | View, action: Action = 'load'): string {
  return file(printRuleset(type, typeof spec === 'string' ? viewOf(spec) : spec, action));
}

/** Loads a spec's ruleset into the lb. Rules files do not switch forwarding on: that is done for them. */
export async function load(lab: Lab, backend: Backend, spec: string | View): Promise<void> {
  await inLb(lab, backend, backend.load, rulesetFile(backend, spec));
  if (backend.type.endsWith('-rules')) {
    await inLb(
      lab,
      backend,
      'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding',
    );
  }
}

/** Removes a spec's ruleset from the lb. */
export async function remove(lab: Lab, backend: Backend, spec: string | View): Promise<void> {
  await inLb(lab, backend, 'dash "$1"', rulesetFile(backend, spec, 'remove'));
}

/** All rules of the lb, of every packet filter, without counters and comments. */
export async function rulesOf(lab: Lab, backend: Backend): Promise<string> {
  const text = await inLb(lab, backend, 'nft -s list ruleset; iptables-save; ip6tables-save');
  return text.replaceAll(/^#.*\n/gm, '').replaceAll(/\[\d+:\d+\]/g, '');
}
