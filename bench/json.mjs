// JSON is of no known type before it was looked at.

/** @param {string} text @returns {unknown} */
export function parseJson(text) {
  return JSON.parse(text);
}
