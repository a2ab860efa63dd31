import { describe, expect, test } from 'vitest';
import { labelled, table } from '../../../src/explain/layout.js';

test('the columns of a table are as wide as their longest cells, numbers to the right', () => {
  const rows = [
    ['destination', 'weight'],
    ['[2001:db8::1]:80', '1'],
    ['a', '1000000'],
  ];
  expect(table(rows)).toEqual([
    '  destination        weight',
    '  [2001:db8::1]:80        1',
    '  a                 1000000',
  ]);
});

describe('a text beside its label', () => {
  const beside = ' '.repeat('  IPv4 endpoints  '.length);

  test('of several lines keeps its words, in 80 columns', () => {
    const text = Array.from({ length: 40 }, (_, n) => 'x'.repeat(1 + (n % 9))).join(' ');
    const lines = labelled([['clients', text]]);
    expect(lines[0]).toMatch(/^ {2}clients {9}x x/);
    for (const line of lines.slice(1)) expect(line.startsWith(`${beside}x`)).toBe(true);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines.map((line) => line.slice(beside.length)).join(' ')).toBe(text);
  });

  test.each([
    { length: 31, lines: 1 },
    { length: 32, lines: 2 },
  ])('of 30 and $length characters has $lines lines', ({ length, lines }) => {
    const text = `${'x'.repeat(30)} ${'y'.repeat(length)}`;
    expect(labelled([['clients', text]])).toHaveLength(lines);
  });

  test('that does not fit is not cut', () => {
    const word = 'x'.repeat(100);
    expect(labelled([['clients', `a ${word} b`]])).toEqual([
      '  clients         a',
      beside + word,
      `${beside}b`,
    ]);
  });
});
