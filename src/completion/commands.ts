// What can be completed, as plain data: the same for every shell.

/** What a value is: one of a few words, something on disk, or anything. */
export type Value = readonly string[] | 'file' | 'directory' | 'text';

export interface CompletedOption {
  /** As they are typed: `--help`, `-h`. */
  readonly names: readonly string[];
  readonly description: string;
  /** undefined: the option takes none. */
  readonly value: Value | undefined;
  /** It is not offered, but its values are. */
  readonly hidden: boolean;
}

export interface CompletedCommand {
  /** Empty for the program itself. */
  readonly name: string;
  readonly description: string;
  readonly options: readonly CompletedOption[];
  /** What its arguments are; undefined: it takes none. */
  readonly argument: Value | undefined;
}

/** The program itself, and its commands, of which one may be its first word. */
export interface Completed {
  readonly program: CompletedCommand;
  readonly commands: readonly CompletedCommand[];
}

/** `text` for a POSIX shell, as one word in which nothing is special. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
