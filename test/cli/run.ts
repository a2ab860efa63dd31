// Runs the built program as a user does: its own process, its exit code and its two streams.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const CLI = join(ROOT, 'dist/cli.js');

/** As much as any test's process may print. */
const MOST_OUTPUT = 64 * 1024 * 1024;

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly input?: string | Buffer;
  readonly env?: Readonly<Record<string, string>>;
  /** Another copy of the program. */
  readonly cli?: string;
}

/** `pomaloba ...args`, without colour. */
export function pomaloba(args: readonly string[], options: RunOptions = {}): Result {
  const { cwd, input = '', env = {}, cli = CLI } = options;
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
    cwd,
    input,
    env: { ...plainEnvironment(), ...env },
    encoding: 'utf8',
    maxBuffer: MOST_OUTPUT,
  });
  return { code: status, stdout, stderr };
}

/** `script`, in which `$POMALOBA` is the program. */
export function shell(script: string, { cwd, input = '', env = {} }: RunOptions = {}): Result {
  const { status, stdout, stderr } = spawnSync('bash', ['-c', script], {
    cwd,
    input,
    env: { ...plainEnvironment(), POMALOBA: `${process.execPath} ${CLI}`, ...env },
    encoding: 'utf8',
    maxBuffer: MOST_OUTPUT,
  });
  return { code: status, stdout, stderr };
}

/** A directory with `files` in it, for the running test only. */
export function folder(files: Readonly<Record<string, string | Buffer>> = {}): string {
  const path = mkdtempSync(join(tmpdir(), 'pomaloba-'));
  onTestFinished(() => {
    rmSync(path, { recursive: true, force: true });
  });
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), content);
  }
  return path;
}

/** A valid spec; `n` keeps the endpoints of several apart. */
export function spec(app = 'shop', n = 10): string {
  return `pomaloba: 1
app: ${app}
endpoints:
  - { ip: 192.0.2.${n}, port: 80 }
destinations:
  - { ip: 198.51.100.1, port: 31080 }
`;
}

function plainEnvironment(): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: '1', LC_ALL: 'C.UTF-8' };
  delete env['FORCE_COLOR'];
  return env;
}
