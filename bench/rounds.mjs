// Rounds within a budget, so that a slow machine has fewer and not a longer run; and what a busy machine may fail at.

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

/**
 * What delivers does so within three tries, whatever else the machine does; what does not, never.
 * @param {number} count
 * @param {string} what
 * @param {() => number} delivered
 */
export function expectAll(count, what, delivered) {
  let best = 0;
  for (let attempt = 0; attempt < 3 && best !== count; attempt++) best = delivered();
  if (best !== count) throw new Error(`${best} of ${count} ${what}`);
}
