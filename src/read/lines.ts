// From offsets to lines and columns. The parser's own counter misses the line ends inside of what it refuses.
import type { Position, Range } from '../problem/problem.js';

/** The place of `start` and `end` in the text. */
export type ToRange = (offsets: readonly [start: number, end: number]) => Range;

/** Places in `text`; its lines are looked for only when the first place is asked for. */
export function rangesIn(text: string): ToRange {
  let starts: readonly number[] | undefined;
  const position = (offset: number): Position => {
    starts ??= lineStarts(text);
    const line = lastAtMost(starts, offset);
    return { line: line + 1, column: offset - (starts[line] ?? 0) + 1 };
  };
  return ([start, end]) => {
    // The parser sometimes places an error of a text that ends too soon beyond its end.
    const first = Math.min(start, text.length);
    return { start: position(first), end: position(Math.max(Math.min(end, text.length), first + 1)) };
  };
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', end + 1)) starts.push(end + 1);
  return starts;
}

/** The index of the last of the ascending `numbers` that is not above `limit`. */
function lastAtMost(numbers: readonly number[], limit: number): number {
  let low = 0;
  let high = numbers.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((numbers[middle] ?? 0) <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}
