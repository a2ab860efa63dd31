// Random specs in a real kernel: each loads in both packet filters, and each connection ends where the spec says.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLab, type Lab } from '../../src/lab/lab.js';
import { nameOf, type Target } from '../../src/lab/traffic.js';
import { parseNetwork } from '../../src/model/network.js';
import { type RandomSpec, rulesetSpecs, toText } from '../support/arbitrary-spec.js';
import { isIn } from '../support/networks.js';
import { BACKENDS, load, remove, rulesOf } from '../support/backends.js';
import { expectShares } from '../support/chi-square.js';

const RUNS = 30;
const hosts = [...Array(12).keys()].map((index) => index + 1);
const ENDPOINTS = hosts.flatMap((host) => [`192.0.2.${host}`, `2001:db8:1::${host.toString(16)}`]);
const DESTINATIONS = [...hosts, 99].flatMap((host) => [
  `198.51.100.${host}`,
  `2001:db8:2::${host === 99 ? '99' : host.toString(16)}`,
]);

/** What the spec says of an endpoint: the weights by place of its family's destinations. */
function weightsFor(ip: string, { destinations }: RandomSpec): Record<string, number> {
  return Object.fromEntries(
    destinations
      .filter((destination) => destination.ip.includes(':') === ip.includes(':'))
      .map((destination) => [nameOf(destination), destination.weight ?? 1]),
  );
}

function isEmpty({ ip }: Target, spec: RandomSpec): boolean {
  return Object.values(weightsFor(ip, spec)).every((weight) => weight === 0);
}

const CLIENT = { ipv4: '198.18.1.2', ipv6: 'fd18:1::2' };
/** What the spec says of the lab's client. */
function mayCome({ ip }: Target, { allow_from }: RandomSpec): boolean {
  if (allow_from === undefined) return true;
  return allow_from.map(parseNetwork).some((network) => {
    if (typeof network === 'string') throw new Error(network);
    const isTheirs = network.family === (ip.includes(':') ? 'ipv6' : 'ipv4');
    return isTheirs && isIn(CLIENT[network.family], network.text);
  });
}

describe.each(BACKENDS.filter(({ name }) => !name.includes('legacy')))('$name', (backend) => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await createLab({
      endpointAddresses: ENDPOINTS,
      workers: [{ name: 'w1', addresses: DESTINATIONS }],
    });
  });
  afterAll(async () => {
    await lab.close();
  });

  async function check(specs: readonly RandomSpec[]): Promise<void> {
    const text = toText(specs);
    const before = await rulesOf(lab, backend);
    await load(lab, backend, text);
    const ports = new Set(specs.flatMap(({ destinations }) => destinations.map(({ port }) => port)));
    const server = await lab.listen('w1', [...ports]);
    for (const spec of specs) {
      const closed = spec.endpoints.filter(
        (endpoint) => !isEmpty(endpoint, spec) && !mayCome(endpoint, spec),
      );
      const open = spec.endpoints.filter((endpoint) => !closed.includes(endpoint));
      const report = await lab.probe('client', { targets: open, connections: 60 });
      for (const endpoint of open) {
        const { destinations = {}, errors = {} } = report[nameOf(endpoint)] ?? {};
        expect(errors, text).toEqual(isEmpty(endpoint, spec) ? { ECONNREFUSED: 60 } : {});
        if (!isEmpty(endpoint, spec)) expectShares(destinations, weightsFor(endpoint.ip, spec));
      }
      const refused = await lab.probe('client', { targets: closed, connections: 3, timeoutMs: 300 });
      for (const { errors } of Object.values(refused)) expect(errors, text).toEqual({ ETIMEDOUT: 3 });
    }
    server.kill('SIGKILL');
    await server.ended;
    await remove(lab, backend, text);
    if (backend.type.startsWith('nftables')) expect(await rulesOf(lab, backend)).toBe(before);
    else expect(await rulesOf(lab, backend)).not.toContain('PMLB');
  }

  test(`sends each packet of ${RUNS} random specs where they say`, async () => {
    await fc.assert(fc.asyncProperty(rulesetSpecs, check), { numRuns: RUNS, endOnFailure: true });
  });
});
