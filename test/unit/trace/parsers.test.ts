// What is printed is read, and nothing else is: a line that says more, or something else, is named.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseIptables } from '../../../src/trace/iptables.js';
import { UnknownLineError } from '../../../src/trace/language.js';
import { parseNft } from '../../../src/trace/nft.js';

const GOLDEN = join(import.meta.dirname, '../../golden');
const TEXTS = readdirSync(GOLDEN).flatMap((name) =>
  [
    { file: 'nftables.nft', parse: parseNft },
    { file: 'iptables.rules', parse: parseIptables },
  ]
    .map(({ file, parse }) => ({
      name: `${name}/${file}`,
      path: join(GOLDEN, name, 'expected', file),
      parse,
    }))
    .filter(({ path }) => existsSync(path)),
);

/** A line that says something, without what stands behind it. */
const SAYING = /^\s*[^#\s][^#]*?(?=\s*(?:#.*)?$)/;

/** What is left of a line when numbers and names are taken away: lines that are alike need not all be tried. */
function outline(text: string): string {
  return text.replaceAll(/[\w.:/"[\]-]*[\d/][\w.:/"[\]-]*/g, '0');
}

describe.each(TEXTS)('$name', ({ path, parse }) => {
  const lines = readFileSync(path, 'utf8').split('\n');
  const seen = new Set<string>();
  const told = lines
    .map((text, index) => ({ text, index }))
    .filter(({ text }) => SAYING.test(text) && !seen.has(outline(text)) && seen.add(outline(text)).size > 0);

  function failing(index: number, text: string): unknown {
    try {
      parse(lines.with(index, text).join('\n'));
    } catch (cause) {
      return cause;
    }
    throw new Error(`line ${index + 1} is read: ${text}`);
  }

  test('is read', () => {
    expect(parse(lines.join('\n')).chains.size).toBeGreaterThan(3);
    expect(told.length).toBeGreaterThan(20);
  });

  test('with a word more in a line it is not', () => {
    for (const { text, index } of told) {
      const more = text.replace(SAYING, (said) => `${said} more`);
      const cause = failing(index, more);
      expect(cause, more).toBeInstanceOf(UnknownLineError);
      expect(String(cause)).toContain('has none of the shapes that are known');
      // A line that no longer opens a block is named, or the first one that then has no place.
      expect(String(cause), more).toMatch(text.trimEnd().endsWith('{') ? /line \d+/ : `line ${index + 1} `);
    }
  });

  test('with another word in a line it is not', () => {
    for (const { text, index } of told.filter(({ text: said }) =>
      / (?:-[jg]|dport|daddr|saddr|goto|jump|-p) /.test(said),
    )) {
      const other = text.replace(/ (?:-[jg]|dport|daddr|saddr|goto|jump|-p) /, ' other ');
      expect(failing(index, other), other).toBeInstanceOf(UnknownLineError);
    }
  });
});

test.each([
  { name: 'a brace that nobody closes', text: 'table inet t {\n\tchain c {\n', line: 2 },
  { name: 'a brace that nobody opened', text: 'table inet t {\n}\n}\n', line: 3 },
  {
    name: 'another table',
    text: 'table inet t {\n}\nadd set inet u s { type ipv4_addr . inet_service; }\n',
    line: 3,
  },
  {
    name: 'an element of a set that is not there',
    text: 'table inet t {\n}\nadd element inet t s {\n\t192.0.2.1 . tcp . 80,\n}\n',
    line: 4,
  },
  {
    name: 'more addresses than numbers',
    text: 'table inet t {\n\tchain c {\n\t\tsnat ip to numgen random mod 2 map {\n\t\t\t0 : 192.0.2.1,\n\t\t} fully-random\n\t}\n}\n',
    line: 3,
  },
])('nftables: $name is no text of ours', ({ text, line }) => {
  expect(() => parseNft(text)).toThrow(new RegExp(`^line ${line} `));
});

test.each([
  { name: 'a chain that is not declared', text: '*nat\n-A PMLB/x -j DROP\n', line: 2 },
  {
    name: 'a chain of another table',
    text: '*nat\n:PMLB/x - [0:0]\nCOMMIT\n*filter\n-A PMLB/x -j DROP\n',
    line: 5,
  },
  { name: 'a rule outside of a table', text: '*nat\nCOMMIT\n-A PREROUTING -j DROP\n', line: 3 },
  { name: 'a chain that its table has not', text: '*nat\n-A FORWARD -j DROP\n', line: 2 },
])('iptables: $name is no text of ours', ({ text, line }) => {
  expect(() => parseIptables(text)).toThrow(new RegExp(`^line ${line} `));
});

test('a rule of -I stands before those that are there', () => {
  const { chains } = parseIptables(
    '*filter\n-A INPUT -j DROP\n-I INPUT -j ACCEPT\n-I INPUT -j RETURN\nCOMMIT\n',
  );
  expect(chains.get('filter INPUT')?.map(({ line }) => line)).toEqual([4, 3, 2]);
});
