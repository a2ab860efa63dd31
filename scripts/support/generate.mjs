// What src/generated/ holds: types and a validator made from the schema, templates as functions. Needs
// node_modules. All of this could be made at run time, too, but takes longer there than all the rest.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import standalone from 'ajv/dist/standalone/index.js';
import { compile } from 'json-schema-to-typescript';
import nunjucks from 'nunjucks';
import { roleModule, roleTypes } from './generate-role.mjs';
import { readJson } from './json.mjs';
import { ROOT } from './shell.mjs';

const BANNER = 'Generated from schemas/ and roles-templates/ by npm run build.';
const GENERATED = join(ROOT, 'src/generated');
const TEMPLATE_FOLDERS = ['rulesets', 'scripts'];

/** How Ansible sets up Jinja2, where Nunjucks differs: `trim_blocks`, StrictUndefined, no escaping for HTML. */
const NUNJUCKS_SETTINGS = { autoescape: false, throwOnUndefined: true, trimBlocks: true };
const SCALARS = ['string', 'number', 'integer', 'boolean', 'null'];

/** @typedef {Record<string, unknown>} SchemaNode */

function readSchema() {
  return /** @type {SchemaNode} */ (readJson('schemas/pomaloba.schema.json'));
}

/** Whether the node's `anyOf` only narrows a scalar (by formats, say), which a type cannot express. @param {SchemaNode} node */
function narrowsScalar(node) {
  return typeof node['type'] === 'string' && SCALARS.includes(node['type']) && 'anyOf' in node;
}

/** The comment of a type: the description, else the title. @param {SchemaNode} node @returns {SchemaNode} */
function comment({ title, description }) {
  const text = description ?? title;
  return typeof text === 'string' ? { description: text } : {};
}

/**
 * The schema with what only people and validators read left out: the types are then named after the keys, as
 * titles are sentences.
 * @param {unknown} node
 * @returns {unknown}
 */
function forTypes(node) {
  if (Array.isArray(node)) return node.map(forTypes);
  if (node === null || typeof node !== 'object') return node;
  const schema = /** @type {SchemaNode} */ (node);
  const dropped = new Set(['x-expected', 'examples', ...(narrowsScalar(schema) ? ['anyOf'] : [])]);
  const kept = Object.entries(schema).filter(([key, value]) => !dropped.has(key) && !isText(key, value));
  return { ...Object.fromEntries(kept.map(([key, value]) => [key, forTypes(value)])), ...comment(schema) };
}

/** A title or description of the schema, and not a property of that name. @param {string} key @param {unknown} value */
function isText(key, value) {
  return typeof value === 'string' && (key === 'title' || key === 'description' || key === '$id');
}

/** The TypeScript types of a spec; the root is `Spec`. */
async function specTypes() {
  const schema = /** @type {import('json-schema-to-typescript').JSONSchema} */ (forTypes(readSchema()));
  return compile(schema, 'Spec', {
    additionalProperties: false,
    bannerComment: `// ${BANNER}`,
    ignoreMinAndMaxItems: true,
    style: { printWidth: 110, singleQuote: true },
    unknownAny: true,
  });
}

/** The validator as an ES module. */
function validatorModule() {
  const ajv = new Ajv2020({
    allErrors: true,
    strict: true,
    allowUnionTypes: true,
    code: { source: true, esm: true, lines: true },
    formats: { ipv4: true, ipv6: true },
  });
  ajv.addKeyword('x-expected');
  const code = standalone.default(ajv, ajv.compile(readSchema()));
  // The checks of JavaScript are not for this file: its types are in the .d.ts beside it.
  return `// ${BANNER}\n// @ts-nocheck\n${withImports(code).trimEnd()}\n`;
}

/**
 * ajv writes require() for its run-time helpers even into an ES module, where nothing would bundle them. They are
 * CommonJS with a `default`, which Node and bundlers leave where it is, and vitest unpacks.
 * @param {string} code
 */
function withImports(code) {
  /** @type {string[]} */
  const modules = [];
  const body = code.replaceAll(/require\("([^"]+)"\)\.default/g, (_, /** @type {string} */ module) => {
    if (!modules.includes(module)) modules.push(module);
    return `(helper${modules.indexOf(module)}.default ?? helper${modules.indexOf(module)})`;
  });
  return `${modules.map((module, index) => `import helper${index} from '${module}.js';\n`).join('')}${body}`;
}

/** The types of {@link validatorModule}. */
function validatorTypes() {
  return `// ${BANNER}
import type { ErrorObject } from 'ajv';

export declare const validate: ((data: unknown) => boolean) & { errors?: ErrorObject[] | null };
`;
}

/** All templates of the rulesets and scripts as functions, by file name. */
function templatesModule() {
  const environment = new nunjucks.Environment(null, NUNJUCKS_SETTINGS);
  const functions = TEMPLATE_FOLDERS.flatMap((folder) => {
    const directory = join(ROOT, 'roles-templates', folder);
    return readdirSync(directory)
      .sort()
      .map((name) => {
        const text = readFileSync(join(directory, name), 'utf8');
        // The types say that it passes one template; it passes a list of them.
        const wrapper = /** @type {(template: unknown) => string} */ (templateProperty);
        return nunjucks.precompileString(text, { name, env: environment, wrapper });
      });
  });
  return `// ${BANNER}
// @ts-nocheck
export const settings = ${JSON.stringify(NUNJUCKS_SETTINGS)};
export const templates = {
${functions.join('')}};
`;
}

/** @param {{ name: string, template: string }[]} templates */
function templateProperty(templates) {
  return templates
    .map(({ name, template }) => `${JSON.stringify(name)}: (() => {\n${template}\n})(),\n`)
    .join('');
}

/** The types of {@link templatesModule}. */
function templatesTypes() {
  return `// ${BANNER}
import type { ConfigureOptions } from 'nunjucks';

export declare const settings: ConfigureOptions;
// PrecompiledLoader is declared to take a list; it takes one object or a list of them.
export declare const templates: object[];
`;
}

/** Writes src/generated/. */
export async function generate() {
  mkdirSync(GENERATED, { recursive: true });
  const files = {
    'spec.ts': await specTypes(),
    'schema-validator.js': validatorModule(),
    'schema-validator.d.ts': validatorTypes(),
    'templates.js': templatesModule(),
    'templates.d.ts': templatesTypes(),
    'role.js': roleModule(BANNER, NUNJUCKS_SETTINGS),
    'role.d.ts': roleTypes(BANNER),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(GENERATED, name), text);
}
