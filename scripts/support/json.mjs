// Reading JSON files.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ROOT } from './shell.mjs';

/** What a JSON file holds; its name is relative to the root. @param {string} file @returns {unknown} */
export function readJson(file) {
  return JSON.parse(readFileSync(resolve(ROOT, file), 'utf8'));
}
