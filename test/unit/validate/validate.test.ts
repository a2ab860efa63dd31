import { describe, expect, it } from 'vitest';
import { readDocuments } from '../../../src/read/document.js';
import { validateDocuments } from '../../../src/validate/validate.js';

interface Parts {
  readonly app?: string;
  readonly endpoints?: string;
  readonly destinations?: string;
  readonly more?: string;
}

const ENDPOINT = '{ ip: 192.0.2.10, port: 80 }';
const DESTINATION = '{ ip: 198.51.100.1, port: 31080 }';

function text({ app = 'shop', endpoints = ENDPOINT, destinations = DESTINATION, more = '' }: Parts): string {
  return `pomaloba: 1\napp: ${app}\nendpoints: [${endpoints}]\ndestinations: [${destinations}]\n${more}\n`;
}

/** The problems of the apps, as `pointer code`. */
function told(...apps: readonly (Parts | string)[]): string[] {
  const documents = apps.flatMap((app, n) => {
    const read = readDocuments({ file: `${n}.yml`, text: typeof app === 'string' ? app : text(app) });
    expect(read.problems).toEqual([]);
    return read.documents;
  });
  return validateDocuments(documents).problems.map(
    ({ code, location }) => `${location.pointer ?? ''} ${code}`,
  );
}

const withPort = (port: string): Parts => ({ endpoints: `{ ip: 192.0.2.10, port: ${port} }` });
const withIp = (ip: string): Parts => ({ endpoints: `{ ip: "${ip}", port: 80 }` });
const withWeight = (weight: string): Parts => ({
  destinations: `{ ip: 198.51.100.1, port: 31080, weight: ${weight} }`,
});

describe('one app', () => {
  const PORT = '/endpoints/0/port';
  const IP = '/endpoints/0/ip';
  const WEIGHT = '/destinations/0/weight';

  it.each([
    { name: 'the smallest port', app: withPort('1'), problems: [] },
    { name: 'the largest port', app: withPort('65535'), problems: [] },
    { name: 'port 0', app: withPort('0'), problems: [`${PORT} wrong-value`] },
    { name: 'port 65536', app: withPort('65536'), problems: [`${PORT} wrong-value`] },
    { name: 'a negative port', app: withPort('-1'), problems: [`${PORT} wrong-value`] },
    { name: 'half a port', app: withPort('80.5'), problems: [`${PORT} wrong-value`] },
    { name: 'a port in quotes', app: withPort('"80"'), problems: [`${PORT} wrong-type`] },
    { name: 'a service name', app: withPort('http'), problems: [`${PORT} wrong-value`] },
    { name: 'no port', app: withPort(''), problems: [`${PORT} wrong-value`] },
    { name: 'a port with a leading zero', app: withPort('080'), problems: [`${PORT} not-decimal`] },
    { name: 'a hexadecimal port', app: withPort('0x50'), problems: [`${PORT} not-decimal`] },
    { name: 'an octal port', app: withPort('0o120'), problems: [`${PORT} not-decimal`] },
    { name: 'a port with a sign', app: withPort('+80'), problems: [`${PORT} not-decimal`] },
    { name: 'a port with an exponent', app: withPort('8e1'), problems: [`${PORT} not-decimal`] },
    {
      name: 'a range of ports',
      app: withPort('80-90'),
      problems: ['/destinations/0/port range-to-one-port'],
    },
    { name: 'a range that is one port', app: withPort('80-80'), problems: [] },
    { name: 'a range that ends before it begins', app: withPort('90-80'), problems: [`${PORT} wrong-value`] },
    { name: 'a range beyond the ports', app: withPort('80-65536'), problems: [`${PORT} wrong-value`] },
    { name: 'weight 0', app: withWeight('0'), problems: ['/destinations no-destinations'] },
    { name: 'weight 256', app: withWeight('256'), problems: [] },
    { name: 'weight 257', app: withWeight('257'), problems: [`${WEIGHT} wrong-value`] },
    {
      name: 'half a weight',
      app: withWeight('.5'),
      problems: [`${WEIGHT} wrong-type`],
    },
    { name: 'a leading zero', app: withIp('192.0.2.010'), problems: [`${IP} invalid-address`] },
    { name: 'a zone id', app: withIp('fe80::1%eth0'), problems: [`${IP} invalid-address`] },
    { name: 'a network', app: withIp('192.0.2.0/24'), problems: [`${IP} invalid-address`] },
    { name: 'a host name', app: withIp('localhost'), problems: [`${IP} invalid-address`] },
    { name: 'an empty address', app: withIp(''), problems: [`${IP} invalid-address`] },
    { name: 'a short address', app: withIp('127.1'), problems: [`${IP} invalid-address`] },
    { name: 'an address as a number', app: withIp('3221225994'), problems: [`${IP} invalid-address`] },
    { name: 'a blank before', app: withIp(' 192.0.2.10'), problems: [`${IP} invalid-address`] },
    { name: 'a line end behind', app: withIp('192.0.2.10\\n'), problems: [`${IP} invalid-address`] },
    { name: 'digits of other scripts', app: withIp('١٩٢.0.2.10'), problems: [`${IP} invalid-address`] },
    { name: 'the unspecified address', app: withIp('0.0.0.0'), problems: [`${IP} unusable-address`] },
    { name: 'a loopback address', app: withIp('127.9.9.9'), problems: [`${IP} unusable-address`] },
    { name: 'a multicast address', app: withIp('239.1.2.3'), problems: [`${IP} unusable-address`] },
    { name: 'another key', app: { more: 'Scheduler: random' }, problems: ['/Scheduler unknown-key'] },
    { name: 'the default scheduler', app: { more: 'scheduler: random' }, problems: [] },
    {
      name: 'another scheduler',
      app: { more: 'scheduler: source-hash' },
      problems: [],
    },
    { name: 'no such scheduler', app: { more: 'scheduler: fastest' }, problems: ['/scheduler wrong-value'] },
    { name: 'an empty affinity', app: { more: 'affinity: {}' }, problems: ['/affinity missing-key'] },
    { name: 'a name of 63', app: { app: 'x'.repeat(63) }, problems: [] },
    { name: 'a name of 64', app: { app: 'x'.repeat(64) }, problems: ['/app wrong-value'] },
    { name: 'a name that ends in a line end', app: { app: '"shop\\n"' }, problems: ['/app wrong-value'] },
    { name: 'a name that is an option', app: { app: '-x' }, problems: ['/app wrong-value'] },
    { name: 'a name that is a number', app: { app: '123' }, problems: ['/app wrong-type'] },
    { name: 'no endpoint', app: { endpoints: '' }, problems: ['/endpoints wrong-value'] },
    { name: 'an endpoint as text', app: { endpoints: '192.0.2.10' }, problems: ['/endpoints/0 wrong-type'] },
    {
      name: 'an entry without anything',
      app: { destinations: '~' },
      problems: ['/destinations/0 wrong-type'],
    },
    { name: 'no destination', app: { destinations: '' }, problems: ['/destinations no-destinations'] },
    {
      name: 'a destination twice',
      app: { destinations: `${DESTINATION}, ${DESTINATION}` },
      problems: ['/destinations/1 duplicate-destination'],
    },
    {
      name: 'a destination three times',
      app: { destinations: `${DESTINATION}, ${DESTINATION}, ${DESTINATION}` },
      problems: ['/destinations/1 duplicate-destination', '/destinations/2 duplicate-destination'],
    },
    {
      name: 'an endpoint twice, written differently',
      app: {
        endpoints: '{ ip: "2001:db8:1::a", port: 80 }, { ip: "2001:DB8:1:0::A", port: 80 }',
        destinations: '{ ip: "2001:db8:2::1", port: 80 }',
      },
      problems: ['/endpoints/1 duplicate-endpoint'],
    },
    {
      name: 'an endpoint of another port',
      app: { endpoints: `${ENDPOINT}, { ip: 192.0.2.10, port: 443 }` },
      problems: [],
    },
    {
      name: 'a destination that is an endpoint',
      app: { destinations: ENDPOINT },
      problems: ['/destinations/0 endpoint-is-destination'],
    },
    {
      name: 'endpoints of both families, destinations of one',
      app: { endpoints: `${ENDPOINT}, { ip: "2001:db8:1::1", port: 80 }` },
      problems: ['/endpoints/1 family-without-destinations'],
    },
    {
      name: 'destinations of both families, endpoints of one',
      app: { destinations: `${DESTINATION}, { ip: "2001:db8:2::1", port: 80 }` },
      problems: ['/destinations/1 unused-destinations'],
    },
    {
      name: 'several things at once',
      app: { app: '"a b"', endpoints: '{ ip: x, port: 0, y: 1 }' },
      problems: [
        '/app wrong-value',
        '/endpoints/0/y unknown-key',
        `${PORT} wrong-value`,
        `${IP} invalid-address`,
      ],
    },
  ])('$name: $problems', ({ app, problems }) => {
    expect(told(app).sort()).toEqual([...problems].sort());
  });

  it.each(['[]', '1', 'text', 'true', 'null'])('%s instead of a mapping is one problem', (value) => {
    expect(told(`--- ${value}\n`)).toEqual([' wrong-type']);
  });

  it('an empty mapping lacks every key', () => {
    expect(told('{}')).toEqual(Array.from({ length: 4 }, () => ' missing-key'));
  });

  it.each(['endpoints', 'destinations'])('of %s with 5000 entries is told that they are too many', (key) => {
    const list = Array.from({ length: 5000 }, (_, n) => `{ ip: 10.1.${n >> 8}.${n & 255}, port: 80 }`).join();
    expect(told({ [key]: list })).toContain(`/${key} wrong-value`);
  });

  it.each(['allow_from', 'destination_networks', 'snat'])(
    'of %s with 10,000 entries is told that they are too many, without comparing all with all',
    (key) => {
      const entries = Array.from({ length: 10_000 }, (_, n) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`);
      expect(told({ more: `client_address: preserve\n${key}: [${entries.join()}]` })).toContain(
        `/${key} wrong-value`,
      );
    },
  );
});

describe('what destinations see', () => {
  const both = {
    endpoints: `${ENDPOINT}, { ip: "2001:db8::10", port: 80 }`,
    destinations: `${DESTINATION}, { ip: "2001:db8:2::1", port: 31080 }`,
  };
  const preserve = (networks: string, parts: Parts = {}): Parts => ({
    ...parts,
    more: `client_address: preserve\ndestination_networks: [${networks}]`,
  });
  const snat = (items: string, parts: Parts = {}): Parts => ({ ...parts, more: `snat: [${items}]` });

  it.each([
    { name: 'the client', app: preserve('198.51.100.0/24'), problems: [] },
    { name: 'the client, by networks of an address each', app: preserve('198.51.100.1'), problems: [] },
    {
      name: 'the client, of both families',
      app: preserve('198.51.100.0/24, "2001:db8:2::/64"', both),
      problems: [],
    },
    {
      name: 'the client, without networks of one family',
      app: preserve('198.51.100.0/24', both),
      problems: ['/destinations/1 destination-outside-networks'],
    },
    {
      name: 'the client, with a network that ends before the destination',
      app: preserve('198.51.100.0/32, 198.51.100.2/31'),
      problems: ['/destinations/0 destination-outside-networks'],
    },
    {
      name: 'the client, without networks',
      app: { more: 'client_address: preserve' },
      problems: ['/client_address missing-key'],
    },
    {
      name: 'the client, with an empty list',
      app: preserve(''),
      problems: ['/destination_networks wrong-value'],
    },
    {
      name: 'the client, with all networks',
      app: preserve('0.0.0.0/0'),
      problems: ['/destination_networks wrong-value'],
    },
    {
      name: 'the load balancer, with networks',
      app: { more: 'client_address: masquerade\ndestination_networks: [198.51.100.0/24]' },
      problems: ['/destination_networks wrong-value'],
    },
    { name: 'an address', app: snat('192.0.2.20'), problems: [] },
    { name: "an endpoint's address", app: snat('192.0.2.10'), problems: [] },
    { name: '256 addresses', app: snat('10.0.0.0-10.0.0.255'), problems: [] },
    {
      name: '256 addresses, some of them twice',
      app: snat('10.0.0.0-10.0.0.255, 10.0.0.9'),
      problems: ['/snat/1 duplicate-address'],
    },
    {
      name: '256 addresses of each family',
      app: snat('10.0.0.0-10.0.0.255, "fd00::-fd00::ff"', both),
      problems: [],
    },
    {
      name: '257 addresses',
      app: snat('10.0.0.0-10.0.0.255, 10.0.1.9'),
      problems: ['/snat too-many-addresses'],
    },
    {
      name: 'all addresses',
      app: snat('"2000::-3fff::"', both),
      problems: ['/snat/0 snat-is-destination', '/snat too-many-addresses'],
    },
    { name: 'addresses of one of two families', app: snat('"fd00::20"', both), problems: [] },
    { name: 'addresses of another family', app: snat('"fd00::20"'), problems: ['/snat/0 unused-family'] },
    { name: 'no addresses', app: snat(''), problems: ['/snat wrong-value'] },
    {
      name: 'a destination',
      app: snat('198.51.100.0-198.51.100.1'),
      problems: ['/snat/0 snat-is-destination'],
    },
    { name: 'a loopback address', app: snat('127.0.0.1'), problems: ['/snat/0 unusable-address'] },
  ])('$name: $problems', ({ app, problems }) => {
    expect(told(app)).toEqual(problems);
  });
});

describe('several apps', () => {
  const other: Parts = { app: 'cart', endpoints: '{ ip: 192.0.2.11, port: 80 }' };

  it.each([
    { name: 'that have nothing in common', apps: [{}, other], problems: [] },
    { name: 'of one name', apps: [{}, { ...other, app: 'shop' }], problems: ['/app duplicate-app'] },
    { name: 'of one endpoint', apps: [{}, { app: 'cart' }], problems: ['/endpoints/0 duplicate-endpoint'] },
    {
      name: 'of which one is behind the other',
      apps: [{}, { ...other, destinations: ENDPOINT }],
      problems: ['/destinations/0 endpoint-is-destination'],
    },
    {
      name: 'three of one name',
      apps: [{}, { ...other, app: 'shop' }, { app: 'shop', endpoints: '{ ip: 192.0.2.12, port: 80 }' }],
      problems: ['/app duplicate-app', '/app duplicate-app'],
    },
    { name: 'of names that differ in case', apps: [{}, { ...other, app: 'Shop' }], problems: [] },
    {
      name: 'of which one is wrong elsewhere',
      apps: [{ more: 'x: 1' }, { app: 'cart' }],
      problems: ['/x unknown-key', '/endpoints/0 duplicate-endpoint'],
    },
  ])('$name: $problems', ({ apps, problems }) => {
    expect(told(...apps)).toEqual(problems);
  });

  it('tells both places of an endpoint, across files', () => {
    const documents = ['a', 'b'].flatMap(
      (app) => readDocuments({ file: `${app}.yml`, text: text({ app }) }).documents,
    );
    const [problem] = validateDocuments(documents).problems;
    expect(problem?.location).toMatchObject({ file: 'b.yml', range: { start: { line: 3, column: 13 } } });
    expect(problem?.related?.location).toMatchObject({
      file: 'a.yml',
      range: { start: { line: 3, column: 13 } },
    });
  });
});
