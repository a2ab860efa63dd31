// pomaloba explain SPEC...: what becomes of the connections, for people and for programs.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Explanation } from '../../src/explain/facts.js';
import { folder, pomaloba, ROOT, spec } from './run.js';

const GOLDEN = join(ROOT, 'test/golden');

/** The text for `input`, which must be a valid spec. */
function explained(input: string, ...args: readonly string[]): string {
  const { code, stdout, stderr } = pomaloba(['explain', '-', ...args], { input });
  expect(code, stderr).toBe(0);
  return stdout;
}

function asData(input: string): Explanation {
  return JSON.parse(explained(input, '--json')) as Explanation;
}

/** A spec of two families, with `more` keys. */
function dual(more: string): string {
  return `pomaloba: 1
app: dual
endpoints: [{ ip: 192.0.2.10, port: 80 }, { ip: "2001:db8::10", port: 80 }, { ip: "2001:db8::10", port: 81 }]
destinations: [{ ip: 198.51.100.1, port: 30080 }, { ip: "2001:db8:2::1", port: 30080, weight: 2 }]
${more}
`;
}

describe('docs/explain.md', () => {
  const docs = readFileSync(join(ROOT, 'docs/explain.md'), 'utf8');
  const block = (language: string): string =>
    new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'm').exec(docs)?.[1] ?? '';

  it('shows what is printed', () => {
    expect(explained(block('yaml'))).toBe(block('text'));
  });

  it('shows what --json prints, with its keys in this order', () => {
    const json = explained(block('yaml'), '--json');
    expect(JSON.stringify(JSON.parse(json))).toBe(JSON.stringify(JSON.parse(block('json'))));
    expect(json).toMatch(/[^\n]\n$/);
  });
});

describe('the text', () => {
  it('of several apps has all of them in order, and at the end what concerns all', () => {
    const text = explained(`${spec('b', 1)}---\n${spec('a', 2).replace('100.1', '100.2')}`);
    expect(text.match(/^\S.*/gm)).toEqual(['b', 'a', 'conntrack, for all apps together']);
    expect(text).toContain('nf_conntrack_max = 129024 ');
    expect(text).not.toContain('in common');
  });

  it('says that apps share a destination, which is counted once', () => {
    const text = explained(`${spec('b', 1)}---\n${spec('a', 2)}`);
    expect(text).toContain('nf_conntrack_max = 64512 ');
    expect(text).toContain('several apps have a destination in common');
  });

  it('has a part for each family, with the endpoints and destinations of its own', () => {
    const parts = explained(dual('')).split('\n\n');
    expect(parts[1]).toMatch(/^ {2}IPv4 endpoints {2}192\.0\.2\.10:80\/tcp\n/);
    expect(parts[2]).toMatch(/198\.51\.100\.1:30080 {7}1 {2}100\.00 % {4}64,512$/);
    expect(parts[3]).toMatch(/^ {2}IPv6 endpoints {2}\[2001:db8::10\]:80\/tcp, \[2001:db8::10\]:81\/tcp\n/);
    expect(parts[4]).toMatch(/\[2001:db8:2::1\]:30080 {7}2 {2}100\.00 % {4}64,512$/);
    expect(parts).toHaveLength(6);
  });

  it.each([
    { name: 'everyone', more: '', ipv4: 'everyone', ipv6: 'everyone' },
    {
      name: 'networks, merged',
      more: 'allow_from: [203.0.113.0/25, 203.0.113.128/25, "2001:db8:3::/48"]',
      ipv4: 'only 203.0.113.0/24; others get no answer',
      ipv6: 'only 2001:db8:3::/48; others get no answer',
    },
    {
      name: 'everyone of one family, nobody of the other',
      more: 'allow_from: ["::/0"]',
      ipv4: 'nobody: allow_from has no IPv4 network',
      ipv6: 'everyone',
    },
  ])('tells who may come: $name', ({ more, ipv4, ipv6 }) => {
    const clients = [...explained(dual(more)).matchAll(/^ {2}clients +(.*)$/gm)].map(([, text]) => text);
    expect(clients).toEqual([ipv4, ipv6]);
  });

  it.each([
    { scheduler: 'random', words: 'random: each new connection draws a destination' },
    { scheduler: 'round-robin', words: 'round-robin: by turns' },
  ])('has the scheduler $scheduler in words', ({ scheduler, words }) => {
    expect(explained(dual(`scheduler: ${scheduler}`))).toMatch(new RegExp(`^ {2}scheduler +${words}`, 'm'));
  });

  it('tells the limits, if there are any', () => {
    const text = explained(dual('limits: { connections_per_client: 5000, new_per_second: 7 }'));
    const words = text.replaceAll(/\s+/g, ' ');
    expect(words).toContain(
      'limits 5,000 connections of a client (IPv4 address or IPv6 /64) at the same time; 7 new',
    );
    expect(explained(dual(''))).not.toContain('limits');
  });

  it.each([
    {
      more: 'health_check: {}',
      text: 'tcp every 2 s, down after 3 failures, up after 2 passes',
    },
    {
      more: 'health_check: { http: { path: /a }, port: 81, fall: 1, rise: 1, interval: 5s, min_up: 50, on_all_down: ignore }',
      text: 'http GET /a at port 81 every 5 s, down after 1 failure, up after 1 pass; at least 50 % stay in use; while all are down, all are used',
    },
  ])('tells how destinations are checked: $more', ({ more, text }) => {
    expect(explained(dual(more)).replaceAll(/\s+/g, ' ')).toContain(` health check ${text} IPv4 endpoints`);
  });

  it('tells apart ways of checking, and counts what is more than three of them', () => {
    const own = [
      '{}',
      '{ kube_proxy: {} }',
      '{ exec: { command: [/bin/true, x] } }',
      '{ rise: 9 }',
      '{ fall: 9 }',
    ];
    const destinations = own.map((check, n) => `{ ip: 198.51.100.${n}, port: 80, health_check: ${check} }`);
    const text = explained(
      `pomaloba: 1\napp: a\nendpoints: [{ ip: 192.0.2.10, port: 80 }]\ndestinations: [${destinations.join()}]\n`,
    ).replaceAll(/\s+/g, ' ');
    const times = 'every 2 s, down after 3 failures, up after 2 passes';
    expect(text).toContain(
      `health check 1 by tcp ${times}; 1 by http GET /healthz at port 10256 ${times}; 1 by exec /bin/true ${times}; 2 in other ways `,
    );
    expect(explained(dual(''))).not.toContain('health check');
  });

  it.each([
    {
      name: 'the load balancer',
      more: '',
      ipv4: "the load balancer's address on the way to them",
      ipv6: "the load balancer's address on the way to them",
    },
    {
      name: 'addresses of it, merged',
      more: 'snat: [192.0.2.21, 192.0.2.20, "2001:db8::20"]',
      ipv4: '192.0.2.20-192.0.2.21, one of them by chance',
      ipv6: '2001:db8::20',
    },
    {
      name: 'the client',
      more: 'client_address: preserve\ndestination_networks: [198.51.100.0/24, "2001:db8:2::/64"]',
      ipv4: "the client's address, and answer through the load balancer;",
      ipv6: "the client's address, and answer through the load balancer;",
    },
  ])('tells whom the workers see: $name', ({ more, ipv4, ipv6 }) => {
    const seen = [...explained(dual(more)).matchAll(/^ {2}workers see +(.*)$/gm)].map(([, text]) => text);
    expect(seen).toEqual([ipv4, ipv6]);
  });

  it('counts the ports of each address of snat', () => {
    const text = explained(dual('snat: [192.0.2.20-192.0.2.22]'));
    expect(text).toMatch(/198\.51\.100\.1:30080 +1 +100\.00 % +193,536$/m);
    expect(text).toMatch(/\[2001:db8:2::1\]:30080 +2 +100\.00 % +64,512$/m);
    expect(text).toContain('nf_conntrack_max = 258048 ');
  });

  it('counts nothing where the client is seen, and says what that is for conntrack', () => {
    const keys = 'client_address: preserve\ndestination_networks: [198.51.100.0/24, "2001:db8:2::/64"]';
    const text = explained(dual(keys));
    expect(text).toContain("capacity        not limited: the ports are each client's own");
    expect(text).toMatch(/198\.51\.100\.1:30080 +1 +100\.00 % +no limit$/m);
    expect(text).toMatch(/^ {2}preserved +connections that keep the client's address/m);
    expect(text).not.toMatch(/^ {2}(?:needed|memory)/m);
    const mixed = explained(`${dual(keys)}---\n${spec('other', 99)}`);
    expect(mixed).toContain('nf_conntrack_max = 64512 ');
    expect(mixed).toMatch(/^ {2}preserved /m);
  });

  it('says that an app without destinations rejects, and nothing of conntrack', () => {
    const text = explained(spec().replace(/destinations:[^]*/, 'destinations: []\n'));
    expect(text).toMatch(/^ {2}capacity +none: every connection is rejected at once$/m);
    expect(text).not.toMatch(/conntrack|clients {2}|share/);
  });

  it('says of drained destinations that they are, and that their pool rejects', () => {
    const text = explained(spec().replace('31080 }', '31080, weight: 0 }'));
    expect(text).toMatch(/198\.51\.100\.1:31080 +0 {2}drained +-$/m);
    expect(text).toMatch(/^ {2}capacity +none: /m);
  });

  it('is the same in every locale', () => {
    const env = { LC_ALL: 'de_CH.UTF-8', LANG: 'tr_TR.UTF-8' };
    expect(pomaloba(['explain', '-'], { input: spec(), env }).stdout).toBe(explained(spec()));
    expect(explained(spec())).toContain(' 64,512 ');
  });

  it('has 80 columns at most, whatever the length of names and addresses', () => {
    const long = '2001:db8:1111:2222:3333:4444:5555';
    const endpoints = Array.from({ length: 9 }, (_, n) => `{ ip: "${long}:aaa${n}", port: 50000 }`).join();
    const destinations = Array.from({ length: 9 }, (_, n) => `{ ip: "${long}:bbb${n}", port: 50000 }`).join();
    const networks = Array.from({ length: 9 }, (_, n) => `"${long}:cc${10 + 2 * n}"`).join();
    const text = explained(
      `{pomaloba: 1, app: ${'x'.repeat(63)}, endpoints: [${endpoints}], destinations: [${destinations}], allow_from: [${networks}]}`,
    );
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    for (const end of ['aaa8', 'bbb8', 'cc26']) expect(text).toContain(`${long}:${end}`);
  });
});

describe('--json', () => {
  it.each(readdirSync(GOLDEN))('of the golden spec %s agrees with its text and its rulesets', (name) => {
    const path = join(GOLDEN, name);
    const file = readdirSync(path).find((one) => one.startsWith('spec.')) ?? '';
    const input = readFileSync(join(path, file), 'utf8');
    const text = explained(input);
    const rules = readFileSync(join(path, 'expected/nftables.nft'), 'utf8');
    const pools = asData(input).apps.flatMap((app) => app.pools);
    expect(pools).not.toHaveLength(0);
    for (const { destinations, capacity } of pools) {
      const used = destinations.filter(({ percent }) => percent > 0);
      expect(used.reduce((sum, one) => sum + (one.capacity ?? 0), 0)).toBe(capacity ?? 0);
      for (const { ip, weight, percent, drained, backup } of destinations) {
        expect(drained).toBe(weight === 0);
        const rest = backup && percent === 0 ? 'backup' : `${percent.toFixed(2)} %`;
        const share = drained ? 'drained' : rest;
        expect(text).toMatch(new RegExp(`${ip}\\S* +${weight} +${share}`));
        // A ruleset leaves out what is certain.
        if (percent > 0 && percent < 100) expect(rules).toContain(share);
      }
    }
  });

  it('tells everyone from nobody', () => {
    const [app] = asData(dual('allow_from: ["::/0"]')).apps;
    expect(app?.pools.map((pool) => pool.allow_from)).toEqual([[], null]);
  });

  it('prints warnings as JSON on standard error, beside the product', () => {
    const input = spec().replace(/destinations:[^]*/, 'destinations: []\n');
    const { code, stdout, stderr } = pomaloba(['explain', '-', '--json'], { input });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      version: 1,
      apps: [{ app: 'shop' }],
      conntrack: { entries: 0 },
    });
    expect(JSON.parse(stderr)).toMatchObject({ problems: [{ severity: 'warning' }] });
  });
});

describe('specs', () => {
  it.each([
    { name: 'plain arguments', args: ['a.yml', 'b.yml'] },
    { name: '--input-spec', args: ['--input-spec', 'a.yml', '--input-spec', 'b.yml'] },
    { name: 'a directory', args: ['specs'] },
  ])('come from $name', ({ args }) => {
    const [a, b] = [spec('a', 1), spec('b', 2)];
    const cwd = folder({ 'a.yml': a, 'b.yml': b, 'specs/a.yml': a, 'specs/b.yml': b });
    const expected = { code: 0, stdout: explained(`${a}---\n${b}`), stderr: '' };
    expect(pomaloba(['explain', ...args], { cwd })).toEqual(expected);
  });

  it.each([{ flags: [] }, { flags: ['--json'] }])(
    'with problems end with exit code 1 and nothing on standard output $flags',
    ({ flags }) => {
      const { code, stdout, stderr } = pomaloba(['explain', '-', ...flags], { input: 'app: 1\n' });
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toContain('wrong-type');
    },
  );

  it('that are missing end with exit code 2', () => {
    expect(pomaloba(['explain', 'missing.yml'])).toMatchObject({ code: 2, stdout: '' });
  });
});
