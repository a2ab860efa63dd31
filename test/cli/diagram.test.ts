// pomaloba diagram SPEC...: the picture, in all formats.
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { pomaloba, ROOT } from './run.js';

const SAMPLE = join(ROOT, 'examples/sample.json');
const DESTINATIONS = ['10.0.1.2:31234', '10.0.1.3:31234', '10.0.1.4:31234'];

describe.each(['text', 'mermaid', 'svg'])('--format %s', (format) => {
  const draw = () => pomaloba(['diagram', SAMPLE, '--format', format]);

  test('shows who is sent where, and is the same each time', () => {
    const { code, stdout, stderr } = draw();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const text of ['MyApp', '1.2.3.4:1234/tcp', '33.33 %', ...DESTINATIONS])
      expect(stdout).toContain(text);
    expect(draw().stdout).toBe(stdout);
  });

  test('prints nothing of a spec that is wrong', () => {
    const { code, stdout, stderr } = pomaloba(['diagram', '-', '--format', format], { input: 'app: 1\n' });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/:1:\d+ error/);
  });
});

test('text is the default', () => {
  expect(pomaloba(['diagram', SAMPLE])).toEqual(pomaloba(['diagram', SAMPLE, '--format', 'text']));
});

test('SVG has a box for each of them, and an arrow', () => {
  const { stdout } = pomaloba(['diagram', SAMPLE, '--format', 'svg']);
  expect(stdout).toMatch(/^<\?xml [^]*<\/svg>\n$/);
  expect(stdout.match(/<g id="node\d+" class="node">/g)).toHaveLength(2 + DESTINATIONS.length);
  expect(stdout.match(/<g id="edge\d+" class="edge">/g)).toHaveLength(1 + DESTINATIONS.length);
});

test('a format that is none is a usage error', () => {
  const { code, stdout, stderr } = pomaloba(['diagram', SAMPLE, '--format', 'png']);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain('Allowed choices are text, mermaid, svg');
});
