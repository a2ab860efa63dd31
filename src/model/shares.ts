// Weights as exact shares: slots for nftables, conditional probabilities for iptables.

/** Greatest common divisor of positive integers; 1 for none. */
function gcd(numbers: readonly number[]): number {
  let divisor = 0;
  for (let number of numbers) {
    while (number > 0) [divisor, number] = [number, divisor % number];
  }
  return divisor === 0 ? 1 : divisor;
}

/**
 * How many equally probable slots the weights need: their sum, divided by their greatest common divisor.
 * Weights of 0 have none.
 */
export function slotCount(weights: readonly number[]): number {
  const positive = weights.filter((weight) => weight > 0);
  const divisor = gcd(positive);
  return positive.reduce((sum, weight) => sum + weight / divisor, 0);
}

/**
 * The slots of each weight, numbered from 0 without a gap: [1, 2] gives [[0], [1, 2]]. A number drawn
 * uniformly below `slotCount` then hits each weight with exactly its share.
 */
export function slotsOf(weights: readonly number[]): number[][] {
  const divisor = gcd(weights.filter((weight) => weight > 0));
  let next = 0;
  return weights.map((weight) => Array.from({ length: weight / divisor }, () => next++));
}

/**
 * The slots of each weight in the order of a smooth weighted round robin, as nginx and IPVS have it: [5, 1, 1] gives
 * [[0, 1, 3, 5, 6], [2], [4]]. Whoever counts through the slots finds the heavy ones spread among the others. In each
 * turn every weight earns itself, and the richest, of several the first, pays for the slot with the sum of all.
 */
export function turnsOf(weights: readonly number[]): number[][] {
  const divisor = gcd(weights.filter((weight) => weight > 0));
  const earned = weights.map(() => 0);
  const turns = weights.map((): number[] => []);
  const total = slotCount(weights);
  for (let slot = 0; slot < total; slot++) {
    let richest = 0;
    weights.forEach((weight, index) => {
      earned[index] = (earned[index] ?? 0) + weight / divisor;
      if ((earned[index] ?? 0) > (earned[richest] ?? 0)) richest = index;
    });
    earned[richest] = (earned[richest] ?? 0) - total;
    turns[richest]?.push(slot);
  }
  return turns;
}

/** For each weight what is left of them from it on, divided by their greatest common divisor. */
export function leftFrom(weights: readonly number[]): number[] {
  const divisor = gcd(weights.filter((weight) => weight > 0));
  let left = slotCount(weights);
  return weights.map((weight) => {
    const before = left;
    left -= weight / divisor;
    return before;
  });
}

/** iptables prints a probability with as many digits; the kernel keeps 31 bits, which is less. */
const DIGITS = 11;

/**
 * For rules that are tried one after another, the probability of each to match, as a decimal fraction: the
 * weight divided by the weights that are left. Empty for the last one, which must match always, or
 * connections fall through; empty too for weights of 0, which get no rule. Computed in integers, so that
 * the digits are the same everywhere (iptables-extensions(8), statistic).
 */
export function probabilities(weights: readonly number[]): string[] {
  const divisor = gcd(weights.filter((weight) => weight > 0));
  return leftFrom(weights).map((left, index) => {
    const own = (weights[index] ?? 0) / divisor;
    return own === 0 || own === left ? '' : fraction(own, left);
  });
}

/** `numerator / denominator` below 1, rounded to the nearest. */
function fraction(numerator: number, denominator: number): string {
  const scale = 10n ** BigInt(DIGITS);
  const digits = (2n * scale * BigInt(numerator) + BigInt(denominator)) / (2n * BigInt(denominator));
  return `0.${digits.toString().padStart(DIGITS, '0')}`;
}

/** A share in percent with two decimals, for people: `33.33 %`. */
export function percent(weight: number, total: number): string {
  const hundredths = total === 0 ? 0 : Math.round((weight * 10_000) / total);
  return `${Math.floor(hundredths / 100)}.${String(hundredths % 100).padStart(2, '0')} %`;
}
