// Where the lab's programs are, which run as processes of their own in other namespaces.
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../root.js';

/** The path of a program, always as built: this module may lie in src/ (tests) or in a bundle in dist/. */
export function programFile(name: 'agent' | 'client' | 'server' | 'service'): string {
  return fileURLToPath(new URL(`dist/lab/${name}.js`, packageRoot()));
}
