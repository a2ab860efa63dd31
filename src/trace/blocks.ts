// Text in braces as a tree: lines, and what stands inside of those that open a block.
import { type Line, UnknownLineError } from './language.js';

/** A line, and what is inside of it. */
export interface Block extends Line {
  /** Of a line that ends in a brace: the lines up to the one that closes it. */
  readonly inside: readonly Block[];
  /** What stands behind the brace that closes it; empty without one. */
  readonly end: string;
}

/** The tree of `lines`. Throws UnknownLineError where braces do not match. */
export function blocksOf(lines: readonly Line[]): Block[] {
  const reader = { lines, at: 0 };
  const blocks = readBlocks(reader);
  const rest = lines[reader.at];
  if (rest) throw new UnknownLineError(rest);
  return blocks;
}

interface Reader {
  readonly lines: readonly Line[];
  at: number;
}

/** All lines up to one that closes what is around them. */
function readBlocks(reader: Reader): Block[] {
  const blocks: Block[] = [];
  for (;;) {
    const line = reader.lines[reader.at];
    if (!line || line.text.startsWith('}')) return blocks;
    reader.at++;
    const opens = line.text.endsWith('{');
    const inside = opens ? readBlocks(reader) : [];
    blocks.push({ ...line, inside, end: opens ? endOf(reader, line) : '' });
  }
}

function endOf(reader: Reader, opening: Line): string {
  const closing = reader.lines[reader.at++];
  if (!closing) throw new UnknownLineError(opening);
  return closing.text.slice(1).trim();
}
