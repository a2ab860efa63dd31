// The two ways in which a run may fail without a problem in a spec and without a bug in Pomaloba.

/** The command line asks for something that cannot be done. Ends with exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  /** What to do instead. */
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** The environment is not as it has to be: an output file that cannot be written. Ends with exit code 2. */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError';
  /** What others have said about it, line by line. */
  readonly details: readonly string[];
  /** What to do. */
  readonly hint: string | undefined;

  constructor(
    message: string,
    options: ErrorOptions & { readonly details?: readonly string[]; readonly hint?: string } = {},
  ) {
    super(message, options);
    this.details = options.details ?? [];
    this.hint = options.hint;
  }
}
