#!/usr/bin/env node
// The only place that knows arguments, streams and exit codes.
import { readFileSync } from 'node:fs';
import { CommanderError } from 'commander';
import { EXIT, type Outcome } from './commands/outcome.js';
import { buildProgram, type Run } from './commands/program.js';
import { EnvironmentError, UsageError } from './errors.js';
import { isEnvironmental, isError } from './problem/problem.js';
import { packageRoot } from './root.js';

const ISSUES = 'https://github.com/jcborras/Pomaloba/issues';

const { version } = JSON.parse(readFileSync(new URL('package.json', packageRoot()), 'utf8')) as {
  version: string;
};

/** Colour is for people: off in a pipe and with NO_COLOR (no-color.org), on with FORCE_COLOR. */
function colorful(stream: { readonly isTTY?: boolean }): boolean {
  const { NO_COLOR, FORCE_COLOR } = process.env;
  if (NO_COLOR) return false;
  return FORCE_COLOR ? FORCE_COLOR !== '0' : (stream.isTTY ?? false);
}

/** Shows what a command yielded, and sets the exit code. */
const run: Run = async (command, { json, reportIsProduct }) => {
  const outcome: Outcome = await command();
  const { stdout, note, problems } = outcome;
  const failed = problems.some(isError);
  if (json || problems.length > 0)
    await report(outcome, json, reportIsProduct ? process.stdout : process.stderr);
  if (!failed) process.stdout.write(stdout);
  if (!failed && !json && note !== undefined) process.stderr.write(`${note}\n`);
  if (!failed && outcome.exitCode !== undefined) process.exitCode = outcome.exitCode;
  if (failed)
    process.exitCode = problems.some((one) => isError(one) && isEnvironmental(one))
      ? EXIT.usage
      : EXIT.problems;
};

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
  if (cause instanceof CommanderError) {
    // commander has printed its message; --help and --version come this way, too.
    process.exitCode = cause.exitCode === 0 ? EXIT.done : EXIT.usage;
  } else if (cause instanceof UsageError || cause instanceof EnvironmentError) {
    const hint = cause instanceof UsageError && cause.hint !== undefined ? `\n  hint: ${cause.hint}` : '';
    process.stderr.write(`pomaloba: ${cause.message}${hint}\n`);
    process.exitCode = EXIT.usage;
  } else {
    const stack = cause instanceof Error ? cause.stack : String(cause);
    process.stderr.write(
      `This is a bug in pomaloba ${version}; please report it at ${ISSUES}\n${String(stack)}\n`,
    );
    process.exitCode = EXIT.bug;
  }
}

// `pomaloba … | head` closes the pipe early: that is no error of ours. A full disk is one of the environment.
process.stdout.on('error', (cause: NodeJS.ErrnoException) => {
  if (cause.code !== 'EPIPE') {
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
