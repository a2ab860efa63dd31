import { describe, expect, it } from 'vitest';
import type { ProblemCode } from '../../../src/problem/codes.js';
import { formatProblems, problemsToJson } from '../../../src/problem/format.js';
import {
  error,
  isEnvironmental,
  isError,
  type Location,
  type Problem,
  sortProblems,
  warning,
} from '../../../src/problem/problem.js';

function at(file: string, line = 1, column = 1, length = 1, text?: string): Location {
  const range = { start: { line, column }, end: { line, column: column + length } };
  return { file, range, ...(text === undefined ? {} : { text }) };
}

function place({ location: { file, range }, code }: Problem): string {
  return `${file}:${range?.start.line ?? '-'}:${range?.start.column ?? '-'} ${code}`;
}

describe('sortProblems', () => {
  const problem = (code: ProblemCode, location: Location): Problem => error(code, location, 'm');

  it.each([
    {
      name: 'by line, then by column',
      input: [
        problem('syntax', at('a', 10, 1)),
        problem('syntax', at('a', 2, 9)),
        problem('syntax', at('a', 2, 3)),
      ],
      output: ['a:2:3 syntax', 'a:2:9 syntax', 'a:10:1 syntax'],
    },
    {
      name: 'by code at one place',
      input: [problem('wrong-type', at('a')), problem('missing-key', at('a')), problem('syntax', at('a'))],
      output: ['a:1:1 missing-key', 'a:1:1 syntax', 'a:1:1 wrong-type'],
    },
    {
      name: 'within files, which keep their order',
      input: [problem('syntax', at('b', 2)), problem('syntax', at('a', 1)), problem('syntax', at('b', 1))],
      output: ['b:1:1 syntax', 'b:2:1 syntax', 'a:1:1 syntax'],
    },
    {
      name: 'with those of a whole file first',
      input: [problem('syntax', at('a')), problem('file-too-large', { file: 'a' })],
      output: ['a:-:- file-too-large', 'a:1:1 syntax'],
    },
    {
      name: 'and leaves equal ones as they are',
      input: [error('syntax', at('a'), 'first'), error('syntax', at('a'), 'second')],
      output: ['a:1:1 syntax', 'a:1:1 syntax'],
    },
  ])('sorts $name', ({ input, output }) => {
    const before = [...input];
    expect(sortProblems(input).map(place)).toEqual(output);
    expect(input).toEqual(before);
  });

  it('is stable', () => {
    const twins = ['first', 'second', 'third'].map((message) => error('syntax', at('a'), message));
    expect(sortProblems(twins)).toEqual(twins);
  });
});

describe('what a problem is', () => {
  it('an error stops the run, a warning does not', () => {
    expect(isError(error('syntax', at('a'), 'm'))).toBe(true);
    expect(isError(warning('no-destinations', at('a'), 'm', 'h'))).toBe(false);
  });

  it('a missing file is one of the environment, a wrong one is not', () => {
    expect(isEnvironmental(error('unreadable-file', { file: 'a' }, 'm'))).toBe(true);
    expect(isEnvironmental(error('not-text', { file: 'a' }, 'm'))).toBe(false);
  });
});

describe('formatProblems', () => {
  const TEXT = 'one\ntwo\nthree\nfour\nfive\nsix\n';

  it.each([
    {
      name: 'a place without a file’s text as one line',
      problem: error('unreadable-file', { file: 'a' }, 'm'),
      text: 'a error unreadable-file: m\n\n1 error\n',
    },
    {
      name: 'hint and related place behind the frame',
      problem: error('duplicate-app', at('a', 4, 1, 4, TEXT), 'm', {
        hint: 'h',
        related: { message: 'the other', location: at('b', 7, 8) },
      }),
      text: `a:4:1 error duplicate-app: m
  2 | two
  3 | three
> 4 | four
    | ^^^^
  5 | five
  6 | six
  the other: b:7:8
  hint: h

1 error
`,
    },
    {
      name: 'the first line of a place of several',
      problem: error(
        'syntax',
        { file: 'a', text: TEXT, range: { start: { line: 6, column: 2 }, end: { line: 7, column: 1 } } },
        'm',
      ),
      text: 'a:6:2 error syntax: m\n  4 | four\n  5 | five\n> 6 | six\n    |  ^^\n  7 |\n\n1 error\n',
    },
    {
      name: 'a tab as one column',
      problem: error('syntax', at('a', 1, 3, 1, '\t\tx\n'), 'm'),
      text: 'a:1:3 error syntax: m\n> 1 |   x\n    |   ^\n  2 |\n\n1 error\n',
    },
    {
      name: 'CRLF as the end of a line',
      problem: error('syntax', at('a', 1, 1, 1, 'x\r\ny\r\n'), 'm'),
      text: 'a:1:1 error syntax: m\n> 1 | x\n    | ^\n  2 | y\n  3 |\n\n1 error\n',
    },
    {
      name: 'control characters as a sign for them',
      problem: error('syntax', at('a\u001b', 1, 1, 1, '\u001b[1m\u009b\u202e'), 'm\n\u0007'),
      text: 'a\ufffd:1:1 error syntax: m\ufffd\ufffd\n> 1 | \ufffd[1m\ufffd\ufffd\n    | ^\n\n1 error\n',
    },
  ])('shows $name', ({ problem, text }) => {
    expect(formatProblems([problem], false)).toBe(text);
  });

  it('shows of a long line a piece around the place', () => {
    const text = `${'a'.repeat(5000)}HERE${'b'.repeat(5000)}`;
    const shown = formatProblems([error('syntax', at('a', 1, 5001, 4, text), 'm')], false);
    const [, source = '', marks = ''] = shown.split('\n');
    expect(source.length).toBeLessThan(120);
    expect(source.slice(marks.indexOf('^'), marks.lastIndexOf('^') + 1)).toBe('HERE');
  });

  it.each([
    { errors: 1, warnings: 0, sum: '1 error' },
    { errors: 2, warnings: 1, sum: '2 errors, 1 warning' },
    { errors: 0, warnings: 2, sum: '2 warnings' },
  ])('counts: $sum', ({ errors, warnings, sum }) => {
    const problems = [
      ...Array.from({ length: errors }, () => error('syntax', at('a'), 'm')),
      ...Array.from({ length: warnings }, () => warning('no-destinations', at('a'), 'm', 'h')),
    ];
    expect(formatProblems(problems, false).trimEnd().split('\n').at(-1)).toBe(sum);
  });

  it.each([
    { count: 100, more: undefined },
    { count: 101, more: 1 },
    { count: 5000, more: 4900 },
  ])('of $count problems at most 100 are shown, and the others counted', ({ count, more }) => {
    const problems = Array.from({ length: count }, (_, n) => error('syntax', at('a', count - n), 'm'));
    const text = formatProblems(problems, false);
    expect(text.match(/ error syntax: m/g)).toHaveLength(100);
    expect(text).toMatch(/^a:1:1 /);
    expect(text).toMatch(new RegExp(`\\n${count} errors\\n$`));
    expect(/… and (\d+) more/.exec(text)?.[1]).toBe(more === undefined ? undefined : String(more));
    const report = JSON.parse(problemsToJson(problems)) as { problems: { line: number }[]; more?: number };
    expect(report.problems.map(({ line }) => line)).toEqual(Array.from({ length: 100 }, (_, n) => n + 1));
    expect(report.more).toBe(more);
  });

  it('is coloured only where it is asked to be', () => {
    const problems = [error('syntax', at('a', 1, 1, 1, 'x'), 'm', { hint: 'h' })];
    expect(formatProblems(problems, true)).toContain('\u001b[');
    expect(formatProblems(problems, false)).not.toContain('\u001b[');
  });
});

describe('problemsToJson', () => {
  it('has all that the text has', () => {
    const related = { message: 'the other', location: at('b', 7, 8) };
    const location = { ...at('a', 2, 3, 4, 'text'), pointer: '/app' };
    const json = problemsToJson([error('duplicate-app', location, 'm', { hint: 'h', related })]);
    expect(JSON.parse(json)).toEqual({
      version: 1,
      problems: [
        {
          code: 'duplicate-app',
          severity: 'error',
          message: 'm',
          hint: 'h',
          file: 'a',
          pointer: '/app',
          line: 2,
          column: 3,
          endLine: 2,
          endColumn: 7,
          related: { message: 'the other', file: 'b', line: 7, column: 8, endLine: 7, endColumn: 9 },
        },
      ],
    });
  });

  it('escapes control characters, and yields what they were', () => {
    const message = '\u0000\u001b\u007f\u009b\u2028\u202e\n';
    const json = problemsToJson([error('syntax', { file: 'a' }, message)]);

    expect(json).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e]/);
    expect(JSON.parse(json)).toMatchObject({ problems: [{ message }] });
  });

  it('is an empty list where there is no problem', () => {
    expect(JSON.parse(problemsToJson([]))).toEqual({ version: 1, problems: [] });
  });
});
