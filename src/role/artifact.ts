// A file that is to be: its place, its text, and whether it can be run.

export interface Artifact {
  /** Below the directory that it belongs to, with `/` between the parts. */
  readonly path: string;
  readonly text: string;
  readonly executable: boolean;
}
