// Values and words as messages show them.
import { closest, distance } from 'fastest-levenshtein';

/** Longest piece of a value that a message repeats. */
const MOST_SHOWN = 60;

/** A value as a message names it: `the string "80"`, `a list`. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `the string ${quote(value)}`;
  if (typeof value === 'number') return `the number ${value}`;
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return describeList(value);
  return typeof value === 'object' ? 'a mapping' : JSON.stringify(value);
}

function describeList(list: readonly unknown[]): string {
  if (list.length === 0) return 'an empty list';
  const repeated = firstRepeated(list);
  if (repeated !== undefined) return `a list that holds ${quote(repeated)} more than once`;
  return `a list of ${list.length === 1 ? '1 entry' : `${list.length} entries`}`;
}

/** The first text that was in `list` before. In one pass, as a list may have a hundred thousand entries. */
function firstRepeated(list: readonly unknown[]): string | undefined {
  const seen = new Set<string>();
  return list.find((item): item is string => {
    if (typeof item !== 'string') return false;
    const before = seen.size;
    return seen.add(item).size === before;
  });
}

/** `text` in double quotes, shortened. */
export function quote(text: string): string {
  return JSON.stringify(text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text);
}

/** The one of `words`, all lower case, that `word` was probably meant to be: at most two letters, and half of it, away. */
export function suggestion(word: string, words: readonly string[]): string | undefined {
  if (words.length === 0 || word.length > MOST_SHOWN) return undefined;
  const lower = word.toLowerCase();
  const candidate = closest(lower, words);
  const away = distance(lower, candidate);
  return away <= 2 && away <= Math.max(word.length, candidate.length) / 2 ? candidate : undefined;
}
