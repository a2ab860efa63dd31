// Where the package is: its schema and templates lie beside the program, wherever that is installed.
import { existsSync } from 'node:fs';

/** The package's directory, as a URL with a final slash. The program may lie in src/ or, bundled, in dist/. */
export function packageRoot(): URL {
  let directory = new URL('.', import.meta.url);
  while (!existsSync(new URL('package.json', directory))) {
    const parent = new URL('..', directory);
    if (parent.href === directory.href) throw new Error('package.json is missing: the package is not whole');
    directory = parent;
  }
  return directory;
}
