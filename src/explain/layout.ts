// Text in columns, for a terminal of 80.

const WIDTH = 80;
const GAP = '  ';
const LABEL_WIDTH = 'IPv4 endpoints'.length;

/** Rows of columns that are as wide as their longest cell: the first to the left, the others, numbers, to the right. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  const pad = (cell: string, column: number): string =>
    column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0);
  return rows.map((row) => GAP + row.map(pad).join(GAP));
}

/** Labels, of which none is longer than LABEL_WIDTH, and beside each its text, in as many lines as that takes. */
export function labelled(facts: readonly (readonly [label: string, text: string])[]): string[] {
  return facts.flatMap(([label, text]) =>
    wrap(text, WIDTH - LABEL_WIDTH - 2 * GAP.length).map(
      (line, index) => GAP + (index === 0 ? label : '').padEnd(LABEL_WIDTH) + GAP + line,
    ),
  );
}

/** The words of `text` in lines of at most `width`; a longer word has a line of its own. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines.splice(-1, 1, `${last} ${word}`);
    else lines.push(word);
  }
  return lines;
}
