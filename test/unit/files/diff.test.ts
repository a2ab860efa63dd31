// Diffs that Git applies: also where a file is too different for a search, comes, goes or lacks its last line feed.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { diffOf } from '../../../src/files/diff.js';
import { folder } from '../../cli/run.js';

const numbers = (count: number, factor: number): string =>
  Array.from({ length: count }, (_, index) => `${index * factor}\n`).join('');

test.each([
  ['an edit', 'a\nb\nc\n', 'a\nB\nc\n'],
  ['no final line feed', 'a\nb', 'a\nB\n'],
  ['a new file', undefined, 'a\n'],
  ['a file that goes', 'a\nb\n', undefined],
  ['a file that is altogether different', numbers(6000, 1), numbers(6000, -2)],
])('%s', (_, before, after) => {
  const action = before === undefined ? 'create' : after === undefined ? 'delete' : 'update';
  const texts = { ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) };
  const patch = diffOf({ path: 'file', action, executable: false, ...texts }, 'file');
  const cwd = folder(before === undefined ? {} : { file: before });
  const { status, stderr } = spawnSync('git', ['apply', '-'], { cwd, input: patch, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  const file = join(cwd, 'file');
  expect(existsSync(file) ? readFileSync(file, 'utf8') : undefined).toBe(after);
});

test('line ends are no edit', () => {
  expect(diffOf({ path: 'f', action: 'same', executable: false, before: 'a\r\n', after: 'a\n' }, 'f')).toBe(
    '',
  );
});
