import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadSpecs } from '../../../src/commands/load.js';
import { folder, spec } from '../../cli/run.js';

describe('loadSpecs', () => {
  it('tells the problems of all files, in the order in which they were named, whatever stage found them', () => {
    const path = folder({
      'invalid.yml': 'app: 1\n',
      'broken.yml': 'a: [\n',
      'binary.yml': '\0',
      'good.yml': spec(),
    });
    const inputs = ['invalid.yml', 'missing.yml', 'broken.yml', 'binary.yml', 'good.yml'].map((name) =>
      join(path, name),
    );
    const { problems, specs } = loadSpecs(inputs);
    expect(specs).toEqual([]);
    expect([...new Set(problems.map(({ location }) => location.file))]).toEqual(inputs.slice(0, 4));
  });

  it('yields the specs of all documents, in their order', () => {
    const path = folder({ 'b.yml': `${spec('b', 1)}---\n${spec('c', 2)}`, 'a.yml': spec('a', 3) });
    const { problems, specs } = loadSpecs(['b.yml', 'a.yml'].map((name) => join(path, name)));
    expect(problems).toEqual([]);
    expect(specs.map(({ app }) => app)).toEqual(['b', 'c', 'a']);
  });

  it('yields specs with warnings', () => {
    const path = folder({ 'a.yml': spec().replace(/destinations:[^]*/, 'destinations: []\n') });
    const { problems, specs } = loadSpecs([path]);
    expect(problems.map(({ severity }) => severity)).toEqual(['warning']);
    expect(specs).toHaveLength(1);
  });
});
