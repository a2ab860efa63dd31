// Text in braces as a tree: lines, and what stands inside of those that open a block.
import { type Line, UnknownLineError } from './language.js';

/** A line, and what is inside of it. */
export interface Block extends Line {
  /** Of a line that ends in a brace: the lines up to the one that closes it. */
  readonly inside: readonly Block[];
  /** That line, of which only what stands behind the brace is the text; absent without braces. */
  readonly end?: Line;
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
    blocks.push(
      line.text.endsWith('{')
        ? { ...line, inside: readBlocks(reader), end: endOf(reader, line) }
        : { ...line, inside: [] },
    );
  }
}

function endOf(reader: Reader, opening: Line): Line {
  const closing = reader.lines[reader.at++];
  if (!closing) throw new UnknownLineError(opening);
  return { line: closing.line, text: closing.text.slice(1).trim() };
}

/** Refuses the line that closes `block` if anything but `text` stands behind its brace. */
export function expectEnd({ end }: Block, text: string): void {
  if (end && end.text !== text) throw new UnknownLineError({ line: end.line, text: `} ${end.text}` });
}
