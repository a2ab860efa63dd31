import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addressesOf,
  type AddressRange,
  countAddresses,
  mergeRanges,
  parseAddressRange,
  rangesOverlap,
  rangeText,
} from '../../../src/model/address-range.js';

function range(text: string): AddressRange {
  const read = parseAddressRange(text);
  if (typeof read === 'string') throw new Error(`${text}: ${read}`);
  return read;
}

describe('a range', () => {
  test.each([
    ['192.0.2.20', '192.0.2.20'],
    ['192.0.2.20-192.0.2.20', '192.0.2.20'],
    ['192.0.2.255-192.0.3.0', '192.0.2.255-192.0.3.0'],
    ['0.0.0.0-255.255.255.255', '0.0.0.0-255.255.255.255'],
    ['2001:DB8:0:0::1-2001:db8::a', '2001:db8::1-2001:db8::a'],
    ['::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ])('%s is %s', (text, canonical) => {
    expect(rangeText(range(text))).toBe(canonical);
  });

  test.each([
    ['192.0.2.21-192.0.2.20', 'backwards'],
    ['192.0.2.20-2001:db8::1', 'two-families'],
    ['192.0.2.20-192.0.2.21-192.0.2.22', 'not-an-address'],
    ['192.0.2.20 - 192.0.2.21', 'not-an-address'],
    ['192.0.2.20-23', 'not-an-address'],
    ['192.0.2.20-', 'not-an-address'],
    ['-', 'not-an-address'],
    ['', 'not-an-address'],
    ['192.0.2.0/28', 'network'],
    ['192.0.2.20-192.0.2.021', 'leading-zero'],
    ['fe80::1%eth0-fe80::2', 'zone'],
  ])('%s is none: %s', (text, fault) => {
    expect(parseAddressRange(text)).toBe(fault);
  });
});

describe('ranges together', () => {
  test.each([
    { name: 'none', texts: [], merged: [] },
    { name: 'apart', texts: ['10.0.0.9', '10.0.0.1-10.0.0.3'], merged: ['10.0.0.1-10.0.0.3', '10.0.0.9'] },
    { name: 'adjacent', texts: ['10.0.0.4', '10.0.0.1-10.0.0.3'], merged: ['10.0.0.1-10.0.0.4'] },
    { name: 'overlapping', texts: ['10.0.0.2-10.0.1.0', '10.0.0.1-10.0.0.3'], merged: ['10.0.0.1-10.0.1.0'] },
    { name: 'inside', texts: ['10.0.0.1-10.0.0.9', '10.0.0.2', '10.0.0.3'], merged: ['10.0.0.1-10.0.0.9'] },
    { name: 'the same', texts: ['fd00::1', 'fd00:0::1'], merged: ['fd00::1'] },
  ])('$name', ({ texts, merged }) => {
    const family = texts.join().includes(':') ? 'ipv6' : 'ipv4';
    expect(mergeRanges(texts.map(range), family).map(rangeText)).toEqual(merged);
  });

  test('have the same addresses when merged, each once, in order', () => {
    const part = fc
      .tuple(fc.integer({ min: 0, max: 511 }), fc.integer({ min: 0, max: 40 }))
      .map(([first, more]) => ({
        family: 'ipv4' as const,
        first: BigInt(first),
        last: BigInt(first + more),
      }));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (ranges) => {
        const merged = mergeRanges(ranges, 'ipv4');
        const numbers = ranges.flatMap(({ first, last }) =>
          Array.from({ length: Number(last - first) + 1 }, (_, index) => Number(first) + index),
        );
        const wanted = [...new Set(numbers)].toSorted((one, other) => one - other);
        const texts = wanted.map((number) => `0.0.${Math.floor(number / 256)}.${number % 256}`);
        expect(addressesOf(merged).map(({ text }) => text)).toEqual(texts);
        expect(countAddresses(merged)).toBe(BigInt(wanted.length));
      }),
    );
  });

  test('overlap within a family only', () => {
    expect(rangesOverlap(range('0.0.0.1-0.0.0.5'), range('::1-::5'))).toBe(false);
    expect(rangesOverlap(range('0.0.0.1-0.0.0.5'), range('0.0.0.5'))).toBe(true);
    expect(rangesOverlap(range('0.0.0.1-0.0.0.5'), range('0.0.0.6'))).toBe(false);
  });
});
