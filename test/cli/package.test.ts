// What `npm pack` makes installs and runs anywhere: schema and templates inside, no other package needed.
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../support/rulesets.js';

const ROOT = join(import.meta.dirname, '../..');
const SAMPLE = join(ROOT, 'examples/sample.json');

test('packed, installed elsewhere, and run from a third place', () => {
  const directory = temporaryDirectory();
  // Without scripts: dist/ is built, and other tests use it meanwhile.
  const packed = execFileSync(
    'npm',
    ['pack', '--ignore-scripts', '--silent', '--pack-destination', directory],
    {
      cwd: ROOT,
      encoding: 'utf8',
    },
  );
  const tarball = join(directory, packed.trim().split('\n').at(-1) ?? '');
  const install = [
    'install',
    '--offline',
    '--no-audit',
    '--no-fund',
    '--silent',
    '--prefix',
    directory,
    tarball,
  ];
  execFileSync('npm', install, { cwd: directory });
  expect(readdirSync(join(directory, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual([
    'pomaloba',
  ]);

  const bin = join(directory, 'node_modules/.bin/pomaloba');
  const run = (...args: string[]): string => execFileSync(bin, args, { cwd: '/', encoding: 'utf8' });
  const here = execFileSync(process.execPath, [join(ROOT, 'dist/cli.js'), SAMPLE], { encoding: 'utf8' });
  expect(run('--input-spec', SAMPLE)).toBe(here);
  expect(JSON.parse(run('schema'))).toHaveProperty('title', 'Pomaloba spec');
  expect(run('--version')).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(run('completion', 'bash')).toContain('pomaloba');
  run(SAMPLE, '--out', join(directory, 'out.sh'));
  expect(readFileSync(join(directory, 'out.sh'), 'utf8')).toBe(here);
  // The programs of the lab are found from there, too, if there can be a lab at all; if not, that is what is said.
  const tried = spawnSync(bin, ['try', SAMPLE, '--requests', '20'], { cwd: '/', encoding: 'utf8' });
  expect(tried.stderr).not.toContain('The lab is not built');
  expect(tried.status === 0 ? tried.stdout : tried.stderr).toMatch(
    /does what the spec says|cannot be|is missing/,
  );
  const bad = spawnSync(bin, ['-'], { cwd: '/', input: 'pomaloba: 2', encoding: 'utf8' });
  expect(bad).toMatchObject({ status: 1, stdout: '' });
  expect(bad.stderr).toContain('<stdin>:1:11 error wrong-value');
});

/** What the texts of the package link to, relative to its root. */
function linksIn(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, target = '']) =>
    posix.join(posix.dirname(file), target),
  );
}

test('the package holds all that its texts and its help refer to', () => {
  const pack = ['pack', '--dry-run', '--ignore-scripts', '--json'];
  const [{ files }] = JSON.parse(execFileSync('npm', pack, { cwd: ROOT, encoding: 'utf8' })) as [
    { files: { path: string }[] },
  ];
  const packed = files.map(({ path }) => path);
  const help = execFileSync(process.execPath, [join(ROOT, 'dist/cli.js'), 'ansible', '--help'], {
    encoding: 'utf8',
  });
  const wanted = [
    ...packed.filter((file) => /^[^/]*\.md$|^docs\//.test(file)).flatMap(linksIn),
    ...(help.match(/docs\/\S+/g) ?? []),
  ];
  expect(wanted).toContain('docs/gitops.md');
  const programs = ['agent', 'client', 'server', 'service'].map((name) => `dist/lab/${name}.js`);
  expect(packed).toEqual(expect.arrayContaining([...wanted, ...programs]));
});
