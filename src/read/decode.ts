// From bytes to text: UTF-8 and nothing else; what is not is named with its place.
import { error, type Position, type Problem } from '../problem/problem.js';

/** The text that `bytes` are, without a byte order mark, as YAML asks for; or why they are none. */
export function decode(file: string, bytes: Buffer): string | Problem {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return isUtf16(file);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return isUtf16(file);
  // Bytes that are not UTF-8 become U+FFFD: then the text is not these bytes any more.
  const text = bytes.toString('utf8');
  const wrong = firstDifference(bytes, Buffer.from(text, 'utf8'));
  const nul = bytes.indexOf(0);
  if (nul !== -1 && (wrong === -1 || nul < wrong)) {
    return notText(file, bytes, nul, 'a NUL byte', 'is this an archive, an image or UTF-16?');
  }
  if (wrong !== -1) {
    const byte = `the byte 0x${(bytes[wrong] ?? 0).toString(16).padStart(2, '0')}, which is not UTF-8`;
    return notText(file, bytes, wrong, byte, 'is this Latin-1, an archive or an image?');
  }
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

function isUtf16(file: string): Problem {
  return error('not-text', { file }, 'the file is text in UTF-16, not in UTF-8', {
    hint: `convert it: iconv -f UTF-16 -t UTF-8`,
  });
}

function notText(file: string, bytes: Buffer, offset: number, found: string, question: string): Problem {
  const start = positionOf(bytes.subarray(0, offset));
  const range = { start, end: { ...start, column: start.column + 1 } };
  return error('not-text', { file, range }, `the file is not text in UTF-8: here is ${found}`, {
    hint: `a spec is a JSON or YAML file in UTF-8; ${question}`,
  });
}

function firstDifference(one: Buffer, other: Buffer): number {
  if (one.equals(other)) return -1;
  return one.findIndex((byte, index) => byte !== other[index]);
}

/** The place behind `before`. */
function positionOf(before: Buffer): Position {
  const lines = before.toString('utf8').split('\n');
  return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 };
}
