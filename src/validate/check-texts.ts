// What the schema cannot say of the texts of a health check.
import { CHECK_KINDS } from '../model/health.js';
import { error, type Problem } from '../problem/problem.js';
import type { SpecDocument } from '../read/document.js';
import type { CheckPlace, Mapping, Path } from './check-places.js';
import { quote } from './describe.js';
import { property } from './entries.js';

/** What Jinja2 begins something with: Ansible would run it wherever it reads the role's data. */
const TEMPLATE = /\{[{%#]/;
/** Of longer lists the schema says that they are. */
const MOST_ARGUMENTS = 64;

/** Texts that would mean something else to Ansible, commands without a path, bodies of answers that have none. */
export function textProblems(document: SpecDocument, { path, own }: CheckPlace): Problem[] {
  return [
    ...templateProblems(document, path, own),
    ...commandProblems(document, path, own),
    ...bodyProblems(document, path, own),
  ];
}

function templateProblems(document: SpecDocument, path: Path, own: Mapping): Problem[] {
  return textsIn(own).flatMap(({ within, text }) => {
    const found = TEMPLATE.exec(text)?.[0];
    if (found === undefined) return [];
    const message = `${quote(text)} has ${found} in it, with which a template of Ansible begins`;
    const hint = 'the role would not get the text as it is: choose another part of it';
    return [error('wrong-value', document.locate([...path, ...within]), message, { hint })];
  });
}

function textsIn(own: Mapping): { readonly within: Path; readonly text: string }[] {
  const named = CHECK_KINDS.flatMap((kind) =>
    ['path', 'body', 'send', 'expect'].map((key) => ({
      within: [kind, key],
      text: property(own[kind], key),
    })),
  );
  const command = commandOf(own).map((text, index) => ({ within: ['exec', 'command', index], text }));
  return [...named, ...command].flatMap(({ within, text }) =>
    typeof text === 'string' ? [{ within, text }] : [],
  );
}

function commandOf(own: Mapping): readonly unknown[] {
  const command = property(own['exec'], 'command');
  return Array.isArray(command) ? command.slice(0, MOST_ARGUMENTS) : [];
}

function commandProblems(document: SpecDocument, path: Path, own: Mapping): Problem[] {
  const [program] = commandOf(own);
  if (typeof program !== 'string' || program.startsWith('/')) return [];
  const message = `the program ${quote(program)} has no whole path`;
  const hint = 'begin with /, as in /usr/local/bin/check: no PATH is searched, and no shell is asked';
  return [error('wrong-value', document.locate([...path, 'exec', 'command', 0]), message, { hint })];
}

function bodyProblems(document: SpecDocument, path: Path, own: Mapping): Problem[] {
  return CHECK_KINDS.filter((kind) => {
    const [method, body] = ['method', 'body'].map((key) => property(own[kind], key));
    return method === 'HEAD' && typeof body === 'string';
  }).map((kind) =>
    error(
      'wrong-value',
      document.locate([...path, kind, 'body']),
      'the answer to HEAD has no body to look into',
      { hint: 'leave the key out, or use GET' },
    ),
  );
}
