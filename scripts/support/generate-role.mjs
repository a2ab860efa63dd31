// The role's own tree as a module: its files as they are, and those that end in .njk as functions.
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import nunjucks from 'nunjucks';
import { ROOT } from './shell.mjs';
import { BYTECODE } from './stamp.mjs';

const TEMPLATES = join(ROOT, 'roles-templates');
const SUFFIX = '.njk';
/** Scripts that are only printed: the role loads and removes nftables' rulesets, and drains, by itself. */
const UNUSED = /^(?:nftables|drain-)/;
const OWNER_EXECUTES = 0o100;

/** Delimiters that neither Ansible nor YAML has a use for, so that `{{ }}` of the role stays as it is. */
const TAGS = {
  blockStart: '<%',
  blockEnd: '%>',
  variableStart: '<$',
  variableEnd: '$>',
  commentStart: '<#',
  commentEnd: '#>',
};

/** @typedef {{ path: string, executable: boolean, text: string, template: boolean }} RoleFile */

/** All files below a directory, by path, but for what Python leaves beside its modules; anything that is no file or directory is a mistake. @param {string} directory @param {string} [below] @returns {string[]} */
function walk(directory, below = '') {
  return readdirSync(join(directory, below), { withFileTypes: true }).flatMap((entry) => {
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) return entry.name === BYTECODE ? [] : walk(directory, path);
    if (!entry.isFile()) throw new Error(`${join(directory, path)} is neither a file nor a directory`);
    return [path];
  });
}

/** @param {string} file below roles-templates @param {string} path in the role @returns {RoleFile} */
function roleFile(file, path) {
  const absolute = join(TEMPLATES, file);
  const bytes = readFileSync(absolute);
  const text = bytes.toString('utf8');
  if (!Buffer.from(text, 'utf8').equals(bytes)) throw new Error(`${absolute} is not text in UTF-8`);
  const template = file.endsWith(SUFFIX);
  return {
    path: template ? path.slice(0, -SUFFIX.length) : path,
    executable: (lstatSync(absolute).mode & OWNER_EXECUTES) !== 0,
    text,
    template,
  };
}

/** The role's files, and those beside it: `beside/playbook.yml`, `beside/inventory.yml`. */
function roleFiles() {
  const role = walk(join(TEMPLATES, 'role')).map((path) => roleFile(`role/${path}`, path));
  const templates = ['rulesets', 'scripts'].flatMap((folder) =>
    readdirSync(join(TEMPLATES, folder))
      .filter((name) => folder === 'rulesets' || !UNUSED.test(name))
      .map((name) => roleFile(`${folder}/${name}`, `templates/${name}`)),
  );
  const all = [...role, ...templates].sort((a, b) => (a.path < b.path ? -1 : 1));
  all.forEach(({ path }, index) => {
    if (all[index + 1]?.path === path) throw new Error(`two files of the role are called ${path}`);
  });
  return all;
}

/** @param {RoleFile} file @param {import('nunjucks').Environment} environment */
function precompiled({ path, text }, environment) {
  // The types say that it passes one template; it passes a list of them.
  const wrapper = /** @type {(template: unknown) => string} */ (
    (/** @type {{ template: string }[]} */ [one]) => `(() => {\n${one?.template ?? ''}\n})()`
  );
  return nunjucks.precompileString(text, { name: path, env: environment, wrapper });
}

/** The module. @param {string} banner @param {object} settings of Nunjucks */
export function roleModule(banner, settings) {
  const environment = new nunjucks.Environment(null, { ...settings, tags: TAGS });
  const beside = ['playbook.yml.njk', 'inventory.yml.njk'].map((name) => roleFile(name, `beside/${name}`));
  const files = roleFiles();
  const templates = [...files, ...beside].filter(({ template }) => template);
  const plain = files.map(({ path, executable, text, template }) =>
    template ? { path, executable } : { path, executable, text },
  );
  return `// ${banner}
// @ts-nocheck
export const settings = ${JSON.stringify(settings)};
export const files = ${JSON.stringify(plain, null, 2)};
export const templates = {
${templates.map((file) => `${JSON.stringify(file.path)}: ${precompiled(file, environment)},\n`).join('')}};
`;
}

/** The types of {@link roleModule}. @param {string} banner */
export function roleTypes(banner) {
  return `// ${banner}
import type { ConfigureOptions } from 'nunjucks';

export declare const settings: ConfigureOptions;
/** The role's files, sorted by path; one without a text is the template of that path. */
export declare const files: readonly { path: string; executable: boolean; text?: string }[];
// PrecompiledLoader is declared to take a list; it takes one object or a list of them.
export declare const templates: object[];
`;
}
