// From packets to the picture's arrows.
import { expect, test } from 'vitest';
import { exchangesOf } from '../../../src/try/exchanges.js';
import { type Packet, parsePacket } from '../../../src/try/packet.js';

test('a datagram and the ICMP error about it, as a kernel sent them', () => {
  expect(parsePacket('0800 4500001f10ca400040112c027f0000017f000001db000063000bfe1e68690a')).toEqual({
    from: '127.0.0.1',
    to: '127.0.0.1',
    fromPort: 56064,
    toPort: 99,
    protocol: 'udp',
    kind: 'data',
  });
  const error =
    '45c0003b7a550000400101ab7f0000017f0000010303b105000000004500001f10ca400040112c027f0000017f000001db000063000bfe1e68690a';
  expect(parsePacket(`0800 ${error}`)).toMatchObject({ protocol: 'icmp', kind: 'unreachable' });
});

/** An IPv6 packet from ::1:2 to ::3:4. */
function six(next: string, transport: string): string {
  const length = (transport.length / 2).toString(16).padStart(4, '0');
  const address = (low: string): string => `20010db8${'0'.repeat(16)}${low}`;
  return `86dd 60000000${length}${next}40${address('00010002')}${address('00030004')}${transport}`;
}

/** A segment of TCP without options. */
function segment(flags: string, data = ''): string {
  return `1f90ea60${'00000001'.repeat(2)}50${flags}ffff00000000${data}`;
}

test.each([
  { what: 'SYN', flags: '02', kind: 'open' },
  { what: 'SYN and ACK', flags: '12', kind: 'other' },
  { what: 'RST', flags: '14', kind: 'reset' },
  { what: 'ACK', flags: '10', kind: 'other' },
  { what: 'data', flags: '18', data: '474554', kind: 'data' },
])('TCP over IPv6: $what', ({ flags, data, kind }) => {
  expect(parsePacket(six('06', segment(flags, data)))).toEqual({
    from: '2001:db8::1:2',
    to: '2001:db8::3:4',
    fromPort: 8080,
    toPort: 60000,
    protocol: 'tcp',
    kind,
  });
});

test.each([
  { what: 'ARP', line: '0806 0001080006040001' },
  { what: 'a packet that is cut', line: '0800 4500' },
  { what: 'neighbour discovery', line: six('3a', '8700000000000000'), kind: 'other' },
  { what: 'nothing', line: '' },
])('$what is no part of the picture', ({ line, kind }) => {
  expect(parsePacket(line)?.kind).toBe(kind);
});

const CLIENT = '198.18.1.10';
const ENDPOINT = '1.2.3.4';
const LB = '198.18.2.1';
const WORKERS = new Map([
  ['10.0.1.2', 'Worker1'],
  ['10.0.1.3', 'Worker2'],
]);

function packet(from: string, to: string, kind: Packet['kind'], client = 4000): Packet {
  const [fromPort, toPort] = from === CLIENT ? [client, 80] : to === CLIENT ? [80, client] : [5, 6];
  return { from, to, fromPort, toPort, kind, protocol: 'tcp' };
}

function hops(packets: readonly Packet[]): string[][] {
  return exchangesOf(packets, new Set([CLIENT]), WORKERS).map((one) =>
    one.hops.map(({ from, to, label }) => `${from} ${to} ${label}`),
  );
}

test('of a connection with data, only those are said; what is sent again is said once', () => {
  expect(
    hops([
      packet(CLIENT, ENDPOINT, 'open'),
      packet(LB, '10.0.1.2', 'open'),
      packet(CLIENT, ENDPOINT, 'data'),
      packet(LB, '10.0.1.2', 'data'),
      packet(LB, '10.0.1.2', 'data'),
      packet('10.0.1.2', LB, 'data'),
      packet(ENDPOINT, CLIENT, 'data'),
      packet(CLIENT, ENDPOINT, 'reset'),
      packet(CLIENT, ENDPOINT, 'open', 4001),
      packet(LB, '10.0.1.3', 'open'),
      packet('10.0.1.3', LB, 'reset'),
      packet(ENDPOINT, CLIENT, 'reset', 4001),
    ]),
  ).toEqual([
    ['client lb GET', 'lb Worker1 GET', 'Worker1 lb Response', 'lb client Response'],
    ['client lb SYN', 'lb Worker2 SYN', 'Worker2 lb RST', 'lb client RST'],
  ]);
});

test('a client whose address is kept is the load balancer to the worker', () => {
  expect(
    hops([
      packet(CLIENT, ENDPOINT, 'data'),
      packet(CLIENT, '10.0.1.2', 'data'),
      packet('10.0.1.2', CLIENT, 'data'),
      packet(ENDPOINT, CLIENT, 'data'),
    ])[0],
  ).toEqual(['client lb GET', 'lb Worker1 GET', 'Worker1 lb Response', 'lb client Response']);
});

test('packets of others are left out', () => {
  expect(hops([packet('10.9.9.9', '10.8.8.8', 'data')])).toEqual([]);
});
