// What only iptables is about: rulesets of thousands of apps in one script, tables that it cannot show, and two tools
// that one script calls.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLab, type Lab } from '../../src/lab/lab.js';
import type { Action } from '../../src/print/output.js';
import { type Backend, BACKENDS, inLb, load, remove, rulesetFile, rulesOf } from '../support/backends.js';
import { viewOf } from '../support/rulesets.js';

const scripts = BACKENDS.filter(({ type }) => type === 'iptables');
const legacy = scripts.filter(({ name }) => name.includes('legacy'));
const ofNft = scripts.filter(({ name }) => !name.includes('legacy'));

/** An app for both address families; those that are not in `open` have no destination for it. */
function spec(open: readonly string[], more = ''): string {
  const destinations = [
    { ip: '198.51.100.1', port: 30_080, weight: open.includes('ipv4') ? 1 : 0 },
    { ip: '2001:db8:2::1', port: 30_080, weight: open.includes('ipv6') ? 1 : 0 },
  ];
  const endpoints = [`192.0.2.10${more}`, `2001:db8:1::10${more}`].map((ip) => ({ ip, port: 80 }));
  return JSON.stringify({ pomaloba: 1, app: 'MyApp', endpoints, destinations });
}

const OPEN = spec(['ipv4', 'ipv6']);

let lab: Lab;

beforeEach(async () => {
  lab = await createLab({ endpointAddresses: [], workers: [] });
});
afterEach(async () => {
  await lab.close();
});

// Legacy, as in a user namespace the other one cannot send so many rules (see LabPlan).
test.each(legacy)('8,000 apps load and go', async (backend) => {
  const apps = [...Array(8000).keys()].map((index) => ({
    pomaloba: 1,
    app: `application-number-${index}`,
    endpoints: [{ ip: `10.${index >> 8}.${index & 255}.1`, port: 80 }],
    destinations: [{ ip: '198.51.100.1', port: 30_080 }],
  }));
  const view = viewOf(apps.map((app) => `---\n${JSON.stringify(app)}\n`).join(''));
  await load(lab, backend, view);
  expect((await rulesOf(lab, backend)).match(/-j DNAT --to-destination \d/g)).toHaveLength(8000);
  await remove(lab, backend, view);
  expect(await rulesOf(lab, backend)).not.toContain('PMLB');
});

/** What a spec needs to see. */
const NEEDS = [
  { table: 'ip nat', text: OPEN },
  { table: 'ip6 nat', text: OPEN },
  { table: 'ip6 filter', text: spec(['ipv4']) },
];

/** Runs a script that may fail; returns what it says, on one line, and its exit code. */
async function run(backend: Backend, text: string, action: Action = 'load'): Promise<string> {
  const file = rulesetFile(backend, text, action);
  const { code, stderr } = await lab.exec('lb', ['sh', '-c', `${backend.tools} dash "$1"`, 'sh', file]);
  return `${code} ${stderr.trim().replaceAll('\n', ' ')}`;
}

describe.each(scripts)('$name', (backend) => {
  test('changes no address family where the rules of another are refused', async () => {
    await load(lab, backend, OPEN);
    const loaded = await rulesOf(lab, backend);
    const six = 'sed "/^-6 /s/--to-destination .*/--to-destination nowhere/" "$1" >/run/broken';
    await inLb(
      lab,
      backend,
      `${six}; ! dash /run/broken 2>/dev/null`,
      rulesetFile(backend, spec(['ipv4', 'ipv6'], '1')),
    );
    expect(await rulesOf(lab, backend)).toBe(loaded);
  });
});

// What the legacy one loads it can show.
describe.each(ofNft)('$name, where another program has put what only nft knows', (backend) => {
  const hide = (table: string): Promise<string> =>
    inLb(
      lab,
      backend,
      `nft add table ${table}; nft add chain ${table} FOREIGN; nft add rule ${table} FOREIGN numgen inc mod 2 0 counter`,
    );
  const show = (table: string): Promise<string> => inLb(lab, backend, `nft delete chain ${table} FOREIGN`);
  const rules = (): Promise<string> => inLb(lab, backend, 'nft -s list ruleset');

  test.each([
    { table: 'ip filter', text: OPEN },
    { table: 'ip6 filter', text: OPEN },
    { table: 'ip6 filter', text: spec(['ipv6']) },
  ])('warns and goes on where it needs nothing in table $table', async ({ table, text }) => {
    await hide(table);
    const warning =
      /^0 pomaloba: warning: ip6?tables cannot show table filter, .* No chain of ours is there$/;
    expect(await run(backend, text)).toMatch(warning);
    expect(await rules()).toContain('PMLB/MyApp');
    expect(await inLb(lab, backend, 'cat /proc/sys/net/ipv4/ip_forward')).toBe('1\n');
    expect(await run(backend, text, 'remove')).toMatch(warning);
    expect(await rules()).not.toContain('PMLB');
  });

  test.each(NEEDS)('loads nothing where it needs table $table', async ({ table, text }) => {
    await hide(table);
    const before = await rules();
    expect(await run(backend, text)).toMatch(
      /^1 pomaloba: ip6?tables cannot show table \w+, .* Use --output-type nftables/,
    );
    expect(await rules()).toBe(before);
    expect(await inLb(lab, backend, 'cat /proc/sys/net/ipv4/ip_forward')).toBe('0\n');
  });

  test.each(NEEDS)(
    'says so where chains of ours are in table $table, and removes the rest',
    async ({ table, text }) => {
      await load(lab, backend, text);
      await hide(table);
      const loaded = await rules();
      const refusal =
        /^1 pomaloba: ip6?tables cannot show table \w+, .* nor remove our chains there\. Take those rules away/;
      if (table.endsWith('filter')) expect(await run(backend, OPEN)).toMatch(refusal);
      expect(await rules()).toBe(loaded);
      expect(await run(backend, text, 'remove')).toMatch(refusal);
      const left = (await rules()).split(/^table /m).filter((part) => part.includes('PMLB'));
      expect(left.map((part) => part.slice(0, table.length))).toEqual([table]);
      await show(table);
      expect(await run(backend, text, 'remove')).toBe('0 ');
      expect(await rules()).not.toContain('PMLB');
    },
  );

  test('does not know without nft what is left, and says so', async () => {
    await hide('ip filter');
    await load(lab, backend, OPEN);
    const hideNft = 'mount --bind /dev/null "$(command -v nft)"';
    const undo = `unshare -m sh -c '${hideNft}; dash "$1"' sh "$1"`;
    const file = rulesetFile(backend, OPEN, 'remove');
    const { code, stderr } = await lab.exec('lb', ['sh', '-c', undo, 'sh', file]);
    expect(`${code} ${stderr}`).toMatch(/^1 .* Install the package nftables and run this again/);
    expect(await rules()).not.toContain('PMLB');
  });
});
