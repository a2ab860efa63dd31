// ufw, firewalld and netfilter-persistent themselves, as Debian packs them: what their reload leaves of ours, and that another run of the script
// is all that is needed then.
import { describe, expect, test } from 'vitest';
import type { Lab } from '../../src/lab/lab.js';
import { type Backend, BACKENDS, inLb, load, remove, rulesOf, SCRIPTS } from '../support/backends.js';
import { BESIDE_LEGACY, NFT_SCRIPT, spec } from '../support/firewalls.js';
import { answers, DESTINATIONS, ENDPOINTS, forwardingLab, PROTOCOLS } from '../support/forwarded.js';
import {
  expectPackages,
  firewalld,
  NETFILTER_PERSISTENT,
  type PackagedFirewall,
  UFW,
  UFW_FLUSHES,
  UFW_REJECTS,
  withPackages,
} from '../support/packaged.js';

/** Whether connections are balanced still. Firewalld 2 leaves alone what others have in iptables, unless it uses it. */
type Stays = 'yes' | 'no' | 'since firewalld 2';

interface Case {
  readonly firewall: PackagedFirewall;
  readonly backends: readonly Backend[];
  /** After the firewall was started beside what is loaded. */
  readonly started: Stays;
  /** After it was reloaded. */
  readonly reloaded: Stays;
}

const IPTABLES = SCRIPTS.filter(({ type }) => type === 'iptables');
const NFTABLES = [NFT_SCRIPT, BESIDE_LEGACY];
const named = (name: string): readonly Backend[] => BACKENDS.filter((backend) => backend.name === name);

const CASES: readonly Case[] = [
  // Nobody dropped when the script looked.
  { firewall: UFW, backends: NFTABLES, started: 'no', reloaded: 'yes' },
  { firewall: UFW, backends: [...IPTABLES, ...named('iptables rules')], started: 'yes', reloaded: 'yes' },
  { firewall: UFW_REJECTS, backends: [NFT_SCRIPT], started: 'no', reloaded: 'yes' },
  {
    firewall: UFW_FLUSHES,
    backends: [NFT_SCRIPT, ...named('iptables script')],
    started: 'no',
    reloaded: 'no',
  },
  {
    firewall: firewalld('nftables'),
    backends: [NFT_SCRIPT, ...named('nftables rules')],
    started: 'yes',
    reloaded: 'yes',
  },
  {
    firewall: firewalld('nftables'),
    backends: named('iptables script'),
    started: 'since firewalld 2',
    reloaded: 'since firewalld 2',
  },
  { firewall: firewalld('iptables'), backends: NFTABLES, started: 'yes', reloaded: 'yes' },
  { firewall: firewalld('iptables'), backends: IPTABLES, started: 'no', reloaded: 'no' },
  { firewall: NETFILTER_PERSISTENT, backends: [NFT_SCRIPT, ...IPTABLES], started: 'no', reloaded: 'no' },
];

async function balances(lab: Lab): Promise<boolean> {
  const both = await Promise.all(PROTOCOLS.map((protocol) => answers(lab, ENDPOINTS, { protocol })));
  const all = both.flat();
  // All of it or nothing.
  expect(new Set(all.map((answer) => answer === 'yes')).size, all.join()).toBe(1);
  return all[0] === 'yes';
}

async function stays(lab: Lab, backend: Backend, expected: Stays): Promise<boolean> {
  if (expected !== 'since firewalld 2') return expected === 'yes';
  return parseInt(await inLb(lab, backend, 'firewall-cmd --version'), 10) >= 2;
}

/** The chains, as firewalld puts them elsewhere each time. */
function inAnyOrder(rules: string): string[] {
  return rules
    .replaceAll(/\n}?(?=\n)/g, '')
    .split(/\n(?=table |\tchain |\*)/)
    .sort();
}

const onlyBalanced = async (lab: Lab): Promise<void> => {
  expect(await balances(lab)).toBe(true);
  expect(await answers(lab, DESTINATIONS)).not.toContain('yes');
};

describe.each(
  CASES.flatMap(({ backends, ...rest }) =>
    backends.map((backend) => ({ ...rest, backend: withPackages(backend) })),
  ),
)('$backend.name, beside $firewall.name', ({ firewall, backend, started, reloaded }) => {
  test('works after its start and its reload, when it has run again, and leaves nothing behind', async () => {
    expectPackages();
    await using lab = await forwardingLab();
    const loadAgain = (): Promise<void> => load(lab, backend, spec());
    const reload = (): Promise<string> => inLb(lab, backend, firewall.reload);

    expect(await answers(lab, DESTINATIONS)).toEqual(['yes', 'yes']);
    await loadAgain();
    expect(await balances(lab)).toBe(true);
    await inLb(lab, backend, firewall.start);
    expect(await balances(lab), 'started').toBe(await stays(lab, backend, started));
    await loadAgain();
    await onlyBalanced(lab);
    await remove(lab, backend, spec());
    expect(await answers(lab, [...DESTINATIONS, ...ENDPOINTS])).not.toContain('yes');
    // Chains of iptables that were used once stay, empty.
    const before = await rulesOf(lab, backend);
    expect(before).not.toMatch(/PMLB|pomaloba/);

    await loadAgain();
    await remove(lab, backend, spec());
    expect(await rulesOf(lab, backend)).toBe(before);
    await loadAgain();
    await reload();
    expect(await balances(lab), 'reloaded').toBe(await stays(lab, backend, reloaded));
    await loadAgain();
    await onlyBalanced(lab);
    await remove(lab, backend, spec());
    expect(inAnyOrder(await rulesOf(lab, backend))).toEqual(inAnyOrder(before));
  });
});
