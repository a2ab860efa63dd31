// Data flows one way: what each folder of src may import, and which modules only one of them may use.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');

/** Folder by folder, in the direction of the data; `generated` holds types and a function without state. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  generated: [],
  errors: [],
  root: [],
  problem: [],
  read: ['problem'],
  model: ['generated'],
  validate: ['generated', 'model', 'problem', 'read', 'root'],
  view: ['model'],
  explain: ['model'],
  trace: ['explain', 'model'],
  diagram: ['explain', 'model'],
  try: ['explain', 'lab', 'model', 'print', 'role', 'trace'],
  template: ['generated', 'view'],
  print: ['errors', 'template', 'view'],
  role: ['generated', 'model', 'template', 'view'],
  files: ['errors', 'problem', 'role'],
  inventory: ['model', 'problem', 'read', 'validate'],
  lab: ['root'],
  completion: [],
  commands: [
    'completion',
    'diagram',
    'errors',
    'explain',
    'files',
    'generated',
    'inventory',
    'lab',
    'model',
    'print',
    'problem',
    'read',
    'role',
    'trace',
    'try',
    'validate',
    'view',
  ],
  terminal: ['commands'],
  cli: ['commands', 'errors', 'problem', 'root', 'terminal'],
};

/** Where a module of others is used; its replacement then stays a matter of one file. */
const ONLY_IN: Readonly<Record<string, readonly string[]>> = {
  // Specs and inventories are read by one parser; files of variables are written in one place, the role's options read in one.
  yaml: [
    ...['document', 'keys', 'parse', 'syntax'].map((file) => `src/read/${file}.ts`),
    'src/role/variables.ts',
    'src/role/vars.ts',
  ],
  '@viz-js/viz': ['src/diagram/svg.ts'],
  nunjucks: ['src/template/engine.ts', 'src/template/role.ts'],
  diff: ['src/files/diff.ts'],
  'ipaddr.js': ['src/model/address.ts'],
  'cidr-tools': ['src/model/network.ts'],
  ajv: ['src/validate/cut.ts', 'src/validate/schema.ts'],
  'write-file-atomic': ['src/print/write-file.ts'],
  '@babel/code-frame': ['src/problem/format.ts'],
  commander: [
    'src/cli.ts',
    'src/commands/completion.ts',
    'src/commands/options.ts',
    'src/commands/program.ts',
    'src/commands/questions.ts',
  ],
};

const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .map((file) => `src/${file}`)
  .filter((file) => file.endsWith('.ts') && !file.startsWith('src/generated/'))
  .sort();

/** The first folder below src, or the name of a file that lies in src itself. */
function areaOf(file: string): string {
  return file.split('/')[1]?.replace(/\.ts$/, '') ?? '';
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return [...text.matchAll(/(?:from|import\()\s*'([^']+)'/g)].map(([, target = '']) => target);
}

describe.each(files)('%s', (file) => {
  const imports = importsOf(file);

  test('imports only what comes before it', () => {
    const areas = imports
      .filter((target) => target.startsWith('.'))
      .map((target) => areaOf(relative(ROOT, join(ROOT, dirname(file), target)).replace(/\.js$/, '.ts')))
      .filter((area) => area !== areaOf(file));
    expect(MAY_IMPORT).toHaveProperty(areaOf(file));
    expect(areas.filter((area) => !MAY_IMPORT[areaOf(file)]?.includes(area))).toEqual([]);
  });

  test('leaves the modules of others to the file that they belong to', () => {
    const strangers = imports.filter((target) => ONLY_IN[target] && !ONLY_IN[target].includes(file));
    expect(strangers).toEqual([]);
  });
});
