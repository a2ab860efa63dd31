// Whatever the text, reading and validating it ends in documents or problems, and every place is in the text.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatProblems, problemsToJson } from '../../../src/problem/format.js';
import type { Location } from '../../../src/problem/problem.js';
import { readDocuments, type SpecDocument } from '../../../src/read/document.js';
import { validateDocuments } from '../../../src/validate/validate.js';

/** Pieces of YAML and JSON, more often wrong than right when put together. */
const PIECES = [
  ...Array.from('{}[],:?-#&*!|>%@`\'"\\'),
  ...[' ', '  ', '\n', '\r\n', '\t', '\n  ', '\n- ', ': ', '- ', '? ', '---\n', '...\n', '%YAML 1.1\n---\n'],
  ...[
    '&a ',
    '*a',
    '!!str ',
    '!x ',
    '<<',
    '__proto__',
    'constructor',
    '"\\u0000"',
    '\u0007',
    '\ud83d\ude00',
    '\ufeff',
  ],
  ...['pomaloba', 'app', 'endpoints', 'destinations', 'ip', 'port', 'weight', 'protocol', 'affinity'],
  ...[
    '1',
    '80',
    '"80"',
    '0x50',
    '0',
    '65536',
    '-1',
    '1e999',
    '.nan',
    'null',
    'true',
    '192.0.2.1',
    '::1',
    'fe80::1%a',
  ],
];

const yamlish = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }).map((all) => all.join('')),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
  { weight: 1, arbitrary: fc.json({ maxDepth: 4 }) },
  { weight: 2, arbitrary: mutatedSpec() },
);

/** A spec from which a piece is cut and into which another is put. */
function mutatedSpec(): fc.Arbitrary<string> {
  const text = 'pomaloba: 1\napp: a\nendpoints:\n  - { ip: 192.0.2.1, port: 80 }\ndestinations: []\n';
  const at = fc.nat({ max: text.length });
  return fc
    .tuple(at, fc.nat({ max: 10 }), fc.array(fc.constantFrom(...PIECES), { maxLength: 4 }))
    .map(([start, length, pieces]) => text.slice(0, start) + pieces.join('') + text.slice(start + length));
}

function expectInside(text: string, { range }: Location): void {
  if (!range) return;
  const lines = text.split('\n');
  for (const { line, column } of [range.start, range.end]) {
    expect(line).toBeGreaterThanOrEqual(1);
    expect(line).toBeLessThanOrEqual(lines.length);
    expect(column).toBeGreaterThanOrEqual(1);
    // One behind the last character is where something is missing, and one more is that place's end.
    expect(column).toBeLessThanOrEqual((lines[line - 1] ?? '').length + 2);
  }
}

/** Every path into `data`, a few levels deep. */
function pathsOf(data: unknown, path: (string | number)[] = []): (string | number)[][] {
  if (typeof data !== 'object' || data === null || path.length > 4) return [path];
  const entries: (readonly [string | number, unknown])[] = Array.isArray(data)
    ? data.map((item, index) => [index, item] as const)
    : Object.entries(data);
  return [path, ...entries.flatMap(([key, item]) => pathsOf(item, [...path, key]))];
}

describe('for random documents', () => {
  it('readDocuments and validateDocuments never throw, and every place is inside of the file', () => {
    fc.assert(
      fc.property(yamlish, (text) => {
        const { documents, problems } = readDocuments({ file: 'x', text });
        const all = [...problems, ...validateDocuments(documents).problems];
        for (const { location, related } of all) {
          expectInside(text, location);
          if (related) expectInside(text, related.location);
        }
        // What is neither a document nor a problem would be ignored in silence.
        expect(documents.length + problems.length).toBeGreaterThan(0);
      }),
      { numRuns: 2000 },
    );
  });

  it('locate is inside of the file for every path, existing or not', () => {
    const everywhere = (document: SpecDocument): Location[] =>
      pathsOf(document.data).flatMap((path) => [
        document.locate(path),
        document.locate(path, 'key'),
        document.locate([...path, 'missing']),
        document.locate([...path, 7]),
      ]);
    fc.assert(
      fc.property(yamlish, (text) => {
        for (const document of readDocuments({ file: 'x', text }).documents) {
          for (const location of everywhere(document)) expectInside(text, location);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('messages hold no control character and no long line', () => {
    const RAW = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;
    fc.assert(
      fc.property(yamlish, (text) => {
        const { documents, problems } = readDocuments({ file: 'x', text });
        const all = [...problems, ...validateDocuments(documents).problems];
        expect(formatProblems(all, false)).not.toMatch(RAW);
        expect(problemsToJson(all)).not.toMatch(RAW);
        expect(() => void JSON.parse(problemsToJson(all))).not.toThrow();
      }),
      { numRuns: 1000 },
    );
  });
});
