// From text to plain data that remembers where each value stood. One YAML parser reads both YAML and JSON:
// JSON is YAML in flow style, which also allows the trailing comma of the original's sample.
import { type Document, isAlias, isMap, isScalar, isSeq, type Node } from 'yaml';
import { error, type Location, type Problem } from '../problem/problem.js';
import { pairOf } from './keys.js';
import { rangesIn, type ToRange } from './lines.js';
import { parseDocuments } from './parse.js';
import type { Source } from './sources.js';
import { limitProblem, MOST_ALIASES, syntaxProblems, tooManyAliases } from './syntax.js';

/** Which part of a mapping's entry is meant. */
type Part = 'key' | 'value';

/** One document of a file: one app, not yet validated. */
export interface SpecDocument {
  readonly data: unknown;
  /** Where the value at `path` stands (or the key that leads to it); the nearest parent if there is none. */
  readonly locate: (path: readonly (string | number)[], part?: Part) => Location;
  /** The scalar's own text at `path` (`0x50` for 80), if there is a scalar. */
  readonly sourceAt: (path: readonly (string | number)[]) => string | undefined;
}

export interface Documents {
  readonly documents: readonly SpecDocument[];
  readonly problems: readonly Problem[];
}

/** Parses `source`; a file with a syntax error yields problems and no document. */
export function readDocuments(source: Source): Documents {
  const { documents: parsed, beyond } = parseDocuments(source.text);
  const toRange = rangesIn(source.text);
  const at = (range: readonly [number, number]): Location => ({ ...source, range: toRange(range) });
  if (beyond) return failed(limitProblem(beyond.limit, at([beyond.offset - 1, beyond.offset])));
  const filled = parsed.filter(
    ({ contents, errors }) => errors.length > 0 || !isScalar(contents) || contents.source !== '',
  );
  if (filled.length === 0) {
    const hint = 'write a spec: the keys pomaloba, app, endpoints and destinations';
    return failed(error('empty-file', { ...source }, 'the file holds no app', { hint }));
  }
  const problems = filled.flatMap((document) => syntaxProblems(document, at));
  if (problems.length > 0) return { documents: [], problems };
  return toDocuments(filled, source, toRange);
}

function failed(problem: Problem): Documents {
  return { documents: [], problems: [problem] };
}

function toDocuments(parsed: readonly Document.Parsed[], source: Source, toRange: ToRange): Documents {
  const documents: SpecDocument[] = [];
  const problems: Problem[] = [];
  for (const document of parsed) {
    const locate = locator(document, source, toRange);
    try {
      const data: unknown = document.toJS({ maxAliasCount: MOST_ALIASES });
      documents.push({ data, locate, sourceAt: (path) => scalarSource(nodeAt(document, path)) });
    } catch (cause) {
      // What toJS says on a document without syntax errors: the aliases multiply.
      if (!(cause instanceof ReferenceError)) throw cause;
      problems.push(tooManyAliases(locate([]), `expanded, they are more than ${MOST_ALIASES} values`));
    }
  }
  return { documents, problems };
}

function locator(document: Document.Parsed, source: Source, toRange: ToRange): SpecDocument['locate'] {
  return (path, part = 'value') => {
    const parent = nodeAt(document, path.slice(0, -1));
    const pair = part === 'key' && isMap(parent) ? pairOf(parent, String(path.at(-1))) : undefined;
    const node = pair ? (pair.key as Node) : nodeAt(document, path, true);
    const [start = 0, end = start] = node?.range ?? [];
    const pointer = path
      .map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`)
      .join('');
    return { ...source, range: toRange([start, end]), pointer };
  };
}

/** The node at `path`, aliases resolved; with `nearest`, the last parent that exists. */
function nodeAt(document: Document.Parsed, path: readonly (string | number)[], nearest = false): Node | null {
  let node: Node | null = resolved(document.contents, document);
  for (const step of path) {
    const next = childOf(node, step);
    if (!next) return nearest ? node : null;
    node = resolved(next, document);
  }
  return node;
}

function childOf(node: Node | null, step: string | number): Node | null {
  if (isMap(node)) return (pairOf(node, String(step))?.value ?? null) as Node | null;
  return isSeq(node) ? ((node.items[Number(step)] ?? null) as Node | null) : null;
}

function resolved(node: Node | null, document: Document.Parsed): Node | null {
  return isAlias(node) ? (node.resolve(document) ?? node) : node;
}

function scalarSource(node: Node | null): string | undefined {
  return isScalar(node) ? node.source : undefined;
}
