// Problems as text for people and as JSON for programs: the same facts in both.
import { codeFrameColumns } from '@babel/code-frame';
import pico from 'picocolors';
import { jsonText, printable } from './printable.js';
import { type Location, type Problem, type Range, sortProblems } from './problem.js';

type Colors = ReturnType<typeof pico.createColors>;

/** More problems than this are counted, not shown: nobody reads the hundred and first. */
const MOST_SHOWN = 100;
/** Widest piece of a source line that a code frame shows; a JSON file may be one line of megabytes. */
const FRAME_WIDTH = 100;
/** Lines of context above and below the place. */
const FRAME_CONTEXT = 2;

/** All problems as text, sorted by place, with a code frame each and a count at the end. */
export function formatProblems(problems: readonly Problem[], color: boolean): string {
  const colors = pico.createColors(color);
  const sorted = sortProblems(problems);
  const shown = sorted.slice(0, MOST_SHOWN).map((problem) => formatProblem(problem, colors));
  const hidden = sorted.length - shown.length;
  if (hidden > 0) shown.push(`… and ${hidden} more\n`);
  return `${shown.join('\n')}\n${summary(problems)}\n`;
}

/**
 * The same problems as one JSON document, sorted by place; `more` is the count of those left out. `report` is what
 * else the command has to say.
 */
export function problemsToJson(problems: readonly Problem[], report: object = {}): string {
  const sorted = sortProblems(problems);
  const list = sorted.slice(0, MOST_SHOWN).map(({ code, severity, message, hint, location, related }) => ({
    code,
    severity,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...placeToJson(location),
    ...(related === undefined
      ? {}
      : { related: { message: related.message, ...placeToJson(related.location) } }),
  }));
  const more = sorted.length - list.length;
  const document = { version: 1, problems: list, ...(more > 0 ? { more } : {}), ...report };
  return jsonText(document);
}

function formatProblem(problem: Problem, colors: Colors): string {
  const { severity, code, message, hint, location, related } = problem;
  const paint = severity === 'error' ? colors.red : colors.yellow;
  const lines = [`${colors.bold(place(location))} ${paint(severity)} ${code}: ${printable(message)}`];
  if (location.range && location.text !== undefined) lines.push(frame(location.text, location.range));
  if (related) lines.push(`  ${printable(related.message)}: ${place(related.location)}`);
  if (hint !== undefined) lines.push(`  ${colors.cyan('hint')}: ${printable(hint)}`);
  return `${lines.join('\n')}\n`;
}

function summary(problems: readonly Problem[]): string {
  const count = (severity: Problem['severity']): string => {
    const n = problems.filter((problem) => problem.severity === severity).length;
    return n === 0 ? '' : `${n} ${severity}${n === 1 ? '' : 's'}`;
  };
  return [count('error'), count('warning')].filter((text) => text !== '').join(', ');
}

function place({ file, range }: Location): string {
  const name = printable(file);
  return range ? `${name}:${range.start.line}:${range.start.column}` : name;
}

function placeToJson({ file, range, pointer }: Location): Record<string, string | number> {
  return {
    file,
    ...(pointer === undefined ? {} : { pointer }),
    ...(range
      ? {
          line: range.start.line,
          column: range.start.column,
          endLine: range.end.line,
          endColumn: range.end.column,
        }
      : {}),
  };
}

/** The lines around `range`, cut to a window of columns, with the place marked by carets. */
function frame(text: string, { start, end }: Range): string {
  const first = Math.max(1, start.line - FRAME_CONTEXT);
  const last = start.line + FRAME_CONTEXT;
  const lines = linesBetween(text, first, last);
  const shift = Math.max(0, start.column - FRAME_WIDTH / 2);
  const source = lines.map((line) => printable(line.slice(shift, shift + FRAME_WIDTH))).join('\n');
  // The end of a range over several lines is of no help to the reader: its first line is marked.
  const lineEnd = (lines[start.line - first] ?? '').length + 1;
  const endColumn = Math.max(start.column + 1, end.line === start.line ? end.column : lineEnd);
  // The types lack startLine, which 7.29 has: the number of the first line of `source`.
  const options = { startLine: first, linesAbove: FRAME_CONTEXT, linesBelow: FRAME_CONTEXT + 1 };
  const place = {
    start: { line: start.line, column: start.column - shift },
    end: { line: start.line, column: Math.min(endColumn - shift, FRAME_WIDTH + 1) },
  };
  return codeFrameColumns(source, place, options);
}

/** Lines `first` to `last` of `text`, without splitting all of a large file. */
function linesBetween(text: string, first: number, last: number): string[] {
  let offset = 0;
  for (let line = 1; line < first; line++) {
    const next = text.indexOf('\n', offset);
    if (next === -1) return [];
    offset = next + 1;
  }
  const lines: string[] = [];
  for (let line = first; line <= last && offset <= text.length; line++) {
    const next = text.indexOf('\n', offset);
    const end = next === -1 ? text.length : next;
    lines.push(text.slice(offset, end).replace(/\r$/, ''));
    offset = end + 1;
  }
  return lines;
}
