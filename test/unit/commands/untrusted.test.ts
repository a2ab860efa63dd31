// A spec is untrusted input: whatever its strings are, they are refused, or they are names and addresses of the
// strictest form. Nothing that a shell, nft or iptables-restore might obey reaches a product.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { Outcome } from '../../../src/commands/outcome.js';
import { print } from '../../../src/commands/print.js';
import { UsageError } from '../../../src/errors.js';
import { OUTPUT_TYPES } from '../../../src/print/output.js';
import { isError } from '../../../src/problem/problem.js';

const directory = mkdtempSync(join(tmpdir(), 'pomaloba-'));
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

const SPEC = {
  pomaloba: 1,
  app: 'shop',
  endpoints: [
    { ip: '192.0.2.10', port: 80, protocol: 'tcp' },
    { ip: '2001:db8:1::10', port: 80 },
  ],
  destinations: [
    { ip: '198.51.100.1', port: 31080, weight: 2 },
    { ip: '2001:db8:2::1', port: 31080 },
  ],
  scheduler: 'random',
  client_address: 'preserve',
  destination_networks: ['198.51.100.0/24', '2001:db8:2::/64'],
  snat: ['192.0.2.20-192.0.2.23', '2001:db8::20'],
};

const METACHARACTERS = [
  ...Array.from('\'"`$()<>;&|\\{}[]#!*?~^%@,:=+/ \t\n\r\0'),
  ...[
    '$(',
    '${',
    '`reboot`',
    '$(reboot)',
    '; reboot',
    '&& reboot',
    '\nCOMMIT\n',
    '\n-F\n',
    '*nat',
    '{{',
    '}}',
  ],
  ...[
    '{%',
    '%}',
    '{#',
    "'\\''",
    '\\n',
    '\u2028',
    '\u202e',
    '\u00a0',
    '\u3000',
    '\uff1b',
    '\ud800',
    '\ud83d\ude00',
  ],
  ...['..', '-', '--', '-x', '_', '0', '010', '::', 'undefined', 'null', '__proto__', 'ip', 'flush ruleset'],
];

/** Text that does harm where it is not quoted, mixed with text that is allowed. */
const harmful = fc.oneof(
  fc
    .array(fc.constantFrom(...METACHARACTERS, 'shop', '192.0.2.10', 'a', '1'), { minLength: 1, maxLength: 8 })
    .map((all) => all.join('')),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
  fc
    .tuple(
      fc.constantFrom('shop', '192.0.2.10', '2001:db8::1', 'tcp', 'random'),
      fc.constantFrom(...METACHARACTERS),
    )
    .map((two) => two.join('')),
);

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const ADDRESS = /(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9a-fA-F:.]+)/.source;
const WORD = new RegExp(`^(?:${ADDRESS}(?:/[0-9]{1,3}|-${ADDRESS})?|tcp|random|masquerade|preserve)$`);

type Path = readonly (string | number)[];

/** The paths of all strings (`what` is `values`) or of all keys in `data`. */
function pathsTo(what: 'values' | 'keys', data: unknown, path: Path = []): Path[] {
  if (typeof data === 'string') return what === 'values' ? [path] : [];
  if (typeof data !== 'object' || data === null) return [];
  return Object.entries(data).flatMap(([key, value]) => {
    const at = [...path, Array.isArray(data) ? Number(key) : key];
    return [...(what === 'keys' && !Array.isArray(data) ? [at] : []), ...pathsTo(what, value, at)];
  });
}

/** A copy of `data` in which the value at `path` is `text`, or its key. */
function replaced(data: unknown, path: Path, what: 'values' | 'keys', text: string): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return text;
  if (Array.isArray(data)) {
    return data.map((item: unknown, index) => (index === step ? replaced(item, rest, what, text) : item));
  }
  return Object.fromEntries(
    Object.entries(data as object).map(([key, value]: [string, unknown]) => {
      if (key !== step) return [key, value];
      if (what === 'keys' && rest.length === 0) return [text, value];
      return [key, replaced(value, rest, what, text)];
    }),
  );
}

const products = OUTPUT_TYPES.flatMap((outputType) =>
  (['load', 'drain', 'remove'] as const).map((action) => ({ outputType, action })),
);

/** The products of `spec`, all of them; undefined if it is refused. */
function productsOf(spec: string, name?: string, file = 'spec.json'): string[] | undefined {
  const path = join(directory, file);
  writeFileSync(path, spec);
  const rest = { inputs: [path], name, out: undefined };
  const outcomes: Outcome[] = products.map((product) => print({ ...product, ...rest }));
  rmSync(path);
  const refused = outcomes.map(({ problems, stdout }) => {
    const isRefused = problems.some(isError);
    expect(isRefused).toBe(stdout === '');
    return isRefused;
  });
  expect(new Set(refused).size).toBe(1);
  return refused[0] ? undefined : outcomes.map(({ stdout }) => stdout);
}

describe('a string of a spec', () => {
  const values = pathsTo('values', SPEC);

  it('that is any other text is refused, or is a name, an address or a word of the spec', () => {
    fc.assert(
      fc.property(fc.constantFrom(...values), harmful, (path, text) => {
        const texts = productsOf(JSON.stringify(replaced(SPEC, path, 'values', text)));
        if (texts !== undefined) expect(text).toMatch(path.at(-1) === 'app' ? NAME : WORD);
      }),
      { numRuns: 1500 },
    );
  });

  it('is refused as a key, unless it is one', () => {
    fc.assert(
      fc.property(fc.constantFrom(...pathsTo('keys', SPEC)), harmful, (path, text) => {
        const texts = productsOf(JSON.stringify(replaced(SPEC, path, 'keys', text)));
        if (texts !== undefined) expect(text).toBe(path.at(-1));
      }),
      { numRuns: 500 },
    );
  });

  it('in a comment, an anchor or a document marker changes no product', () => {
    const plain = productsOf(JSON.stringify(SPEC));
    const oneLine = harmful.map((text) => text.replace(/[^ -~]|[\s,:[\]{}]/g, '') || 'x');
    fc.assert(
      fc.property(oneLine, (text) => {
        const lines = Object.entries(SPEC).map(
          ([key, value]) => `${key}: ${JSON.stringify(value)} # ${text}`,
        );
        const spec = `# ${text}\n--- &${text} # ${text}\n${lines.join('\n')}\n`;
        expect(productsOf(spec)).toEqual(plain);
      }),
      { numRuns: 300 },
    );
  });

  it('as the name of a file changes no product', () => {
    const plain = productsOf(JSON.stringify(SPEC));
    const fileName = harmful.map((text) => `${text.replace(/[/\0\ud800-\udfff]/g, '').slice(0, 40)}.json`);
    fc.assert(
      fc.property(fileName, (file) => {
        expect(productsOf(JSON.stringify(SPEC), undefined, file)).toEqual(plain);
      }),
      { numRuns: 300 },
    );
  });

  it('as --name is refused, or a name', () => {
    fc.assert(
      fc.property(harmful, (name) => {
        try {
          productsOf(JSON.stringify(SPEC), name);
          expect(name).toMatch(NAME);
        } catch (cause) {
          if (!(cause instanceof UsageError)) throw cause;
          expect(name).not.toMatch(NAME);
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    '$(reboot)',
    '`reboot`',
    "'; reboot #",
    '"; reboot #',
    'a\nreboot',
    'a\0b',
    '{{ 7*7 }}',
    '{% raw %}',
    '-F',
  ])('%j is refused wherever it stands', (text) => {
    for (const path of values) {
      expect(productsOf(JSON.stringify(replaced(SPEC, path, 'values', text)))).toBeUndefined();
    }
  });

  it('is found in the products when it is allowed, so that these tests look at the right thing', () => {
    const [first = ''] = productsOf(JSON.stringify({ ...SPEC, app: 'x.y_z-9' })) ?? [];
    expect(first).toContain('x.y_z-9');
  });
});
