// pomaloba try SPEC...: what is wrong is told before there is a lab, or as the environment's fault.
import { existsSync, readdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folder, pomaloba, type Result, ROOT, spec } from './run.js';

const SAMPLE = join(ROOT, 'examples/sample.json');

function tried(...args: readonly string[]): Result {
  return pomaloba(['try', ...args], { input: args.includes('-') ? 'app: 1\n' : '' });
}

describe('usage errors', () => {
  test.each([
    { args: [], says: 'no spec is given' },
    { args: [SAMPLE, '--output-type', 'helm'], says: 'Allowed choices are' },
    { args: [SAMPLE, '--requests', '0'], says: '--requests 0 cannot be' },
    { args: [SAMPLE, '--requests', '1e3'], says: '--requests 1e3 cannot be' },
    { args: [SAMPLE, '--requests', '100001'], says: 'it is a number from 1 to 100000' },
    { args: [SAMPLE, '--kill', 'Worker9'], says: 'there is Worker1 (10.0.1.2), Worker2 (10.0.1.3), Worker3' },
    { args: [SAMPLE, '--name', '../x'], says: 'cannot name a ruleset' },
  ])('$args: $says', ({ args, says }) => {
    const { code, stdout, stderr } = tried(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(says);
  });

  test('several apps need a name, as where they are printed', () => {
    const file = join(folder({ 'a.yml': `${spec('a', 1)}---\n${spec('b', 2)}` }), 'a.yml');
    const { code, stderr } = tried(file);
    expect(code).toBe(2);
    expect(stderr).toContain('add --name NAME');
  });

  test('--json tells them as JSON', () => {
    const { code, stdout, stderr } = tried(SAMPLE, '--kill', 'nobody', '--json');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(JSON.parse(stderr)).toMatchObject({
      problems: [{ code: 'usage', message: '--kill nobody is no worker' }],
    });
  });
});

test('problems of the spec, and what a packet filter cannot do, as everywhere', () => {
  const { code, stdout, stderr } = tried('-');
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/:1:\d+ error/);
  const hashed = `${spec()}scheduler: source-hash\n`;
  const refused = pomaloba(['try', '-', '--output-type', 'iptables'], { input: hashed });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('not-in-backend');
});

describe('what no lab can be made for', () => {
  const of = (text: string, ...args: readonly string[]) => pomaloba(['try', '-', ...args], { input: text });

  test.each([
    {
      what: 'nothing but SCTP',
      text: spec().replace('port: 80 }', 'port: 80, protocol: sctp }'),
      says: 'there is nothing to try',
    },
    {
      what: "addresses of the lab's own",
      text: spec().replace('198.51.100.1', '198.18.7.7'),
      says: 'which the lab uses for itself',
    },
    {
      what: 'too many workers',
      text: manyWorkers(1001),
      says: 'it has 1001 hosts of destinations, and a lab has at most 1000',
    },
  ])('$what', ({ text, says }) => {
    const { code, stdout, stderr } = of(text);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(says);
  });

  function manyWorkers(count: number): string {
    const destinations = Array.from({ length: count }, (_, i) => ({
      ip: `10.1.${i >> 8}.${i & 255}`,
      port: 80,
    }));
    return JSON.stringify({
      pomaloba: 1,
      app: 'big',
      endpoints: [{ ip: '192.0.2.10', port: 80 }],
      destinations,
    });
  }
});

describe('a tool that is missing', () => {
  /** A PATH with everything of the system but some programs. */
  function pathWithout(...names: readonly string[]): string {
    const bin = folder();
    for (const directory of ['/usr/bin', '/bin', '/usr/sbin', '/sbin', dirname(process.execPath)].filter(
      existsSync,
    )) {
      for (const name of readdirSync(directory)) {
        if (names.includes(name) || existsSync(join(bin, name))) continue;
        symlinkSync(join(directory, name), join(bin, name));
      }
    }
    return bin;
  }

  test('unshare: nothing is tried', () => {
    const { code, stdout, stderr } = pomaloba(['try', SAMPLE], { env: { PATH: pathWithout('unshare') } });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('pomaloba: network namespaces cannot be created here:\n');
    expect(stderr).toContain(
      '\n  Install unshare: it is in the Debian package util-linux (sudo apt-get install util-linux).\n',
    );
    expect(stderr).not.toContain('\ufffd');
  });
});
