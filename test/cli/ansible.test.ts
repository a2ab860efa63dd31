// pomaloba ansible as a user runs it, above all in a GitOps repository: what it writes, leaves alone and refuses.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { treeOf } from '../support/tree.js';
import { folder, pomaloba, type Result, shell, spec } from './run.js';

const OUT = 'roles/pomaloba';
const DATA = `${OUT}/files/apps.json`;
const README = `${OUT}/README.md`;
const FILES = ['--playbook', 'site.yml', '--inventory', 'inventory.yml'];

function generate(cwd: string, ...args: readonly string[]): Result {
  return pomaloba(['ansible', '--input-spec', 'specs', '--out', OUT, ...args], { cwd });
}

/** A repository with one spec, generated. */
function repository(...args: readonly string[]): string {
  const cwd = folder({ 'specs/shop.yml': spec() });
  const { code, stderr } = generate(cwd, ...args);
  expect(code, stderr).toBe(0);
  return cwd;
}

function edit(cwd: string, file: string, text = 'edited!\n'): void {
  writeFileSync(join(cwd, file), readFileSync(join(cwd, file), 'utf8') + text);
}

describe('writing', () => {
  test('a role, a playbook and an inventory; the second run changes nothing, not even a time', () => {
    const cwd = repository(...FILES);
    const tree = treeOf(cwd);
    expect(Object.keys(tree)).toEqual(expect.arrayContaining(['site.yml', 'inventory.yml', DATA, README]));
    expect(tree['site.yml']).toContain('    - role: pomaloba\n');
    const times = (): number[] => Object.keys(tree).map((file) => statSync(join(cwd, file)).mtimeMs);
    const before = times();
    const again = generate(cwd, ...FILES);
    expect(again).toMatchObject({ code: 0, stdout: '' });
    expect(again.stderr).toMatch(/^\d+ unchanged\n$/);
    expect(times()).toEqual(before);
    expect(generate(cwd, ...FILES, '--check', '--diff')).toMatchObject({ code: 0, stdout: '' });
  });

  test('the form of the original is the same command', () => {
    const cwd = repository(...FILES);
    const other = folder({ 'specs/shop.yml': spec() });
    const args = ['--input-spec', 'specs', '--output-type', 'ansible', '--out', OUT, ...FILES];
    expect(pomaloba(args, { cwd: other }).code).toBe(0);
    expect(treeOf(other)).toEqual(treeOf(cwd));
  });

  test.each([
    ['ansible', 'spec.yml'],
    ['spec.yml', '--output-type', 'ansible'],
  ])('without --out it says what is missing: %s %s', (...args) => {
    const { code, stderr } = pomaloba(args, { cwd: folder({ 'spec.yml': spec() }) });
    expect(code).toBe(2);
    expect(stderr).toContain('a role needs a directory\n  hint: add --out DIR');
  });

  test.each(['lb-addresses', 'lb-health', 'lb-rollback'])(
    'the ruleset of a role is not called %s, as a unit is',
    (name) => {
      const cwd = folder({ 'specs/shop.yml': spec() });
      const { code, stdout, stderr } = generate(cwd, '--name', name);
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toContain(`"${name}" cannot name the ruleset of a role\n  hint: `);
    },
  );

  test('options of a role need the output type', () => {
    const { code, stderr } = pomaloba(['spec.yml', '--allow-ssh-capture'], {
      cwd: folder({ 'spec.yml': spec() }),
    });
    expect([code, stderr]).toEqual([2, 'pomaloba: --allow-ssh-capture needs --output-type ansible\n']);
  });

  test('modes do not depend on the umask', () => {
    const cwd = folder({ 'specs/shop.yml': spec() });
    expect(shell(`umask 077; $POMALOBA ansible specs --out ${OUT} --playbook site.yml`, { cwd }).code).toBe(
      0,
    );
    expect(statSync(join(cwd, DATA)).mode & 0o777).toBe(0o644);
    expect(statSync(join(cwd, 'site.yml')).mode & 0o777).toBe(0o644);
    expect(statSync(join(cwd, OUT, 'defaults')).mode & 0o777).toBe(0o755);
  });

  test('a lost executable bit is a change', () => {
    const cwd = repository();
    chmodSync(join(cwd, DATA), 0o755);
    expect(generate(cwd, '--check').code).toBe(3);
    expect(generate(cwd).code).toBe(0);
    expect(statSync(join(cwd, DATA)).mode & 0o777).toBe(0o644);
  });

  test('nothing is written when a spec has a problem', () => {
    const cwd = folder({ 'specs/a.yml': spec(), 'specs/b.yml': 'pomaloba: 1\n' });
    expect(generate(cwd, ...FILES)).toMatchObject({ code: 1, stdout: '' });
    expect(Object.keys(treeOf(cwd))).toEqual(['specs/a.yml', 'specs/b.yml']);
  });

  test('the data alone, for another environment, sealed by its own hash', () => {
    const cwd = folder({ 'specs/shop.yml': spec() });
    const vars = 'group_vars/staging/pomaloba.yml';
    const write = (...args: string[]): Result =>
      pomaloba(['ansible', 'specs', '--vars', vars, ...args], { cwd });
    expect(write().code).toBe(0);
    expect(Object.keys(treeOf(cwd))).toEqual([vars, 'specs/shop.yml']);
    writeFileSync(join(cwd, 'specs/shop.yml'), spec('shop', 11));
    expect(write('--check').code).toBe(3);
    expect(write().code).toBe(0);
    edit(cwd, vars);
    expect(write().code).toBe(3);
    expect(write('--force').code).toBe(0);
    expect(write('--check').code).toBe(0);
  });

  test('an inventory that is there is never overwritten', () => {
    const cwd = folder({ 'specs/shop.yml': spec(), 'inventory.yml': 'lb: { hosts: { lb1: } }\n' });
    expect(generate(cwd, ...FILES, '--force').code).toBe(0);
    expect(treeOf(cwd)['inventory.yml']).toBe('lb: { hosts: { lb1: } }\n');
  });

  test('two files at one path are refused', () => {
    const cwd = folder({ 'specs/shop.yml': spec() });
    const { code, stderr } = generate(cwd, '--playbook', 'x.yml', '--vars', './x.yml');
    expect([code, stderr]).toEqual([2, expect.stringContaining('two files would be written to ')]);
  });

  test.each([
    ['--playbook', 'specs/shop.yml'],
    ['--vars', './specs/shop.yml'],
    ['--inventory', 'specs/shop.yml'],
    ['--input-spec', DATA],
  ])('a spec is not overwritten, not even with --force: %s %s', (...args) => {
    const cwd = folder({ 'specs/shop.yml': spec(), [DATA]: spec('cart', 12) });
    const before = treeOf(cwd);
    const { code, stdout, stderr } = generate(cwd, ...args, '--force');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^pomaloba: \S+\.(?:yml|json) is a spec that was read: it cannot be written to\n/);
    expect(treeOf(cwd)).toEqual(before);
  });

  test.each([
    ['deploy/pomaloba', 'site.yml', 'deploy/pomaloba'],
    ['roles/lb', 'site.yml', 'lb'],
    ['roles/lb', 'plays/site.yml', '../roles/lb'],
  ])('the role %s in the playbook %s is called %s', (out, playbook, role) => {
    const cwd = folder({ 'specs/shop.yml': spec() });
    expect(pomaloba(['ansible', 'specs', '--out', out, '--playbook', playbook], { cwd }).code).toBe(0);
    expect(treeOf(cwd)[playbook]).toContain(`    - role: ${role}\n`);
  });
});

describe('--check and --diff', () => {
  test('a changed destination is a diff of the few lines that tell it, and is not written', () => {
    const cwd = repository();
    const before = treeOf(cwd);
    writeFileSync(join(cwd, 'specs/shop.yml'), spec().replace('198.51.100.1', '198.51.100.9'));
    const { code, stdout, stderr } = generate(cwd, '--check', '--diff');
    expect(code).toBe(3);
    expect(stderr).toContain(`to update ${DATA}\n`);
    const data = stdout.slice(stdout.indexOf(`--- a/${DATA}`)).split(/^--- /m)[1] ?? '';
    const added = data.split('\n').filter((line) => line.startsWith('+') && !line.startsWith('+++'));
    expect(added).toEqual([expect.stringContaining('{"ip": "198.51.100.9", "port": 31080')]);
    expect({ ...treeOf(cwd), 'specs/shop.yml': '' }).toEqual({ ...before, 'specs/shop.yml': '' });
  });

  test('git takes the diff as a patch that makes the same files', () => {
    const cwd = repository();
    writeFileSync(join(cwd, 'specs/shop.yml'), spec('cart', 12));
    const { stdout } = generate(cwd, '--check', '--diff');
    writeFileSync(join(cwd, 'patch'), stdout);
    const git = shell('git init -q . && git apply patch', { cwd });
    expect(git.code, git.stderr).toBe(0);
    expect(generate(cwd, '--check')).toMatchObject({ code: 0 });
  });

  test('--json has the same facts, on standard output', () => {
    const cwd = repository();
    writeFileSync(join(cwd, 'specs/shop.yml'), spec('cart', 12));
    const { code, stdout, stderr } = generate(cwd, '--check', '--diff', '--json');
    expect([code, stderr]).toEqual([3, '']);
    const report = JSON.parse(stdout) as {
      problems: unknown[];
      files: { file: string; action: string; diff: string }[];
    };
    expect(report.problems).toEqual([]);
    expect(report.files.find(({ file }) => file === DATA)).toMatchObject({
      action: 'update',
      diff: expect.stringContaining('+      "app": "cart",\n') as string,
    });
    expect(report.files.find(({ file }) => file.endsWith('meta/main.yml'))).toMatchObject({ action: 'same' });
  });

  test('an empty repository is stale, and stays empty', () => {
    const cwd = folder({ 'specs/shop.yml': spec() });
    expect(generate(cwd, ...FILES, '--check').code).toBe(3);
    expect(Object.keys(treeOf(cwd))).toEqual(['specs/shop.yml']);
  });

  test('CRLF of a check-out is no edit', () => {
    const cwd = repository('--playbook', 'site.yml');
    for (const [file, text] of Object.entries(treeOf(cwd))) {
      writeFileSync(join(cwd, file), text.replaceAll('\n', '\r\n'));
    }
    expect(generate(cwd, '--playbook', 'site.yml', '--check').code).toBe(0);
    writeFileSync(join(cwd, 'specs/shop.yml'), spec('cart', 12));
    expect(generate(cwd, '--playbook', 'site.yml').code).toBe(0);
  });
});

describe('what is not ours', () => {
  test.each([DATA, README, 'site.yml'])(
    '%s, edited by hand, is refused, shown, and nothing is written',
    (file) => {
      const cwd = repository('--playbook', 'site.yml');
      edit(cwd, file);
      writeFileSync(join(cwd, 'specs/shop.yml'), spec().replace('198.51.100.1', '198.51.100.9'));
      const before = treeOf(cwd);
      const { code, stdout, stderr } = generate(cwd, '--playbook', 'site.yml');
      expect([code, stdout]).toEqual([3, '']);
      expect(stderr).toContain(`refused ${file}: it was edited by hand\n`);
      expect(stderr).toContain('-edited!\n');
      expect(stderr).toContain('--force');
      expect(treeOf(cwd)).toEqual(before);
      expect(generate(cwd, '--playbook', 'site.yml', '--force').code).toBe(0);
      expect(treeOf(cwd)[file]).not.toContain('edited!');
      expect(generate(cwd, '--playbook', 'site.yml', '--check').code).toBe(0);
    },
  );

  test('a foreign file in the way is refused; others in the directory are left alone', () => {
    const cwd = folder({ 'specs/shop.yml': spec(), [README]: 'mine\n', [`${OUT}/NOTES`]: 'mine, too\n' });
    const { code, stderr } = generate(cwd);
    expect([code, stderr]).toEqual([
      3,
      expect.stringContaining(`refused ${README}: it is there, and not ours\n`),
    ]);
    expect(Object.keys(treeOf(join(cwd, OUT)))).toEqual(['NOTES', 'README.md']);
    expect(generate(cwd, '--force').code).toBe(0);
    expect(treeOf(cwd)[`${OUT}/NOTES`]).toBe('mine, too\n');
  });

  test('control characters of a foreign file do not reach the terminal', () => {
    const cwd = folder({ 'specs/shop.yml': spec(), [README]: '\u001b[31mred\u0007\n' });
    const { stderr } = generate(cwd);
    expect(stderr).toContain('red');
    expect(stderr).not.toMatch(/[\u001b\u0007]/);
  });

  test.each(['', '--force'])('symbolic links are never followed %s', (force) => {
    const cwd = repository();
    const outside = folder({ 'apps.json': 'theirs\n', 'README.md': 'theirs\n' });
    rmSync(join(cwd, OUT, 'files'), { recursive: true });
    symlinkSync(outside, join(cwd, OUT, 'files'));
    rmSync(join(cwd, README));
    symlinkSync(join(outside, 'README.md'), join(cwd, README));
    const { code, stderr } = generate(cwd, ...(force === '' ? [] : [force]));
    expect(code).toBe(3);
    expect(stderr).toContain(`refused ${DATA}: files is a symbolic link\n`);
    expect(stderr).toContain(`refused ${README}: it is a symbolic link\n`);
    expect(treeOf(outside)).toEqual({ 'apps.json': 'theirs\n', 'README.md': 'theirs\n' });
  });

  test('the role itself may be reached by a link, and a file in its place is told', () => {
    const cwd = folder({ 'specs/shop.yml': spec(), 'roles/file': '' });
    mkdirSync(join(cwd, 'elsewhere'));
    symlinkSync('../elsewhere', join(cwd, OUT));
    expect(generate(cwd).code).toBe(0);
    expect(existsSync(join(cwd, 'elsewhere/.pomaloba.json'))).toBe(true);
    const { code, stderr } = pomaloba(['ansible', 'specs', '--out', 'roles/file'], { cwd });
    expect([code, stderr]).toEqual([2, 'pomaloba: roles/file is not a directory\n']);
  });
});

describe('what is no longer generated', () => {
  /** As if an earlier release had generated `files`, too. */
  function earlier(files: Readonly<Record<string, string>>): string {
    const cwd = repository();
    const manifest = join(cwd, OUT, '.pomaloba.json');
    const lines = Object.entries(files).map(([path, text]) => {
      const file = join(cwd, OUT, path);
      mkdirSync(join(file, '..'), { recursive: true });
      writeFileSync(file, text);
      const hash = shell(`sha256sum <"${file}"`).stdout.split(' ')[0] ?? '';
      return `    ${JSON.stringify(path)}: "${hash}",\n`;
    });
    const text = readFileSync(manifest, 'utf8');
    writeFileSync(manifest, text.replace('"files": {\n', `"files": {\n${lines.join('')}`));
    return cwd;
  }

  test('goes, with the directories that are empty then', () => {
    const cwd = earlier({ 'old/deep/file.yml': 'ours\n' });
    expect(generate(cwd, '--check').code).toBe(3);
    expect(generate(cwd)).toMatchObject({ code: 0, stderr: expect.stringContaining('1 deleted') as string });
    expect(existsSync(join(cwd, OUT, 'old'))).toBe(false);
    expect(generate(cwd, '--check').code).toBe(0);
  });

  test('stays with what others put beside it', () => {
    const cwd = earlier({ 'old/file.yml': 'ours\n' });
    writeFileSync(join(cwd, OUT, 'old/mine'), '');
    expect(generate(cwd).code).toBe(0);
    expect(Object.keys(treeOf(join(cwd, OUT, 'old')))).toEqual(['mine']);
  });

  test('is refused if it was edited', () => {
    const cwd = earlier({ 'old.yml': 'ours\n' });
    edit(cwd, `${OUT}/old.yml`);
    const { code, stderr } = generate(cwd);
    expect([code, stderr]).toEqual([
      3,
      expect.stringContaining('no longer generated, and was edited by hand'),
    ]);
    expect(generate(cwd, '--force').code).toBe(0);
    expect(existsSync(join(cwd, OUT, 'old.yml'))).toBe(false);
  });

  test.each([
    'not JSON',
    '[]',
    '{"version":2,"files":{}}',
    '{"version":1,"files":{},"x":1}',
    '{"version":1}',
  ])('a manifest that is none is refused: %s', (text) => {
    const cwd = repository();
    writeFileSync(join(cwd, OUT, '.pomaloba.json'), text);
    const { code, stderr } = generate(cwd);
    expect([code, stderr]).toEqual([3, expect.stringContaining(`refused ${OUT}/.pomaloba.json: `)]);
    expect(generate(cwd, '--force').code).toBe(0);
    expect(generate(cwd, '--check').code).toBe(0);
  });

  test('a manifest that is lost is made anew', () => {
    const cwd = repository();
    const manifest = join(cwd, OUT, '.pomaloba.json');
    renameSync(manifest, join(cwd, 'kept'));
    expect(generate(cwd).code).toBe(0);
    expect(readFileSync(manifest, 'utf8')).toBe(readFileSync(join(cwd, 'kept'), 'utf8'));
  });
});
