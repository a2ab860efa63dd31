// What holds for every role: Python reads the very view, as JSON and YAML; a plan that was carried out is empty; a
// manifest, whatever it says, leads nowhere outside; and a run that is killed anywhere is completed by the next.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { apply } from '../../src/files/apply.js';
import { isRefused, isStale } from '../../src/files/report.js';
import { roleTarget } from '../../src/files/target.js';
import type { Artifact } from '../../src/role/artifact.js';
import { dataFiles, roleData } from '../../src/role/data.js';
import { pythonJson } from '../../src/role/digest.js';
import { varsFile } from '../../src/role/vars.js';
import { CLI, folder, ROOT, spec } from '../cli/run.js';
import { rulesetSpecs, toText } from '../support/arbitrary-spec.js';
import { requires } from '../support/requirement.js';
import { viewOf } from '../support/rulesets.js';
import { treeOf } from '../support/tree.js';

const PYTHON = join(ROOT, '.venv/bin/python');

/** What YAML 1.1 reads as something else than text, or might. */
const ODD_NAMES =
  '3masquerade 0x1f 1_000 0777 1e3 no on Y null 2001-12-14 0.5 12 true 0b1 1.5e3 1. 1_0.5 0o17 1e5 4.2E-3 off n NULL False 0x_1 07_7 2001-1-1 1.e5 Yes 0b_1 190_20.15'.split(
    ' ',
  );

const READ_AGAIN = `
import hashlib, json, sys, yaml
for line in sys.stdin:
    role, variables = json.loads(line)
    data = yaml.safe_load(variables)
    assert {**json.loads(role["apps.json"]), **json.loads(role["ruleset.json"])} == {"pomaloba_command": "a command", **data}
    digest = data.pop("pomaloba_digest")
    again = json.dumps(data, sort_keys=True)
    print(json.dumps([digest == hashlib.sha256(again.encode()).hexdigest(), again]))
`;

test('Python reads the view from the role and from the variables, and computes its digest', (ctx) => {
  const available = existsSync(PYTHON) && spawnSync(PYTHON, ['-c', 'import yaml']).status === 0;
  requires(ctx, 'PyYAML in .venv', available, 'run npm test, which installs it');
  const random = fc.sample(rulesetSpecs, { numRuns: 300, seed: 3 }).map((specs) => toText(specs));
  const odd = ODD_NAMES.map((name, index) => spec(JSON.stringify(name), index + 1));
  const views = [...random, ...odd, odd.join('---\n')].map((text) => viewOf(text));
  const { stdout, stderr } = spawnSync(PYTHON, ['-c', READ_AGAIN], {
    input: views
      .map(roleData)
      .map((data) => JSON.stringify([dataFiles(data, 'a command'), varsFile(data, 'a command')]))
      .join('\n'),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  expect(stderr).toBe('');
  const read = stdout.trimEnd().split('\n');
  expect(read).toHaveLength(views.length);
  views.forEach((view, index) => {
    expect(JSON.parse(read[index] ?? 'null')).toEqual([true, pythonJson(view)]);
  });
});

/** No path is a directory of another. */
const PATHS = ['a', 'b.yml', 'tasks/main.yml', 'tasks/z', 'x/y/z/deep', 'x/y/near', '.gitattributes'];
const artifacts: fc.Arbitrary<Artifact[]> = fc
  .uniqueArray(fc.constantFrom(...PATHS), { minLength: 1 })
  .chain((paths) =>
    fc.tuple(
      ...paths.sort().map((path) =>
        fc.record({
          path: fc.constant(path),
          text: fc.string({ unit: fc.constantFrom('a', 'b', '\n', 'é') }).map((text) => `${text}\n`),
          executable: fc.boolean(),
        }),
      ),
    ),
  );

function inDirectory<Value>(use: (directory: string) => Value): Value {
  const directory = mkdtempSync(join(tmpdir(), 'pomaloba-role-'));
  try {
    return use(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function filesOf(list: readonly Artifact[]): Record<string, string> {
  return Object.fromEntries(list.map(({ path, text }) => [path, text]));
}

test('a plan that was carried out is empty, from any role to any other, and leaves just the files', () => {
  fc.assert(
    fc.property(fc.array(artifacts, { minLength: 1, maxLength: 4 }), (versions) => {
      inDirectory((root) => {
        for (const version of versions) {
          const target = roleTarget(root, version, false);
          expect(isRefused(target)).toBe(false);
          apply(target);
          expect(isStale(roleTarget(root, version, false))).toBe(false);
          const { '.pomaloba.json': manifest, ...files } = treeOf(root);
          expect(manifest).toBeDefined();
          expect(files).toEqual(filesOf(version));
        }
      });
    }),
    { numRuns: 100, seed: 4 },
  );
});

test('what somebody wrote is never changed without --force', () => {
  const edits = fc.dictionary(fc.constantFrom(...PATHS), fc.constantFrom('mine\n', ''), { minKeys: 1 });
  fc.assert(
    fc.property(artifacts, artifacts, edits, (before, after, mine) => {
      inDirectory((root) => {
        apply(roleTarget(root, before, false));
        for (const [path, text] of Object.entries(mine)) {
          mkdirSync(dirname(join(root, path)), { recursive: true });
          writeFileSync(join(root, path), text);
        }
        const target = roleTarget(root, after, false);
        if (!isRefused(target)) apply(target);
        expect(treeOf(root)).toMatchObject(mine);
        apply(roleTarget(root, after, true));
        expect(isStale(roleTarget(root, after, false))).toBe(false);
      });
    }),
    { numRuns: 100, seed: 5 },
  );
});

const VICTIM = 'theirs\n';
const HASH_OF_VICTIM = createHash('sha256').update(VICTIM).digest('hex');

/** Paths that lead to a file outside, which lies beside the root and in `link/`, and other nonsense. */
function hostilePaths(outside: string): string[] {
  return [
    '../outside/victim',
    'tasks/../../outside/victim',
    './../outside/victim',
    join(outside, 'victim'),
    'link/victim',
    'tasks/link/victim',
    'victim-link',
    'link',
    '..',
    '.',
    '',
    '/',
    'a//b',
    'a/',
    '__proto__',
    'C:/victim',
    '..\\outside\\victim',
    'nul\0byte',
    '.pomaloba.json',
    ...PATHS,
  ];
}

test('a manifest, whatever it says, never leads outside of the role', () => {
  const hash = fc.constantFrom(HASH_OF_VICTIM, 'x', '', 1, null, {});
  const entry = fc.tuple(fc.nat({ max: 24 }), hash);
  fc.assert(
    fc.property(artifacts, fc.array(entry), fc.boolean(), fc.boolean(), (wanted, entries, force, broken) => {
      inDirectory((base) => {
        const [root, outside] = [join(base, 'role'), join(base, 'outside')];
        for (const directory of [join(root, 'tasks'), outside]) mkdirSync(directory, { recursive: true });
        writeFileSync(join(outside, 'victim'), VICTIM);
        for (const link of ['link', 'tasks/link']) symlinkSync(outside, join(root, link));
        symlinkSync(join(outside, 'victim'), join(root, 'victim-link'));
        const paths = hostilePaths(outside);
        const files = Object.fromEntries(entries.map(([index, value]) => [paths[index] ?? 'z', value]));
        const text = JSON.stringify({ version: 1, files });
        writeFileSync(join(root, '.pomaloba.json'), broken ? text.slice(0, -1) : text);
        const before = treeOf(outside);
        const target = roleTarget(root, wanted, force);
        if (!isRefused(target)) apply(target);
        expect(treeOf(outside)).toEqual(before);
        expect(Object.keys(treeOf(base)).filter((path) => !path.startsWith('role/'))).toEqual([
          'outside/victim',
        ]);
      });
    }),
    { numRuns: 300, seed: 6 },
  );
});

/** Kills the process before its nth change of the disk. */
function killer(nth: number): string {
  const code = `import fs from 'node:fs'; import { syncBuiltinESMExports } from 'node:module'; let left = ${nth};
for (const name of ['openSync', 'writeSync', 'fsyncSync', 'chmodSync', 'renameSync', 'unlinkSync', 'rmSync', 'rmdirSync', 'mkdirSync']) {
  const real = fs[name];
  fs[name] = (...args) => {
    if (!(name === 'openSync' && args[1] !== 'wx') && --left < 0) process.kill(process.pid, 'SIGKILL');
    return real(...args);
  };
}
syncBuiltinESMExports();`;
  return `data:text/javascript,${encodeURIComponent(code)}`;
}

test('a run that is killed at any change of the disk is completed by the next', () => {
  const cwd = folder({ 'one/a.yml': spec(), 'two/a.yml': spec('cart', 11) });
  const run = (specs: string, ...node: string[]): ReturnType<typeof spawnSync> =>
    spawnSync(
      process.execPath,
      [
        ...node,
        CLI,
        'ansible',
        specs,
        '--out',
        'role',
        '--playbook',
        'site.yml',
        '--vars',
        'vars.yml',
        '--name',
        specs,
      ],
      { cwd, encoding: 'utf8' },
    );
  const clean = (): void => {
    for (const path of ['role', 'site.yml', 'vars.yml'])
      rmSync(join(cwd, path), { recursive: true, force: true });
  };
  expect(run('two').status).toBe(0);
  const wanted = treeOf(cwd);
  let killed = 0;
  for (let nth = 0, done = false; !done; nth += 1) {
    clean();
    expect(run('one').status).toBe(0);
    done = run('two', '--import', killer(nth)).signal === null;
    if (!done) killed += 1;
    const { status, stderr } = run('two');
    expect(status, String(stderr)).toBe(0);
    expect(treeOf(cwd)).toEqual(wanted);
  }
  // Each file that differs takes several: this is no test if the process was never killed.
  expect(killed).toBeGreaterThan(20);
});
