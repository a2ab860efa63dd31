// What the scripts find of the firewalls of others, where they put their rules, and what they say.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLab, type Lab } from '../../src/lab/lab.js';
import {
  type Backend,
  inLb,
  load,
  OTHER_NFTS,
  remove,
  rulesetFile,
  rulesOf,
  SCRIPTS,
} from '../support/backends.js';
import { HARMLESS, HARMLESS_TABLES, spec, TABLES, WORKER_IPS } from '../support/firewalls.js';

describe.each(SCRIPTS)('$name', (backend) => {
  let lab: Lab;

  beforeEach(async () => {
    lab = await createLab({
      endpointAddresses: [],
      workers: [{ name: 'w1', addresses: WORKER_IPS }],
    });
  });
  afterEach(async () => {
    await lab.close();
  });

  const nftRules = (name: string): Promise<string> => inLb(lab, backend, `nft -s list table inet ${name}`);

  test('leaves alone what drops nothing of ours, or certain senders only', async () => {
    await inLb(lab, backend, HARMLESS);
    const before = await inLb(
      lab,
      backend,
      'for name in $1; do nft -s list table inet $name; done',
      HARMLESS_TABLES,
    );
    await load(lab, backend, spec());
    expect(
      await inLb(lab, backend, 'for name in $1; do nft -s list table inet $name; done', HARMLESS_TABLES),
    ).toBe(before);
  });

  test('comes after a blocklist, and before what drops everything', async () => {
    await inLb(lab, backend, TABLES[2]?.shell ?? '');
    await load(lab, backend, spec());
    const rules = (await nftRules('filter')).split('\n');
    const places = [/blocklist/, /pomaloba:MyApp/, /counter reject/].map((text) =>
      rules.findIndex((rule) => text.test(rule)),
    );
    expect(places).not.toContain(-1);
    expect([...places].sort((one, other) => one - other)).toEqual(places);
  });

  test('what nft lists of a firewall with our rules can be loaded again', async () => {
    await inLb(lab, backend, TABLES[0]?.shell ?? '');
    await load(lab, backend, spec());
    const listed = await nftRules('filter');
    expect(listed).toContain('pomaloba:MyApp');
    await inLb(
      lab,
      backend,
      'nft -s list table inet filter >/run/saved; nft delete table inet filter; nft -f /run/saved',
    );
    expect(await nftRules('filter')).toBe(listed);
  });

  test('says what it does, in a line each, and does nothing if told so', async () => {
    await inLb(lab, backend, TABLES[0]?.shell ?? '');
    const before = await nftRules('filter');
    const file = rulesetFile(backend, spec());
    expect(await inLb(lab, backend, 'dash "$1"', file)).toBe(
      'pomaloba: inet filter forward may drop what is forwarded: what was balanced is let through there\n',
    );
    const closed = 'pomaloba: nothing of ours is left in inet filter\n';
    expect(await inLb(lab, backend, 'POMALOBA_FIREWALLS=no dash "$1"', file)).toBe(closed);
    expect(await nftRules('filter')).toBe(before);
    expect(await inLb(lab, backend, 'POMALOBA_FIREWALLS=no dash "$1"', file)).toBe('');
  });

  test('goes on, with a warning, where a firewall cannot be changed', async () => {
    // nft of the owner has to stay: the table goes with it.
    const owned = `mkfifo /run/pipe; sleep 60 >/run/pipe & nft -i </run/pipe >/dev/null & sleep 0.3
      echo 'add table inet theirs { flags owner; }; add chain inet theirs forward { type filter hook forward priority 0; policy drop; }' >/run/pipe; sleep 0.3`;
    await inLb(lab, backend, owned);
    const { code, stderr } = await lab.exec('lb', [
      'sh',
      '-c',
      `${backend.tools} dash "$1"`,
      'sh',
      rulesetFile(backend, spec()),
    ]);
    expect(stderr).toMatch(
      /^pomaloba: warning: inet theirs forward may drop what was balanced, and could not be changed$/m,
    );
    expect(code).toBe(0);
  });

  test('a ruleset takes the rules over of those that it takes the place of, and no others', async () => {
    await inLb(lab, backend, TABLES[0]?.shell ?? '');
    const other = (name: string, last: number): string =>
      spec()
        .replaceAll('MyApp', name)
        .replaceAll('192.0.2.10', `192.0.2.${last}`)
        .replaceAll('::10', `::${last}`);
    const both = `---\n${spec()}\n---\n${other('second', 11)}\n`;
    await load(lab, backend, spec());
    await load(lab, backend, other('bystander', 12));
    await load(
      lab,
      backend,
      spec(0)
        .replaceAll('MyApp', 'rejecting')
        .replaceAll('192.0.2.10', '192.0.2.13')
        .replaceAll('::10', '::13'),
    );
    await load(lab, backend, both);
    const comments = (text: string): string[] => [...new Set(text.match(/pomaloba:[\w-]+/g))].sort();
    expect(comments(await nftRules('filter'))).toEqual([
      'pomaloba:bystander',
      'pomaloba:lb',
      'pomaloba:rejecting',
    ]);
    await remove(lab, backend, both);
    const rest = await nftRules('filter');
    expect(comments(rest)).toEqual(['pomaloba:bystander', 'pomaloba:rejecting']);
    expect(rest).not.toMatch(/PMLB\/(MyApp|lb)/);
  });

  test('takes its rules away where nothing drops any more', async () => {
    await inLb(lab, backend, TABLES[0]?.shell ?? '');
    await inLb(lab, backend, 'nft flush chain inet filter forward');
    await load(lab, backend, spec());
    expect(await nftRules('filter')).toContain('pomaloba:MyApp');
    await inLb(lab, backend, "nft 'chain inet filter forward { policy accept; }'");
    await load(lab, backend, spec());
    expect(await nftRules('filter')).not.toMatch(/PMLB|pomaloba/);
  });

  test('comes before what drops again where somebody has put a rule in front', async () => {
    await inLb(lab, backend, TABLES[0]?.shell ?? '');
    await load(lab, backend, spec());
    const once = await nftRules('filter');
    await inLb(lab, backend, 'nft insert rule inet filter forward counter drop');
    await load(lab, backend, spec());
    expect(await nftRules('filter')).toMatch(/pomaloba:MyApp"\n\t\tcounter drop\n/);
    expect((await nftRules('filter')).split('\n')).toHaveLength(once.split('\n').length + 1);
  });

  test('names the variant of iptables whose rules nobody looks at', async () => {
    await inLb(
      lab,
      backend,
      'for tool in legacy nft; do iptables-$tool -A INPUT -s 198.18.1.77 -j DROP; done',
    );
    const { code, stderr } = await lab.exec('lb', [
      ...['sh', '-c', `${backend.tools} dash "$1"`, 'sh', rulesetFile(backend, spec())],
    ]);
    const unused = backend.name.includes('legacy') ? 'nft' : 'legacy';
    const warning = `pomaloba: warning: iptables-${unused} has rules, too, which iptables does not show: look with iptables-${unused}-save\n`;
    expect(stderr).toContain(warning);
    expect(code).toBe(0);
  });
});

describe.each(OTHER_NFTS)('the script with nft of $suite', ({ suite, available, backend: rules }) => {
  test.each(TABLES)('finds $name, and no more of it', async ({ shell }) => {
    // Both versions beside one kernel: iptables is the system's.
    expect(available, `nft of ${suite}`).toBe(true);
    const backend: Backend = { ...rules, type: 'nftables', load: 'dash "$1"' };
    await using lab = await createLab({ endpointAddresses: [], workers: [] });
    await inLb(lab, backend, shell);
    const before = await rulesOf(lab, backend);
    await load(lab, backend, spec());
    const opened = await rulesOf(lab, backend);
    expect(opened).toContain('comment "pomaloba:MyApp"');
    await load(lab, backend, spec());
    expect(await rulesOf(lab, backend)).toBe(opened);
    const reload = 'for family in ip ip6 inet; do nft list table $family filter >/dev/null 2>&1 || continue';
    const loadAgain =
      'nft -s list table $family filter >/run/saved; nft delete table $family filter; nft -f /run/saved';
    const compare = 'nft -s list table $family filter | cmp - /run/saved || exit 1; done';
    await inLb(lab, backend, [reload, loadAgain, compare].join('; '));
    await remove(lab, backend, spec());
    expect(await rulesOf(lab, backend)).toBe(before);
  });
});
