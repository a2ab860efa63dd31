// Each directory of test/golden holds a spec and what is printed of it. `npx vitest run test/golden.test.ts -u`
// writes the expected files anew; a change of them needs an entry "Generated output" in CHANGELOG.md.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BACKENDS } from '../src/model/backends.js';
import { OUTPUT_TYPES, type OutputType, printRuleset } from '../src/print/output.js';
import { viewOf } from './support/rulesets.js';

const GOLDEN = join(import.meta.dirname, 'golden');
const EXTENSIONS: Readonly<Record<OutputType, string>> = {
  iptables: 'iptables.sh',
  'iptables-rules': 'iptables.rules',
  nftables: 'nftables.sh',
  'nftables-rules': 'nftables.nft',
};

describe.each(readdirSync(GOLDEN))('%s', (name) => {
  const directory = join(GOLDEN, name);
  const spec = readdirSync(directory).find((file) => file.startsWith('spec.')) ?? 'spec.yml';
  const view = viewOf(readFileSync(join(directory, spec), 'utf8'));

  const { backends } = view.pomaloba_ruleset;

  test.each(OUTPUT_TYPES.filter((type) => backends.some((backend) => type.startsWith(backend))))(
    '%s',
    async (type) => {
      const file = join(directory, 'expected', EXTENSIONS[type]);
      await expect(printRuleset(type, view, 'load')).toMatchFileSnapshot(file);
    },
  );

  test.each(BACKENDS.filter((backend) => backends.includes(backend)))(
    'the undo of %s, which is that of its rules',
    async (type) => {
      for (const action of ['drain', 'remove'] as const) {
        const undo = printRuleset(type, view, action);
        expect(printRuleset(`${type}-rules`, view, action)).toBe(undo);
        // Nothing but the name of the ruleset is in it: one will do.
        if (name === '10-sample')
          await expect(undo).toMatchFileSnapshot(join(directory, 'expected', `${type}-${action}.sh`));
      }
    },
  );
});
