// Random specs in a real kernel: each loads in both packet filters, and each connection ends where the spec says, and the trace.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { programOf } from '../../src/commands/rules.js';
import { createLab, type Lab } from '../../src/lab/lab.js';
import { LB } from '../../src/lab/topology.js';
import { type LabProtocol, nameOf, type Target } from '../../src/lab/traffic.js';
import type { Program } from '../../src/trace/language.js';
import { type Expectation, expectationOf } from '../../src/try/expectation.js';
import type { View } from '../../src/view/view.js';
import { forIptables, portsOf, type RandomSpec, rulesetSpecs, toText } from '../support/arbitrary-spec.js';
import { type Backend, BACKENDS, inLb, load, remove, rulesOf } from '../support/backends.js';
import { expectShares } from '../support/chi-square.js';
import { viewOf } from '../support/rulesets.js';
import { drawsOf, expectAgreement, expectedOf, summaryOf, traced } from '../support/traces.js';

/** Of each back end: 500 in all. */
const RUNS = 125;
const hosts = [...Array(12).keys()].map((index) => index + 1);
const ENDPOINTS = hosts.flatMap((host) => [`192.0.2.${host}`, `2001:db8:1::${host.toString(16)}`]);
const DESTINATIONS = [...hosts, 99].flatMap((host) => [
  `198.51.100.${host}`,
  `2001:db8:2::${host === 99 ? '99' : host.toString(16)}`,
]);

/** One port of one endpoint, over one protocol. */
interface Way extends Target {
  readonly protocol: LabProtocol;
}

/** The first and the last port of each endpoint; of SCTP this kernel has no sockets (see protocols.test.ts). */
function waysOf({ endpoints }: RandomSpec): Way[] {
  return endpoints.flatMap(({ ip, port, protocol = 'tcp' }) => {
    const { first, last } = portsOf(port);
    const protocols = [protocol].flat().filter((one) => one !== 'sctp');
    return [...new Set([first, last])].flatMap((at) =>
      protocols.map((one) => ({ ip, port: at, protocol: one })),
    );
  });
}

/**
 * The specs, without what the back end refuses. A source hash in one of them only, and under a short name: what nft can
 * send in a user namespace is limited, and each place of its table names a chain.
 */
function possible(specs: readonly RandomSpec[], { type }: Backend): RandomSpec[] {
  if (!type.startsWith('nftables')) return specs.map(forIptables);
  const first = specs.find(({ scheduler }) => scheduler === 'source-hash');
  return specs.map((one) => {
    if (one === first) return { ...one, app: 'hash' };
    return one.scheduler === 'source-hash' ? { ...one, scheduler: 'random' } : one;
  });
}

const SNAT = [100, 101, 102, 103].flatMap((last) => [`198.18.2.${last}`, `fd18:2::${last}`]);
const CLIENT = { ipv4: '198.18.1.2', ipv6: 'fd18:1::2' };

/** What is in the kernel. */
interface Loaded {
  readonly view: View;
  readonly program: Program;
  readonly text: string;
}

/** What becomes of the connections of a way. */
interface Due extends Expectation {
  readonly way: Way;
  readonly keepsDestination: boolean;
  /** What a failure is about. */
  readonly about: string;
}

describe.each(BACKENDS.filter(({ name }) => !name.includes('legacy')))('$name', (backend) => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await createLab({
      endpointAddresses: ENDPOINTS,
      workers: [{ name: 'w1', addresses: DESTINATIONS }],
      // What nft may send in a user namespace is limited: 208 KiB, which four apps of many slots exceed.
      userNamespace: process.geteuid?.() !== 0,
    });
    // Workers route back through the load balancer, which has the addresses of snat.
    const back = `ip route add 198.18.1.0/24 via ${LB.toWorkers.ipv4}; ip route add fd18:1::/64 via ${LB.toWorkers.ipv6}`;
    expect((await lab.exec('w1', ['sh', '-ec', back])).code).toBe(0);
    const add = SNAT.map(
      (ip) => `ip address add ${ip} dev eth1${ip.includes(':') ? ' nodad preferred_lft 0' : ''}`,
    );
    await inLb(lab, backend, `set -e; ${add.join('; ')}`);
    await inLb(
      lab,
      backend,
      'echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 0 >/proc/sys/net/ipv6/icmp/ratelimit',
    );
  });
  afterAll(async () => {
    await lab.close();
  });

  async function listenFor(specs: readonly RandomSpec[]) {
    const ports = (protocol: LabProtocol): number[] =>
      specs.flatMap((spec) => {
        const ways = waysOf(spec).filter((way) => way.protocol === protocol);
        const named = spec.destinations.flatMap(({ port }) => port ?? []);
        return ways.length === 0 ? [] : [...ways.map(({ port }) => port), ...named];
      });
    return Promise.all(
      (['tcp', 'udp'] as const).map((protocol) => lab.listen('w1', [...new Set(ports(protocol))], protocol)),
    );
  }

  /** What the spec says is what the text says: what the kernel has to do then. */
  function dueOf(way: Way, spec: RandomSpec, { view, program, text }: Loaded): Due {
    const about = `${JSON.stringify(way)} of ${text}`;
    const from = CLIENT[way.ip.includes(':') ? 'ipv6' : 'ipv4'];
    const trace = traced(program, { from, ...way });
    const due = expectedOf(spec, { from, ...way }, [], drawsOf(view, spec.app, way.ip));
    expectAgreement(summaryOf(trace), due, spec.scheduler === 'source-hash', about);
    return { way, about, keepsDestination: spec.affinity !== undefined, ...expectationOf(trace) };
  }

  /** Sends connections of one protocol that all fare alike, by one client: a process for each would take most of the time. */
  async function send(dues: readonly Due[]): Promise<void> {
    const [first] = dues;
    if (first === undefined) return;
    const connections = first.error === undefined ? 60 : 3;
    const report = await lab.probe('client', {
      targets: dues.map(({ way }) => way),
      connections,
      protocol: first.way.protocol,
      timeoutMs: first.error === 'ETIMEDOUT' ? 300 : 3000,
    });
    for (const { way, about, keepsDestination, error, destinations: shares, sources: seen } of dues) {
      const { destinations = {}, sources = {}, errors } = report[nameOf(way)] ?? {};
      expect(errors, about).toEqual(error === undefined ? {} : { [error]: connections });
      if (error !== undefined) continue;
      expectShares(sources, seen);
      // The client's address is always the same: with an affinity so is its destination, or one of few from before it was known.
      if (keepsDestination)
        expect(Object.keys(shares), about).toEqual(expect.arrayContaining(Object.keys(destinations)));
      else expectShares(destinations, shares);
    }
  }

  async function check(drawn: readonly RandomSpec[]): Promise<void> {
    const specs = possible(drawn, backend);
    const text = toText(specs);
    const view = viewOf(text);
    const program = programOf(view, backend.type.startsWith('nftables') ? 'nftables' : 'iptables');
    const before = await rulesOf(lab, backend);
    await load(lab, backend, text);
    // A flow of an earlier spec would keep its source, if its port is drawn again.
    await inLb(lab, backend, 'conntrack -D -p udp 2>/dev/null; true');
    const servers = await listenFor(specs);
    const dues = specs.flatMap((spec) =>
      waysOf(spec).map((way) => dueOf(way, spec, { view, program, text })),
    );
    const alike = (['tcp', 'udp'] as const).flatMap((protocol) =>
      ([undefined, 'ECONNREFUSED', 'ETIMEDOUT'] as const).map((end) =>
        dues.filter(({ way, error }) => way.protocol === protocol && error === end),
      ),
    );
    await Promise.all(alike.map(send));
    for (const server of servers) {
      server.kill('SIGKILL');
      await server.ended;
    }
    await remove(lab, backend, text);
    if (backend.type.startsWith('nftables')) expect(await rulesOf(lab, backend)).toBe(before);
    else expect(await rulesOf(lab, backend)).not.toContain('PMLB');
  }

  test(`sends each packet of ${RUNS} random specs where they say`, async () => {
    await fc.assert(fc.asyncProperty(rulesetSpecs, check), { numRuns: RUNS, endOnFailure: true });
  });
});
