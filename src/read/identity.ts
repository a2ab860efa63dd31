// Whether two paths lead to one file.
import { type BigIntStats, fstatSync, statSync } from 'node:fs';

/** What is the same for all paths and descriptors of a file; undefined where there is none, or none to be seen. */
export function identityOf(file: string | number): string | undefined {
  try {
    const { dev, ino } = stat(file);
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

/** As big integers: some file systems use all 64 bits. */
function stat(file: string | number): BigIntStats {
  return typeof file === 'number' ? fstatSync(file, { bigint: true }) : statSync(file, { bigint: true });
}
