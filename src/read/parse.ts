// From text to YAML documents, within bounds. A spec is untrusted input, and the parser of `yaml` has no limit
// of its own: a few megabytes of brackets cost it minutes and gigabytes. So it is fed lexeme by lexeme here.
import { Composer, type Document, Lexer, Parser } from 'yaml';

/** The spec's own nesting is 4 deep. The composer is recursive: the limit keeps its stack safe. */
export const DEEPEST_NESTING = 100;
/** An app of 1024 endpoints and 1024 destinations, one key to a line, has about 120,000 characters. */
export const LONGEST_DOCUMENT = 1024 * 1024;
/** Each document costs the parser a schema of its own. */
export const MOST_DOCUMENTS = 50_000;
/** Words, signs and gaps: 20 to an entry are 40,000 for the largest app, 2.8 million for 10,000 apps of ten. */
export const MOST_LEXEMES = 400_000;
export const MOST_LEXEMES_OF_ALL = 3_000_000;
/** Of a file with more errors than this the rest is not read: it is not a spec at all. */
export const MOST_ERRORS = 1000;

/** Which limit the text is beyond; `strays` are pieces that belong to no document, and directives. */
export type Limit = 'depth' | 'length' | 'lexemes' | 'all' | 'documents' | 'strays';

export interface Parsed {
  readonly documents: readonly Document.Parsed[];
  /** Where a limit was met, if one was; the documents are then those before it. */
  readonly beyond?: { readonly limit: Limit; readonly offset: number };
}

// YAML 1.2's core schema whatever a %YAML directive says: no sets, dates, sexagesimals, merge keys. Duplicate
// keys are found by our own pass, as the composer's compares each key with each other.
const OPTIONS = {
  schema: 'core',
  resolveKnownTags: false,
  uniqueKeys: false,
  prettyErrors: false,
  logLevel: 'error',
} as const;

/** The documents of `text`, whether right or wrong; their own `errors` tell. */
export function parseDocuments(text: string): Parsed {
  const parser = new Parser();
  const composer = new Composer(OPTIONS);
  const documents: Document.Parsed[] = [];
  const read = { start: 0, lexemes: 0, strays: 0, all: 0, documents };
  let errors = 0;
  const take = (composed: Iterable<Document.Parsed>): void => {
    for (const document of composed) {
      documents.push(document);
      errors += document.errors.length;
    }
  };
  for (const lexeme of new Lexer().lex(text)) {
    read.lexemes += 1;
    read.all += 1;
    for (const token of parser.next(lexeme)) {
      take(composer.next(token));
      if (token.type === 'error' || token.type === 'directive') read.strays += 1;
      if (token.type === 'document') Object.assign(read, { start: parser.offset, lexemes: 0, strays: 0 });
    }
    const limit = limitMet(parser, read);
    if (limit) return { documents, beyond: { limit, offset: parser.offset } };
    if (errors > MOST_ERRORS) return { documents };
  }
  for (const token of parser.end()) take(composer.next(token));
  take(composer.end());
  return { documents };
}

/** What has been read; `start`, `lexemes` and `strays` count from the end of the last document. */
interface Progress {
  readonly start: number;
  readonly lexemes: number;
  readonly strays: number;
  readonly all: number;
  readonly documents: readonly unknown[];
}

function limitMet({ stack, offset }: Parser, read: Progress): Limit | undefined {
  // The stack holds the document, each open collection and perhaps a scalar.
  if (stack.length > DEEPEST_NESTING + 2) return 'depth';
  if (offset - read.start > LONGEST_DOCUMENT) return 'length';
  if (read.lexemes > MOST_LEXEMES) return 'lexemes';
  if (read.all > MOST_LEXEMES_OF_ALL) return 'all';
  if (read.strays > MOST_ERRORS) return 'strays';
  return read.documents.length > MOST_DOCUMENTS ? 'documents' : undefined;
}
