// Text as lines.
import type { Line } from './language.js';

/** The lines of `text` that say anything, without indentation and comments. No name of ours has a `#`. */
export function linesOf(text: string): Line[] {
  return text
    .split('\n')
    .map((line, index) => ({ line: index + 1, text: line.replace(/(?:^|\s+)#.*$/, '').trim() }))
    .filter((line) => line.text !== '');
}
