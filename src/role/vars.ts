// What is balanced as a file of variables: YAML that reads like the specs.
import { Document, isCollection, isMap, isScalar, Scalar, type YAMLMap, type YAMLSeq } from 'yaml';
import type { RoleData } from './data.js';

/**
 * Text that every reader of YAML takes for text without quotes: PyYAML, which Ansible uses, reads YAML 1.1, where
 * `0777`, `1:30`, `1_000` and `2001-12-14` are no strings, and `no` and `y` may be none.
 */
const PLAIN = /^(?:[A-Za-z][A-Za-z0-9_./-]*|[0-9]{1,3}(?:\.[0-9]{1,3}){3})$/;
const WORDS = /^(?:y|n|yes|no|on|off|true|false|null)$/i;

/** The file that holds `data`; `command` is what makes it anew. */
export function varsFile(data: RoleData, command: string): string {
  const document = new Document(data);
  style(document.contents);
  const text = document.toString({ lineWidth: 0, flowCollectionPadding: false });
  return `# yamllint disable rule:line-length
# What is balanced, compiled from the specs by
#   ${command}
# Change the specs and run that again: data that was edited by hand is refused.
---
${text}`;
}

/** Quotes what needs quotes, and puts what holds no further mapping into one line: a change is then a line. */
function style(node: unknown): void {
  if (isScalar(node) && typeof node.value === 'string') {
    node.type = isPlain(node.value) ? Scalar.PLAIN : Scalar.QUOTE_DOUBLE;
  }
  if (!isCollection(node)) return;
  const children = childrenOf(node);
  for (const child of children) style(child);
  node.flow = isMap(node)
    ? children.every((child) => !isCollection(child) || isListOfScalars(child))
    : isListOfScalars(node);
}

function childrenOf(node: YAMLMap | YAMLSeq): unknown[] {
  return isMap(node) ? node.items.map(({ value }) => value) : node.items;
}

/** True, too, for an empty list. */
function isListOfScalars(node: YAMLMap | YAMLSeq): boolean {
  return !isMap(node) && node.items.every((item) => isScalar(item));
}

function isPlain(text: string): boolean {
  return PLAIN.test(text) && !WORDS.test(text);
}
