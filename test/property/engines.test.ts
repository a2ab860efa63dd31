// One template, two printers: Nunjucks here and Jinja2, set up as Ansible's template module is, print the same
// bytes of hundreds of random specs.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { render } from '../../src/template/engine.js';
import { rulesetSpecs, toText } from '../support/arbitrary-spec.js';
import { requires } from '../support/requirement.js';
import { viewOf } from '../support/rulesets.js';

const ROOT = join(import.meta.dirname, '../..');
const PYTHON = join(ROOT, '.venv/bin/python');
const FOLDERS = ['rulesets', 'scripts'].map((folder) => join(ROOT, 'roles-templates', folder));
const TEMPLATES = FOLDERS.flatMap((folder) => readdirSync(folder)).sort();

test('Nunjucks and Jinja2 print the same', (ctx) => {
  requires(ctx, 'Jinja2 in .venv', existsSync(PYTHON), 'run npm test, which installs it');
  const views = fc.sample(rulesetSpecs, { numRuns: 300, seed: 1 }).map((specs) => viewOf(toText(specs)));
  const jobs = views.flatMap((view) => TEMPLATES.map((template) => ({ template, view })));
  const { stdout, stderr } = spawnSync(PYTHON, [join(ROOT, 'test/support/render_jinja.py'), ...FOLDERS], {
    input: jobs.map((job) => JSON.stringify(job)).join('\n'),
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  });
  expect(stderr).toBe('');
  const theirs = stdout.trimEnd().split('\n');
  expect(theirs).toHaveLength(jobs.length);
  jobs.forEach(({ template, view }, index) => {
    expect(JSON.parse(theirs[index] ?? 'null'), template).toBe(render(template, view));
  });
});
