import { expect, test } from 'vitest';
import { printManifest, readManifest } from '../../../src/files/manifest.js';
import { hashOf } from '../../../src/files/text.js';

const HASH = 'a'.repeat(64);

test('what is printed is read again, sorted, one line each', () => {
  const text = printManifest([
    { path: 'b', text: 'two\n' },
    { path: 'a', text: 'one\n' },
  ]);
  expect(text.split('\n').slice(3, 5)).toEqual([
    `    "a": "${hashOf('one\n')}",`,
    `    "b": "${hashOf('two\n')}"`,
  ]);
  const { files, faults } = readManifest(text);
  expect([...files]).toEqual([
    ['a', hashOf('one\n')],
    ['b', hashOf('two\n')],
  ]);
  expect(faults.size).toBe(0);
});

test.each([
  ['/etc/passwd', 'the manifest names an absolute path'],
  ['C:/x', 'the manifest names an absolute path'],
  ['../x', 'the manifest names a path that leads out of the role'],
  ['a/../../x', 'the manifest names a path that leads out of the role'],
  ['', 'the manifest names a path that is not in its plain form'],
  ['a//b', 'the manifest names a path that is not in its plain form'],
  ['./a', 'the manifest names a path that is not in its plain form'],
  ['a/', 'the manifest names a path that is not in its plain form'],
  ['a\\b', 'the manifest names a path with a NUL or a backslash'],
  ['.pomaloba.json', 'the manifest names itself'],
])('%j is refused by name', (path, reason) => {
  const { files, faults } = readManifest(JSON.stringify({ version: 1, files: { [path]: HASH } }));
  expect(files.size).toBe(0);
  expect([...faults]).toEqual([[path, reason]]);
});

test.each(['x', 'A'.repeat(64), 1, null, [HASH]])('%j is no hash', (hash) => {
  const { faults } = readManifest(JSON.stringify({ version: 1, files: { a: hash } }));
  expect([...faults]).toEqual([['a', 'the manifest has no SHA-256 of it']]);
});
