// Random specs over all keys: each packet filter loads what is printed of them.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLab, type Lab } from '../../src/lab/lab.js';
import { printRuleset } from '../../src/print/output.js';
import { forIptables, rulesetSpecs, toText } from '../support/arbitrary-spec.js';
import { type Backend, BACKENDS, inLb, OTHER_NFTS } from '../support/backends.js';
import { temporaryDirectory, viewOf } from '../support/rulesets.js';

/** With this system's tools; with others, which differ in what they know, not in what each rule makes of it, fewer. */
const RULESETS = 500;
const FEWER = 100;
const FLUSH = 'iptables-restore </run/empty; ip6tables-restore </run/empty';
const EMPTY = ['filter', 'mangle', 'nat'].map((table) => `*${table}\nCOMMIT\n`).join('');

describe.each([
  ...BACKENDS.filter(({ type }) => type.endsWith('-rules')),
  ...OTHER_NFTS.map(({ backend }) => backend),
])('$name', (backend: Backend) => {
  let lab: Lab;
  const count = backend.tools === '' ? RULESETS : FEWER;

  beforeAll(async () => {
    // nft may send 208 KiB in a user namespace, which some rulesets exceed.
    const userNamespace = process.geteuid?.() !== 0;
    lab = await createLab({ endpointAddresses: [], workers: [], userNamespace });
    await inLb(lab, backend, `printf '%s' "$1" >/run/empty`, EMPTY);
  });
  afterAll(async () => {
    await lab.close();
  });

  test(`${count} rulesets of random specs load, twice`, async () => {
    const seed = Math.trunc(Math.random() * 0x7f_ff_ff_ff);
    const directory = temporaryDirectory();
    const isNftables = backend.type.startsWith('nftables');
    const texts = fc
      .sample(rulesetSpecs, { numRuns: count, seed })
      .map((specs) => toText(isNftables ? specs : specs.map(forIptables)));
    texts.forEach((text, index) => {
      writeFileSync(join(directory, String(index)), printRuleset(backend.type, viewOf(text), 'load'));
    });
    const once = backend.load.replaceAll('"$1"', '"$file"');
    const flush = isNftables ? 'nft flush ruleset' : FLUSH;
    // One shell for all: a process of its own for each of them would take most of the time.
    const loop = `for file in "$1"/*; do { ${once} && ${once}; } 2>/run/said || { echo "$file"; cat /run/said; }; ${flush}; done`;
    const failed = await lab.exec('lb', ['sh', '-c', `${backend.tools} ${loop}`, 'sh', directory], {
      timeoutMs: 550_000,
    });
    const [first = '', ...said] = failed.stdout.split('\n');
    const about = `seed ${seed}: ${said.slice(0, 5).join('\n')} of ${texts[Number(first.split('/').at(-1))]}`;
    expect(failed.stdout, about).toBe('');
    expect(failed.code, failed.stderr).toBe(0);
  });
});
