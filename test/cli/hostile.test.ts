// Specs that mean harm, or are no specs at all: each ends soon, within bounded memory, with a clear error, and
// nothing of them reaches the terminal raw. Most inputs are too large or too odd to be kept as files.
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folder, pomaloba, type Result, shell, spec } from './run.js';

const MIB = 1024 * 1024;
/**
 * The kernel ends a run that takes so many seconds of the processor: ten times what the largest takes, so that it
 * catches what would go on for hours and is no measurement.
 */
const MOST_SECONDS = 60;
/** For vitest, in ms: others may have the processor. */
const PATIENCE = 10 * MOST_SECONDS * 1000;
/** Node's own heap limit for the run: beyond it the process dies with another exit code. */
const MEMORY = '--max-old-space-size=1024';

/** `pomaloba ...args` within MEMORY and MOST_SECONDS. */
function bounded(args: string, cwd: string): Result {
  return shell(`ulimit -t ${MOST_SECONDS}; NODE_OPTIONS=${MEMORY} exec $POMALOBA ${args}`, { cwd });
}

interface Row {
  readonly name: string;
  readonly content: () => string | Buffer;
  readonly code: string;
  readonly file?: string;
}

function fill(unit: string, size: number, before = '', after = ''): string {
  return before + unit.repeat(Math.floor((size - before.length - after.length) / unit.length)) + after;
}

function numbered(size: number, line: (n: number) => string): string {
  const lines: string[] = [];
  for (let n = 0, length = 0; length < size; n++) {
    lines.push(line(n));
    length += lines[n]?.length ?? 0;
  }
  return lines.join('');
}

/** Below the limits for one app: what has to be parsed as a whole. */
const LARGE = 256 * 1024;

const rows: readonly Row[] = [
  { name: '10 MB', content: () => fill('# a comment\n', 10 * MIB), code: 'file-too-large' },
  {
    name: '8 MiB of one app',
    content: () => fill('{},', 8 * MIB, 'endpoints: [', ']'),
    code: 'file-too-large',
  },
  { name: '8 MiB in one scalar', content: () => fill('x', 8 * MIB, 'app: '), code: 'file-too-large' },
  { name: '8 MiB of documents', content: () => fill('--- 1\n', 8 * MIB), code: 'file-too-large' },
  { name: '8 MiB of broken documents', content: () => fill('--- ]\n', 8 * MIB), code: 'syntax' },
  { name: '8 MiB of closing brackets', content: () => fill(']', 8 * MIB), code: 'syntax' },
  { name: '8 MiB of directives', content: () => fill('%\n', 8 * MIB), code: 'syntax' },
  { name: '100,000 opening brackets', content: () => '['.repeat(100_000), code: 'too-deep' },
  { name: '100,000 flow mappings', content: () => '{a: '.repeat(100_000), code: 'too-deep' },
  { name: '100,000 closed brackets', content: () => '['.repeat(1e5) + ']'.repeat(1e5), code: 'too-deep' },
  { name: '100,000 block lists', content: () => '- '.repeat(100_000), code: 'too-deep' },
  { name: '100,000 explicit keys', content: () => '? '.repeat(100_000), code: 'too-deep' },
  {
    name: '1000 levels of indentation',
    content: () => Array.from({ length: 1000 }, (_, n) => `${' '.repeat(n)}a:\n`).join(''),
    code: 'too-deep',
  },
  {
    name: 'a billion laughs',
    content: () =>
      `a0: &a0 [ha]\n${numbered(700, (n) => `a${n + 1}: &a${n + 1} [${`*a${n}, `.repeat(10)}]\n`)}`,
    code: 'too-many-aliases',
  },
  {
    name: 'anchors and aliases in turn',
    content: () => fill('- &a x\n- *a\n', LARGE),
    code: 'too-many-aliases',
  },
  { name: 'a hundred thousand keys', content: () => numbered(LARGE, (n) => `k${n}:\n`), code: 'unknown-key' },
  { name: 'a hundred thousand times one key', content: () => fill('k:\n', LARGE), code: 'duplicate-key' },
  { name: 'a list of numbers', content: () => fill('1,', LARGE, 'endpoints: [', ']'), code: 'wrong-type' },
  { name: 'a list of mappings', content: () => fill('{},', LARGE, 'endpoints: [', ']'), code: 'missing-key' },
  { name: 'a list of commas', content: () => fill(',', LARGE, 'endpoints: [', ']'), code: 'syntax' },
  {
    name: 'a list of protocols',
    content: () => fill('a,', LARGE, 'endpoints: [{ protocol: [', ']}]'),
    code: 'wrong-value',
  },
  {
    name: 'a list of bad addresses',
    content: () => fill('{ip: a, port: a},', LARGE, 'destinations: [', ']'),
    code: 'invalid-address',
  },
  { name: 'a list of networks', content: () => fill('1,', LARGE, 'allow_from: [', ']'), code: 'wrong-type' },
  { name: 'bad escapes', content: () => fill('\\x', LARGE, '"', '"'), code: 'syntax' },
  { name: 'quotes', content: () => fill('"', LARGE), code: 'syntax' },
  { name: 'anchors', content: () => fill('&a ', LARGE), code: 'syntax' },
  { name: 'exclamation marks', content: () => fill('!', LARGE), code: 'syntax' },
  {
    name: 'six apps, each as large as may be',
    content: () => fill('1,', LARGE, '--- { endpoints: [', '] }\n').repeat(6),
    code: 'wrong-type',
  },
  {
    name: '8 MiB of apps, each as large as may be',
    content: () => fill('1,', LARGE, '--- { endpoints: [', '] }\n').repeat(31),
    code: 'file-too-large',
  },
  { name: 'a megabyte of escapes', content: () => fill('\\x', MIB - 100, '"', '"'), code: 'syntax' },
  { name: 'blank lines', content: () => fill('\n', LARGE), code: 'empty-file' },
  { name: 'tabs', content: () => fill('\t', LARGE), code: 'empty-file' },
];

describe('hostile specs end soon and within bounds', { timeout: PATIENCE }, () => {
  it.each(rows)('$name: $code', ({ content, code }) => {
    const cwd = folder({ 'spec.yml': content() });
    const result = bounded('spec.yml', cwd);
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toContain(` ${code}: `);
    // A hundred problems of a few lines: nobody's terminal is flooded.
    expect(result.stderr.length).toBeLessThan(100_000);
  });

  it('a hundred of its problems are told, the others counted, in both forms', () => {
    const cwd = folder({ 'spec.yml': numbered(LARGE, (n) => `k${n}:\n`) });
    const { stderr: text } = pomaloba(['spec.yml'], { cwd });
    expect(text.match(/ error [a-z-]+: /g)).toHaveLength(100);
    expect(text).toMatch(/… and \d{5} more\n\n\d{5} errors\n$/);
    const report = JSON.parse(pomaloba(['spec.yml', '--json'], { cwd }).stderr) as {
      problems: unknown[];
      more: number;
    };
    expect(report.problems).toHaveLength(100);
    expect(text).toContain(`${report.more + 100} errors`);
  });
});

describe('large specs that are right', { timeout: PATIENCE }, () => {
  it('10,000 apps of ten destinations in one file are one ruleset', () => {
    const destinations = Array.from({ length: 9 }, (_, n) => `  - { ip: 198.51.100.1, port: ${n + 1} }\n`);
    const apps = Array.from({ length: 10_000 }, (_, n) =>
      (spec(`app-${n}`) + destinations.join('')).replace('192.0.2.10', `192.${n >> 8}.${n & 255}.1`),
    );
    const result = bounded('validate specs.yml', folder({ 'specs.yml': apps.join('---\n') }));
    expect(result).toEqual({ code: 0, stdout: '', stderr: '10000 apps: valid\n' });
  });

  it('a line of 1 MB is framed as a short piece of it', () => {
    const pad = ' '.repeat(1000);
    const list = Array.from({ length: 1000 }, (_, n) => `{"ip":"198.51.100.1","port":${n + 1}}${pad}`);
    const endpoints = '[{"ip":"192.0.2.10","port":80}]';
    const json = `{"pomaloba":1,"app":"shop","endpoints":${endpoints},"destinations":[${list.join()}],"apps":1}`;
    expect(json.length).toBeGreaterThan(1_000_000);
    const { stderr } = pomaloba(['-'], { input: json });
    expect(stderr).toMatch(/^<stdin>:1:10\d{5} error unknown-key: unknown key "apps"\n/);
    expect(stderr).toContain('did you mean "app"?');
    expect(Math.max(...stderr.split('\n').map((line) => line.length))).toBeLessThan(200);
  });
});

describe('files that are no text', () => {
  const noText: readonly (Omit<Row, 'code'> & { readonly message: string })[] = [
    { name: 'a picture', content: () => Buffer.from('89504e470d0a1a0a0000', 'hex'), message: 'byte 0x89' },
    { name: 'an archive', content: () => Buffer.from('1f8b0800000000000003', 'hex'), message: 'byte 0x8b' },
    { name: 'a NUL byte', content: () => `${spec()}\0`, message: '7:1 error not-text: .*a NUL byte' },
    { name: 'Latin-1', content: () => Buffer.from('app: caf\xe9', 'latin1'), message: '1:9 .*0xe9' },
    { name: 'a surrogate', content: () => Buffer.from('eda080', 'hex'), message: '1:1 .*0xed' },
    { name: 'an overlong character', content: () => Buffer.from('61c0af', 'hex'), message: '1:2 .*0xc0' },
    { name: 'UTF-16', content: () => Buffer.from('\ufeffapp: shop', 'utf16le'), message: 'UTF-16' },
    { name: 'UTF-16 the other way', content: () => Buffer.from('feff0061', 'hex'), message: 'UTF-16' },
  ];

  it.each(noText)('$name is not text', ({ content, message }) => {
    const { code, stdout, stderr } = pomaloba(['-'], { input: Buffer.from(content()) });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(new RegExp(`^<stdin>.* error not-text: .*`));
    expect(stderr).toMatch(new RegExp(message));
  });

  it('a byte order mark and CRLF are no problem', () => {
    const plain = pomaloba(['-'], { input: spec() });
    expect(pomaloba(['-'], { input: `\ufeff${spec().replaceAll('\n', '\r\n')}` })).toEqual(plain);
    expect(plain.code).toBe(0);
  });
});

describe('files that cannot be read', () => {
  it.each([
    {
      name: 'a missing file',
      input: 'missing.yml',
      message: 'missing.yml error unreadable-file: .*no such file',
    },
    {
      name: 'a dangling link in a directory',
      input: 'links',
      message: 'links/gone.yml error unreadable-file',
    },
    { name: 'a link to itself', input: 'loop.yml', message: 'loop.yml error unreadable-file: .*ELOOP' },
    { name: 'a directory without specs', input: 'empty', message: 'empty error no-specs' },
    { name: 'a file as a directory', input: 'plain.yml/x', message: 'unreadable-file: .*ENOTDIR' },
  ])('$name ends with exit code 2, and the others are checked all the same', ({ input, message }) => {
    const cwd = folder({ 'plain.yml': 'app: 1\n', 'empty/README': '', 'links/README': '' });
    symlinkSync('nowhere', join(cwd, 'links/gone.yml'));
    symlinkSync('loop.yml', join(cwd, 'loop.yml'));
    const { code, stdout, stderr } = pomaloba([input, 'plain.yml'], { cwd });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(new RegExp(message));
    expect(stderr).toContain('plain.yml:1:6 error wrong-type');
  });

  it('a file without permission ends with exit code 2', () => {
    const cwd = folder({ 'spec.yml': spec() });
    chmodSync(join(cwd, 'spec.yml'), 0);
    // Root may read everything, unless it lays down its capabilities.
    const drop = process.getuid?.() === 0 ? 'setpriv --inh-caps=-all --bounding-set=-all ' : '';
    const { code, stdout, stderr } = shell(`${drop}$POMALOBA spec.yml`, { cwd });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('spec.yml error unreadable-file: cannot be read: permission denied\n');
  });

  it('an endless device is read up to the limit', () => {
    expect(pomaloba(['/dev/zero']).stderr).toContain('error file-too-large');
  });

  it('a directory in a directory of specs is passed over', () => {
    const cwd = folder({ 'specs/shop.yml': spec() });
    mkdirSync(join(cwd, 'specs/old.yml'));
    expect(pomaloba(['validate', 'specs'], { cwd }).code).toBe(0);
  });
});

describe('control characters of a spec', () => {
  const ALL = Array.from({ length: 0xa0 }, (_, n) => String.fromCharCode(n)).join('');
  const RAW = /[\0-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

  function expectPrintable({ stderr }: Result): void {
    expect(stderr).not.toBe('');
    expect(stderr).not.toMatch(RAW);
  }

  it.each([
    { name: 'as escapes in a JSON value', text: JSON.stringify({ app: ALL, endpoints: [{ ip: ALL }] }) },
    { name: 'as escapes in a JSON key', text: JSON.stringify({ [ALL]: 1 }) },
    { name: 'raw in a quoted value', text: 'app: "\x1b[31m\x07\u009b31m\u202e\u2066"\n' },
    { name: 'raw in a plain key', text: 'a\u009b31m\x1b]0;owned\x07: 1\n' },
    { name: 'raw in a tag', text: '!\x1b[31m\u009bx a\n' },
    { name: 'raw in an alias', text: 'a: *\x1b[31m\u009bx\n' },
    { name: 'raw in a directive', text: '%\x1b[31m\u009b\n---\na\n' },
    { name: 'raw where nothing may be', text: 'a: "x" \x1b[31m\u009b\n' },
    { name: 'raw in a complex key', text: '? [\x1b[31m\u009b]\n: 1\n' },
    { name: 'raw after carriage returns', text: 'a: 1\rb: \x1b[2K\rc\n' },
  ])('do not reach the terminal $name', ({ text }) => {
    const cwd = folder({ 'spec.yml': text.replaceAll('\0', '') });
    expectPrintable(pomaloba(['spec.yml'], { cwd }));
    const json = pomaloba(['spec.yml', '--json'], { cwd });
    expectPrintable(json);
    expect(() => void JSON.parse(json.stderr)).not.toThrow();
  });

  it('do not reach the terminal from the name of a file', () => {
    const cwd = folder({ 'specs/\x1b[31m\u009b.yml': 'a' });
    expectPrintable(pomaloba(['specs'], { cwd }));
    expectPrintable(pomaloba(['specs', '--json'], { cwd }));
  });
});

describe('YAML that a spec has no use for', () => {
  it.each([
    { name: 'a set', text: 'app: !!set { a, b }\n', message: 'Unresolved tag' },
    { name: 'binary data', text: 'app: !!binary aGE=\n', message: 'Unresolved tag' },
    { name: 'a merge tag', text: '? !!merge <<\n: { a: 1 }\n', message: 'Unresolved tag' },
    { name: 'an object of Python', text: '!!python/object:os.system {}\n', message: 'Unresolved tag' },
    { name: 'a merge key', text: '%YAML 1.1\n---\n<<: { app: shop }\n', message: 'unknown key "<<"' },
    { name: 'a key that is an alias', text: 'a: &k app\n*k : shop\n', message: 'a key must be text' },
    { name: '__proto__', text: '__proto__: { app: shop }\n', message: 'unknown key "__proto__"' },
    { name: 'constructor', text: 'constructor: { prototype: 1 }\n', message: 'unknown key "constructor"' },
    { name: '__proto__ in JSON', text: '{"__proto__": {"app": "x"}}', message: 'unknown key "__proto__"' },
    {
      name: 'a key twice, as text and as number',
      text: '1: a\n"1": b\n',
      message: 'the key "1" is here twice',
    },
    {
      name: 'octal of YAML 1.1',
      text: `%YAML 1.1\n---\n${spec().replace('80', '0120')}`,
      message: 'read as 120',
    },
    { name: 'a list as a key', text: '? [a, b]\n: 1\n', message: 'a key must be text' },
  ])('$name is refused', ({ text, message }) => {
    const { code, stdout, stderr } = pomaloba(['-'], { input: text });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(message);
  });

  it('anchors and aliases work', () => {
    const text = `pomaloba: 1
app: shop
endpoints: [{ ip: 192.0.2.10, port: &port 80 }, { ip: 192.0.2.11, port: *port }]
destinations: [{ ip: 198.51.100.1, port: 31080 }]
`;
    expect(pomaloba(['validate', '-'], { input: text })).toMatchObject({ code: 0, stderr: '1 app: valid\n' });
  });
});
