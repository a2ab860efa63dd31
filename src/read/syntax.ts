// What is wrong with a document before anybody asks what it says: the parser's errors in words that help, and
// what YAML allows but a spec does not.
import { type Alias, type Document, type Pair, visit, type YAMLMap } from 'yaml';
import { error, type Location, type Problem } from '../problem/problem.js';
import { keyText } from './keys.js';
import {
  DEEPEST_NESTING,
  type Limit,
  LONGEST_DOCUMENT,
  MOST_DOCUMENTS,
  MOST_ERRORS,
  MOST_LEXEMES,
  MOST_LEXEMES_OF_ALL,
} from './parse.js';

/** Enough for a spec that repeats a list of destinations; a "billion laughs" needs far more. */
export const MOST_ALIASES = 100;
/** The parser repeats the text that it does not understand, however long. */
const LONGEST_MESSAGE = 160;

type Locate = (range: readonly [number, number]) => Location;
type Ancestors = Parameters<Extract<Parameters<typeof visit>[1], (...args: never) => unknown>>[2];

/** What to do about the parser's errors, by its code; the others speak for themselves. */
const HINTS: Readonly<Record<string, string>> = {
  ALIAS_PROPS: 'an alias stands alone: leave out the anchor or tag before it',
  BAD_ALIAS: 'put the text in quotes if no alias is meant',
  BAD_DIRECTIVE: 'leave the line out: a spec needs no % directive',
  BAD_DQ_ESCAPE: 'put the text in single quotes, or write two backslashes for one',
  BAD_INDENT: 'align the line with those that it belongs to, and close the brackets that are open above it',
  BAD_SCALAR_START: 'put the text in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'begin a new line after the key, or put the value in quotes',
  BLOCK_IN_FLOW: 'is a comma missing here, or a bracket further up?',
  MISSING_CHAR: 'add what is missing; the place where it belongs may be further up',
  MULTILINE_IMPLICIT_KEY: 'is a colon missing after a key, or a comma before it, here or in the line above?',
  TAB_AS_INDENT: 'indent with spaces: YAML allows no tabs there',
  TAG_RESOLVE_FAILED: 'leave the tag (the word that begins with !) out: a spec has plain values only',
  UNEXPECTED_TOKEN: 'check the brackets, quotes and indentation here and in the line above',
};

/** The parser's words that only those know who have read the YAML specification, and ours. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/^Flow (?:sequence|map) .*end with a (.)$/, 'a closing $1 is missing before this place'],
  [/^Missing closing (.)quote$/, 'a closing $1 is missing before this place'],
  [/^Implicit keys need to be on a single line$/, 'a key and its colon must stand in one line'],
  [
    /^Block collections are not allowed within flow collections$/,
    'inside of [ ] and { } entries are separated by commas, not by lines',
  ],
  [/^Nested mappings are not allowed in compact mappings$/, 'a second colon with a space in one line'],
];

/** The problems of one document: syntax, keys, aliases. */
export function syntaxProblems(document: Document.Parsed, locate: Locate): Problem[] {
  const told = [...document.errors.slice(0, MOST_ERRORS), ...document.warnings.slice(0, MOST_ERRORS)];
  // Of several errors at one place all but the first follow from it.
  const places = new Set<number>();
  const parser = told.flatMap(({ code, message, pos }) => {
    if (places.has(pos[0])) return [];
    places.add(pos[0]);
    const hint = HINTS[code];
    return [error('syntax', locate(pos), inOurWords(message), hint === undefined ? {} : { hint })];
  });
  return [...parser, ...keyAndAliasProblems(document, locate)];
}

function inOurWords(message: string): string {
  const line = shorten(message);
  const known = WORDS.find(([pattern]) => pattern.test(line));
  return known ? line.replace(...known) : line;
}

function shorten(text: string): string {
  const line = text
    .slice(0, 2 * LONGEST_MESSAGE)
    .replace(/\s+/g, ' ')
    .trim();
  return line.length > LONGEST_MESSAGE ? `${line.slice(0, LONGEST_MESSAGE)}…` : line;
}

function keyAndAliasProblems(document: Document.Parsed, locate: Locate): Problem[] {
  const problems: Problem[] = [];
  const anchors = new Set<string>();
  let aliases = 0;
  visit(document, {
    // Of several visitors only the most specific is called: this one has to look for anchors, too.
    Map: (_, map) => {
      if (map.anchor !== undefined) anchors.add(map.anchor);
      problems.push(...keyProblems(map, locate).slice(0, MOST_ERRORS));
      return problems.length > MOST_ERRORS ? visit.BREAK : undefined;
    },
    Value: (_, { anchor }) => {
      if (anchor !== undefined) anchors.add(anchor);
    },
    Alias: (_, alias, ancestors) => {
      aliases += 1;
      problems.push(...aliasProblems(alias, ancestors, anchors, locate));
      if (aliases <= MOST_ALIASES) return undefined;
      problems.push(tooManyAliases(locate(rangeOf(alias)), `there are more than ${MOST_ALIASES} of them`));
      return visit.BREAK;
    },
  });
  return problems;
}

/** In one pass, as a mapping may have a hundred thousand keys. */
function keyProblems(map: YAMLMap, locate: Locate): Problem[] {
  const first = new Map<string, Location>();
  return map.items.flatMap(({ key }: Pair) => {
    const location = locate(rangeOf(key));
    const text = keyText(key);
    if (text === undefined) {
      const hint = 'write the key as a plain word; fill in a template ({{ … }}) before';
      return [
        error('syntax', location, 'a key must be text, and this is a list, a mapping or an alias', { hint }),
      ];
    }
    const earlier = first.get(text);
    if (!earlier) {
      first.set(text, location);
      return [];
    }
    const related = { message: 'the first one is at', location: earlier };
    const hint = 'remove one of the two: YAML and JSON readers differ in which they take';
    return [
      error('duplicate-key', location, `the key ${JSON.stringify(shorten(text))} is here twice`, {
        hint,
        related,
      }),
    ];
  });
}

function aliasProblems(
  { source, range }: Alias,
  ancestors: Ancestors,
  anchors: ReadonlySet<string>,
  locate: Locate,
): Problem[] {
  const location = locate(rangeOf({ range }));
  const name = shorten(source);
  if (!anchors.has(source)) {
    const hint = `put &${name} before the value that is meant, or quote the text if no alias is meant`;
    return [error('syntax', location, `the alias *${name} has no anchor &${name} before it`, { hint })];
  }
  const loops = ancestors.some((node) => 'anchor' in node && node.anchor === source);
  const hint = 'write the value out';
  return loops
    ? [error('syntax', location, `the alias *${name} stands inside of what it repeats`, { hint })]
    : [];
}

/** What a text is that is beyond a limit. */
const TOO_LARGE: Readonly<Record<Exclude<Limit, 'depth' | 'strays'>, string>> = {
  length: `one app has more than ${LONGEST_DOCUMENT / 1024} KiB of text`,
  lexemes: `one app has more than ${MOST_LEXEMES} words and signs`,
  all: `the file has more than ${MOST_LEXEMES_OF_ALL} words and signs`,
  documents: `the file holds more than ${MOST_DOCUMENTS} apps`,
};

/** The problem of a text that is beyond `limit`. */
export function limitProblem(limit: Limit, location: Location): Problem {
  if (limit === 'depth') {
    const message = `lists and mappings are nested more than ${DEEPEST_NESTING} deep`;
    return error('too-deep', location, message, {
      hint: 'a spec is a mapping of lists of mappings, nothing deeper',
    });
  }
  if (limit === 'strays') {
    const message = `more than ${MOST_ERRORS} pieces of the text are no YAML; the rest is not read`;
    return error('syntax', location, message, { hint: 'is this a spec? It is a JSON or YAML file' });
  }
  return error('file-too-large', location, TOO_LARGE[limit], {
    hint: 'is this a spec? Many apps go into many files of one directory',
  });
}

/** The problem of aliases that would fill the memory. */
export function tooManyAliases(location: Location, why: string): Problem {
  return error('too-many-aliases', location, `the YAML aliases (*name) repeat too much: ${why}`, {
    hint: 'write the repeated parts out',
  });
}

function rangeOf(node: unknown): [number, number] {
  const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined;
  return Array.isArray(range) ? [Number(range[0]), Number(range[1])] : [0, 0];
}
