// Directories as data, for comparing them.
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** All files below `directory` by path, sorted; a symbolic link is `-> target`, an empty directory ends in `/`. */
export function treeOf(directory: string): Readonly<Record<string, string>> {
  if (!existsSync(directory)) return {};
  const entries = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
  return Object.fromEntries(
    entries.flatMap((path) => {
      const file = join(directory, path);
      const stats = lstatSync(file);
      if (stats.isSymbolicLink()) return [[path, `-> ${readlinkSync(file)}`]];
      if (stats.isDirectory()) return readdirSync(file).length === 0 ? [[`${path}/`, '']] : [];
      return [[path, readFileSync(file, 'utf8')]];
    }),
  );
}
