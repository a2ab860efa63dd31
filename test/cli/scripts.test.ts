// What the scripts do before their work, in a fresh clone of their own and with a PATH of our making.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folder, type Result, ROOT } from './run.js';

const CLONED = [
  'scripts',
  'src',
  'schemas',
  'roles-templates',
  'examples',
  'molecule',
  'package.json',
  'package-lock.json',
];

/** Instead of what the registry has, npm "installs" links to what is here. */
const NPM = `#!/bin/sh
echo "npm $*" >> npm.log
PATH=/usr/bin:/bin
mkdir node_modules && ln -s "${ROOT}"node_modules/* "${ROOT}"node_modules/.bin node_modules
`;

/** A fresh clone, and beside it `bin`, the only directory of PATH: it has node and that npm. */
function clone(): string {
  const cwd = folder();
  for (const path of CLONED) cpSync(join(ROOT, path), join(cwd, path), { recursive: true });
  mkdirSync(join(cwd, 'bin'));
  symlinkSync(process.execPath, join(cwd, 'bin/node'));
  writeFileSync(join(cwd, 'bin/npm'), NPM, { mode: 0o755 });
  return cwd;
}

function run(cwd: string, script: string, ...args: readonly string[]): Result {
  const env = { PATH: join(cwd, 'bin') };
  const { status, stdout, stderr } = spawnSync('node', [script, ...args], { cwd, env, encoding: 'utf8' });
  return { code: status, stdout, stderr };
}

describe('npm start', () => {
  it('installs and builds once, and the second time not; without a lab it says why, and prints the ruleset', () => {
    const cwd = clone();
    const first = run(cwd, 'scripts/start.mjs');
    expect(first.code, first.stderr).toBe(0);
    expect(first.stdout).toContain('-A PMLB/MyApp/MyApp ');
    expect(first.stderr).toMatch(/^Installing the npm packages \(npm ci\)\nBuilding dist\/\n/);
    expect(first.stderr).toContain('Install unshare: it is in the Debian package util-linux');
    const built = statSync(join(cwd, 'dist')).ctimeMs;

    const second = run(cwd, 'scripts/start.mjs');
    expect({ code: second.code, stdout: second.stdout }).toEqual({ code: 0, stdout: first.stdout });
    expect(second.stderr).toMatch(
      /^building the lab\npomaloba: network namespaces cannot be created here:\n/,
    );
    expect(readFileSync(join(cwd, 'npm.log'), 'utf8')).toMatch(/^npm ci .*\n$/);
    expect(statSync(join(cwd, 'dist')).ctimeMs).toBe(built);
  });

  it('hands over what stands after --, and nothing else', () => {
    const cwd = clone();
    expect(run(cwd, 'scripts/start.mjs').code).toBe(0);
    expect(run(cwd, 'scripts/start.mjs', '--version').stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(run(cwd, 'scripts/start.mjs', 'try', 'nowhere.yml')).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('without apt-get', () => {
  it.each(['bench', 'molecule'])('%s names the commands that are missing, and fails', (name) => {
    const cwd = clone();
    const { code, stdout, stderr } = run(cwd, `scripts/${name}.mjs`);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(
      new RegExp(`^${name}: Please install .*\\bshellcheck \\(package shellcheck\\)`, 'm'),
    );
    expect(stderr).toMatch(/ \(this needs apt-get and root\)\n$/);
    expect(existsSync(join(cwd, '.venv'))).toBe(false);
  });
});
