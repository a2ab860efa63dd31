import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  iptablesAppChain,
  iptablesChain,
  iptablesDestinationChain,
  hashlimitTable,
  iptablesLimitChain,
  NAME_PATTERN,
  nftAppChain,
  nftLimit,
  nftTable,
} from '../../../src/model/names.js';

const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);
const long = 'a'.repeat(63);

describe('chain names', () => {
  test.each([
    { ruleset: 'MyApp', app: 'MyApp', chain: 'PMLB/MyApp', appChain: 'PMLB/MyApp/MyApp' },
    { ruleset: 'lb', app: 'shop-frontend', chain: 'PMLB/lb', appChain: 'PMLB/lb/shop-frontend' },
    {
      ruleset: 'ninechars',
      app: 'eightchr',
      chain: 'PMLB/ninechars',
      appChain: 'PMLB/ninechars/eightchr',
    },
  ])('are readable where they fit: $appChain', ({ ruleset, app, chain, appChain }) => {
    expect(iptablesChain(ruleset)).toBe(chain);
    expect(iptablesAppChain(ruleset, app)).toBe(appChain);
  });

  test('end in a hash where they do not', () => {
    expect(iptablesChain(long)).toMatch(/^PMLB\/a{2}\.[a-z2-7]{6}$/);
    expect(iptablesAppChain('lb', long)).toMatch(/^PMLB\/lb\/a{8}\.[a-z2-7]{6}$/);
  });

  test('of limits fit, and other numbers have other names', () => {
    fc.assert(
      fc.property(name, name, (ruleset, app) => {
        expect(iptablesLimitChain(ruleset, app).length).toBeLessThanOrEqual(28);
        const table = hashlimitTable(ruleset, app, 'new_per_second', 5);
        expect(table).toMatch(/^PMLB[a-z2-7]{11}$/);
        expect(hashlimitTable(ruleset, app, 'new_per_second', 6)).not.toBe(table);
      }),
    );
    expect(nftLimit('shop', 'ip6', 'new', 5)).toBe('new/shop/ip6/5');
    expect(nftLimit('shop', '', 'new', 5)).toBe('new/shop/5');
  });

  test('a name that looks like a shortened one does not collide with it', () => {
    const shortened = iptablesChain(long).slice('PMLB/'.length);
    expect(shortened).toMatch(NAME_PATTERN);
    expect(iptablesChain(shortened)).not.toBe(iptablesChain(long));
  });

  test('have at most 28 bytes, and are below the chain of their ruleset', () => {
    fc.assert(
      fc.property(name, name, (ruleset, app) => {
        expect(iptablesDestinationChain(ruleset, app, 1024).length).toBeLessThanOrEqual(28);
        expect(iptablesChain(ruleset).length + '/_masq'.length).toBeLessThanOrEqual(28);
        expect(iptablesAppChain(ruleset, app).startsWith(`${iptablesChain(ruleset)}/`)).toBe(true);
        expect(iptablesAppChain(ruleset, app)).not.toMatch(/\/_masq$/);
      }),
    );
  });

  test('differ where the names differ', () => {
    fc.assert(
      fc.property(name, name, (one, other) => {
        fc.pre(one !== other);
        expect(iptablesChain(one)).not.toBe(iptablesChain(other));
        expect(iptablesAppChain('lb', one)).not.toBe(iptablesAppChain('lb', other));
        expect(iptablesDestinationChain('lb', one, 1)).not.toBe(iptablesDestinationChain('lb', other, 1));
        expect(nftAppChain(one, 'ip')).not.toBe(nftAppChain(other, 'ip'));
      }),
    );
  });

  test('nftables has room for the whole name', () => {
    expect(nftTable(long)).toBe(`pomaloba-${long}`);
    expect(nftAppChain(long, 'ip6')).toBe(`app/${long}/ip6`);
  });
});

test.each(['', '-a', '.a', '_a', 'a b', 'a/b', 'a$', 'ä', 'a\n', 'a'.repeat(64)])('%j is no name', (text) => {
  expect(text).not.toMatch(NAME_PATTERN);
});

test('the schema knows the same names', () => {
  const schema = JSON.parse(readFileSync('schemas/pomaloba.schema.json', 'utf8')) as {
    $defs: { name: { pattern: string } };
  };
  expect(schema.$defs.name.pattern).toBe(NAME_PATTERN.source);
});
