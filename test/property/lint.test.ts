// The generated role as Ansible's own tools see it, of plain and of odd specs.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { buildRole } from '../../src/role/build.js';
import { requires } from '../support/requirement.js';
import { viewOf } from '../support/rulesets.js';

const ROOT = join(import.meta.dirname, '../..');
const BIN = join(ROOT, '.venv/bin');
const SPECS = [
  '30-weights',
  '40-drained',
  '50-several-apps',
  '60-empty-pool',
  '70-long-names',
  '80-ipv6-only',
  '97-client-address',
];

const directory = mkdtempSync(join(tmpdir(), 'pomaloba-lint-'));
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

function roleOf(name: string) {
  const view = viewOf(readFileSync(join(ROOT, 'test/golden', name, 'spec.yml'), 'utf8'));
  return buildRole(view, { role: 'pomaloba', backend: 'nftables' });
}

/** What a program says about a directory; an empty string if it is content. */
function complaints(program: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(join(BIN, program), args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, PATH: `${BIN}:${process.env['PATH'] ?? ''}`, NO_COLOR: '1' },
  });
  return status === 0 ? '' : stdout + stderr;
}

test.for(SPECS)('ansible-lint and yamllint have nothing to say about the role of %s', (name, ctx) => {
  requires(
    ctx,
    'ansible-lint in .venv',
    existsSync(join(BIN, 'ansible-lint')),
    'run npm test, which installs it',
  );
  const target = join(directory, name, 'roles/pomaloba');
  for (const { path, text } of roleOf(name)) {
    mkdirSync(dirname(join(target, path)), { recursive: true });
    writeFileSync(join(target, path), text);
  }
  expect(complaints('yamllint', ['--strict', '.'], target)).toBe('');
  expect(complaints('ansible-lint', ['--offline', '--profile', 'production', '--strict'], target)).toBe('');
});

test('the role installs all of its programs', () => {
  const files = roleOf('30-weights');
  const vars = files.find(({ path }) => path === 'vars/main.yml')?.text ?? '';
  const { __pomaloba_programs: programs } = parse(vars) as { __pomaloba_programs: string[] };
  const names = files
    .map(({ path }) => path.replace('files/', ''))
    .filter((name) => /^[^/]+\.py$/.test(name));
  // It has a condition of its own.
  expect([...programs, 'announce.py'].sort()).toEqual(names.sort());
});

test('argument specs and defaults name the same variables, with the same values', () => {
  const files = new Map(roleOf('30-weights').map(({ path, text }) => [path, text]));
  const read = (path: string) => parse(files.get(path) ?? '') as Record<string, unknown>;
  const { argument_specs } = read('meta/argument_specs.yml') as {
    argument_specs: { main: { options: Record<string, { default?: unknown }> } };
  };
  const documented = argument_specs.main.options;
  const defaults = read('defaults/main.yml');
  expect(Object.keys(documented).sort()).toEqual(Object.keys(defaults).sort());
  for (const [name, { default: value }] of Object.entries(documented)) {
    if (value !== undefined) expect(defaults[name], name).toEqual(value);
  }
});
