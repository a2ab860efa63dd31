// Every directory of test/errors is one run of the program: spec in, messages out. `vitest -u` writes what is
// expected; a new case is a new directory `<code>-<what>`, with the arguments in a file `args` if they are not
// just `spec.yml`.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ENVIRONMENT_CODES, PROBLEM_CODES, type ProblemCode } from '../../src/problem/codes.js';
import { pomaloba, ROOT } from './run.js';

const CASES = join(ROOT, 'test/errors');
const names = readdirSync(CASES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);
const codes = Object.keys(PROBLEM_CODES) as ProblemCode[];

interface Report {
  readonly problems: readonly {
    readonly code: ProblemCode;
    readonly severity: string;
    readonly file: string;
    readonly line?: number;
    readonly column?: number;
    readonly hint?: string;
  }[];
}

function codeOf(name: string): ProblemCode | undefined {
  // The longest first: `missing-key` and not a code that it might begin with.
  return [...codes].sort((a, b) => b.length - a.length).find((code) => `${name}-`.startsWith(`${code}-`));
}

function argsOf(cwd: string): string[] {
  const file = join(cwd, 'args');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ') : ['spec.yml'];
}

function exitCodeFor({ problems }: Report): number {
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (errors.length === 0) return 0;
  return errors.some(({ code }) => ENVIRONMENT_CODES.has(code)) ? 2 : 1;
}

/** Text and JSON are two forms of one report. */
function expectSameFacts({ problems }: Report, text: string): void {
  for (const { file, line, column = 0, severity, code, hint } of problems) {
    const place = line === undefined ? file : `${file}:${line}:${column}`;
    expect(text).toContain(`${place} ${severity} ${code}: `);
    if (hint !== undefined) expect(text).toContain(`  hint: ${hint}\n`);
  }
}

describe('each directory of test/errors', () => {
  it.each(names)('%s prints what is expected, as text and as JSON', async (name) => {
    const cwd = join(CASES, name);
    const text = pomaloba(argsOf(cwd), { cwd });
    const json = pomaloba([...argsOf(cwd), '--json'], { cwd });
    await expect(text.stderr).toMatchFileSnapshot(join(cwd, 'expected.txt'));
    // The report of `ansible` is its product.
    const [printed, other] =
      argsOf(cwd)[0] === 'ansible' ? [json.stdout, json.stderr] : [json.stderr, json.stdout];
    await expect(printed).toMatchFileSnapshot(join(cwd, 'expected.json'));

    const report = JSON.parse(printed) as Report;
    expect(report.problems.map(({ code }) => code)).toContain(codeOf(name));
    expect([text.code, json.code]).toEqual([exitCodeFor(report), exitCodeFor(report)]);
    if (text.code !== 0) expect([text.stdout, other]).toEqual(['', '']);
    expectSameFacts(report, text.stderr);
  });
});

describe('the codes', () => {
  /** Their input has to be made: test/cli/hostile.test.ts. */
  const GENERATED: readonly ProblemCode[] = ['file-too-large'];
  const sections = readFileSync(join(ROOT, 'docs/problems.md'), 'utf8').split(/^## /m).slice(1);

  it.each(codes.filter((code) => !GENERATED.includes(code)))('%s has a directory of its own', (code) => {
    expect(names.map(codeOf)).toContain(code);
  });

  it.each(names)('the directory %s is named after one', (name) => {
    expect(codeOf(name)).toBeDefined();
  });

  it('have one section each in docs/problems.md, in their order, and nothing else is a section', () => {
    expect(sections.map((section) => section.slice(0, section.indexOf('\n')))).toEqual(codes);
  });

  it.each(sections.filter((section) => !GENERATED.some((code) => section.startsWith(code))))(
    'have examples in docs/problems.md that the program prints (%#)',
    (section) => {
      const [code = '', example = ''] =
        /^(\S+)[\s\S]*?```text\n([\s\S]*?)\n```/.exec(section)?.slice(1) ?? [];
      const printed = names
        .filter((name) => codeOf(name) === code)
        .map((name) => readFileSync(join(CASES, name, 'expected.txt'), 'utf8'));
      expect(printed.join('\n')).toContain(example);
    },
  );
});
