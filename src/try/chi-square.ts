// Are counts those of a random choice with given shares?

/** How often something was seen, and how often it is expected on the average. */
export interface Cell {
  readonly seen: number;
  readonly due: number;
}

/** How far counts are from what is expected, and how far chance alone brings them less than once in 10⁸. */
export interface ShareTest {
  readonly statistic: 'chi-square' | 'entropy';
  readonly value: number;
  readonly limit: number;
}

/** Standard normal quantile of 1 - 1e-8: forty such tests a run fail less than once in 10⁶ runs of a right ruleset. */
const Z = 5.612;

/** Below so many expected, chi-square is no longer a good approximation that far out in its tail. */
const FEWEST = 100;

/** Above this, chi-square with so many degrees of freedom happens by chance less than once in 10⁸ (Wilson-Hilferty). */
function criticalValue(degrees: number): number {
  const spread = 2 / (9 * degrees);
  return degrees * (1 - spread + Z * Math.sqrt(spread)) ** 3;
}

/**
 * Tests counts by chi-square, or where something is expected rarely by a bound that holds for any numbers. A relative entropy
 * that makes the sum of seen * ln(seen / due) reach t has a chance of at most (count + 1)^cells * e^-t (the method of types:
 * Cover and Thomas, Elements of Information Theory, 11.2). Undefined where there is nothing to choose: less than two cells
 * are expected at all.
 */
export function testShares(cells: readonly Cell[]): ShareTest | undefined {
  const used = cells.filter(({ due }) => due > 0);
  if (used.length < 2) return undefined;
  if (used.every(({ due }) => due >= FEWEST)) {
    const value = used.reduce((sum, { seen, due }) => sum + (seen - due) ** 2 / due, 0);
    return { statistic: 'chi-square', value, limit: criticalValue(used.length - 1) };
  }
  const count = used.reduce((sum, { seen }) => sum + seen, 0);
  const value = used.reduce((sum, { seen, due }) => sum + (seen === 0 ? 0 : seen * Math.log(seen / due)), 0);
  return { statistic: 'entropy', value, limit: Math.log(1e8) + used.length * Math.log(count + 1) };
}

/**
 * What a round robin by smooth turns allows of `count` turns in a row, wherever they begin: the fewest and the most of a
 * destination that has `own` of `all` slots.
 */
export function turnsBetween(
  own: number,
  all: number,
  count: number,
): readonly [fewest: number, most: number] {
  const rest = count % all;
  const whole = Math.floor(count / all) * own;
  return [whole + Math.max(0, own - (all - rest)), whole + Math.min(own, rest)];
}
