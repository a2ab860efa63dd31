// Whether counts are those of a random choice: the judgement of the tests themselves, and of `pomaloba try`.
import { describe, expect, test } from 'vitest';
import { testShares, turnsBetween } from '../../../src/try/chi-square.js';

function cells(seen: readonly number[], due: readonly number[]) {
  return seen.map((one, index) => ({ seen: one, due: due[index] ?? 0 }));
}

function agrees(seen: readonly number[], due: readonly number[]): boolean {
  const result = testShares(cells(seen, due));
  return result !== undefined && result.value <= result.limit;
}

test('chi-square, where each is expected often', () => {
  expect(testShares(cells([110, 90], [100, 100]))).toEqual({
    statistic: 'chi-square',
    value: 2,
    limit: expect.closeTo(40.12, 2) as number,
  });
});

test('the entropy, where one is expected rarely', () => {
  const { statistic, value } = testShares(cells([50, 50], [90, 10])) ?? {};
  expect({ statistic, value }).toEqual({
    statistic: 'entropy',
    value: expect.closeTo(50 * Math.log(50 / 90) + 50 * Math.log(5), 9) as number,
  });
});

test('with less than two there is nothing to choose', () => {
  expect(testShares(cells([7, 0], [7, 0]))).toBeUndefined();
  expect(testShares([])).toBeUndefined();
});

test.each([
  { seen: [333, 333, 334], due: [333.3, 333.3, 333.3], good: true },
  { seen: [390, 305, 305], due: [333.3, 333.3, 333.3], good: true },
  { seen: [500, 250, 250], due: [333.3, 333.3, 333.3], good: false },
  { seen: [1000, 0, 0], due: [333.3, 333.3, 333.3], good: false },
  { seen: [4, 0], due: [2, 2], good: true },
  { seen: [64, 0], due: [32, 32], good: false },
])('$seen of $due: $good', ({ seen, due, good }) => {
  expect(agrees(seen, due)).toBe(good);
});

describe('turns in a row', () => {
  test.each([
    { own: 1, all: 3, count: 300, between: [100, 100] },
    { own: 1, all: 3, count: 301, between: [100, 101] },
    { own: 5, all: 7, count: 3, between: [1, 3] },
    { own: 5, all: 7, count: 6, between: [4, 5] },
    { own: 2, all: 7, count: 1, between: [0, 1] },
  ])('$own of $all, $count times: from and to $between', ({ own, all, count, between }) => {
    expect(turnsBetween(own, all, count)).toEqual(between);
  });
});
