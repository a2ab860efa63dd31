// A firewall on the load balancer that drops what is forwarded: what was balanced passes it, both ways, and nothing
// else does; and the undo leaves the firewall as it was.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Lab } from '../../src/lab/lab.js';
import { BACKENDS, inLb, load, remove, rulesOf, SCRIPTS } from '../support/backends.js';
import {
  BESIDE_LEGACY,
  DOCKER,
  ENDPOINT_IPS,
  type Firewall,
  HIDDEN,
  NAMESAKE,
  NFT_SCRIPT,
  spec,
  TABLES,
} from '../support/firewalls.js';
import { answers, DESTINATIONS, ENDPOINTS, forwardingLab, PROTOCOLS } from '../support/forwarded.js';

/** Ports of the endpoints' addresses that somebody else publishes. */
const PUBLISHED = ENDPOINT_IPS.map((ip) => ({ ip, port: 81 }));

const PUBLISH = `nft -f - <<'NFT'
table inet publisher {
	chain prerouting {
		type nat hook prerouting priority -101;
		ip daddr 192.0.2.10 meta l4proto { tcp, udp } th dport 81 dnat ip to 198.51.100.1:80
		ip6 daddr 2001:db8:1::10 meta l4proto { tcp, udp } th dport 81 dnat ip6 to [2001:db8:2::1]:80
	}
}
NFT`;

/** Where all is tried; elsewhere it is enough to see who passes. */
const THOROUGH = [...BACKENDS.filter(({ type }) => type !== 'nftables-rules'), BESIDE_LEGACY].map(
  (backend) => ({
    backend,
    firewall: DOCKER,
    thorough: true,
  }),
);
const beside = (backends: typeof BACKENDS, firewalls: readonly Firewall[]) =>
  firewalls.flatMap((firewall) => backends.map((backend) => ({ backend, firewall, thorough: false })));
const CASES = [
  ...THOROUGH,
  ...beside([NFT_SCRIPT], [...TABLES, HIDDEN]),
  ...beside(SCRIPTS.slice(1, 2), TABLES.slice(0, 2)),
  ...beside([...SCRIPTS, BESIDE_LEGACY], [NAMESAKE]),
];

describe.each(CASES)('$backend.name, beside $firewall.name', ({ backend, firewall, thorough }) => {
  let lab: Lab;

  beforeEach(async () => {
    lab = await forwardingLab();
    await inLb(lab, backend, PUBLISH);
  });
  afterEach(async () => {
    await lab.close();
  });

  const raise = (): Promise<string> => inLb(lab, backend, firewall.shell);

  test('lets through what was balanced and nothing else, and is as it was before afterwards', async () => {
    const others = [...DESTINATIONS, ...PUBLISHED];
    for (const protocol of PROTOCOLS)
      expect(await answers(lab, others, { protocol })).toEqual(Array(4).fill('yes'));
    await raise();
    // Tables of iptables are made when they are first used, and none of its options removes them.
    await load(lab, backend, spec());
    await remove(lab, backend, spec());
    const before = await rulesOf(lab, backend);
    expect(before).not.toMatch(/PMLB|pomaloba/);
    await load(lab, backend, spec());
    for (const protocol of PROTOCOLS) {
      expect(await answers(lab, ENDPOINTS, { protocol }), protocol).toEqual(Array(4).fill('yes'));
      expect(await answers(lab, others, { protocol }), protocol).not.toContain('yes');
    }
    await remove(lab, backend, spec());
    expect(await rulesOf(lab, backend)).toBe(before);
  });

  if (!thorough) return;

  test('lets connections live on that were balanced, drained ones too, and no others', async () => {
    await load(lab, backend, spec());
    const ours = await Promise.all(
      ENDPOINTS.map((target) => lab.hold('client', { target, connections: 3, timeoutMs: 1000 })),
    );
    const theirs = await Promise.all(
      PUBLISHED.map((target) => lab.hold('client', { target, connections: 3, timeoutMs: 1000 })),
    );
    await raise();
    await load(lab, backend, spec());
    await load(lab, backend, spec(0));
    await new Promise((resolve) => setTimeout(resolve, 1500));
    for (const { stop } of ours) expect(await stop()).toMatchObject({ opened: 3, alive: 3 });
    for (const { stop } of theirs) expect(await stop()).toMatchObject({ opened: 3, alive: 0 });
  });

  test('lets errors through about what was balanced', async () => {
    await raise();
    await load(lab, backend, spec());
    const refuse =
      'table inet refuse { chain input { type filter hook input priority 0; tcp dport { 80, 8005 } reject; }; }';
    await lab.exec('w1', ['nft', refuse]);
    // IPv6 believes only the second one, a second later.
    expect(await answers(lab, ENDPOINTS, { timeoutMs: 2500 })).toEqual(Array(4).fill('ECONNREFUSED'));
  });

  // A restore file adds its jumps with each load.
  if (backend.type.endsWith('-rules')) return;

  test('is changed once, however often the script runs', async () => {
    await load(lab, backend, spec());
    await raise();
    await load(lab, backend, spec());
    const once = await rulesOf(lab, backend);
    expect(await answers(lab, ENDPOINTS)).toEqual(Array(4).fill('yes'));
    await load(lab, backend, spec());
    expect(await rulesOf(lab, backend)).toBe(once);
  });
});
