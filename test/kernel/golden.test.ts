// Golden files prove only that nothing changed. Here each of them is loaded: by each nft that is promised, by both
// iptables, as a program of its own; shellcheck reads the scripts.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLab, type Lab } from '../../src/lab/lab.js';
import { BACKENDS, inLb, OTHER_NFTS, rulesetFile } from '../support/backends.js';
import { requires } from '../support/requirement.js';

const GOLDEN = join(import.meta.dirname, '../golden');
const [SCRIPT, NFT, IPTABLES, RULES] = BACKENDS;
if (!SCRIPT || !NFT || !IPTABLES || !RULES) throw new Error('backends are missing');

describe.each(readdirSync(GOLDEN))('%s', (name) => {
  const file = (base: string): string => join(GOLDEN, name, 'expected', base);
  const spec = readdirSync(join(GOLDEN, name)).find((one) => one.startsWith('spec.')) ?? '';
  const text = readFileSync(join(GOLDEN, name, spec), 'utf8');
  // Not all that nftables can do, iptables can.
  const hasIptables = existsSync(file('iptables.rules'));
  let lab: Lab;

  beforeAll(async () => {
    lab = await createLab({ endpointAddresses: [], workers: [] });
  });
  afterAll(async () => {
    await lab.close();
  });

  test.each([{ backend: NFT, available: true, suite: 'this system' }, ...OTHER_NFTS])(
    'nftables.nft loads with the nft of $suite, twice, and lists as the same',
    async ({ backend, available, suite }) => {
      if (!available) throw new Error(`npm test unpacks the nft of Debian ${suite}: it could not`);
      await inLb(lab, backend, 'nft -f "$1"', file('nftables.nft'));
      const once = await inLb(lab, backend, 'nft list ruleset');
      await inLb(lab, backend, 'nft -f "$1"', file('nftables.nft'));
      expect(await inLb(lab, backend, 'nft list ruleset')).toBe(once);
      // Not left to the next one: nft 1.0.6 crashes on what 1.1.3 has loaded.
      await inLb(lab, backend, 'nft flush ruleset');
    },
  );

  test.each(BACKENDS.filter(({ type }) => hasIptables && type.startsWith('iptables')))(
    '$name: all files load',
    async (backend) => {
      const sequence = `iptables-restore --test --noflush "$1" && ip6tables-restore --test --noflush "$1"
      iptables-restore --noflush "$1" && ip6tables-restore --noflush "$1" && sh "$2" && dash "$3"`;
      const files = [file('iptables.rules'), file('iptables.sh'), rulesetFile(backend, text, 'drain')];
      await inLb(lab, backend, sequence, ...files);
      expect(await inLb(lab, backend, 'iptables-save; ip6tables-save')).not.toContain('PMLB');
    },
  );

  test('the rules can be run as programs, and load all families', async () => {
    const copy = 'cp "$1" /run/program && chmod +x /run/program && PATH=/usr/bin:/bin /run/program';
    await inLb(lab, NFT, copy, file('nftables.nft'));
    await inLb(lab, SCRIPT, 'dash "$1"', rulesetFile(SCRIPT, text, 'drain'));
    if (!hasIptables) return;
    await inLb(lab, RULES, copy, file('iptables.rules'));
    const six = (await inLb(lab, RULES, 'cat "$1"', file('iptables.rules'))).includes('\n-6 -A');
    expect((await inLb(lab, RULES, 'ip6tables-save')).includes('PMLB')).toBe(six);
    await inLb(lab, IPTABLES, 'dash "$1"', rulesetFile(IPTABLES, text, 'drain'));
  });

  test('shellcheck finds nothing in the scripts', (ctx) => {
    const available = ['/usr/bin/shellcheck', '/usr/local/bin/shellcheck'].some((path) => existsSync(path));
    requires(ctx, 'shellcheck', available, 'install the package shellcheck');
    const undos = [SCRIPT, IPTABLES].flatMap((backend) =>
      (['drain', 'remove'] as const).map((action) => rulesetFile(backend, text, action)),
    );
    const scripts = [file('nftables.sh'), ...(hasIptables ? [file('iptables.sh')] : []), ...undos];
    expect(execFileSync('shellcheck', scripts, { encoding: 'utf8' })).toBe('');
  });
});
