import { describe, expect, it } from 'vitest';
import { readDocuments, type SpecDocument } from '../../../src/read/document.js';

type Path = readonly (string | number)[];

function only(text: string): SpecDocument {
  const { documents, problems } = readDocuments({ file: 'spec.yml', text });
  expect(problems).toEqual([]);
  return documents[0] ?? expect.fail('there is no document');
}

/** `line:column-line:column` of what is at `path`. */
function placeOf(document: SpecDocument | undefined, path: Path, part?: 'key' | 'value'): string {
  const { start, end } = document?.locate(path, part).range ?? expect.fail('there is no range');
  return `${start.line}:${start.column}-${end.line}:${end.column}`;
}

describe('locate', () => {
  const rows: { name: string; text: string; path: Path; part?: 'key'; at: string }[] = [
    { name: 'a value in block style', text: 'a: 1\nb:\n  - c: 80\n', path: ['b', 0, 'c'], at: '3:8-3:10' },
    { name: 'a key', text: 'a: 1\nb:\n  - c: 80\n', path: ['b', 0, 'c'], part: 'key', at: '3:5-3:6' },
    { name: 'a value in JSON', text: '{"a": [{"b": "x"}]}', path: ['a', 0, 'b'], at: '1:14-1:17' },
    { name: 'a key in JSON', text: '{"a": [{"b": "x"}]}', path: ['a', 0, 'b'], part: 'key', at: '1:9-1:12' },
    { name: 'the whole document', text: '{"a": 1}\n', path: [], at: '1:1-1:9' },
    { name: 'a list', text: 'a: [1, 2]\n', path: ['a'], at: '1:4-1:10' },
    { name: 'a value behind CRLF', text: 'a: 1\r\nb: 22\r\n', path: ['b'], at: '2:4-2:6' },
    { name: 'a value behind a comment', text: '# c\n\na: 1 # d\n', path: ['a'], at: '3:4-3:5' },
    {
      name: 'a value after characters of two units',
      text: '{"😀": 1, "b": 2}',
      path: ['b'],
      at: '1:16-1:17',
    },
    { name: 'a value in quotes', text: 'a: "80"\n', path: ['a'], at: '1:4-1:8' },
    { name: 'a value that is nothing', text: 'a:\nb: 1\n', path: ['a'], at: '1:3-2:1' },
    { name: 'the parent of what is missing', text: 'a:\n  b: 1\n', path: ['a', 'c'], at: '2:3-3:1' },
    { name: 'the nearest parent', text: 'a: [1]\n', path: ['a', 7, 'b', 'c'], at: '1:4-1:7' },
    { name: 'the anchor of an alias', text: 'a: &x [1, 2]\nb: *x\n', path: ['b'], at: '1:7-1:13' },
    { name: 'a value inside of an alias', text: 'a: &x [1, 2]\nb: *x\n', path: ['b', 1], at: '1:11-1:12' },
    {
      name: 'a key inside of an alias',
      text: 'a: &x { k: 1 }\nb: *x\n',
      path: ['b', 'k'],
      part: 'key',
      at: '1:9-1:10',
    },
    { name: 'a key that is a number', text: 'a: 1\n80: 2\n', path: ['80'], part: 'key', at: '2:1-2:3' },
    { name: 'a key that is null', text: 'a: 1\n~: 2\n', path: [''], part: 'key', at: '2:1-2:2' },
    {
      name: 'the key __proto__',
      text: 'a: 1\n__proto__: 2\n',
      path: ['__proto__'],
      part: 'key',
      at: '2:1-2:10',
    },
    { name: 'nothing for toString', text: 'a: 1\n', path: ['toString'], at: '1:1-2:1' },
    { name: 'a value behind a byte order mark', text: '\ufeffa: 1\n', path: ['a'], at: '1:5-1:6' },
  ];

  it.each(rows)('finds $name', ({ text, path, part, at }) => {
    expect(placeOf(only(text), path, part)).toBe(at);
  });

  it('finds values in each of several documents', () => {
    const { documents } = readDocuments({ file: 'x', text: 'a: 1\n---\na: 2\n...\n---\n  a: 3\n' });
    expect(documents.map((document) => placeOf(document, ['a']))).toEqual(['1:4-1:5', '3:4-3:5', '6:6-6:7']);
  });

  it('writes the path as a JSON pointer', () => {
    expect(only('a/b: { c~d: [1] }\n').locate(['a/b', 'c~d', 0]).pointer).toBe('/a~1b/c~0d/0');
  });

  it('names file and text, for the frame', () => {
    expect(only('a: 1\n').locate(['a'])).toMatchObject({ file: 'spec.yml', text: 'a: 1\n' });
  });
});

describe('sourceAt', () => {
  it.each([
    { name: 'hexadecimal', text: 'a: 0x50', value: 80, source: '0x50' },
    { name: 'octal', text: 'a: 0o17', value: 15, source: '0o17' },
    { name: 'a leading zero', text: 'a: 010', value: 10, source: '010' },
    { name: 'a fraction', text: 'a: 80.0', value: 80, source: '80.0' },
    { name: 'an exponent', text: 'a: 8e1', value: 80, source: '8e1' },
    { name: 'text in quotes', text: 'a: "80"', value: '80', source: '80' },
    { name: 'a number through an alias', text: 'b: &x 0x50\na: *x', value: 80, source: '0x50' },
    { name: 'no scalar', text: 'a: [80]', value: [80], source: undefined },
  ])('has $name as it is written', ({ text, value, source }) => {
    const document = only(text);
    expect((document.data as { a: unknown }).a).toEqual(value);
    expect(document.sourceAt(['a'])).toBe(source);
  });
});

describe('readDocuments', () => {
  it.each([
    { name: 'JSON with a trailing comma', text: '{"a": [1, 2,], }', data: { a: [1, 2] } },
    { name: 'JSON with tabs', text: '{\n\t"a":\t[\n\t\t1\n\t]\n}', data: { a: [1] } },
    { name: 'CRLF', text: 'a: 1\r\nb: "x"\r\n', data: { a: 1, b: 'x' } },
    { name: 'yes and no as text', text: 'a: [yes, no, on]', data: { a: ['yes', 'no', 'on'] } },
    {
      name: 'YAML 1.1 as YAML 1.2',
      text: '%YAML 1.1\n---\na: [yes, 1:30, 0o17]',
      data: { a: ['yes', '1:30', 15] },
    },
    { name: 'IPv6 addresses', text: 'a: [2001:db8::1, "::1"]', data: { a: ['2001:db8::1', '::1'] } },
    { name: 'dates as text', text: 'a: 2001-01-01', data: { a: '2001-01-01' } },
  ])('reads $name', ({ text, data }) => {
    expect(only(text).data).toEqual(data);
  });

  it('makes __proto__ a key like any other', () => {
    const data = only('{"__proto__": {"app": "x"}, "b": 1}').data as Record<string, unknown>;
    expect(Object.keys(data)).toEqual(['__proto__', 'b']);
    expect(data['app']).toBeUndefined();
    expect(({} as Record<string, unknown>)['app']).toBeUndefined();
  });

  it.each([
    { name: 'empty', text: '', codes: ['empty-file'] },
    { name: 'blank', text: ' \n\t\n', codes: ['empty-file'] },
    { name: 'comments', text: '# a\n# b', codes: ['empty-file'] },
    { name: 'separators', text: '---\n...\n---\n', codes: ['empty-file'] },
    { name: 'a key twice', text: 'a: 1\na: 2\na: 3\n', codes: ['duplicate-key', 'duplicate-key'] },
    {
      name: 'a key twice in two mappings',
      text: 'a: { b: 1, b: 2 }\nc: { d: 1, d: 2 }\n',
      codes: ['duplicate-key', 'duplicate-key'],
    },
    { name: 'one key in two mappings', text: 'a: { b: 1 }\nc: { b: 1 }\n', codes: [] },
    { name: 'errors of two documents', text: 'a: [\n---\nb: 1\nb: 2\n', codes: ['syntax', 'duplicate-key'] },
    { name: 'a hundred levels', text: `${'['.repeat(100)}${']'.repeat(100)}`, codes: [] },
    { name: 'too many levels', text: `${'['.repeat(103)}${']'.repeat(103)}`, codes: ['too-deep'] },
    { name: 'many brackets in a string', text: `"${'['.repeat(1000)}"`, codes: [] },
    { name: 'many brackets in a comment', text: `# ${'{'.repeat(1000)}\na: 1`, codes: [] },
    { name: 'a hundred aliases', text: `a: &a 1\nb: [${'*a,'.repeat(99)}]`, codes: [] },
    { name: 'too many aliases', text: `a: &a 1\nb: [${'*a,'.repeat(101)}]`, codes: ['too-many-aliases'] },
  ])('answers $name with $codes', ({ text, codes }) => {
    expect(readDocuments({ file: 'x', text }).problems.map(({ code }) => code)).toEqual(codes);
  });

  it('yields no document of a file with a syntax error', () => {
    expect(readDocuments({ file: 'x', text: 'a: 1\n---\nb: [\n' }).documents).toEqual([]);
  });

  it('tells where the first of two equal keys is', () => {
    const [problem] = readDocuments({ file: 'x', text: 'a: 1\nb: 2\n"a": 3\n' }).problems;
    expect(problem?.message).toBe('the key "a" is here twice');
    expect(problem?.location.range?.start).toEqual({ line: 3, column: 1 });
    expect(problem?.related?.location.range?.start).toEqual({ line: 1, column: 1 });
  });
});
