// docs/how-it-works.md explains the sample's ruleset, all of it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** The lines that say anything, without comments; shares behind rules are kept. */
function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => !/^\s*(?:#|$)/.test(line));
}

test('docs/how-it-works.md has each line of the sample’s ruleset, in its order', () => {
  const page = readFileSync(join(import.meta.dirname, '../docs/how-it-works.md'), 'utf8');
  const blocks = [...page.matchAll(/^```nft\n(.*?)^```$/gms)].map(([, block = '']) => block);
  const ruleset = readFileSync(join(import.meta.dirname, 'golden/10-sample/expected/nftables.nft'), 'utf8');
  expect(blocks.flatMap(linesOf)).toEqual(linesOf(ruleset));
});
