import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSources } from '../../../src/read/sources.js';
import { folder } from '../../cli/run.js';

describe('readSources', () => {
  it('keeps the order in which files are named, and sorts those of a directory by code unit', () => {
    const path = folder({
      'z.yml': '',
      'd/b.yml': '',
      'd/a.json': '',
      'd/B.yaml': '',
      'd/.c.yml': '',
      'd/c.txt': '',
    });
    const { sources, files, problems } = readSources([join(path, 'z.yml'), join(path, 'd')]);
    expect(problems).toEqual([]);
    const names = ['z.yml', 'd/B.yaml', 'd/a.json', 'd/b.yml'].map((name) => join(path, name));
    expect(sources.map(({ file }) => file)).toEqual(names);
    expect(files.filter((file) => names.includes(file))).toEqual(names);
  });

  it('reads a file that is named twice once', () => {
    const path = folder({ 'a.yml': 'x' });
    const file = join(path, 'a.yml');
    expect(readSources([file, file, path]).sources).toEqual([{ file, text: 'x' }]);
  });

  it('names what could not be read, in its place', () => {
    const path = folder({ 'a.yml': 'x', 'empty/README': '' });
    const inputs = ['missing.yml', 'a.yml', 'empty'].map((name) => join(path, name));
    const { sources, files, problems } = readSources(inputs);
    expect(files).toEqual(inputs);
    expect(sources).toHaveLength(1);
    expect(problems.map(({ code }) => code).sort()).toEqual(['no-specs', 'unreadable-file']);
  });

  it.each([
    { name: '8 MiB', size: 8 * 1024 * 1024, codes: [] },
    { name: 'one byte more', size: 8 * 1024 * 1024 + 1, codes: ['file-too-large'] },
  ])('answers a file of $name with $codes', ({ size, codes }) => {
    const path = folder({ 'a.yml': Buffer.alloc(size, '#') });
    expect(readSources([join(path, 'a.yml')]).problems.map(({ code }) => code)).toEqual(codes);
  });
});
