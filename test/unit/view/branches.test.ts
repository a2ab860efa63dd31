import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Address, addressOf, type Family, parseAddress } from '../../../src/model/address.js';
import { type Protocol, PROTOCOLS } from '../../../src/model/model.js';
import { isIn, type Network, parseNetwork } from '../../../src/model/network.js';
import { type BranchView, type Place, type Tree, treeOf } from '../../../src/view/branches.js';

function address(ip: string): Address {
  const read = parseAddress(ip);
  if (typeof read === 'string') throw new TypeError(ip);
  return read;
}

function network(text: string): Network {
  const read = parseNetwork(text);
  if (typeof read === 'string') throw new TypeError(text);
  return read;
}

/** A tree whose branches are called by what they are for. */
function named(places: readonly Place[]): Tree {
  return treeOf(places, (key) => key.trim());
}

function isFor(branch: BranchView, place: Place): boolean {
  const [first = 0, last = 0] = branch.ports.split(':').map(Number);
  const { first: low = 0, last: high = 0 } = place.ports ?? {};
  return (
    isIn(place.address, network(branch.network)) &&
    (branch.protocol === '' || branch.protocol === place.protocol) &&
    (branch.ports === '' || (first <= low && high <= last))
  );
}

/** How many rules a packet to `place` meets until that of the place itself has its turn, and the chain that this stands in. */
function wayTo(place: Place, places: readonly Place[], { branches, leaves }: Tree) {
  let chain = '';
  let met = 0;
  for (;;) {
    const rules = branches.filter(({ from }) => from === chain);
    const taken = rules.filter((branch) => isFor(branch, place));
    const [branch] = taken;
    if (!branch) {
      const siblings = places.filter((_, index) => leaves[index] === chain);
      return { chain, met: met + rules.length + siblings.indexOf(place) + 1 };
    }
    expect(taken).toHaveLength(1);
    met += rules.indexOf(branch) + 1;
    chain = branch.to;
  }
}

describe('treeOf', () => {
  test('eight are a list', () => {
    const places = Array.from({ length: 8 }, (_, host) => ({ address: address(`192.0.2.${host}`) }));
    expect(named(places)).toEqual({ branches: [], leaves: Array.from(places, () => '') });
  });

  test('more are parted by the first bits in which their addresses differ', () => {
    const hosts = [1, 2, 3, 64, 65, 128, 129, 200, 201, 202];
    const { branches, leaves } = named(hosts.map((host) => ({ address: address(`192.0.2.${host}`) })));
    expect(branches.map(({ from, network: of }) => `${from} > ${of}`)).toEqual([
      ' > 192.0.2.0/30',
      ' > 192.0.2.64/31',
      ' > 192.0.2.128/31',
      ' > 192.0.2.200/30',
    ]);
    expect(leaves).toEqual([
      ...['192.0.2.0/30', '192.0.2.0/30', '192.0.2.0/30', '192.0.2.64/31', '192.0.2.64/31'],
      ...['192.0.2.128/31', '192.0.2.128/31', '192.0.2.200/30', '192.0.2.200/30', '192.0.2.200/30'],
    ]);
  });

  test('of one address by protocol, and then by port', () => {
    const ports = Array.from({ length: 9 }, (_, port) => ({ first: 1000 + port, last: 1000 + port }));
    const places: Place[] = [
      { address: address('192.0.2.1'), protocol: 'udp', ports: { first: 8000, last: 8099 } },
      ...ports.map((port) => ({ address: address('192.0.2.1'), protocol: 'tcp' as const, ports: port })),
    ];
    const { branches, leaves } = named(places);
    expect(branches.map(({ protocol, ports: of }) => `${protocol} ${of}`)).toEqual([
      'tcp 1000:1002',
      'tcp 1003:1004',
      'tcp 1005:1008',
    ]);
    expect(leaves[0]).toBe('');
  });

  test('without a port they cannot be parted', () => {
    const at = address('192.0.2.1');
    const ports = Array.from({ length: 9 }, (_, port) => ({ first: port, last: port }));
    const places = [{ address: at }, ...ports.map((port) => ({ address: at, ports: port }))];
    expect(named(places).branches).toEqual([]);
  });

  const places = fc
    .record({
      family: fc.constantFrom<Family>('ipv4', 'ipv6'),
      hosts: fc.array(fc.tuple(fc.nat(300), fc.constantFrom<Protocol>(...PROTOCOLS), fc.nat(400)), {
        maxLength: 200,
      }),
    })
    .map(({ family, hosts }) => {
      const base = family === 'ipv4' ? 0xc0000200n : 0x20010db8n << 96n;
      const distinct = new Map(hosts.map((one) => [one.join(' '), one]));
      return [...distinct.values()].map(([host, protocol, port]): Place => ({
        ...{ address: addressOf(family, base + BigInt(host)), protocol },
        ports: { first: 3 * port, last: 3 * port + 2 },
      }));
    });

  test('each place is found in one way, in chains of at most eight rules', () => {
    fc.assert(
      fc.property(places, (all) => {
        const tree = named(all);
        all.forEach((place, index) => {
          expect(wayTo(place, all, tree).chain).toBe(tree.leaves[index]);
        });
        const sizes = new Map<string, number>();
        for (const chain of [...tree.leaves, ...tree.branches.map(({ from }) => from)])
          sizes.set(chain, (sizes.get(chain) ?? 0) + 1);
        expect(Math.max(0, ...sizes.values())).toBeLessThanOrEqual(8);
        expect(new Set(tree.branches.map(({ to }) => to)).size).toBe(tree.branches.length);
      }),
    );
  });

  test('the order of the places changes nothing', () => {
    fc.assert(
      fc.property(places, (all) => {
        const [tree, turned] = [named(all), named(all.toReversed())];
        expect(turned.branches).toEqual(tree.branches);
        expect(turned.leaves.toReversed()).toEqual(tree.leaves);
      }),
    );
  });

  test('of 4,096 a packet meets 24 rules at most, and 15 on average', () => {
    const all = Array.from({ length: 4096 }, (_, host) => ({
      address: addressOf('ipv4', 0xc6120000n + BigInt(host)),
    }));
    const tree = named(all);
    const met = all.filter((_, index) => index % 17 === 0).map((place) => wayTo(place, all, tree).met);
    expect(Math.max(...met)).toBeLessThanOrEqual(24);
    expect(met.reduce((sum, one) => sum + one, 0) / met.length).toBeLessThanOrEqual(15.1);
  });
});
