#!/usr/bin/env node
// The only place that knows arguments, streams and exit codes.
import { readFileSync } from 'node:fs';
import { CommanderError } from 'commander';
import { EXIT, type Outcome, type Run } from './commands/outcome.js';
import { buildProgram } from './commands/program.js';
import { EnvironmentError, UsageError } from './errors.js';
import { type Failure, failureToJson, formatFailure } from './problem/failure.js';
import { isEnvironmental, isError } from './problem/problem.js';
import { packageRoot } from './root.js';
import { colorful, Terminal } from './terminal.js';

const ISSUES = 'https://github.com/jcborras/Pomaloba/issues';

const { version } = JSON.parse(readFileSync(new URL('package.json', packageRoot()), 'utf8')) as {
  version: string;
};

/** Whether data is wanted, also by a command line that nobody else understands. */
const beforeJson = process.argv.slice(0, process.argv.indexOf('--json') + 1);
const wantsJson = beforeJson.length > 0 && !beforeJson.includes('--');

/** Shows what a command yielded, and sets the exit code. */
const run: Run = async (command, { json, reportIsProduct }) => {
  const terminal = new Terminal(json);
  const outcome = await carriedOut(command, terminal);
  const { stdout, note, problems } = outcome;
  const failed = problems.some(isError);
  // The product first: if it cannot be written, that is what --json tells, in its one document.
  if (!failed && !(await printed(stdout))) return;
  if (json || problems.length > 0)
    await report(outcome, json, reportIsProduct ? process.stdout : process.stderr);
  if (failed) {
    process.exitCode = problems.some((one) => isError(one) && isEnvironmental(one))
      ? EXIT.usage
      : EXIT.problems;
    return;
  }
  if (!json && note !== undefined) process.stderr.write(`${note}\n`);
  if (outcome.exitCode !== undefined) process.exitCode = outcome.exitCode;
};

async function carriedOut(command: Parameters<Run>[0], terminal: Terminal): Promise<Outcome> {
  try {
    return await command(terminal);
  } finally {
    terminal.clear();
  }
}

/** Writes to standard output; false if it cannot, which the listener below tells. */
function printed(text: string): Promise<boolean> {
  return new Promise((resolve) => {
    process.stdout.write(text, (cause) => {
      resolve(!cause || isClosed(cause));
    });
  });
}

/** `pomaloba … | head` closes the pipe early: that is no error of ours. */
function isClosed(cause: NodeJS.ErrnoException): boolean {
  return cause.code === 'EPIPE';
}

/** Loaded only for problems: most runs have none, and start faster without. */
async function report(
  { problems, report: more }: Outcome,
  json: boolean,
  jsonStream: NodeJS.WriteStream,
): Promise<void> {
  const { formatProblems, problemsToJson } = await import('./problem/format.js');
  if (json) jsonStream.write(problemsToJson(problems, more));
  else process.stderr.write(formatProblems(problems, colorful(process.stderr)));
}

/** Tells why the run ended; a bug with all that its report needs. */
function fail(cause: unknown): void {
  const failure = failureOf(cause);
  if (failure) {
    process.stderr.write(wantsJson ? failureToJson(failure) : formatFailure(failure));
    process.exitCode = EXIT.usage;
  } else if (cause instanceof CommanderError) {
    // --help and --version, which commander has printed.
    process.exitCode = EXIT.done;
  } else {
    const stack = cause instanceof Error ? cause.stack : String(cause);
    process.stderr.write(
      `This is a bug in pomaloba ${version}; please report it at ${ISSUES}\n${String(stack)}\n`,
    );
    process.exitCode = EXIT.bug;
  }
}

/** What `cause` says to the user; undefined if it is none of the user's matter. */
function failureOf(cause: unknown): Failure | undefined {
  if (cause instanceof UsageError) return { code: 'usage', message: cause.message, hint: cause.hint };
  if (cause instanceof EnvironmentError) {
    const { message, details, hint } = cause;
    return { code: 'environment', message, details, hint };
  }
  if (!(cause instanceof CommanderError) || cause.exitCode === 0) return undefined;
  const [, message = '', meant] = /^error: (.*?)(?:\n\(Did you mean (.*)\?\))?$/s.exec(cause.message) ?? [];
  const hint = meant === undefined ? 'pomaloba --help shows examples' : `did you mean ${meant}?`;
  return { code: 'usage', message, hint };
}

// A full disk is an error of the environment.
process.stdout.on('error', (cause: NodeJS.ErrnoException) => {
  if (!isClosed(cause)) {
    fail(new EnvironmentError(`standard output cannot be written: ${cause.message}`, { cause }));
  }
});
// There is nobody left to tell about it.
process.stderr.on('error', () => undefined);

try {
  await buildProgram(version, run).parseAsync();
} catch (cause) {
  fail(cause);
}
