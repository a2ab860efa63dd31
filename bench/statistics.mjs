// What is made of samples.

/** The middle; of an even number of values the mean of the two in the middle. @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return ((sorted[Math.ceil(half) - 1] ?? NaN) + (sorted[Math.floor(half)] ?? NaN)) / 2;
}

/** @param {readonly number[]} values */
export function summary(values) {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values), count: values.length };
}

/**
 * The same in another order, each order as likely (Fisher and Yates).
 * @template T
 * @param {readonly T[]} values
 * @param {() => number} [random] 0 to less than 1
 * @returns {T[]}
 */
export function shuffled(values, random = Math.random) {
  const left = [...values];
  return values.flatMap(() => left.splice(Math.floor(random() * left.length), 1));
}
