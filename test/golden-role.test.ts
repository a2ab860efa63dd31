// Each directory of test/golden-role holds specs, arguments, and what is generated of them, without the files that
// every role has byte for byte. `npx vitest run test/golden-role.test.ts -u` writes the expected files anew.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folder, pomaloba, ROOT } from './cli/run.js';
import { treeOf } from './support/tree.js';

const GOLDEN = join(ROOT, 'test/golden-role');
const TEMPLATES = join(ROOT, 'roles-templates');

function argsOf(directory: string): string[] {
  const file = join(directory, 'args');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ') : [];
}

/** What the role has of roles-templates/: its path, and the file there. */
function sources(): Map<string, string> {
  const role = Object.keys(treeOf(join(TEMPLATES, 'role'))).map((path) => [path, `role/${path}`] as const);
  const rulesets = ['rulesets', 'scripts'].flatMap((folder) =>
    readdirSync(join(TEMPLATES, folder))
      .filter((name) => folder === 'rulesets' || !/^(?:nftables|drain-)/.test(name))
      .map((name) => [`templates/${name}`, `${folder}/${name}`] as const),
  );
  return new Map([...role, ...rulesets].map(([path, file]) => [path, join(TEMPLATES, file)]));
}

describe.each(readdirSync(GOLDEN))('%s', (name) => {
  const golden = join(GOLDEN, name);

  function generate(): string {
    const cwd = folder();
    const specs = readdirSync(golden).filter((file) => /\.(?:json|yml)$/.test(file));
    const inputs = specs.flatMap((file) => ['--input-spec', join(golden, file)]);
    const files = ['--playbook', 'site.yml', '--inventory', 'inventory.yml', '--vars', 'group_vars/lb.yml'];
    const args = ['ansible', ...inputs, '--out', 'roles/pomaloba', ...files, ...argsOf(golden)];
    const { code, stderr } = pomaloba(args, { cwd });
    expect(code, stderr).toBe(0);
    return cwd;
  }

  test('what is rendered is what is expected', async () => {
    const tree = treeOf(generate());
    const copied = sources();
    const made = Object.entries(tree).filter(([path]) => !copied.has(path.replace('roles/pomaloba/', '')));
    for (const [path, text] of made) {
      if (path.endsWith('.pomaloba.json')) continue;
      await expect(text).toMatchFileSnapshot(join(golden, 'expected', path));
    }
    const expected = Object.keys(treeOf(join(golden, 'expected'))).sort();
    expect(
      made
        .map(([path]) => path)
        .filter((path) => !path.endsWith('.pomaloba.json'))
        .sort(),
    ).toEqual(expected);
  });

  test('everything else is a file of roles-templates, byte for byte, with its executable bit', () => {
    const role = join(generate(), 'roles/pomaloba');
    for (const [path, source] of sources()) {
      const target = join(role, path.replace(/\.njk$/, ''));
      expect(existsSync(target), path).toBe(true);
      if (path.endsWith('.njk')) continue;
      expect(readFileSync(target, 'utf8'), path).toBe(readFileSync(source, 'utf8'));
      expect(statSync(target).mode & 0o777, path).toBe(statSync(source).mode & 0o100 ? 0o755 : 0o644);
    }
  });
});
