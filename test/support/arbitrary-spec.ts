// Random valid specs. Addresses are few and from the documentation ranges, so that apps share them; the parts
// are drawn so that a spec is valid by construction (test/property/engines.test.ts fails if one is not).
import fc from 'fast-check';
import type { ClientAddress, OnEmpty, Protocol, Scheduler } from '../../src/model/model.js';
import { destinationCheck, healthCheck, type RandomCheck, withChecks } from './arbitrary-check.js';
import { overlap, parsePorts, type Ports } from '../../src/model/ports.js';

interface RandomEndpoint {
  readonly ip: string;
  readonly port: number | string;
  readonly protocol?: Protocol | readonly Protocol[];
}

interface RandomDestination {
  readonly ip: string;
  readonly port?: number;
  readonly weight?: number;
  readonly backup?: boolean;
  readonly health_check?: RandomCheck;
}

type RandomEntry = RandomEndpoint | RandomDestination;

export interface RandomSpec {
  readonly pomaloba: 1;
  readonly app: string;
  readonly endpoints: readonly RandomEndpoint[];
  readonly destinations: readonly RandomDestination[];
  readonly scheduler?: Scheduler;
  readonly affinity?: { readonly client_ip: { readonly timeout?: string } };
  readonly allow_from?: readonly string[];
  readonly on_empty?: OnEmpty;
  readonly mss?: 'clamp';
  readonly limits?: Readonly<Record<string, number>>;
  readonly client_address?: ClientAddress;
  readonly destination_networks?: readonly string[];
  readonly snat?: readonly string[];
  readonly health_check?: RandomCheck;
}

const NAME_START = ['a', 'b', 'c', 'X', 'Y', 'Z', '0', '1', '8', '9'];
const NAME_REST = [...NAME_START, '.', '_', '-'];

const name = fc
  .tuple(
    fc.constantFrom(...NAME_START),
    fc
      .array(fc.constantFrom(...NAME_REST), { maxLength: 62, size: 'max' })
      .map((letters) => letters.join('')),
  )
  .map(([first, rest]) => first + rest);

const port = fc.oneof(fc.constantFrom(1, 80, 443, 65_535), fc.integer({ min: 1, max: 65_535 }));
const weight = fc.oneof(fc.constant(1), fc.constantFrom(0, 2, 3, 256), fc.integer({ min: 0, max: 20 }));
const byte = fc.integer({ min: 1, max: 12 });

function address(prefix4: string, prefix6: string, families: readonly string[]): fc.Arbitrary<string> {
  return fc
    .tuple(fc.constantFrom(...families), byte)
    .map(([family, host]) => (family === 'ipv4' ? `${prefix4}${host}` : `${prefix6}${host.toString(16)}`));
}

const range = fc
  .tuple(fc.integer({ min: 1, max: 65_000 }), fc.integer({ min: 1, max: 535 }))
  .map(([first, more]) => `${first}-${first + more}`);

/** One protocol in most specs, since each of them is rules of its own. */
const protocol = fc.oneof(
  fc.constantFrom<Protocol>('tcp', 'tcp', 'udp', 'sctp'),
  fc.shuffledSubarray<Protocol>(['tcp', 'udp', 'sctp'], { minLength: 1 }),
);

function endpoint(families: readonly string[]): fc.Arbitrary<RandomEndpoint> {
  const ip = address('192.0.2.', '2001:db8:1::', families);
  const ports = fc.oneof({ weight: 4, arbitrary: port }, { weight: 1, arbitrary: range });
  return fc.record({ ip, port: ports, protocol }, { requiredKeys: ['ip', 'port'] });
}

function destination(families: readonly string[]): fc.Arbitrary<RandomDestination> {
  const ip = address('198.51.100.', '2001:db8:2::', families);
  const backup = fc.constantFrom(false, false, true);
  const some = fc.record(
    { ip, port, weight, backup, health_check: destinationCheck },
    { requiredKeys: ['ip', 'port', 'weight'] },
  );
  return fc.oneof({ weight: 4, arbitrary: some }, { weight: 1, arbitrary: fc.record({ ip, weight }) });
}

/** Overlapping, adjacent, of one family or both, everything; some written with bits beyond their prefix. */
const network = fc.oneof(
  fc.tuple(byte, fc.integer({ min: 0, max: 32 })).map(([host, bits]) => `203.0.113.${host}/${bits}`),
  fc.tuple(byte, fc.integer({ min: 0, max: 128 })).map(([host, bits]) => `2001:db8:3::${host}/${bits}`),
  fc.constantFrom('203.0.113.0/25', '203.0.113.128/25', '198.18.1.0/24', 'fd18:1::/64', '2001:DB8:3::'),
);

/** So high that no test comes near one. */
const limits = fc
  .record(
    {
      connections_per_client: fc.integer({ min: 1000, max: 10_000 }),
      new_per_second: fc.integer({ min: 10_000, max: 100_000 }),
      new_per_second_per_client: fc.integer({ min: 1000, max: 10_000 }),
    },
    { requiredKeys: [] },
  )
  .filter((drawn) => Object.keys(drawn).length > 0);
/** Where all destinations are, in one network or two. */
const destinationNetworks = fc.constantFrom(
  ['198.51.100.0/24', '2001:db8:2::/64'],
  ['198.51.100.0/25', '198.51.100.0/26', '2001:db8:2::/65', '2001:DB8:2:0:8000::/65'],
);

/** Some of 198.18.2.100 to .103 and fd18:2::100 to ::103, which the lab's load balancer has. */
const snatItem = fc
  .tuple(
    fc.constantFrom('198.18.2.10', 'fd18:2::10'),
    fc.integer({ min: 0, max: 3 }),
    fc.integer({ min: 0, max: 3 }),
  )
  .map(([stem, one, other]) => {
    const [first, last] = [Math.min(one, other), Math.max(one, other)];
    return first === last ? `${stem}${first}` : `${stem}${first}-${stem}${last}`;
  });

/** Few of them in most specs; sometimes so many that iptables looks for them in a tree. */
function unique<T extends RandomEntry>(
  arbitrary: fc.Arbitrary<T>,
  few: number,
  many: number,
): fc.Arbitrary<T[]> {
  const upTo = (maxLength: number): fc.Arbitrary<T[]> =>
    fc.uniqueArray(arbitrary, {
      minLength: 1,
      maxLength,
      selector: ({ ip, port: at }) => `${ip} ${String(at)}`,
    });
  return fc.oneof({ weight: 5, arbitrary: upTo(few) }, { weight: 1, arbitrary: upTo(many) });
}

const spec = fc
  .constantFrom(['ipv4'], ['ipv6'], ['ipv4', 'ipv6'])
  .chain((families) =>
    fc.record(
      {
        pomaloba: fc.constant(1 as const),
        app: name,
        endpoints: unique(endpoint(families), 4, 12),
        destinations: unique(destination(families), 8, 20),
        scheduler: fc.constantFrom<Scheduler>(
          'random',
          'random',
          'round-robin',
          'round-robin',
          'source-hash',
        ),
        affinity: fc.constantFrom({ client_ip: {} }, { client_ip: { timeout: '10m' } }),
        on_empty: fc.constantFrom<OnEmpty>('reject', 'drop'),
        mss: fc.constant('clamp' as const),
        limits,
        client_address: fc.constantFrom<ClientAddress>('masquerade', 'preserve'),
        destination_networks: destinationNetworks,
        snat: fc.array(snatItem, { minLength: 1, maxLength: 3 }),
        health_check: healthCheck,
        allow_from: fc.array(network, { minLength: 1, maxLength: 5 }),
      },
      { requiredKeys: ['pomaloba', 'app', 'endpoints', 'destinations'] },
    ),
  )
  .map(withNetworks)
  .map(withEachFamily)
  .map(withPortsKept)
  .map(withOneKindOfPorts)
  .map(withFewTurns);

/** Networks of destinations go with addresses that are preserved, and with nothing else. */
function withNetworks({ destination_networks, ...drawn }: RandomSpec): RandomSpec {
  if (drawn.client_address !== 'preserve') return drawn;
  return { ...drawn, destination_networks: destination_networks ?? ['198.51.100.0/24', '2001:db8:2::/64'] };
}

/** Gives each family of the endpoints a destination, as validation asks for. */
function withEachFamily(drawn: RandomSpec): RandomSpec {
  const has = (list: readonly RandomEntry[], six: boolean): boolean =>
    list.some(({ ip }) => ip.includes(':') === six);
  const missing = [
    { six: false, entry: { ip: '198.51.100.99', port: 30_000 } },
    { six: true, entry: { ip: '2001:db8:2::99', port: 30_000 } },
  ].filter(({ six }) => has(drawn.endpoints, six) && !has(drawn.destinations, six));
  return { ...drawn, destinations: [...drawn.destinations, ...missing.map(({ entry }) => entry)] };
}

/** The destinations of a range have no port, and are then told apart by their addresses alone. */
function withPortsKept(drawn: RandomSpec): RandomSpec {
  const isKept = ({ ip }: RandomDestination): boolean =>
    drawn.endpoints.some((one) => typeof one.port === 'string' && one.ip.includes(':') === ip.includes(':'));
  const seen = new Set<string>();
  const destinations = drawn.destinations.flatMap((one) => {
    if (!isKept(one)) return [one];
    const { ip, weight: share = 1 } = one;
    return seen.has(ip) ? [] : (seen.add(ip), [{ ip, weight: share }]);
  });
  return { ...drawn, destinations };
}

/** With an affinity, the destinations of a family have a port each, or none has. */
function withOneKindOfPorts({ affinity, ...drawn }: RandomSpec): RandomSpec {
  const mixed = [false, true].some((six) => {
    const mine = drawn.destinations.filter(({ ip }) => ip.includes(':') === six);
    return new Set(mine.map((one) => one.port === undefined)).size > 1;
  });
  return affinity === undefined || mixed ? drawn : { ...drawn, affinity };
}

/** Without TCP there are no segments to cut. */
function withSegments({ mss, ...drawn }: RandomSpec): RandomSpec {
  const isOfUse = drawn.endpoints.some(({ protocol: asked = 'tcp' }) => [asked].flat().includes('tcp'));
  return mss !== undefined && isOfUse ? { ...drawn, mss } : drawn;
}

/** A round robin has at most 1,024 slots. */
function withFewTurns(drawn: RandomSpec): RandomSpec {
  if (drawn.scheduler !== 'round-robin') return drawn;
  const most = Math.floor(1024 / drawn.destinations.length);
  const destinations = drawn.destinations.map((entry) => ({
    ...entry,
    weight: Math.min(entry.weight ?? 1, most),
  }));
  return { ...drawn, destinations };
}

/** One to four apps that can stand in one ruleset: names and endpoints are used once. */
export const rulesetSpecs: fc.Arbitrary<readonly RandomSpec[]> = fc
  .array(spec, { minLength: 1, maxLength: 4 })
  .map((specs) => {
    const apps = new Set<string>();
    const taken: { ip: string; ports: Ports }[] = [];
    const isFree = ({ ip, port: at }: RandomEndpoint): boolean => {
      const ports = portsOf(at);
      if (taken.some((one) => one.ip === ip && overlap(one.ports, ports))) return false;
      return taken.push({ ip, ports }) > 0;
    };
    return specs
      .filter(({ app }) => !apps.has(app) && apps.add(app).size > 0)
      .map((one) => withChecks(withSegments({ ...one, endpoints: one.endpoints.filter(isFree) })))
      .filter(({ endpoints }) => endpoints.length > 0);
  });

/** The first and the last port of a random endpoint. */
export function portsOf(port: number | string): Ports {
  const ports = parsePorts(port);
  if (typeof ports !== 'object') throw new Error(`${port} is no port`);
  return ports;
}

/** The specs as a file of several documents; JSON is YAML. */
export function toText(specs: readonly RandomSpec[]): string {
  return specs.map((one) => `---\n${JSON.stringify(one)}\n`).join('');
}

/** A spec without what iptables cannot do. */
export function forIptables(spec: RandomSpec): RandomSpec {
  const { scheduler, limits: asked } = spec;
  const { new_per_second, ...others } = asked ?? {};
  const isOfBoth = new Set(spec.endpoints.map(({ ip }) => ip.includes(':'))).size > 1;
  const limits = isOfBoth || new_per_second === undefined ? others : { ...others, new_per_second };
  const refused = [
    'affinity',
    ...(scheduler === 'source-hash' ? ['scheduler'] : []),
    ...(Object.keys(limits).length === 0 ? ['limits'] : []),
  ];
  const kept = Object.entries({ ...spec, limits }).filter(([key]) => !refused.includes(key));
  return Object.fromEntries(kept) as unknown as RandomSpec;
}
