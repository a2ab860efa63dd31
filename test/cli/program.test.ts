// The program around the products: help, versions, usage errors, streams, and its own bugs.
import { cpSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folder, pomaloba, ROOT, shell, spec } from './run.js';

const SAMPLE = join(ROOT, 'examples/sample.json');
const packageJson = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

describe('options before a command', () => {
  it.each([
    ['--input-spec', 'x.yml', 'validate', SAMPLE],
    ['--json', 'validate', SAMPLE],
    ['--name', 'x', 'schema'],
    ['--json', 'completion', 'bash'],
  ])('are refused, not ignored: %s %s %s', (...args) => {
    const { code, stdout, stderr } = pomaloba(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`${args[0]} does not belong before `);
  });
});

describe('help and version', () => {
  it.each(['--help', '-h'])('%s opens with examples and ends with the exit codes', (flag) => {
    const { code, stdout, stderr } = pomaloba([flag]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^Examples:\n {2}pomaloba --input-spec sample\.json/);
    expect(stdout).toMatch(/Exit codes:\n {2}0 .*\n {2}1 .*\n {2}2 .*\n {2}3 .*\n {2}70 .*\n+$/);
    for (const option of [
      '--input-spec',
      '--output-type',
      '--delete',
      '--name',
      '--out',
      '--json',
      '--version',
    ]) {
      expect(stdout).toContain(option);
    }
    for (const command of ['validate', 'explain', 'schema', 'completion'])
      expect(stdout).toContain(`\n  ${command} `);
  });

  it('every example of the help runs', () => {
    const cwd = folder({ 'sample.json': readFileSync(SAMPLE), 'specs/a.yml': spec('a', 1) });
    const examples = pomaloba(['--help'])
      .stdout.split('\n\n')[0]
      ?.split('\n')
      .slice(1)
      .map((line) =>
        line
          .trim()
          .replace(/ {2,}.*/, '')
          .replace(/ \| sudo sh$/, ''),
      );
    expect(examples).not.toHaveLength(0);
    for (const example of examples ?? []) {
      const { code, stderr } = shell(example.replace(/^pomaloba/, '$POMALOBA'), { cwd });
      expect({
        example,
        code,
        stderr: stderr.replace(
          /.*: (written|valid)\n|^created .*\n|.*\d+ (created|unchanged).*\n|^building the lab\n|^.* \d+ of \d+\n|^\d+ of \d+ requests\n|^loading .*\n/gm,
          '',
        ),
      }).toEqual({
        example,
        code: 0,
        stderr: '',
      });
    }
  });

  it('validate --help tells its own options', () => {
    const { code, stdout, stderr } = pomaloba(['validate', '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('Usage: pomaloba validate');
    expect(stdout).not.toContain('--output-type');
  });

  it.each(['--version', '-V'])('%s is that of the package', (flag) => {
    expect(pomaloba([flag])).toEqual({ code: 0, stdout: `${packageJson.version}\n`, stderr: '' });
  });
});

describe('usage errors end with exit code 2 and print nothing on standard output', () => {
  it.each([
    { name: 'no argument', args: [], message: 'no spec is given\n  hint: name one: pomaloba --input-spec' },
    { name: 'no spec', args: ['--delete'], message: 'no spec is given' },
    { name: 'a removal that is none', args: ['--now', SAMPLE], message: '--now needs --delete' },
    { name: 'no spec to validate', args: ['validate'], message: 'no spec is given' },
    { name: 'no spec to explain', args: ['explain'], message: 'no spec is given' },
    { name: 'an unknown option', args: ['--delte', SAMPLE], message: "unknown option '--delte'" },
    { name: 'a misspelled option', args: ['--delte', SAMPLE], message: 'hint: did you mean --delete?' },
    {
      name: 'an unknown type',
      args: [SAMPLE, '--output-type', 'pf'],
      message: 'Allowed choices are iptables,',
    },
    { name: 'an option without its value', args: ['--input-spec'], message: 'argument missing' },
    { name: 'a type without its value', args: [SAMPLE, '--output-type'], message: 'argument missing' },
    { name: 'schema with an argument', args: ['schema', 'x'], message: 'too many arguments' },
    {
      name: 'an option of another command',
      args: ['validate', '--delete', SAMPLE],
      message: 'unknown option',
    },
  ])('$name', ({ args, message }) => {
    const { code, stdout, stderr } = pomaloba(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('    at ');
  });

  it.each([
    {
      name: 'a misspelled option',
      args: ['--delte', SAMPLE],
      problem: { code: 'usage', message: "unknown option '--delte'", hint: 'did you mean --delete?' },
    },
    {
      name: 'an unknown type',
      args: [SAMPLE, '--output-type', 'pf'],
      problem: { code: 'usage', hint: 'pomaloba --help shows examples' },
    },
    { name: 'several apps', args: ['specs'], problem: { hint: 'add --name NAME, for example --name lb' } },
    { name: 'a bad name', args: [SAMPLE, '--name', '$x'], problem: { code: 'usage' } },
    { name: 'a removal that is none', args: ['--now', SAMPLE], message: '--now needs --delete' },
    { name: 'no spec to validate', args: ['validate'], problem: { message: 'no spec is given' } },
    { name: 'a role without --out', args: ['ansible', SAMPLE], problem: { code: 'usage' } },
    { name: 'an --out in no directory', args: [SAMPLE, '--out', 'no/x'], problem: { code: 'environment' } },
    { name: 'a role in a file', args: ['ansible', SAMPLE, '--out', 'x'], problem: { code: 'environment' } },
  ])('are JSON with --json, on standard error: $name', ({ args, problem }) => {
    const cwd = folder({ 'specs/a.yml': spec('a', 1), 'specs/b.yml': spec('b', 2), x: '' });
    const { code, stdout, stderr } = pomaloba([...args, '--json'], { cwd });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    const told = { severity: 'error', message: expect.any(String) as string, ...problem };
    expect(JSON.parse(stderr)).toEqual({ version: 1, problems: [expect.objectContaining(told)] });
  });

  it('a file that is called --json asks for no JSON', () => {
    expect(pomaloba(['--name', '$x', '--', '--json']).stderr).toMatch(/^pomaloba: /);
  });
});

describe('validate', () => {
  it('says that all is well, on standard error', () => {
    expect(pomaloba(['validate', SAMPLE])).toEqual({ code: 0, stdout: '', stderr: '1 app: valid\n' });
  });

  it('needs no name for several apps', () => {
    const cwd = folder({ 'a.yml': spec('a', 1), 'b.yml': spec('b', 2) });
    expect(pomaloba(['validate', 'a.yml', 'b.yml'], { cwd }).stderr).toBe('2 apps: valid\n');
  });

  it('tells the problems on standard error', () => {
    const { code, stdout, stderr } = pomaloba(['validate', '-'], { input: 'app: 1\n' });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('<stdin>:1:6 error wrong-type');
  });

  it('--json prints the report, which is its product, on standard output, with the same exit code', () => {
    const { code, stdout, stderr } = pomaloba(['validate', '-', '--json'], { input: 'app: 1\n' });
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    const report = JSON.parse(stdout) as { version: number; problems: unknown[] };
    expect(report.version).toBe(1);
    expect(report.problems).toContainEqual(
      expect.objectContaining({ code: 'wrong-type', file: '<stdin>', pointer: '/app', line: 1, column: 6 }),
    );
  });

  it('--json prints an empty report for a spec without problems', () => {
    const { code, stdout, stderr } = pomaloba(['validate', SAMPLE, '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({ version: 1, problems: [] });
  });
});

describe('schema', () => {
  it('prints the schema of the package', () => {
    const schema = readFileSync(join(ROOT, 'schemas/pomaloba.schema.json'), 'utf8');
    expect(pomaloba(['schema'])).toEqual({ code: 0, stdout: schema, stderr: '' });
  });
});

describe('streams', () => {
  it('a reader that has enough is no error', () => {
    const cwd = folder({ 'spec.yml': spec() });
    const { stdout, stderr } = shell('$POMALOBA spec.yml | head -1; echo ${PIPESTATUS[0]}', { cwd });
    expect({ stdout, stderr }).toEqual({ stdout: '#!/bin/sh\n0\n', stderr: '' });
  });

  it('a reader that closes at once is no error', () => {
    const script = 'for n in 1 2 3; do $POMALOBA schema | true; echo ${PIPESTATUS[0]}; done';
    expect(shell(script)).toEqual({ code: 0, stdout: '0\n0\n0\n', stderr: '' });
  });

  it('a reader of the messages that closes at once changes no exit code', () => {
    const cwd = folder({ 'bad.yml': Array.from({ length: 2000 }, (_, n) => `k${n}: 1\n`).join('') });
    const { stdout } = shell('$POMALOBA bad.yml 2> >(true); echo $?', { cwd });
    expect(stdout).toBe('1\n');
  });

  it('a full disk behind standard output is told, with exit code 2', () => {
    const { code, stdout, stderr } = shell(`$POMALOBA ${SAMPLE} > /dev/full`);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toBe(
      'pomaloba: standard output cannot be written: ENOSPC: no space left on device, write\n',
    );
  });

  it('with --json the message about a full disk is the only document', () => {
    const { code, stderr } = shell(`$POMALOBA ${SAMPLE} --json > /dev/full`);
    expect(code).toBe(2);
    expect(JSON.parse(stderr)).toMatchObject({ problems: [{ code: 'environment' }] });
  });

  it.each([
    { name: 'a file that is written', args: [SAMPLE, '--out', 'o\u001b[31mx'], code: 0 },
    { name: 'one that cannot be', args: [SAMPLE, '--out', 'no\u009b/o\u001b[31mx'], code: 2 },
    {
      name: 'a role in a file',
      args: ['ansible', SAMPLE, '--out', 'role', '--vars', 'file\u0007/x'],
      code: 2,
    },
    { name: 'an option', args: [SAMPLE, '--o\u001b[31mx'], code: 2 },
    { name: 'a value', args: [SAMPLE, '--output-type', '\u001b[31mx'], code: 2 },
    { name: 'a name', args: [SAMPLE, '--name', '\u009b31m'], code: 2 },
  ])('the terminal gets no control character of $name', ({ args, code }) => {
    const cwd = folder({ 'file\u0007': '' });
    const told = pomaloba(args, { cwd });
    expect(told.code).toBe(code);
    expect(told.stderr).toMatch(
      /^[^\u0000-\u0009\u000b-\u001f\u007f-\u009f]*\ufffd[^\u0000-\u0009\u000b-\u001f\u007f-\u009f]*$/,
    );
  });

  it('colour is for terminals, and for those who ask', () => {
    const bad = { input: 'app: 1\n' };
    const ESCAPE = '\u001b[';
    expect(pomaloba(['-'], { ...bad, env: { NO_COLOR: '' } }).stderr).not.toContain(ESCAPE);
    expect(pomaloba(['-'], { ...bad, env: { NO_COLOR: '', FORCE_COLOR: '1' } }).stderr).toContain(ESCAPE);
    expect(pomaloba(['-'], { ...bad, env: { NO_COLOR: '', FORCE_COLOR: '0' } }).stderr).not.toContain(ESCAPE);
    // Node itself warns about the two together; the colour is what counts.
    expect(pomaloba(['-'], { ...bad, env: { FORCE_COLOR: '1' } }).stderr).not.toContain(ESCAPE);
  });

  it('the text is the same wherever and whenever it is made', () => {
    const args = [SAMPLE, '--output-type', 'nftables-rules'];
    const env = { TZ: 'Pacific/Chatham', LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8' };
    expect(pomaloba(args, { cwd: '/', env })).toEqual(pomaloba(args));
  });
});

describe('bugs', () => {
  /** A copy of the program. */
  function copy(): string {
    const path = folder();
    for (const part of ['dist', 'schemas', 'roles-templates', 'package.json']) {
      cpSync(join(ROOT, part), join(path, part), { recursive: true });
    }
    symlinkSync(join(ROOT, 'node_modules'), join(path, 'node_modules'));
    return path;
  }

  /** A copy of the program that does not get beyond `buildView`, in whatever file of dist/ that is. */
  function broken(): string {
    const path = copy();
    const files = readdirSync(join(path, 'dist'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.js'))
      .map((file) => join(path, 'dist', file))
      .filter((file) => readFileSync(file, 'utf8').includes('function buildView('));
    expect(files).toHaveLength(1);
    for (const file of files) {
      const text = readFileSync(file, 'utf8').replace(/function buildView\([^)]*\) *\{/, '$& null.broken;');
      writeFileSync(file, text);
    }
    return path;
  }

  it('end with exit code 70, a stack trace and where to report them', () => {
    const { code, stdout, stderr } = pomaloba([SAMPLE], { cli: join(broken(), 'dist/cli.js') });
    expect({ code, stdout }).toEqual({ code: 70, stdout: '' });
    expect(stderr).toMatch(
      /^This is a bug in pomaloba \d+\.\d+\.\d+; please report it at https:\/\/github\.com/,
    );
    expect(stderr).toMatch(/TypeError: .*\n\s+at buildView /);
  });

  it('keep the old file of --out', () => {
    const path = broken();
    writeFileSync(join(path, 'lb.sh'), 'old');
    const args = [SAMPLE, '--out', join(path, 'lb.sh')];
    expect(pomaloba(args, { cli: join(path, 'dist/cli.js') })).toMatchObject({ code: 70, stdout: '' });
    expect(readFileSync(join(path, 'lb.sh'), 'utf8')).toBe('old');
  });

  it('are what a missing part of the package is', () => {
    const path = copy();
    rmSync(join(path, 'schemas'), { recursive: true });
    expect(pomaloba(['schema'], { cli: join(path, 'dist/cli.js') })).toMatchObject({ code: 70, stdout: '' });
  });
});
