// npm run build: src/generated/ from the schema and the templates, then dist/ from src/. Everything that runs is
// bundled: loading a hundred small files takes longer than what the program does with them.
import { chmodSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureNodeModules } from './support/node-modules.mjs';
import { messageOf, ROOT, say } from './support/shell.mjs';

const DIST = join(ROOT, 'dist');
/** Built aside, so that what runs meanwhile finds a whole dist/. */
const NEW_DIST = join(ROOT, '.cache/dist');

/** Programs of their own. The lab starts its parts as processes in other namespaces. */
const ENTRY_POINTS = [
  'src/cli.ts',
  ...['agent', 'client', 'server', 'service'].map((program) => `src/lab/${program}.ts`),
];

/** CommonJS packages in the bundle ask for Node's own modules by `require`, which an ES module lacks. */
const BANNER =
  "import { createRequire as pomalobaRequire } from 'node:module';\nconst require = pomalobaRequire(import.meta.url);";

async function bundle() {
  const { build } = await import('esbuild');
  const { licensesOf } = await import('./support/licenses.mjs');
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ENTRY_POINTS,
    outdir: NEW_DIST,
    outbase: 'src',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    banner: { js: BANNER },
    define: { __filename: 'import.meta.filename' },
    legalComments: 'none',
    logLevel: 'warning',
    metafile: true,
    // Nunjucks would use it to watch templates, if it were there.
    external: ['chokidar'],
  });
  writeFileSync(join(NEW_DIST, 'THIRD-PARTY-LICENSES.txt'), licensesOf(Object.keys(metafile.inputs)));
  chmodSync(join(NEW_DIST, 'cli.js'), 0o755);
}

try {
  ensureNodeModules();
  // Only now, as it needs node_modules.
  const { generate } = await import('./support/generate.mjs');
  await generate();
  rmSync(NEW_DIST, { recursive: true, force: true });
  await bundle();
  rmSync(DIST, { recursive: true, force: true });
  renameSync(NEW_DIST, DIST);
} catch (reason) {
  say(`build: ${messageOf(reason)}`);
  process.exitCode = 1;
}
