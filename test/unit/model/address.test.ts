import { isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAddress, unusableBecause, withPort } from '../../../src/model/address.js';

describe('an address', () => {
  test.each([
    { text: '1.2.3.4', address: { family: 'ipv4', text: '1.2.3.4' } },
    { text: '2001:DB8:0:0:0:0:0:1', address: { family: 'ipv6', text: '2001:db8::1' } },
    { text: '2001:db8:0:1:1:1:1:1', address: { family: 'ipv6', text: '2001:db8:0:1:1:1:1:1' } },
    { text: '1:0:0:2:0:0:0:3', address: { family: 'ipv6', text: '1:0:0:2::3' } },
    { text: '01.2.3.4', address: 'leading-zero' },
    { text: '1.2.3.010', address: 'leading-zero' },
    { text: '1.2.3', address: 'not-an-address' },
    { text: '0x7f.1', address: 'not-an-address' },
    { text: '16909060', address: 'not-an-address' },
    { text: '256.1.1.1', address: 'not-an-address' },
    { text: 'localhost', address: 'not-an-address' },
    { text: '', address: 'not-an-address' },
    { text: ' 1.2.3.4', address: 'not-an-address' },
    { text: '1.2.3.4\n', address: 'not-an-address' },
    { text: '10.0.0.0/8', address: 'network' },
    { text: '2001:db8::/32', address: 'network' },
    { text: 'fe80::1%eth0', address: 'zone' },
    { text: '[2001:db8::1]', address: 'brackets' },
    { text: '1.2.3.4:80', address: 'port' },
    { text: '[2001:db8::1]:80', address: 'port' },
  ])('$text', ({ text, address }) => {
    expect(parseAddress(text)).toEqual(address);
  });

  test('in canonical form is read as itself', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const address = parseAddress(text);
        if (typeof address === 'string') throw new Error(`${text}: ${address}`);
        expect(address.family).toBe(isIPv6(text) ? 'ipv6' : 'ipv4');
        expect(parseAddress(address.text)).toEqual(address);
      }),
    );
  });
});

test.each([
  { text: '0.0.0.0', why: 'the unspecified address' },
  { text: '127.1.2.3', why: 'a loopback address' },
  { text: '224.0.0.1', why: 'a multicast address' },
  { text: '255.255.255.255', why: 'the broadcast address' },
  { text: '::', why: 'the unspecified address' },
  { text: '::1', why: 'a loopback address' },
  { text: 'ff02::1', why: 'a multicast address' },
  { text: 'fe80::1', why: 'a link-local address' },
  { text: '::ffff:1.2.3.4', why: 'an IPv4 address written as IPv6' },
  { text: '10.0.0.1', why: undefined },
  { text: '169.254.1.1', why: undefined },
  { text: '203.0.113.1', why: undefined },
  { text: 'fd00::1', why: undefined },
  { text: '2001:db8::1', why: undefined },
])('$text is unusable: $why', ({ text, why }) => {
  const address = parseAddress(text);
  if (typeof address === 'string') throw new Error(address);
  expect(unusableBecause(address)).toBe(why);
});

test('an IPv6 address has brackets before a port', () => {
  expect(withPort({ family: 'ipv4', text: '1.2.3.4' }, 80)).toBe('1.2.3.4:80');
  expect(withPort({ family: 'ipv6', text: '2001:db8::1' }, 80)).toBe('[2001:db8::1]:80');
});
