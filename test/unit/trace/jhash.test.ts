import { describe, expect, test } from 'vitest';
import { jhash, scaled } from '../../../src/trace/jhash.js';

const SEED = 0x706d6c62;
const ONES = 255;

// Computed by include/linux/jhash.h, compiled. That nftables hashes addresses with it, test/kernel/trace.test.ts asks the kernel.
test.each([
  { name: 'an IPv4 address', bytes: [198, 18, 1, 2], seed: SEED, hash: 3_771_359_619 },
  { name: 'another seed', bytes: [198, 18, 1, 2], seed: 0, hash: 4_251_728_279 },
  { name: 'all ones', bytes: new Array<number>(4).fill(ONES), seed: SEED, hash: 2_985_056_087 },
  {
    name: 'an IPv6 address',
    bytes: [0xfd, 0x18, 0, 1, ...new Array<number>(11).fill(0), 2],
    seed: SEED,
    hash: 2_494_622_649,
  },
  { name: 'sixteen ones', bytes: new Array<number>(16).fill(ONES), seed: SEED, hash: 993_305_671 },
  { name: 'three words', bytes: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], seed: SEED, hash: 1_265_130_408 },
])('$name', ({ bytes, seed, hash }) => {
  expect(jhash(Uint8Array.from(bytes), seed)).toBe(hash);
});

describe('scaled', () => {
  test.each([
    { hash: 0, mod: 1021, number: 0 },
    { hash: 2 ** 31, mod: 1021, number: 510 },
    { hash: 2 ** 32 - 1, mod: 65_521, number: 65_520 },
  ])('$hash of $mod is $number', ({ hash, mod, number }) => {
    expect(scaled(hash, mod)).toBe(number);
  });
});
