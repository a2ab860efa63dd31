// What the CLI prints is what a host gets: Ansible's template module, given the role's templates and data, writes the
// same bytes as Nunjucks, of hundreds of random specs.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test, type TestContext } from 'vitest';
import { render } from '../../src/template/engine.js';
import type { View } from '../../src/view/view.js';
import { rulesetSpecs, toText } from '../support/arbitrary-spec.js';
import { requires } from '../support/requirement.js';
import { viewOf } from '../support/rulesets.js';

const ROOT = join(import.meta.dirname, '../..');
const BIN = join(ROOT, '.venv/bin');
const TEMPLATES = ['nftables.nft.j2', 'iptables.rules.j2', 'iptables.sh.j2', 'iptables-delete.sh.j2'];
const FOLDERS = ['rulesets', 'scripts'].map((folder) => join(ROOT, 'roles-templates', folder));

const directory = mkdtempSync(join(tmpdir(), 'pomaloba-ansible-'));
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

function needsAnsible(ctx: TestContext): void {
  requires(
    ctx,
    'Ansible in .venv',
    existsSync(join(BIN, 'ansible-playbook')),
    'run npm test, which installs it',
  );
}

function views(numRuns: number, seed: number): View[] {
  return fc.sample(rulesetSpecs, { numRuns, seed }).map((specs) => viewOf(toText(specs), 'lb'));
}

test('Ansible renders hundreds of random specs as the CLI does', (ctx) => {
  needsAnsible(ctx);
  const jobs = views(300, 3).flatMap((view) => TEMPLATES.map((template) => ({ template, view })));
  const { stdout, stderr } = spawnSync(
    join(BIN, 'python'),
    [join(ROOT, 'test/support/render_ansible.py'), ...FOLDERS],
    { input: jobs.map((job) => JSON.stringify(job)).join('\n'), encoding: 'utf8', maxBuffer: 1 << 30 },
  );
  const theirs = stdout.trimEnd().split('\n');
  expect(theirs, stderr).toHaveLength(jobs.length);
  jobs.forEach(({ template, view }, index) => {
    expect(JSON.parse(theirs[index] ?? 'null'), template).toBe(render(template, view));
  });
});

/** Each spec is a host of its own. */
const PLAY = {
  name: 'Write what a host gets',
  hosts: 'all',
  gather_facts: false,
  connection: 'local',
  vars: { ansible_python_interpreter: join(BIN, 'python') },
  tasks: TEMPLATES.map((template) => ({
    name: `Write ${template}`,
    'ansible.builtin.template': {
      src: template,
      dest: `${directory}/{{ inventory_hostname }}-${template}`,
      mode: '0644',
    },
  })),
};

test('the template module writes what the CLI prints', (ctx) => {
  needsAnsible(ctx);
  const some = views(6, 4);
  for (const folder of FOLDERS) cpSync(folder, join(directory, 'templates'), { recursive: true });
  const hosts = Object.fromEntries(some.map((view, index) => [`spec${index}`, view]));
  writeFileSync(join(directory, 'hosts.json'), JSON.stringify({ all: { hosts } }));
  writeFileSync(join(directory, 'play.yml'), JSON.stringify([PLAY]));
  const { status, stdout } = spawnSync(join(BIN, 'ansible-playbook'), ['-i', 'hosts.json', 'play.yml'], {
    cwd: directory,
    encoding: 'utf8',
  });
  expect(status, stdout.slice(-3000)).toBe(0);
  some.forEach((view, index) => {
    for (const template of TEMPLATES) {
      const written = readFileSync(join(directory, `spec${index}-${template}`), 'utf8');
      expect(written, template).toBe(render(template, view));
    }
  });
});
