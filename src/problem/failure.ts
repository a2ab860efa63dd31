// Why a run ended that never came to look at a spec, or could not write what it made: as text and as JSON. Apart from
// format.ts, which has more to load.
import { jsonText, printable } from './printable.js';

/** Never renamed, as the codes of problems; `usage` is for the command line. */
type FailureCode = 'usage' | 'environment';

export interface Failure {
  readonly code: FailureCode;
  readonly message: string;
  /** What others have said about it, line by line. */
  readonly details?: readonly string[];
  /** What to do about it. */
  readonly hint: string | undefined;
}

/** The failure in lines for people: it may repeat a path or an argument that comes from others. */
export function formatFailure({ message, details = [], hint }: Failure): string {
  const lines = details.map((line) => `\n  ${printable(line)}`);
  const advice = hint === undefined ? '' : `\n  hint: ${printable(hint)}`;
  return `pomaloba: ${printable(message)}${lines.join('')}${advice}\n`;
}

/** The failure as the document that problems are told in; it has no place in a file. */
export function failureToJson({ code, message, details = [], hint }: Failure): string {
  const told = [message, ...details].join('\n');
  const problem = { code, severity: 'error', message: told, ...(hint === undefined ? {} : { hint }) };
  return jsonText({ version: 1, problems: [problem] });
}
