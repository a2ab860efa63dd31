// Why a run ended that never came to look at a spec, or could not write what it made: as text and as JSON. Apart from
// format.ts, which has more to load.
import { jsonText, printable } from './printable.js';

/** Never renamed, as the codes of problems; `usage` is for the command line. */
type FailureCode = 'usage' | 'environment';

export interface Failure {
  readonly code: FailureCode;
  readonly message: string;
  /** What to do about it. */
  readonly hint: string | undefined;
}

/** The failure in lines for people: it may repeat a path or an argument that comes from others. */
export function formatFailure({ message, hint }: Failure): string {
  const advice = hint === undefined ? '' : `\n  hint: ${printable(hint)}`;
  return `pomaloba: ${printable(message)}${advice}\n`;
}

/** The failure as the document that problems are told in; it has no place in a file. */
export function failureToJson({ code, message, hint }: Failure): string {
  const problem = { code, severity: 'error', message, ...(hint === undefined ? {} : { hint }) };
  return jsonText({ version: 1, problems: [problem] });
}
