// Rounds within a budget, so that a slow machine has fewer and not a longer run.

/**
 * At least one round, at most as many, and none that begins after as many seconds.
 * @param {number} most
 * @param {number} seconds
 * @param {() => void} round
 */
export function inRounds(most, seconds, round) {
  const end = performance.now() + seconds * 1000;
  for (let done = 0; done < most && (done === 0 || performance.now() < end); done++) round();
}
