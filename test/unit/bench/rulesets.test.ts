// The rulesets of others, where a mistake would not keep them from loading.
import { expect, it } from 'vitest';
import { asked, changed, fleet, WORKER_PORT } from '../../../bench/traffic/fleet.mjs';
import * as iptables from '../../../bench/traffic/iptables.mjs';
import * as nftables from '../../../bench/traffic/nftables.mjs';

it('has apps with endpoints of their own, the last of which goes to the workers', () => {
  const apps = fleet(5000, 3);
  expect(new Set(apps.map(({ ip, port }) => `${ip}:${port}`)).size).toBe(5000);
  expect(asked(apps).destinations.map(({ port }) => port)).toEqual([WORKER_PORT, WORKER_PORT, WORKER_PORT]);
  expect(new Set(asked(fleet(1, 500)).destinations.map(({ ip }) => ip)).size).toBe(500);
  expect(asked(changed(apps, '10.23.9.9')).destinations.at(-1)?.ip).toBe('10.23.9.9');
});

it('gives the original a rule of each destination, with the share of what is left', () => {
  const rules = iptables.original(fleet(2, 3)).split('\n');
  const shares = rules.flatMap((rule) => /s00001_DNAT .*--probability (\S+)/.exec(rule)?.[1] ?? []);
  expect(shares).toEqual(['0.33333', '0.50000', '1.00000']);
  expect(rules.filter((rule) => rule.startsWith('-A PREROUTING'))).toHaveLength(2);
});

it('removes as commands what it adds', () => {
  const commands = iptables.originalCommands(fleet(1, 3)).trim().split('\n');
  const of = (word: string) => commands.filter((command) => command.includes(` ${word} `)).length;
  expect([of('-D'), of('-F'), of('-X'), of('-N'), of('-A')]).toEqual([2, 2, 2, 2, 8]);
});

it("changes only the chains of one app in kube-proxy's shapes, and one element of the map", () => {
  const apps = changed(fleet(100, 3), '10.23.9.9');
  expect(iptables.kubeProxyChange(apps).match(/^:/gm)).toHaveLength(2);
  expect(iptables.kubeProxyChange(apps)).toContain('-j DNAT --to-destination 10.23.9.9:31234');
  expect(nftables.kubeProxyChange(apps).match(/kube-proxy endpoint-s00099-2/g)).toHaveLength(3);
  expect(nftables.flatMapChange(apps)).toMatch(
    /^delete element .* \. 2 \}\nadd element .* \. 2 : 10\.23\.9\.9 /,
  );
});

it('replaces the elements of the maps of a ruleset, not those of its sets', () => {
  expect(nftables.onlyElements(nftables.flatMap(fleet(1, 1)))).toBe(
    'flush map ip bench slots\nadd element ip bench slots {\n10.96.0.2 . 8000 . 0 : 10.21.1.1 . 31234\n}\n',
  );
  const added = `add map inet t m { type ipv4_addr : verdict; }
add set inet t s { type ipv4_addr; }
table inet t {
	chain c {
	}
}
add element inet t m { 192.0.2.1 : goto c }
add element inet t s { 192.0.2.1 }
`;
  expect(nftables.onlyElements(added)).toBe(
    'flush map inet t m\nadd element inet t m { 192.0.2.1 : goto c }\n',
  );
  expect(nftables.onlyElements('table inet t {\n}\n')).toBeUndefined();
});
