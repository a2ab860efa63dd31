import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { isEverything, mergeNetworks, type Network, parseNetwork } from '../../../src/model/network.js';
import { isIn } from '../../support/networks.js';

function networkOf(text: string): Network {
  const network = parseNetwork(text);
  if (typeof network === 'string') throw new Error(`${text}: ${network}`);
  return network;
}

describe('parseNetwork', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1', true],
    ['192.0.2.1/32', '192.0.2.1', true],
    ['192.0.2.0/24', '192.0.2.0/24', true],
    ['192.0.2.1/24', '192.0.2.0/24', false],
    ['0.0.0.0/0', '0.0.0.0/0', true],
    ['2001:DB8:0:0::/32', '2001:db8::/32', true],
    ['2001:db8::1/64', '2001:db8::/64', false],
    ['2001:db8::1/128', '2001:db8::1', true],
    ['::/0', '::/0', true],
  ])('%s is %s', (text, canonical, isExact) => {
    expect(networkOf(text)).toMatchObject({ text: canonical, isExact });
  });

  it.each([
    ['192.0.2.0/33', 'prefix'],
    ['2001:db8::/129', 'prefix'],
    ['192.0.2.0/', 'prefix'],
    ['192.0.2.0/024', 'prefix'],
    ['192.0.2.0/+24', 'prefix'],
    ['192.0.2.0/255.255.255.0', 'prefix'],
    ['192.0.2.0/24/8', 'prefix'],
    ['010.0.0.0/8', 'leading-zero'],
    ['10.0/8', 'not-an-address'],
    ['fe80::1%eth0/64', 'zone'],
    ['', 'not-an-address'],
    ['/0', 'not-an-address'],
  ])('%j is none: %s', (text, fault) => {
    expect(parseNetwork(text)).toBe(fault);
  });
});

const addresses4 = fc.ipV4();
const networks4 = fc.tuple(addresses4, fc.integer({ min: 0, max: 32 })).map(([ip, bits]) => `${ip}/${bits}`);
const addresses6 = fc.ipV6().filter((ip) => !ip.includes('.'));
const networks6 = fc.tuple(addresses6, fc.integer({ min: 0, max: 128 })).map(([ip, bits]) => `${ip}/${bits}`);

test.each([
  ['ipv4', networks4, addresses4],
  ['ipv6', networks6, addresses6],
] as const)(
  '%s: merging changes neither who is in nor who is not, and what is left does not overlap',
  (family, some, others) => {
    fc.assert(
      fc.property(fc.array(some, { minLength: 1, maxLength: 8 }), others, (texts, other) => {
        const merged = mergeNetworks(texts.map(networkOf), family);
        for (const address of [other, ...texts.map((text) => text.split('/')[0] ?? '')]) {
          const before = texts.some((text) => isIn(address, text));
          expect(merged.filter((network) => isIn(address, network))).toHaveLength(before ? 1 : 0);
        }
        if (texts.some((text) => text.endsWith('/0'))) expect(merged.map(isEverything)).toEqual([true]);
        expect(mergeNetworks(merged.map(networkOf), family)).toEqual(merged);
      }),
      { numRuns: 500 },
    );
  },
);

test('neighbours become one, duplicates vanish, and the order is that of the addresses', () => {
  const texts = ['203.0.113.128/25', '10.0.0.0/8', '203.0.113.0/25', '10.1.2.3', '192.0.2.1/32'];
  expect(mergeNetworks(texts.map(networkOf), 'ipv4')).toEqual(['10.0.0.0/8', '192.0.2.1', '203.0.113.0/24']);
});
