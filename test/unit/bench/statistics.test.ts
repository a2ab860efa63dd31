// What the benchmark makes of its samples.
import { expect, it } from 'vitest';
import { short } from '../../../bench/report.mjs';
import { median, shuffled, summary } from '../../../bench/statistics.mjs';
import { targets } from '../../../bench/targets.mjs';
import { BASE, OURS } from '../../../bench/traffic/variants.mjs';

it('takes the middle, and of an even number the mean of the two in the middle', () => {
  expect(median([9])).toBe(9);
  expect(median([10, 9, 1])).toBe(9);
  expect(median([10, 2, 4, 1])).toBe(3);
  expect(median([])).toBeNaN();
  expect(summary([3, 1, 2, 40])).toEqual({ median: 2.5, min: 1, max: 40, count: 4 });
});

it('shuffles: all of it, and each order as often', () => {
  const counts = new Map<string, number>();
  let state = 1;
  const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  for (let i = 0; i < 6000; i++) {
    const order = shuffled(['a', 'b', 'c'], random).join('');
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  expect([...counts.keys()].sort()).toEqual(['abc', 'acb', 'bac', 'bca', 'cab', 'cba']);
  expect(Math.min(...counts.values())).toBeGreaterThan(850);
});

it('writes three digits, or all of a large number', () => {
  expect([0.123, 3.456, 34.56, 345.6, 0, 12_345.6].map(short)).toEqual([
    '0.12',
    '3.46',
    '34.6',
    '346',
    '0',
    '12,346',
  ]);
});

it('compares the worst size with the goal, and only what was measured', () => {
  const packet = (column: string, variant: string, value: number) => ({
    ...{ table: 'packets', column, variant, unit: 'µs', value },
  });
  const samples = [
    ...[packet('1 × 3', BASE, 4), packet('1 × 3', OURS.nftables, 4), packet('1 × 3', OURS.iptables, 5)],
    ...[packet('9 × 3', BASE, 2), packet('9 × 3', OURS.nftables, 2.2), packet('9 × 3', OURS.iptables, 3)],
  ];
  expect(targets(samples).map(({ goal, measured, met }) => [goal, measured, met])).toEqual([
    ['≤ 1.05 ×', '1.10 ×', false],
    ['≤ 1.5 ×', '1.50 ×', true],
  ]);
});
