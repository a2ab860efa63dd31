import { describe, expect, test } from 'vitest';
import {
  address,
  firstFit,
  fraction,
  listOf,
  maybe,
  network,
  number,
  oneOf,
  portsWith,
  same,
  shape,
  target,
  word,
} from '../../../src/trace/shapes.js';

describe('a shape', () => {
  const mod = shape`numgen random mod ${number} < ${number} goto ${word}`((...values) => values);

  test('has the values of its holes, read', () => {
    expect(mod('numgen random mod 3 < 1 goto to/shop')).toEqual([3, 1, 'to/shop']);
  });

  test.each([
    'numgen random mod 3 < 1 goto to/shop x',
    ' numgen random mod 3 < 1 goto x',
    'numgen random mod x < 1 goto x',
    '',
  ])('fits as a whole or not at all: %j', (text) => {
    expect(mod(text)).toBeUndefined();
  });

  test('takes what is fixed as it is', () => {
    const fixed = shape`a.b (c | d) [0:0] ${'x+'} ${number}`((value) => value);
    expect(fixed('a.b (c | d) [0:0] x+ 7')).toBe(7);
    expect(fixed('aab (c | d) [0:0] x+ 7')).toBeUndefined();
    expect(fixed('a.b (c | d) [0:0] xx 7')).toBeUndefined();
  });

  test('can ask for the same text twice', () => {
    const twice = shape`${word} daddr & ${address} | ${same(1)} != @down-${same(0)}`((_, ip) => ip);
    expect(twice('ip daddr & 192.0.2.1 | 192.0.2.1 != @down-ip')).toBe('192.0.2.1');
    expect(twice('ip daddr & 192.0.2.1 | 192.0.2.2 != @down-ip')).toBeUndefined();
    expect(twice('ip daddr & 192.0.2.1 | 192.0.2.1 != @down-ip6')).toBeUndefined();
  });

  test('of several the first that fits counts', () => {
    const shapes = [shape`${number}`(() => 'number'), shape`${word}`(() => 'word')];
    expect(['7', 'seven', '?'].map((text) => firstFit(shapes, text))).toEqual(['number', 'word', undefined]);
  });
});

describe('holes', () => {
  const reading = <T>(kind: { pattern: string; read: (text: string) => T }) =>
    shape`${kind}`((value) => value);

  test.each([
    { text: '198.51.100.1', to: { address: '198.51.100.1' } },
    { text: '198.51.100.1:30080', to: { address: '198.51.100.1', port: 30_080 } },
    { text: '2001:db8::1', to: { address: '2001:db8::1' } },
    { text: '[2001:db8::1]:80', to: { address: '2001:db8::1', port: 80 } },
    { text: ':1', to: { port: 1 } },
  ])('what DNAT translates to: $text', ({ text, to }) => {
    expect(reading(target)(text)).toEqual(to);
  });

  test('ports are one or a range', () => {
    expect(reading(portsWith('-'))('80')).toEqual({ first: 80, last: 80 });
    expect(reading(portsWith(':'))('8000:8099')).toEqual({ first: 8000, last: 8099 });
    expect(reading(portsWith(':'))('8000-8099')).toBeUndefined();
  });

  test('networks and addresses have to be some', () => {
    expect(reading(network)('192.0.2.0/24')).toMatchObject({ family: 'ipv4', text: '192.0.2.0/24' });
    expect(() => reading(address)('192.0.2')).toThrow('192.0.2 is no address');
    expect(() => reading(network)('192.0.2.0/33')).toThrow('192.0.2.0/33 is no network');
  });

  test('lists, words, and what may be absent', () => {
    expect(reading(listOf(number, ', '))('1, 2, 3')).toEqual([1, 2, 3]);
    expect(reading(listOf(number, ', '))('1,2')).toBeUndefined();
    expect(reading(oneOf('a', 'b'))('c')).toBeUndefined();
    expect(shape`-p tcp${maybe(' --syn')} -j`((found) => found)('-p tcp --syn -j')).toBe(true);
    expect(shape`-p tcp${maybe(' --syn')} -j`((found) => found)('-p tcp -j')).toBe(false);
    expect(reading(fraction)('0.25000000000')).toBe(0.25);
  });
});
