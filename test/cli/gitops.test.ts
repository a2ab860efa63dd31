// The snippets of docs/gitops.md: what a CI would run of them is run here, in a Git repository, on a state that is
// right, one that is stale, one that was edited by hand, and one whose specs are wrong.
import { appendFileSync, chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { CLI, folder, type Result, ROOT, shell, spec } from './run.js';

const TEXT = readFileSync(join(ROOT, 'docs/gitops.md'), 'utf8');
const INSTALL = 'npm install --global ./pomaloba-0.1.0.tgz';

interface Workflow {
  readonly jobs: { readonly generated: { readonly steps: readonly { readonly run?: string }[] } };
}
interface GitLab {
  readonly pomaloba: { readonly before_script: readonly string[]; readonly script: readonly string[] };
}
interface PreCommit {
  readonly repos: readonly {
    readonly hooks: readonly { readonly entry: string; readonly files: string }[];
  }[];
}

/** The first code block in `language` below the heading. */
function block(heading: string, language: string, from = TEXT): string {
  const section = from.slice(from.indexOf(`${heading}\n`));
  const [, code = ''] = new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(section) ?? [];
  expect(code, heading).not.toBe('');
  return code;
}

const workflow = parse(block('### GitHub Actions', 'yaml')) as Workflow;
const gitlab = parse(block('### GitLab CI', 'yaml')) as GitLab;
const hook = (parse(block('### pre-commit', 'yaml')) as PreCommit).repos[0]?.hooks[0];
const generate = block('## Generate', 'bash');

/** The commands but that which installs: the program is on the PATH already. */
const CHECKS: readonly (readonly [name: string, commands: readonly string[]])[] = [
  ['GitHub Actions', workflow.jobs.generated.steps.flatMap(({ run }) => (run === undefined ? [] : [run]))],
  ['GitLab CI', [...gitlab.pomaloba.before_script, ...gitlab.pomaloba.script]],
];

/** A repository in which the role is generated and committed; `run` has `pomaloba` on its PATH. */
function repository(): { readonly cwd: string; readonly run: (script: string) => Result } {
  const cwd = folder({ 'specs/shop.yml': spec() });
  const bin = folder();
  symlinkSync(CLI, join(bin, 'pomaloba'));
  const identity = {
    GIT_AUTHOR_NAME: 'a',
    GIT_AUTHOR_EMAIL: 'a@b',
    GIT_COMMITTER_NAME: 'a',
    GIT_COMMITTER_EMAIL: 'a@b',
  };
  const env = { ...identity, PATH: `${bin}:${process.env['PATH'] ?? ''}`, GIT_CONFIG_GLOBAL: '/dev/null' };
  const run = (script: string): Result => shell(`set -e\n${script}`, { cwd, env });
  const { code, stderr } = run(
    `git init -q -b main .\n${generate}\ngit add .\ngit commit -qm 'load balancer'`,
  );
  expect(code, stderr).toBe(0);
  return { cwd, run };
}

describe.each(CHECKS)('%s', (_, commands) => {
  test('installs the program first', () => {
    expect(commands[0]).toBe(INSTALL);
  });

  const script = commands.slice(1).join('\n');

  test('passes what is up to date, and leaves the work tree as it is', () => {
    const { run } = repository();
    expect(run(script)).toMatchObject({ code: 0, stdout: '' });
    expect(run('git status --porcelain').stdout).toBe('');
  });

  test('fails, with a diff, when a spec was changed and nothing generated', () => {
    const { cwd, run } = repository();
    writeFileSync(join(cwd, 'specs/shop.yml'), spec('shop', 12));
    const { code, stdout } = run(script);
    expect([code, stdout]).toEqual([
      3,
      expect.stringContaining('+            {"ip": "192.0.2.12", "port": 80'),
    ]);
  });

  test('fails when a generated file was edited', () => {
    const { cwd, run } = repository();
    appendFileSync(join(cwd, 'roles/pomaloba/README.md'), 'mine\n');
    expect(run(script)).toMatchObject({ code: 3, stdout: expect.stringContaining('-mine\n') as string });
  });

  test('fails when a spec is wrong', () => {
    const { cwd, run } = repository();
    writeFileSync(join(cwd, 'specs/other.yml'), 'pomaloba: 1\n');
    expect(run(script).code).toBe(1);
  });
});

describe('pre-commit', () => {
  test('generates when one of its files is changed, and the index then differs', () => {
    const { cwd, run } = repository();
    const files = new RegExp(hook?.files ?? 'x');
    for (const path of ['specs/shop.yml', 'roles/pomaloba/README.md', 'site.yml', 'inventory.yml']) {
      expect(path).toMatch(files);
    }
    expect('README.md').not.toMatch(files);
    expect(run(`${hook?.entry ?? 'false'}\ngit diff --exit-code`).code).toBe(0);
    writeFileSync(join(cwd, 'specs/shop.yml'), spec('shop', 12));
    // What pre-commit does: run the hook on what is staged, fail if that changes a file.
    const { code, stdout } = run(`git add specs\n${hook?.entry ?? 'false'}\ngit diff --exit-code --stat`);
    expect([code, stdout]).toEqual([1, expect.stringContaining('apps.json')]);
    expect(run('git add .\ngit commit -qm again').code).toBe(0);
  });

  test('the hook of Git itself stops a commit that is not up to date', () => {
    const { cwd, run } = repository();
    const file = join(cwd, '.git/hooks/pre-commit');
    mkdirSync(join(cwd, '.git/hooks'), { recursive: true });
    writeFileSync(
      file,
      block('Without pre-commit', 'bash', TEXT.replace(/^Without pre-commit.*$/m, 'Without pre-commit')),
    );
    chmodSync(file, 0o755);
    writeFileSync(join(cwd, 'specs/shop.yml'), spec('shop', 12));
    expect(run('git commit -qam stale').code).toBe(1);
    expect(run(`${generate}\ngit commit -qam fresh`).code).toBe(0);
  });
});

test('the data is marked as generated for reviews, and Git keeps the line ends', () => {
  const { run } = repository();
  const { stdout } = run('git check-attr linguist-generated eol -- roles/pomaloba/files/apps.json');
  expect(stdout).toMatch(/linguist-generated: (?:set|true)\n/);
  expect(stdout).toContain('eol: lf');
});

test('a merge of two branches that both changed specs needs only a new run', () => {
  const { cwd, run } = repository();
  const branch = (name: string, app: string, n: number): void => {
    expect(run(`git checkout -q -b ${name} main`).code).toBe(0);
    writeFileSync(join(cwd, `specs/${app}.yml`), spec(app, n));
    expect(run(`${generate}\ngit add .\ngit commit -qm ${name}`).code).toBe(0);
  };
  branch('one', 'cart', 21);
  branch('two', 'mail', 22);
  expect(run('git merge -q one || git checkout -q --theirs roles').code).toBe(0);
  expect(run(generate.trim() + ' --force').code).toBe(0);
  expect(run('git add .\ngit commit -qm merged').code).toBe(0);
  expect(run(`${generate.trim()} --check`).code).toBe(0);
});
