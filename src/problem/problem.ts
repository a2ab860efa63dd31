// A problem is data first; src/problem/format.ts turns it into text or JSON.
import { ENVIRONMENT_CODES, type ProblemCode } from './codes.js';

/** A place in a file. Lines and columns count from 1, columns in UTF-16 units, as editors do. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** From `start` up to, but not including, `end`. */
export interface Range {
  readonly start: Position;
  readonly end: Position;
}

/** A range of a spec file, with the text that surrounds it for the code frame. */
export interface Location {
  /** The path as the user gave it; `<stdin>` for standard input. */
  readonly file: string;
  /** Absent where no place in the file is meant (a missing file). */
  readonly range?: Range;
  /** The file's whole text; absent where there is none. */
  readonly text?: string;
  /** JSON pointer (RFC 6901) into the document; absent where there is none. */
  readonly pointer?: string;
}

/** Something that is wrong (`error`) or surprising (`warning`) in what the user gave us. */
export interface Problem {
  readonly code: ProblemCode;
  readonly severity: 'error' | 'warning';
  /** What is wrong and what was found, without a final dot. */
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string;
  readonly location: Location;
  /** The other place of a duplicate. */
  readonly related?: { readonly message: string; readonly location: Location };
}

/** A problem that stops the run. */
export function error(
  code: ProblemCode,
  location: Location,
  message: string,
  more: Pick<Problem, 'hint' | 'related'> = {},
): Problem {
  return { code, severity: 'error', message, location, ...more };
}

/** A problem that is told, and stops nothing. */
export function warning(code: ProblemCode, location: Location, message: string, hint: string): Problem {
  return { code, severity: 'warning', message, location, hint };
}

/** True if `problem` stops the run. */
export function isError(problem: Problem): boolean {
  return problem.severity === 'error';
}

/** True if `problem` lies in the environment (a missing file) and not in a spec. */
export function isEnvironmental(problem: Problem): boolean {
  return ENVIRONMENT_CODES.has(problem.code);
}

/** By place within a file, then by code; files stay in the order in which the user gave them. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  const fileOrder = new Map<string, number>();
  for (const { location } of problems) {
    if (!fileOrder.has(location.file)) fileOrder.set(location.file, fileOrder.size);
  }
  const rank = (problem: Problem): readonly [number, number, number] => [
    fileOrder.get(problem.location.file) ?? 0,
    problem.location.range?.start.line ?? 0,
    problem.location.range?.start.column ?? 0,
  ];
  return [...problems].sort((a, b) => {
    const [ra, rb] = [rank(a), rank(b)];
    return ra[0] - rb[0] || ra[1] - rb[1] || ra[2] - rb[2] || compare(a.code, b.code);
  });
}

/** By code unit: the order must not depend on the locale. */
function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
