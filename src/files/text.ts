// Texts as files hold them: what counts as the same, and by which hash they are known.
import { createHash } from 'node:crypto';

/** SHA-256 of `bytes` with line ends as Git stores them: a check-out with CRLF (core.autocrlf) is no edit. */
export function hashOf(bytes: Buffer | string): string {
  const text = typeof bytes === 'string' ? Buffer.from(bytes, 'utf8') : bytes;
  const normal = text.includes('\r\n')
    ? Buffer.from(text.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
    : text;
  return createHash('sha256').update(normal).digest('hex');
}
