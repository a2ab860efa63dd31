// --delete removes everything of its ruleset and nothing else, in whatever state that is; loading replaces exactly
// one ruleset. Compared by what the kernel lists before and after.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLab, type Lab } from '../../src/lab/lab.js';
import { buildRuleset } from '../../src/model/build.js';
import { readDocuments } from '../../src/read/document.js';
import { validateDocuments } from '../../src/validate/validate.js';
import { buildView } from '../../src/view/view.js';
import { BACKENDS, inLb, load, remove, rulesetFile, rulesOf } from '../support/backends.js';

/**
 * Rules of others in every place that we use, too; one of them has our endpoint's address. The iptables of nftables
 * makes its built-in chains when they are first used, and none of its options removes them: here they are there.
 */
const FOREIGN = `
nft -f - <<'NFT'
table inet foreign {
	map endpoints-ip { type ipv4_addr . inet_service : verdict; elements = { 192.0.2.10 . 22 : accept } }
	chain prerouting { type nat hook prerouting priority -100; ip daddr . tcp dport vmap @endpoints-ip; }
	chain forward { type filter hook forward priority 0; policy accept; counter; }
}
NFT
for tool in iptables ip6tables; do
	$tool -t nat -N FOREIGN
	$tool -t nat -A FOREIGN -p tcp --dport 9 -m comment --comment "a 'quoted' \\"comment\\"" -j RETURN
	$tool -t nat -A PREROUTING -j FOREIGN
	$tool -t nat -A OUTPUT -p tcp --dport 9 -j RETURN
	$tool -t nat -A POSTROUTING -p tcp --dport 9 -j MASQUERADE
	$tool -t mangle -A PREROUTING -p tcp --dport 9 -j RETURN
	$tool -t mangle -A OUTPUT -p tcp --dport 9 -j RETURN
	$tool -A FORWARD -p tcp --dport 9 -j ACCEPT
	$tool -A INPUT -p tcp --dport 9 -j ACCEPT
	$tool -A OUTPUT -p tcp --dport 9 -j ACCEPT
	$tool -t nat -N PMLB
	$tool -t nat -N PMLB/MyAppOfSomebodyElse
done`;

const destinations = (count: number) =>
  [...Array(count).keys()].flatMap((index) => [
    { ip: `198.51.100.${index + 1}`, port: 30_080 },
    { ip: `2001:db8:2::${index + 1}`, port: 30_080 },
  ]);

function spec(app: string, last: number, more: { endpoints?: number; destinations?: number } = {}): string {
  const endpoints = [...Array(more.endpoints ?? 1).keys()].flatMap((index) => [
    { ip: `192.0.2.${last}`, port: 80 + index },
    { ip: `2001:db8:1::${last}`, port: 80 + index },
  ]);
  const list = destinations(more.destinations ?? 2);
  return `---\n${JSON.stringify({ pomaloba: 1, app, endpoints, destinations: list })}\n`;
}

const MY_APP = spec('MyApp', 10);

describe.each(BACKENDS)('$name', (backend) => {
  let lab: Lab;
  let before: string;

  beforeEach(async () => {
    lab = await createLab({ endpointAddresses: [], workers: [] });
    await inLb(lab, backend, FOREIGN);
    before = await rulesOf(lab, backend);
  });
  afterEach(async () => {
    await lab.close();
  });

  test.each([
    { state: 'not loaded', times: 0 },
    { state: 'loaded once', times: 1 },
    { state: 'loaded twice', times: 2 },
    { state: 'loaded three times', times: 3 },
  ])('removes what is $state', async ({ times }) => {
    for (let time = 0; time < times; time++) await load(lab, backend, MY_APP);
    if (times > 0) expect(await rulesOf(lab, backend)).not.toBe(before);
    await remove(lab, backend, MY_APP);
    expect(await rulesOf(lab, backend)).toBe(before);
    await remove(lab, backend, MY_APP);
    expect(await rulesOf(lab, backend)).toBe(before);
  });

  test('removes 2 endpoints with 3 destinations, where the original left a chain behind', async () => {
    const original = spec('MyApp', 10, { endpoints: 2, destinations: 3 });
    await load(lab, backend, original);
    await remove(lab, backend, original);
    expect(await rulesOf(lab, backend)).toBe(before);
  });

  test('removes what an older spec of the same name has loaded', async () => {
    await load(lab, backend, spec('MyApp', 10, { endpoints: 3, destinations: 5 }));
    await remove(lab, backend, MY_APP);
    expect(await rulesOf(lab, backend)).toBe(before);
  });

  test('a load replaces all of an older spec, and leaves a second ruleset alone', async () => {
    await load(lab, backend, MY_APP);
    const fresh = await rulesOf(lab, backend);
    await load(lab, backend, spec('MyApp', 10, { endpoints: 3, destinations: 5 }));
    await load(lab, backend, MY_APP);
    // A restore file adds its jumps again, and a file for nft leaves empty chains and counters behind: the rest is the same.
    const left = /\n\tchain \S+ \{\n\t\}\n|\n\tset (?:traffic|connections)-\S+ \{\n[^}]*\}\n\t\}\n/g;
    const trim = (text: string): string =>
      backend.type === 'nftables-rules' ? text.replaceAll(left, '') : text;
    if (backend.type !== 'iptables-rules') expect(trim(await rulesOf(lab, backend))).toBe(trim(fresh));
    await load(lab, backend, spec('other', 11));
    await load(lab, backend, MY_APP);
    await remove(lab, backend, MY_APP);
    const alone = await rulesOf(lab, backend);
    expect(alone).toContain('192.0.2.11');
    expect(alone).not.toMatch(/(?:PMLB\/|pomaloba-)MyApp(?!Of)/);
    await remove(lab, backend, spec('other', 11));
    expect(await rulesOf(lab, backend)).toBe(before);
  });

  test('a ruleset of several apps takes the place of those of its apps', async () => {
    const both = spec('MyApp', 10) + spec('other', 11);
    await load(lab, backend, MY_APP);
    await load(lab, backend, spec('bystander', 12));
    await load(lab, backend, both);
    const listed = await rulesOf(lab, backend);
    if (backend.type === 'iptables-rules') {
      // Emptied: nothing of it is left to match.
      expect(listed).not.toMatch(/-A PMLB\/MyApp -d/);
    } else {
      expect(listed).not.toMatch(/pomaloba-MyApp|PMLB\/MyApp[ /]/);
    }
    expect(listed).toMatch(/pomaloba-lb|PMLB\/lb/);
    expect(listed).toMatch(/pomaloba-bystander|PMLB\/bystander/);
    await remove(lab, backend, both);
    await remove(lab, backend, MY_APP);
    await remove(lab, backend, spec('bystander', 12));
    expect(await rulesOf(lab, backend)).toBe(before);
  });

  test('removes what a ruleset of several apps took the place of, unless that was loaded again', async () => {
    const both = spec('MyApp', 10) + spec('other', 11);
    await load(lab, backend, MY_APP);
    const fresh = await rulesOf(lab, backend);
    await load(lab, backend, both);
    await remove(lab, backend, both);
    expect(await rulesOf(lab, backend)).toBe(before);
    await load(lab, backend, MY_APP);
    await load(lab, backend, both);
    await load(lab, backend, MY_APP);
    await remove(lab, backend, both);
    // A restore file adds its jumps again: the rest is the same.
    const rules = (text: string): Set<string> => new Set(text.split('\n'));
    expect(rules(await rulesOf(lab, backend))).toEqual(rules(fresh));
  });

  test('removes a ruleset of several apps without the single ones ever loaded', async () => {
    const both = spec('MyApp', 10) + spec('other', 11);
    await load(lab, backend, both);
    await remove(lab, backend, both);
    expect(await rulesOf(lab, backend)).toBe(before);
  });

  test('a ruleset of one app under another name takes the place of its own', async () => {
    await load(lab, backend, MY_APP);
    const { specs } = validateDocuments(readDocuments({ file: 'spec.yml', text: MY_APP }).documents);
    const named = buildView(buildRuleset('lb', specs));
    await load(lab, backend, named);
    const listed = await rulesOf(lab, backend);
    expect(listed).not.toMatch(/table inet pomaloba-MyApp|-A PMLB\/MyApp -d/);
    await remove(lab, backend, named);
    await remove(lab, backend, MY_APP);
    expect(await rulesOf(lab, backend)).toBe(before);
  });

  test('leaves nothing of an app that is no longer in the spec', async () => {
    await load(lab, backend, spec('MyApp', 10) + spec('other', 11) + spec('third', 12));
    await load(lab, backend, spec('MyApp', 10) + spec('third', 12));
    await remove(lab, backend, spec('MyApp', 10) + spec('third', 12));
    expect(await rulesOf(lab, backend)).toBe(before);
  });

  test('a text that cannot be loaded changes nothing', async () => {
    await load(lab, backend, MY_APP);
    const loaded = await rulesOf(lab, backend);
    // Fine for a parser; what the rule jumps to is not there, in the last of the tables.
    const nowhere = backend.type.startsWith('iptables')
      ? 's/-j DNAT --to-destination .*/-j PMLB\\/nowhere/'
      : 's/jump balance/jump nowhere/';
    const broken = `sed '${nowhere}' "$1" >/run/broken; chmod +x /run/broken; set -- /run/broken; ! { ${backend.load}; } 2>/dev/null`;
    const rejecting = spec('MyApp', 10, { destinations: 4 }) + spec('closed', 11, { destinations: 0 });
    await inLb(lab, backend, broken, rulesetFile(backend, rejecting));
    // iptables-restore takes a file table by table, and *filter has been taken before *nat is refused.
    const tables = backend.type.startsWith('iptables') ? /\*nat[^]*?COMMIT/g : /[^]*/g;
    expect((await rulesOf(lab, backend)).match(tables)).toEqual(loaded.match(tables));
  });
});

const iptables = BACKENDS.filter(({ type }) => type === 'iptables');

describe.each(iptables)('$name, half loaded', (backend) => {
  test.each([
    { state: 'a jump is missing', damage: 'iptables -t nat -D PREROUTING -j PMLB/MyApp' },
    { state: 'a chain is empty', damage: 'iptables -t nat -F PMLB/MyApp' },
    { state: 'only IPv6 is there', damage: 'dash "$1"; ip6tables-restore --noflush <"$2"' },
    { state: 'nothing but chains is there', damage: 'dash "$1"; iptables -t nat -N PMLB/MyApp/old' },
    { state: 'there is a jump too many', damage: 'iptables -t nat -I OUTPUT -j PMLB/MyApp' },
    {
      state: 'a chain of an old version is there',
      damage: 'ip6tables -N PMLB/MyApp/old; ip6tables -A FORWARD -j PMLB/MyApp/old',
    },
  ])('is removed and is repaired where $state', async ({ damage }) => {
    await using lab = await createLab({ endpointAddresses: [], workers: [] });
    await inLb(lab, backend, FOREIGN);
    const before = await rulesOf(lab, backend);
    await load(lab, backend, MY_APP);
    const loaded = await rulesOf(lab, backend);
    const files = [
      rulesetFile(backend, MY_APP, 'remove'),
      rulesetFile({ ...backend, type: 'iptables-rules' }, MY_APP),
    ];
    await inLb(lab, backend, damage, ...files);
    await load(lab, backend, MY_APP);
    const sorted = (text: string): string[] => text.split('\n').sort();
    expect(sorted(await rulesOf(lab, backend))).toEqual(sorted(loaded));
    await inLb(lab, backend, damage, ...files);
    await remove(lab, backend, MY_APP);
    expect(await rulesOf(lab, backend)).toBe(before);
  });
});

describe.each(iptables)('$name', (backend) => {
  let lab: Lab;

  beforeEach(async () => {
    lab = await createLab({ endpointAddresses: [], workers: [] });
    await inLb(lab, backend, FOREIGN);
  });
  afterEach(async () => {
    await lab.close();
  });

  test('run at the same time, loads once', async () => {
    await load(lab, backend, MY_APP);
    const loaded = await rulesOf(lab, backend);
    const together =
      'for run in 1 2 3 4; do dash "$1" & done; for run in 1 2 3 4; do wait %$run || exit 1; done';
    await inLb(lab, backend, `set -m; ${together}; ${together}`, rulesetFile(backend, MY_APP));
    expect(await rulesOf(lab, backend)).toBe(loaded);
  });

  test('waits for the lock of iptables', async () => {
    await load(lab, backend, MY_APP);
    const loaded = await rulesOf(lab, backend);
    // Only legacy has a lock; iptables of nftables has transactions.
    const locked = 'flock /run/xtables.lock sleep 1.5 & sleep 0.3; dash "$1"; wait';
    await inLb(lab, backend, locked, rulesetFile(backend, spec('MyApp', 10, { destinations: 4 })));
    await inLb(lab, backend, locked, rulesetFile(backend, MY_APP));
    expect(await rulesOf(lab, backend)).toBe(loaded);
  });

  test('killed at any time, leaves what the next run puts right', async () => {
    const other = rulesetFile(backend, spec('MyApp', 10, { endpoints: 2, destinations: 3 }));
    await load(lab, backend, MY_APP);
    const loaded = await rulesOf(lab, backend);
    for (const seconds of [0.005, 0.01, 0.02, 0.03, 0.05]) {
      const killed = `for file in "$1" "$2" "$1"; do timeout -s KILL ${seconds} dash $file || :; done`;
      await inLb(lab, backend, killed, other, rulesetFile(backend, MY_APP, 'remove'));
      await load(lab, backend, MY_APP);
      expect(await rulesOf(lab, backend)).toBe(loaded);
    }
  });

  test('keeps a jump to our chain that an operator has added, until our chain goes', async () => {
    const before = await rulesOf(lab, backend);
    await load(lab, backend, MY_APP);
    const jump = 'iptables -t nat -A FOREIGN -s 10.0.0.0/8 -j PMLB/MyApp';
    await inLb(lab, backend, jump);
    const loaded = await rulesOf(lab, backend);
    await load(lab, backend, MY_APP);
    expect(await rulesOf(lab, backend)).toBe(loaded);
    await remove(lab, backend, MY_APP);
    expect(await rulesOf(lab, backend)).toBe(before);
  });
});
