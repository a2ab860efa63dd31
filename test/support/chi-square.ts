// Are counts those of a random choice with given shares? The judgement is that of `pomaloba try`.
import { expect } from 'vitest';
import { testShares } from '../../src/try/chi-square.js';

/** Checks observed connections by destination against the weights of all destinations. */
export function expectShares(
  observed: Readonly<Record<string, number>>,
  weights: Readonly<Record<string, number>>,
): void {
  const count = Object.values(observed).reduce((sum, one) => sum + one, 0);
  const total = Object.values(weights).reduce((sum, one) => sum + one, 0);
  expect(Object.keys(observed).filter((place) => !weights[place])).toEqual([]);
  const cells = Object.entries(weights).map(([place, weight]) => ({
    seen: observed[place] ?? 0,
    due: (count * weight) / total,
  }));
  const test = testShares(cells);
  if (test) expect(test.value, JSON.stringify(observed)).toBeLessThan(test.limit);
}
