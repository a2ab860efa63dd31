// Random valid specs. Addresses are few and from the documentation ranges, so that apps share them; the parts
// are drawn so that a spec is valid by construction (test/property/specs.test.ts proves that it is).
import fc from 'fast-check';

interface RandomEntry {
  readonly ip: string;
  readonly port: number;
  readonly weight?: number;
}

export interface RandomSpec {
  readonly pomaloba: 1;
  readonly app: string;
  readonly endpoints: readonly RandomEntry[];
  readonly destinations: readonly RandomEntry[];
  readonly scheduler?: 'random' | 'round-robin';
  readonly allow_from?: readonly string[];
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

function entries(prefix4: string, prefix6: string, families: readonly string[]): fc.Arbitrary<RandomEntry> {
  const ip = fc
    .tuple(fc.constantFrom(...families), byte)
    .map(([family, host]) => (family === 'ipv4' ? `${prefix4}${host}` : `${prefix6}${host.toString(16)}`));
  return fc.record({ ip, port });
}

/** Overlapping, adjacent, of one family or both, everything; some written with bits beyond their prefix. */
const network = fc.oneof(
  fc.tuple(byte, fc.integer({ min: 0, max: 32 })).map(([host, bits]) => `203.0.113.${host}/${bits}`),
  fc.tuple(byte, fc.integer({ min: 0, max: 128 })).map(([host, bits]) => `2001:db8:3::${host}/${bits}`),
  fc.constantFrom('203.0.113.0/25', '203.0.113.128/25', '198.18.1.0/24', 'fd18:1::/64', '2001:DB8:3::'),
);

function unique(arbitrary: fc.Arbitrary<RandomEntry>, maxLength: number): fc.Arbitrary<RandomEntry[]> {
  return fc.uniqueArray(arbitrary, {
    minLength: 1,
    maxLength,
    selector: ({ ip, port: at }) => `${ip} ${at}`,
  });
}

const spec = fc
  .constantFrom(['ipv4'], ['ipv6'], ['ipv4', 'ipv6'])
  .chain((families) =>
    fc.record(
      {
        pomaloba: fc.constant(1 as const),
        app: name,
        endpoints: unique(entries('192.0.2.', '2001:db8:1::', families), 4),
        destinations: unique(entries('198.51.100.', '2001:db8:2::', families), 8).chain((list) =>
          fc.tuple(...list.map((entry) => weight.map((drawn) => ({ ...entry, weight: drawn })))),
        ),
        scheduler: fc.constantFrom('random' as const, 'round-robin' as const),
        allow_from: fc.array(network, { minLength: 1, maxLength: 5 }),
      },
      { requiredKeys: ['pomaloba', 'app', 'endpoints', 'destinations'] },
    ),
  )
  .map(withEachFamily)
  .map(withFewTurns);

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

/** A round robin has at most 1,024 slots: of weights up to 100, at most nine destinations have fewer. */
function withFewTurns(drawn: RandomSpec): RandomSpec {
  if (drawn.scheduler !== 'round-robin') return drawn;
  const destinations = drawn.destinations.map((entry) => ({
    ...entry,
    weight: Math.min(entry.weight ?? 1, 100),
  }));
  return { ...drawn, destinations };
}

/** One to four apps that can stand in one ruleset: names and endpoints are used once. */
export const rulesetSpecs: fc.Arbitrary<readonly RandomSpec[]> = fc
  .array(spec, { minLength: 1, maxLength: 4 })
  .map((specs) => {
    const taken = new Set<string>();
    const free = (key: string): boolean => !taken.has(key) && taken.add(key).size > 0;
    return specs
      .filter(({ app }) => free(`app ${app}`))
      .map((one) => ({ ...one, endpoints: one.endpoints.filter(({ ip, port: at }) => free(`${ip} ${at}`)) }))
      .filter(({ endpoints }) => endpoints.length > 0);
  });

/** The specs as a file of several documents; JSON is YAML. */
export function toText(specs: readonly RandomSpec[]): string {
  return specs.map((one) => `---\n${JSON.stringify(one)}\n`).join('');
}
