// Are counts those of a random choice with given shares?
import { expect } from 'vitest';

/** Standard normal quantile of 1 - 1e-8: forty such checks a run fail less than once in 10⁶ runs of a right ruleset. */
const Z = 5.612;

/** Above this, chi-square with so many degrees of freedom happens by chance less than once in 10⁸ (Wilson-Hilferty). */
function criticalValue(degrees: number): number {
  const spread = 2 / (9 * degrees);
  return degrees * (1 - spread + Z * Math.sqrt(spread)) ** 3;
}

/** Below so many expected connections, chi-square is no longer a good approximation that far out in its tail. */
const FEWEST = 100;

/**
 * Checks observed connections by destination against the weights of all destinations: by chi-square, or where a
 * destination is expected rarely by a bound that holds for any numbers. A relative entropy that makes the sum
 * of observed * ln(observed / expected) reach t has a chance of at most (count + 1)^destinations * e^-t (the method
 * of types: Cover and Thomas, Elements of Information Theory, 11.2).
 */
export function expectShares(
  observed: Readonly<Record<string, number>>,
  weights: Readonly<Record<string, number>>,
): void {
  const count = Object.values(observed).reduce((sum, one) => sum + one, 0);
  const total = Object.values(weights).reduce((sum, one) => sum + one, 0);
  const used = Object.entries(weights).filter(([, weight]) => weight > 0);
  expect(Object.keys(observed).filter((place) => !weights[place])).toEqual([]);
  if (used.length < 2) return;
  const cells = used.map(([place, weight]) => ({
    seen: observed[place] ?? 0,
    due: (count * weight) / total,
  }));
  if (cells.every(({ due }) => due >= FEWEST)) {
    const chiSquare = cells.reduce((sum, { seen, due }) => sum + (seen - due) ** 2 / due, 0);
    expect(chiSquare, JSON.stringify(observed)).toBeLessThan(criticalValue(used.length - 1));
  } else {
    const entropy = cells.reduce(
      (sum, { seen, due }) => sum + (seen === 0 ? 0 : seen * Math.log(seen / due)),
      0,
    );
    const bound = Math.log(1e8) + used.length * Math.log(count + 1);
    expect(entropy, JSON.stringify(observed)).toBeLessThan(bound);
  }
}
