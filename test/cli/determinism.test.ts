// The same spec gives the same bytes: whatever the time zone, the locale, the directory and the order of files on disk.
import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { treeOf } from '../support/tree.js';
import { OUTPUT_TYPES } from '../../src/print/output.js';
import { temporaryDirectory } from '../support/rulesets.js';

const ROOT = join(import.meta.dirname, '../..');
const CLI = join(ROOT, 'dist/cli.js');
const GOLDEN = join(ROOT, 'test/golden');

const ENVIRONMENTS = [
  { TZ: 'UTC', LC_ALL: 'C', HOME: '/nonexistent', cwd: ROOT },
  { TZ: 'Pacific/Kiritimati', LC_ALL: 'tr_TR.UTF-8', NO_COLOR: '1', cwd: '/' },
  { TZ: 'America/St_Johns', LC_ALL: 'C.UTF-8', FORCE_COLOR: '1', NODE_ENV: 'production', cwd: '/tmp' },
];

function outputs(args: readonly string[]): string[] {
  return ENVIRONMENTS.map(({ cwd, ...env }) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args], {
      cwd,
      env,
      encoding: 'utf8',
    });
    expect(status, stderr).toBe(0);
    return stdout;
  });
}

test.each(OUTPUT_TYPES)('%s is the same everywhere', (type) => {
  const spec = join(GOLDEN, '20-dual-stack/spec.yml');
  const [first, ...others] = outputs([spec, '--output-type', type]);
  for (const other of others) expect(other).toBe(first);
  // However the file is named.
  const { stdout } = spawnSync(process.execPath, [CLI, '-', '--output-type', type], {
    input: readFileSync(spec),
    encoding: 'utf8',
  });
  expect(stdout).toBe(first);
  const named = spawnSync(process.execPath, [CLI, relative('/', spec), '--output-type', type], {
    cwd: '/',
    encoding: 'utf8',
  });
  expect(named.stdout).toBe(first);
});

test('a directory is read in the order of its names, however it was filled', () => {
  const specs = ['10-sample/spec.json', '20-dual-stack/spec.yml'];
  const [one, other] = [specs, [...specs].reverse()].map((order) => {
    const directory = temporaryDirectory();
    for (const spec of order) copyFileSync(join(GOLDEN, spec), join(directory, spec.replace('/', '-')));
    return outputs([directory, '--name', 'lb', '--output-type', 'nftables-rules']);
  });
  expect(one).toEqual(other);
});

test('a role is the same everywhere, whatever its specs are called and wherever it is written to', () => {
  const trees = ENVIRONMENTS.map(({ cwd, ...env }, index) => {
    const directory = temporaryDirectory();
    const spec = join(directory, index === 0 ? 'spec.yml' : `other-${index}.yml`);
    copyFileSync(join(GOLDEN, '20-dual-stack/spec.yml'), spec);
    const out = join(directory, `${'sub/'.repeat(index)}out`);
    const files = ['--playbook', join(out, 'site.yml'), '--vars', join(out, 'vars.yml')];
    const args = ['ansible', spec, '--out', join(out, 'roles/pomaloba'), ...files];
    const { status, stderr } = spawnSync(process.execPath, [CLI, ...args], { cwd, env, encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    return treeOf(out);
  });
  const [first, ...others] = trees;
  for (const other of others) expect(other).toEqual(first);
  // What temporaryDirectory() gives; /tmp alone stands in texts.
  expect(JSON.stringify(first)).not.toContain(join(tmpdir(), 'pomaloba-test-'));
});
