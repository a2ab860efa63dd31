// Texts of others on a terminal.

/** Control characters, and those that change the direction of text or break lines. */
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** `text` without control characters: a spec is untrusted, and a terminal obeys escape sequences. */
export function printable(text: string): string {
  return text.replaceAll('\t', ' ').replace(UNPRINTABLE, '\ufffd');
}

/** `document` as JSON without a control character but line feeds: `JSON.stringify` leaves those above 0x7e. */
export function jsonText(document: object): string {
  const escape = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  const json = JSON.stringify(document, null, 2);
  return `${json.replace(UNPRINTABLE, (char) => (char === '\n' ? char : escape(char)))}\n`;
}
