// pomaloba trace SPEC...: what becomes of one connection, for people and for programs.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Trace } from '../../src/trace/facts.js';
import { folder, pomaloba, ROOT } from './run.js';

const WAY = ['--from', '203.0.113.7', '--to', '192.0.2.10:80'];
const TYPES = ['nftables', 'nftables-rules', 'iptables', 'iptables-rules'];

/** A spec with `more` keys. */
function spec(more = ''): string {
  return `pomaloba: 1
app: shop
endpoints: [{ ip: 192.0.2.10, port: 80, protocol: [tcp, udp] }]
destinations: [{ ip: 198.51.100.1, port: 30080 }, { ip: 198.51.100.2, port: 30080, weight: 2 }]
${more}
`;
}

function traced(input: string, args: readonly string[] = []): string {
  const { code, stdout, stderr } = pomaloba(['trace', '-', ...WAY, ...args], { input });
  expect(code, stderr).toBe(0);
  return stdout;
}

function asData(input: string, args: readonly string[] = []): Trace {
  return JSON.parse(traced(input, [...args, '--json'])) as Trace;
}

/** The printed rules of a type, by line. */
function printed(input: string, type: string): (line: number) => string {
  const rules = type.endsWith('-rules') ? type : `${type}-rules`;
  const lines = pomaloba(['-', '--output-type', rules], { input }).stdout.split('\n');
  return (line) => lines[line - 1] ?? '';
}

describe('docs/trace.md', () => {
  const docs = readFileSync(join(ROOT, 'docs/trace.md'), 'utf8');
  const block = (language: string): string =>
    new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'm').exec(docs)?.[1] ?? '';

  it('shows what is printed', () => {
    expect(`$ pomaloba trace shop.yml ${WAY.join(' ')}\n${traced(block('yaml'))}`).toBe(block('text'));
  });

  it('shows what --json prints, with its keys in this order', () => {
    const json = traced(block('yaml'), ['--json']);
    expect(JSON.stringify(JSON.parse(json))).toBe(JSON.stringify(JSON.parse(block('json'))));
  });
});

describe('the text', () => {
  const PRESERVE = 'client_address: preserve\ndestination_networks: [198.51.100.0/24]';

  it.each([
    { more: '', line: "workers see     the load balancer's address on the way to them" },
    { more: PRESERVE, line: "workers see     203.0.113.7, the client's own address, and have to answer" },
    {
      more: 'snat: [192.0.2.20-192.0.2.21, 192.0.2.30]',
      line: 'workers see     192.0.2.20-192.0.2.21, 192.0.2.30, each 33.33 %',
    },
    { more: 'snat: [192.0.2.20]', line: 'workers see     192.0.2.20' },
    {
      more: 'affinity: { client_ip: { timeout: 10m } }',
      line: 'affinity        a client that has connected within the last 600 s keeps its',
    },
    { more: 'mss: clamp', line: 'segments        are cut to what fits the path: line ' },
    {
      more: 'limits: { connections_per_client: 5000 }',
      line: 'dropped if      the client has more than 5,000 connections open: line ',
    },
    {
      more: 'limits: { new_per_second_per_client: 20 }',
      line: 'dropped if      the client opens more than 20 a second: line ',
    },
  ])('tells of $more', ({ more, line }) => {
    expect(traced(spec(more))).toContain(`\n  ${line}`);
  });

  it('tells of those whom a table of clients has no place for', () => {
    const limits = 'limits: { connections_per_client: 5, new_per_second_per_client: 2 }';
    const text = traced(spec(limits)).replaceAll(/\n {18}/g, ' ');
    const full = 'dropped if      the table of clients is full, and those who have no place in it';
    expect(text).toContain(`\n  ${full} have together more than 5 connections open: line `);
    expect(text).toContain(`\n  ${full} open together more than 2 a second: line `);
  });

  it('tells shares, and what was taken to be down', () => {
    const text = traced(spec());
    expect(text).toMatch(/^ {2}verdict {9}balanced$/m);
    expect(text).toMatch(/^ {2}198\.51\.100\.1:30080 {2}33\.33 %$/m);
    expect(text).not.toContain('down   ');
    const down = traced(spec(), ['--down', '198.51.100.2:30080']);
    expect(down).toMatch(/^ {2}down {12}198\.51\.100\.2:30080$/m);
    expect(down).toMatch(/^ {2}198\.51\.100\.1:30080 {2}100\.00 %$/m);
  });

  it.each(TYPES)('of %s names the line that drops', (type) => {
    const input = spec('allow_from: [198.18.0.0/15]');
    const text = traced(input, ['--output-type', type]);
    const line = Number(/^ {2}verdict {9}dropped by line (\d+), without an answer$/m.exec(text)?.[1]);
    expect(printed(input, type)(line)).toMatch(/counter drop$|-j DROP$/);
  });

  it.each(TYPES.flatMap((type) => ['tcp', 'udp'].map((protocol) => ({ type, protocol }))))(
    'of $type names the line that rejects $protocol, when all are down',
    ({ type, protocol }) => {
      const down = ['--down', '198.51.100.1', '--down', '198.51.100.2'];
      const text = traced(spec(), ['--output-type', type, '--protocol', protocol, ...down]);
      const how = { tcp: 'a TCP reset', udp: String.raw`an ICMP error \(port unreachable\)` }[protocol] ?? '';
      const [, line] =
        new RegExp(`^ {2}verdict {9}rejected by line (\\d+), with ${how}$`, 'm').exec(
          text.replaceAll(/\n {18}/g, ' '),
        ) ?? [];
      expect(printed(spec(), type)(Number(line)), text).toMatch(/reject/i);
    },
  );

  it('says that nothing of ours takes it', () => {
    const text = pomaloba(['trace', '-', '--from', '203.0.113.7', '--to', '192.0.2.10:81'], {
      input: spec(),
    });
    expect(text.stdout).toBe(
      '203.0.113.7 to 192.0.2.10:81/tcp, by the nftables-rules of shop\n  verdict         not balanced: no rule takes it\n',
    );
  });

  it('has 100 columns at most, and of long rules three lines', () => {
    const networks = Array.from({ length: 60 }, (_, index) => `203.0.${index * 2}.0/24`).join();
    const text = traced(
      spec(`allow_from: [${networks}]\nsnat: [192.0.2.20, 192.0.2.22, 192.0.2.24, 192.0.2.26, 192.0.2.28]`),
      ['--from', '198.18.0.1'],
    );
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(text).toMatch(/^ {8}.* …$/m);
  });

  it('of IPv6 counts clients by their /64', () => {
    const six = spec('limits: { connections_per_client: 7 }')
      .replace('192.0.2.10', '"2001:db8::10"')
      .replaceAll(/198\.51\.100\.(\d)/g, '"2001:db8:2::$1"');
    const args = ['trace', '-', '--from', '2001:db8:3::7', '--to', '[2001:db8::10]:80'];
    const { stdout } = pomaloba(args, { input: six });
    expect(stdout).toMatch(/^2001:db8:3::7 to \[2001:db8::10\]:80\/tcp, /);
    expect(stdout).toContain("the client's /64 has more than 7 connections open");
    expect(stdout).toMatch(/^ {2}\[2001:db8:2::1\]:30080 {2}33\.33 %$/m);
    const down = ['2001:db8:2::2', '[2001:db8:2::2]', '[2001:db8:2::2]:30080'];
    for (const one of down) {
      expect(pomaloba([...args, '--down', one], { input: six }).stdout).toMatch(
        /^ {2}\[2001:db8:2::1\]:30080 {2}100\.00 %$/m,
      );
    }
  });
});

describe('--json', () => {
  it.each(TYPES)('of %s has rules as they are printed, and all lines that it mentions', (type) => {
    const input = spec('limits: { new_per_second: 50 }\nmss: clamp\nsnat: [192.0.2.20-192.0.2.21]');
    const { rules, outcomes, notes, output_type: read } = asData(input, ['--output-type', type]);
    expect(read).toBe(type.replace(/(?<!-rules)$/, '-rules'));
    const lineOf = printed(input, type);
    for (const { line, text } of rules) expect(lineOf(line)).toContain(text.replace(/ … .*/, ''));
    const mentioned = [...outcomes.flatMap(({ lines }) => lines), ...notes.map(({ line }) => line)];
    expect(rules.map(({ line }) => line).toSorted()).toEqual([...new Set(mentioned)].toSorted());
    expect(outcomes.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 7);
  });
});

it.each(TYPES)('destinations of %s are in the order of the spec, whoever has the first turn', (type) => {
  const { outcomes } = asData(spec('scheduler: round-robin'), ['--output-type', type]);
  expect(outcomes).toMatchObject([
    { destination: { ip: '198.51.100.1' }, share: 0.33333333 },
    { destination: { ip: '198.51.100.2' }, share: 0.66666667 },
  ]);
});

describe('a destination that is the load balancer itself', () => {
  // The kernel asks for no source address of what it does not send on.
  it.each(TYPES)("sees the client's address, by %s", (type) => {
    const input = spec().replace('ip: 198.51.100.1, port: 30080', 'ip: 192.0.2.10, port: 8080');
    const { outcomes } = asData(input, ['--output-type', type, '--down', '198.51.100.2']);
    expect(outcomes).toMatchObject([
      { verdict: 'balanced', share: 1, destination: { ip: '192.0.2.10', port: 8080 } },
    ]);
    expect(outcomes[0]?.sources).toEqual([{ kind: 'client', ip: '203.0.113.7', share: 1 }]);
  });
});

describe('the command line', () => {
  it.each([
    {
      name: 'no client',
      args: ['--to', '192.0.2.10:80'],
      message: "required option '--from <ip>' not specified",
    },
    {
      name: 'no endpoint',
      args: ['--from', '203.0.113.7'],
      message: "required option '--to <ip:port>' not specified",
    },
    {
      name: 'a client that is none',
      args: [...WAY, '--from', '203.0.113'],
      message: '--from 203.0.113 cannot be read',
    },
    {
      name: 'a client with a port',
      args: [...WAY, '--from', '203.0.113.7:80'],
      message: '--from 203.0.113.7:80 cannot be read',
    },
    {
      name: 'a client on the load balancer',
      args: [...WAY, '--from', '127.0.0.1'],
      message: '--from 127.0.0.1 is a loopback address',
    },
    {
      name: "a client with an endpoint's address",
      args: [...WAY, '--from', '192.0.2.10'],
      message: '--from 192.0.2.10 is an address of the load balancer',
    },
    { name: 'no port', args: [...WAY, '--to', '192.0.2.10'], message: '--to 192.0.2.10 has no port' },
    { name: 'port 0', args: [...WAY, '--to', '192.0.2.10:0'], message: '--to 192.0.2.10:0 has no port' },
    {
      name: 'a port beyond the last',
      args: [...WAY, '--to', '192.0.2.10:65536'],
      message: '--to 192.0.2.10:65536 cannot be read',
    },
    {
      name: 'IPv6 without brackets',
      args: [...WAY, '--to', '2001:db8::10:80'],
      message: '--to 2001:db8::10:80 has no port',
    },
    {
      name: 'IPv6 in brackets and no port',
      args: [...WAY, '--to', '[2001:db8::10]'],
      message: '--to [2001:db8::10] has no port',
    },
    {
      name: 'IPv4 in brackets',
      args: [...WAY, '--to', '[192.0.2.10]:80'],
      message: '--to [192.0.2.10]:80 cannot be read',
    },
    {
      name: 'two families',
      args: [...WAY, '--to', '[2001:db8::10]:80'],
      message: '--from 203.0.113.7 and --to [2001:db8::10]:80 are of two address families',
    },
    {
      name: 'a protocol that there is not',
      args: [...WAY, '--protocol', 'icmp'],
      message: "'icmp' is invalid",
    },
    {
      name: 'a type that there is not',
      args: [...WAY, '--output-type', 'ansible'],
      message: "'ansible' is invalid",
    },
    {
      name: 'what is no destination',
      args: [...WAY, '--down', '198.51.100.9'],
      message: '--down 198.51.100.9 is no destination that new connections go to',
    },
    {
      name: 'a destination of another port',
      args: [...WAY, '--down', '198.51.100.1:81'],
      message: '--down 198.51.100.1:81 is no destination',
    },
    {
      name: 'a destination that cannot be',
      args: [...WAY, '--down', 'worker'],
      message: '--down worker cannot be read',
    },
    { name: 'no spec', args: ['a'], message: "required option '--from <ip>' not specified" },
  ])('with $name ends with exit code 2', ({ args, message }) => {
    const { code, stdout, stderr } = pomaloba(['trace', '-', ...args], { input: spec() });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
    const json = pomaloba(['trace', '-', ...args, '--json'], { input: spec() });
    expect(json.code).toBe(2);
    expect(JSON.parse(json.stderr)).toBeTypeOf('object');
  });

  it.each(TYPES)("with an address of snat as the client's ends with exit code 2 (%s)", (type) => {
    const args = ['trace', '-', '--to', '192.0.2.10:80', '--output-type', type, '--from', '192.0.2.21'];
    const { code, stderr } = pomaloba(args, { input: spec('snat: [192.0.2.20-192.0.2.23]') });
    expect({ code, stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--from 192.0.2.21 is') as string,
    });
  });

  it('needs a name for several apps, as printing does', () => {
    const both = `${spec()}---\n${spec().replace('shop', 'mail').replace('port: 80', 'port: 25')}`;
    expect(pomaloba(['trace', '-', ...WAY], { input: both })).toMatchObject({ code: 2, stdout: '' });
    expect(asData(both, ['--name', 'lb'])).toMatchObject({ ruleset: 'lb' });
    expect(pomaloba(['trace', '-', ...WAY, '--name', '?'], { input: both }).stderr).toContain(
      'cannot name a ruleset',
    );
  });

  it('refuses what a back end cannot do, as printing does', () => {
    const input = spec('scheduler: source-hash');
    const { code, stdout, stderr } = pomaloba(['trace', '-', ...WAY, '--output-type', 'iptables'], { input });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('not-in-backend');
    expect(asData(input).outcomes).toMatchObject([{ share: 1 }]);
  });

  it('takes specs from files, and tells their problems', () => {
    const cwd = folder({ 'shop.yml': spec(), 'bad.yml': 'app: 1\n' });
    expect(pomaloba(['trace', 'shop.yml', ...WAY], { cwd }).stdout).toBe(traced(spec()));
    expect(pomaloba(['trace', 'bad.yml', ...WAY], { cwd })).toMatchObject({ code: 1, stdout: '' });
    expect(pomaloba(['trace', 'missing.yml', ...WAY], { cwd })).toMatchObject({ code: 2, stdout: '' });
  });
});
