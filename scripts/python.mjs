// npm run check:python and npm run pytest: what Python of ours there is, with the tools of .venv, which it installs if need be.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { runPytest } from './support/pytest-report.mjs';
import { messageOf, ROOT, runInherited, say } from './support/shell.mjs';
import { ensureVenv, inVenv } from './support/venv.mjs';

/** The role's programs, and their tests. */
const FOLDERS = ['roles-templates/role/files', 'test/python'];

/** mypy takes files: a directory without an `__init__.py` is none of its packages. */
function files() {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((name) => name.endsWith('.py'))
      .map((name) => `${folder}/${name}`),
  );
}

function check() {
  const commands = [
    ['ruff', 'check', '-q', ...FOLDERS],
    ['ruff', 'format', '-q', '--check', ...FOLDERS],
    ['mypy', ...files()],
  ];
  const statuses = commands.map(([tool = '', ...args]) => runInherited(inVenv(tool), args));
  return Math.max(...statuses);
}

const [what, ...args] = process.argv.slice(2);
try {
  ensureVenv();
  process.exitCode = what === 'check' ? check() : runPytest(args).status;
} catch (reason) {
  say(`python: ${messageOf(reason)}`);
  process.exitCode = 1;
}
