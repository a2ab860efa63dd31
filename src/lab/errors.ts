// What can go wrong with a lab, by whom it can be mended.

/** The plan cannot be built: its addresses clash with each other or with the lab's own. */
export class LabPlanError extends Error {
  override readonly name = 'LabPlanError';
}

/** One way of entering new namespaces that did not work. */
export interface LabAttempt {
  /** The command that was run. */
  readonly command: string;
  /** What it said. */
  readonly error: string;
}

/** This machine, or this user, cannot have a lab. The message tells what was tried and what would help. */
export class LabUnavailable extends Error {
  override readonly name = 'LabUnavailable';
  readonly attempts: readonly LabAttempt[];
  /** What to do: one or more lines. */
  readonly fix: string;

  constructor(attempts: readonly LabAttempt[], fix: string) {
    const tried = attempts.map(
      ({ command, error }) => `  ${command}\n    ${error.replaceAll('\n', '\n    ')}`,
    );
    super(`network namespaces cannot be created here:\n${tried.join('\n')}\n${fix}`);
    this.attempts = attempts;
    this.fix = fix;
  }
}

/** Something in a running lab failed: a command took too long, a server did not start, the lab has ended. */
export class LabError extends Error {
  override readonly name = 'LabError';
}
