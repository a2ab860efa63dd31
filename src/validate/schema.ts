// The JSON Schema's verdict, worded for people: one problem for each place, with what was expected there.
import { readFileSync } from 'node:fs';
import type { ErrorObject } from 'ajv';
import { validate } from '../generated/schema-validator.js';
import type { ProblemCode } from '../problem/codes.js';
import { error, type Problem } from '../problem/problem.js';
import type { SpecDocument } from '../read/document.js';
import { packageRoot } from '../root.js';
import { cutLists } from './cut.js';
import { describe, quote, suggestion } from './describe.js';

/** The part of a schema node that messages are made of. */
interface SchemaNode {
  readonly 'x-expected'?: string;
  readonly description?: string;
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, SchemaNode>>;
}

/** What an entry of a list is called. */
const NAMES: Readonly<Record<string, string>> = { endpoints: 'endpoint', destinations: 'destination' };

/** Where the schema is, in the repository as in the package. */
export const SCHEMA_FILE = new URL('schemas/pomaloba.schema.json', packageRoot());

/** Everything in `document` that the schema does not allow; none if it does. */
export function schemaProblems(document: SpecDocument): Problem[] {
  const { data, long } = cutLists(document.data);
  if (validate(data) && long.length === 0) return [];
  const schema = JSON.parse(readFileSync(SCHEMA_FILE, 'utf8')) as SchemaNode;
  return telling([...long, ...(validate.errors ?? [])]).map((fault) => toProblem(fault, document, schema));
}

/** One error for each place: of `anyOf` only the whole, not what is in it; elsewhere the first. */
function telling(errors: readonly ErrorObject[]): ErrorObject[] {
  const isChoice = ({ keyword }: ErrorObject): boolean => keyword === 'anyOf';
  const choices = new Set(errors.filter(isChoice).map(({ instancePath }) => instancePath));
  const seen = new Set<string>();
  return errors.filter((fault) => {
    const { instancePath } = fault;
    const around = parentsOf(instancePath).filter((path) => !isChoice(fault) || path !== instancePath);
    if (around.some((path) => choices.has(path))) return false;
    const place = `${instancePath} ${propertyOf(fault) ?? ''}`;
    return !seen.has(place) && seen.add(place);
  });
}

/** `/a/b`, `/a` and the empty path for `/a/b`. */
function parentsOf(pointer: string): string[] {
  const steps = pointer.split('/');
  return steps.map((_, index) => steps.slice(0, index + 1).join('/'));
}

function propertyOf({ params }: ErrorObject): string | undefined {
  const { missingProperty, additionalProperty } = params as Record<string, string | undefined>;
  return missingProperty ?? additionalProperty;
}

function toProblem(fault: ErrorObject, document: SpecDocument, schema: SchemaNode): Problem {
  const path = toPath(fault.instancePath, document.data);
  const node = nodeAt(path, schema);
  const property = propertyOf(fault);
  if (fault.keyword === 'additionalProperties' && property !== undefined) {
    return unknownKey(property, Object.keys(node.properties ?? {}), path, document);
  }
  if (fault.keyword === 'required' && property !== undefined) {
    const missing = resolve(node.properties?.[property] ?? {}, schema);
    return error('missing-key', document.locate(path), `${nameOf(path)} has no key ${quote(property)}`, {
      hint: `add it: ${missing['x-expected'] ?? missing.description ?? 'see pomaloba schema'}`,
    });
  }
  return wrongValue(fault, node, path, document);
}

function unknownKey(
  key: string,
  known: readonly string[],
  path: readonly (string | number)[],
  document: SpecDocument,
): Problem {
  const meant = suggestion(key, known);
  const hint = meant === undefined ? knownKeys(known, key) : `did you mean ${quote(meant)}?`;
  return error('unknown-key', document.locate([...path, key], 'key'), `unknown key ${quote(key)}`, { hint });
}

function knownKeys(known: readonly string[], key: string): string {
  // The merge key of YAML 1.1, which many programs still know.
  if (key === '<<') return 'a spec has no merge keys: write the keys out';
  return known.length === 0 ? 'no key is allowed here' : `the keys here are ${known.join(', ')}`;
}

function wrongValue(
  { keyword }: ErrorObject,
  node: SchemaNode,
  path: readonly (string | number)[],
  document: SpecDocument,
): Problem {
  const value = valueAt(document.data, path);
  const quoted = typeof value === 'string' && /^[0-9]+$/.test(value);
  const code: ProblemCode = keyword === 'type' || quoted ? 'wrong-type' : 'wrong-value';
  const expected = node['x-expected'] ?? 'something else';
  const subject = typeof path.at(-1) === 'number' ? `this entry of ${String(path.at(-2))}` : nameOf(path);
  const message = `${subject} must be ${expected}; found ${describe(value)}`;
  if (quoted && expected.includes('number')) {
    return error(code, document.locate(path), message, { hint: 'remove the quotes' });
  }
  // YAML reads 123 and true as something else than text, where text is what was meant.
  const unquoted = typeof value === 'number' || typeof value === 'boolean';
  const quotable = unquoted && node.pattern !== undefined && new RegExp(node.pattern).test(String(value));
  return error(code, document.locate(path), message, quotable ? { hint: 'put it in quotes' } : {});
}

/** What a message calls the value at `path`: `the spec`, `this endpoint`, `port`. */
function nameOf(path: readonly (string | number)[]): string {
  const last = path.at(-1);
  if (last === undefined) return 'the spec';
  return typeof last === 'string' ? last : `this ${NAMES[String(path.at(-2))] ?? 'entry'}`;
}

/**
 * The schema node for the data at `path`. Found by the data's path, not by ajv's schemaPath, which begins
 * anew behind each `$ref`.
 */
function nodeAt(path: readonly (string | number)[], schema: SchemaNode): SchemaNode {
  let node = schema;
  for (const step of path) {
    const next = typeof step === 'number' ? node.items : node.properties?.[step];
    if (next === undefined) return node;
    node = resolve(next, schema);
  }
  return node;
}

/** Follows a `$ref` of the form `#/$defs/name`, and one that it leads to. */
function resolve(node: SchemaNode, schema: SchemaNode): SchemaNode {
  const target = schema.$defs?.[node.$ref?.split('/').at(-1) ?? ''];
  return target ? resolve(target, schema) : node;
}

/** A JSON pointer as a path: steps into lists become numbers. */
function toPath(pointer: string, data: unknown): (string | number)[] {
  let value = data;
  return pointer
    .split('/')
    .slice(1)
    .map((step) => {
      const key = Array.isArray(value) ? Number(step) : step.replaceAll('~1', '/').replaceAll('~0', '~');
      value = (value as Record<string | number, unknown>)[key];
      return key;
    });
}

function valueAt(data: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((value, step) => (value as Record<string | number, unknown>)[step], data);
}
