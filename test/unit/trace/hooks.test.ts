// The interpreter, on programs that are written by hand: in nft, which both packet filters' texts become the like of.
import { describe, expect, test } from 'vitest';
import { parseIptables } from '../../../src/trace/iptables.js';
import { type Part, runOf } from '../../../src/trace/hooks.js';
import type { Destination } from '../../../src/trace/language.js';
import { parseNft } from '../../../src/trace/nft.js';
import type { Packet } from '../../../src/trace/packet.js';

const PLACE = { address: '192.0.2.10', port: 80 };
const PACKET: Packet = {
  from: { family: 'ipv4', text: '203.0.113.7' },
  protocol: 'tcp',
  original: PLACE,
  now: PLACE,
  isTranslated: false,
  isLocal: true,
};
const isEndpoint = (ip: string): boolean => ip === PLACE.address;
const HOOK = 'type nat hook prerouting priority -100; policy accept;';

/** A table of chains, of which the first is called before routing. */
function table(chains: Readonly<Record<string, readonly string[]>>): string {
  const lines = Object.entries(chains).map(([name, rules], index) =>
    [`\tchain ${name} {`, ...(index === 0 ? [HOOK] : []), ...rules, '\t}'].join('\n'),
  );
  return `table inet t {\n${lines.join('\n')}\n}\n`;
}

/** A chain that sends to a destination with that last number. */
function to(host: number): string[] {
  const ip = `198.51.100.${host}`;
  return [`meta l4proto tcp ip daddr & ${ip} | ${ip} . th dport & 80 | 80 != @down-ip dnat ip to ${ip}:80`];
}

function run(text: string, down: readonly number[] = [], packet: Partial<Packet> = {}) {
  const isDown = ({ address }: Destination): boolean => down.some((host) => address === `198.51.100.${host}`);
  return runOf({ program: parseNft(text), isDown, isOwn: isEndpoint }, { ...PACKET, ...packet });
}

function hostOf(ip: string): string {
  return ip.slice(ip.lastIndexOf('.') + 1);
}

/** Shares by the last number of the destination; what is refused by how. */
function shares(parts: readonly Part[]): Record<string, number> {
  return Object.fromEntries(
    parts.map(({ packet, refused, share }) => [refused?.does ?? hostOf(packet.now.address), share]),
  );
}

describe('chains', () => {
  test.each([
    { name: 'a jump comes back', way: 'jump', end: 'drop' },
    { name: 'a goto does not', way: 'goto', end: 10 },
  ])('$name to the chain that it left', ({ way, end }) => {
    const text = table({ base: ['jump first'], first: [`${way} empty`, 'drop'], empty: [] });
    expect(shares(run(text).parts)).toEqual({ [end]: 1 });
  });

  test('what comes back from a goto goes on behind the last jump', () => {
    const text = table({
      base: ['jump first', 'drop'],
      first: ['goto second'],
      second: ['goto third'],
      third: [],
    });
    expect(shares(run(text).parts)).toEqual({ drop: 1 });
  });

  test('return leaves a chain', () => {
    const back = table({ base: ['jump first'], first: ['ip daddr { 192.0.2.10 } return', 'counter drop'] });
    expect(shares(run(back).parts)).toEqual({ 10: 1 });
  });

  test('that are not there are an error', () => {
    expect(() => run(table({ base: ['jump first'] }))).toThrow('there is no chain first');
  });

  test('of hooks in the order of their priorities, and drop ends all', () => {
    const chain = (name: string, hook: string, priority: number, rule: string): string =>
      `chain ${name} {\ntype filter hook ${hook} priority ${priority}; policy accept;\n${rule}\n}\n`;
    const text = (one: number, other: number): string =>
      `table inet t {\n${chain('a', 'input', one, 'meta l4proto tcp reject with tcp reset')}${chain('b', 'input', other, 'drop')}${chain('c', 'forward', -300, 'counter drop')}${chain('d', 'output', -300, 'counter drop')}}\n`;
    expect(shares(run(text(-1, 1)).parts)).toEqual({ reject: 1 });
    expect(shares(run(text(1, -1)).parts)).toEqual({ drop: 1 });
    expect(run(text(1, -1), [], { isLocal: false }).parts[0]?.steps).toMatchObject([
      { text: 'counter drop', depth: 0 },
    ]);
  });
});

describe('chance', () => {
  const choose = ['numgen random mod 4 < 1 goto one', 'numgen random mod 3 < 1 goto two', 'goto three'];
  const chains = { choose, one: to(1), two: to(2), three: to(3) };

  test('each rule takes its share of what is left', () => {
    expect(shares(run(table({ base: ['goto choose'], ...chains })).parts)).toEqual({
      1: 0.25,
      2: 0.25,
      3: 0.5,
    });
  });

  test('what is down is drawn again, and what is left then goes on', () => {
    const text = table({ base: ['jump choose', 'jump choose', 'jump one', 'jump two'], ...chains });
    // Half of the draws come to the third: a quarter of all is left after two, and the first that is up gets it.
    expect(shares(run(text, [3]).parts)).toEqual({ 1: 0.25 + 0.125 + 0.25, 2: 0.25 + 0.125 });
    expect(shares(run(text, [1, 2, 3]).parts)).toEqual({ 10: 1 });
  });

  test('a map has a share for each number', () => {
    const rows = [
      'numgen random mod 5 vmap {',
      '0 : goto one, 3 : goto one,',
      '1 : goto two,',
      '2 : goto two,',
      '}',
      'drop',
    ];
    const text = table({ base: rows, one: to(1), two: to(2) });
    // Nobody has the last number.
    expect(shares(run(text).parts)).toEqual({ 1: 0.4, 2: 0.4, drop: 0.2 });
  });
});

describe('turns', () => {
  const rows = ['numgen inc mod 4 vmap {', '0 : goto one, 1 : goto one, 3 : goto one,', '2 : goto two,', '}'];

  test('are counted over all connections', () => {
    const text = table({ base: ['jump choose'], choose: rows, one: to(1), two: to(2) });
    expect(shares(run(text).parts)).toEqual({ 1: 0.75, 2: 0.25 });
  });

  test('that come to what is down are followed by the next one', () => {
    const slots = ['numgen inc mod 3 vmap {', '0 : goto one,', '1 : goto two,', '2 : goto three,', '}'];
    const chains = { choose: slots, one: to(1), two: to(2), three: to(3) };
    const twice = table({ base: ['jump choose', 'jump choose', 'drop'], ...chains });
    expect(shares(run(twice, [2]).parts)).toEqual({ 1: 0.5, 3: 0.5 });
    // One draw is not enough for two that are down in a row: 1, dropped, 1, dropped.
    const once = table({ base: ['jump choose', 'drop'], ...chains });
    expect(shares(run(once, [2]).parts)).toMatchObject({ drop: expect.closeTo(1 / 3) as number });
    expect(shares(run(twice, [2, 3]).parts)).toEqual({ 1: 0.5, drop: 0.5 });
  });

  test('of iptables are the same: each rule has its turn in what the rules before it left', () => {
    const text = ['*nat', ':PMLB/x - [0:0]', ':PMLB/1 - [0:0]', ':PMLB/2 - [0:0]', '-A PREROUTING -j PMLB/x']
      .concat('-A PMLB/x -m statistic --mode nth --every 3 --packet 0 -g PMLB/1')
      .concat('-A PMLB/x -m statistic --mode nth --every 2 --packet 0 -g PMLB/2', '-A PMLB/x -g PMLB/1')
      .concat('-A PMLB/1 -p tcp -j DNAT --to-destination 198.51.100.1:80')
      .concat('-A PMLB/2 -p tcp -j DNAT --to-destination 198.51.100.2:80', 'COMMIT')
      .join('\n');
    const { parts } = runOf({ program: parseIptables(text), isDown: () => false, isOwn: isEndpoint }, PACKET);
    expect(shares(parts)).toEqual({ 1: expect.closeTo(2 / 3) as number, 2: expect.closeTo(1 / 3) as number });
  });

  test('by chance cannot be said', () => {
    const text = table({
      base: ['numgen random mod 2 < 1 goto choose'],
      choose: rows,
      one: to(1),
      two: to(2),
    });
    expect(() => run(text)).toThrow('line 7 takes turns among a part of the connections');
  });
});

describe('what depends on others', () => {
  test('is noted, and taken not to hold', () => {
    const { parts, notes } = run(table({ base: ['limit name "new/shop/20" counter drop'] }));
    expect(shares(parts)).toEqual({ 10: 1 });
    expect(notes).toEqual([
      {
        line: 4,
        text: 'limit name "new/shop/20" counter drop',
        stage: 0,
        depth: 0,
        of: { kind: 'new_per_second', most: 20, together: false },
      },
    ]);
  });

  test('is not noted of those that do not come to it', () => {
    expect(run(table({ base: ['counter drop', 'limit name "new/shop/20" counter drop'] })).notes).toEqual([]);
  });
});

test('rules for what conntrack cannot place are for no new connection', () => {
  expect(() => run(table({ base: ['tcp sport 80 counter drop'] }))).toThrow(
    'line 4 is for no packet of a new connection',
  );
  expect(
    shares(run(table({ base: ['ct state invalid jump stray'], stray: ['counter drop'] })).parts),
  ).toEqual({ 10: 1 });
});

test('a set that is not declared is an error', () => {
  expect(() => run(table({ base: ['ip daddr . meta l4proto . th dport vmap @apps-ip'] }))).toThrow(
    'there is no set apps-ip',
  );
});
