// Unified diffs, as `git apply` and people read them.
import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff';
import type { Change } from './plan.js';

const NOTHING = '/dev/null';
const CONTEXT = 3;
/** More edits than this are shown as one replacement: the search takes the square of their number. */
const MOST_EDITS = 5000;

/** The diff of `change` to the file that is called `name`; empty if its text stays. */
export function diffOf({ before, after, action }: Change, name: string): string {
  const [old, wanted] = [normal(before ?? ''), action === 'delete' ? '' : normal(after ?? '')];
  if (old === wanted) return '';
  const from = before === undefined ? NOTHING : `a/${name}`;
  const to = after === undefined ? NOTHING : `b/${name}`;
  const patch = createTwoFilesPatch(from, to, old, wanted, undefined, undefined, {
    context: CONTEXT,
    headerOptions: FILE_HEADERS_ONLY,
    maxEditLength: MOST_EDITS,
  });
  return patch ?? replacement(from, to, old, wanted);
}

function replacement(from: string, to: string, old: string, wanted: string): string {
  const lines = (text: string): string[] => text.split('\n').slice(0, text.endsWith('\n') ? -1 : undefined);
  const marked = (mark: string, text: string): string =>
    lines(text)
      .map((line) => `${mark}${line}\n`)
      .join('') + (text.endsWith('\n') ? '' : '\\ No newline at end of file\n');
  const hunk = `@@ -1,${lines(old).length} +1,${lines(wanted).length} @@`;
  return `--- ${from}\n+++ ${to}\n${hunk}\n${marked('-', old)}${marked('+', wanted)}`;
}

/** Line ends are no edit: see hashOf. */
function normal(text: string): string {
  return text.replaceAll('\r\n', '\n');
}
