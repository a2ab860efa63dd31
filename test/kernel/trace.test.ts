// What `trace` says of the golden specs, which have every key, is what the kernel does: by real packets of several clients, of both
// families, with destinations up and down.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { programOf } from '../../src/commands/rules.js';
import { createLab, type Lab } from '../../src/lab/lab.js';
import { LB } from '../../src/lab/topology.js';
import { type LabProtocol, nameOf, type Target } from '../../src/lab/traffic.js';
import type { Trace } from '../../src/trace/facts.js';
import { expectationOf } from '../../src/try/expectation.js';
import type { View } from '../../src/view/view.js';
import { BACKENDS, inLb, load, remove } from '../support/backends.js';
import { expectShares } from '../support/chi-square.js';
import { countPlaces, createClientsLab, IPS, NFTABLES, places, WORKERS } from '../support/many-clients.js';
import { viewOf } from '../support/rulesets.js';
import { type DownPlace, traced } from '../support/traces.js';

const GOLDEN = join(import.meta.dirname, '../golden');
const PROTOCOLS: readonly LabProtocol[] = ['tcp', 'udp'];
const FAMILIES = ['ipv4', 'ipv6'] as const;
/** Those of the lab; those that the allow lists of golden specs have; those beside destinations whose clients are preserved. */
const CLIENTS = {
  ipv4: ['198.18.1.2', '203.0.113.7', '198.51.100.7'],
  ipv6: ['fd18:1::2', '2001:db8:3::7', '2001:db8:2::7'],
} as const;
/** A port of the endpoints' addresses that is none of an endpoint; a server of the load balancer listens there. */
const OTHER_PORT = 9;
/** Enough for shares; and fewer than any limit of a golden spec, to all of its endpoints together. */
const MANY = 150;
const FEW = 3;

const SPECS = readdirSync(GOLDEN).map((name) => {
  const file = readdirSync(join(GOLDEN, name)).find((one) => one.startsWith('spec.')) ?? '';
  return { name, view: viewOf(readFileSync(join(GOLDEN, name, file), 'utf8')) };
});
const POOLS = SPECS.flatMap(({ view }) => view.pomaloba_apps).flatMap(({ pools }) => pools);
const unique = (list: readonly string[]): string[] => [...new Set(list)];
const SNAT = unique(POOLS.flatMap(({ snat }) => snat.map(({ ip }) => ip)));
const DESTINATIONS = unique(POOLS.flatMap(({ destinations }) => destinations.map(({ ip }) => ip)));

/** One connection of a client, and what the trace says of it. */
interface Way extends Target {
  readonly trace: Trace;
}

/** The first and the last port of each endpoint of one family and protocol, and a port beside them. */
function targetsOf({ pomaloba_apps: apps }: View, family: string, protocol: string): Target[] {
  return apps
    .flatMap(({ pools }) => pools)
    .filter((pool) => pool.family === family)
    .flatMap(({ endpoints }) => endpoints)
    .filter((endpoint) => endpoint.protocol === protocol)
    .flatMap(({ ip, ports }) => [...new Set([...ports, OTHER_PORT])].map((port) => ({ ip, port })));
}

/** True if it matters who the client is. */
function minds({ pomaloba_apps: apps }: View): boolean {
  return apps.some(({ guards, preserves }) => guards || preserves);
}

/** Those of both families that get connections, of each pool the first of them or all. */
function downOf(view: View, which: 'none' | 'first' | 'all'): DownPlace[] {
  if (which === 'none') return [];
  const places = view.pomaloba_apps
    .flatMap(({ pools }) => pools)
    .flatMap(({ destinations }) => {
      const used = destinations.filter(({ weight }) => weight > 0);
      return which === 'first' ? used.slice(0, 1) : used;
    })
    .map(({ ip, down_port: port }) => [`${ip} ${port}`, { ip, port }] as const);
  return [...new Map(places).values()];
}

const RULES = BACKENDS.filter(({ type }) => type.endsWith('-rules'));

describe.each(RULES)('$name', (backend) => {
  const filter = backend.type === 'nftables-rules' ? 'nftables' : 'iptables';
  let lab: Lab;

  async function inHost(host: string, commands: readonly string[]): Promise<void> {
    const { code, stderr } = await lab.exec(host, ['sh', '-ec', commands.join('\n')]);
    expect(code, stderr).toBe(0);
  }

  beforeAll(async () => {
    lab = await createLab({
      endpointAddresses: unique([
        ...POOLS.flatMap(({ endpoints }) => endpoints.map(({ ip }) => ip)),
        ...SNAT,
      ]),
      workers: [{ name: 'w1', addresses: DESTINATIONS }],
      // The lists of xt_recent belong to the first user namespace.
      userNamespace: filter === 'nftables',
    });
    const clients = FAMILIES.flatMap<string>((family) => CLIENTS[family]);
    const added = FAMILIES.flatMap<string>((family) => CLIENTS[family].slice(1));
    const via = (ip: string): string => (ip.includes(':') ? LB.toWorkers.ipv6 : LB.toWorkers.ipv4);
    await inHost(
      'client',
      added.map((ip) => `ip address add ${ip} dev eth0${ip.includes(':') ? ' nodad' : ''}`),
    );
    await inHost(
      'lb',
      added.map((ip) => `ip route add ${ip} dev eth0`),
    );
    // Workers route back through the load balancer.
    await inHost(
      'w1',
      clients.map((ip) => `ip route add ${ip} via ${via(ip)}`),
    );
    await inHost(
      'lb',
      ['ipv4/icmp_ratelimit', 'ipv6/icmp/ratelimit'].map((key) => `echo 0 >/proc/sys/net/${key}`),
    );
    const ports = POOLS.flatMap(({ endpoints, destinations }) => [
      ...endpoints.flatMap((one) => one.ports),
      ...destinations.flatMap(({ port }) => (typeof port === 'number' ? [port] : [])),
    ]);
    await Promise.all(PROTOCOLS.map((protocol) => lab.listen('w1', [...new Set(ports)], protocol)));
  });
  afterAll(async () => {
    await lab.close();
  });

  async function takeDown(view: View, down: readonly DownPlace[]): Promise<void> {
    const { nft_table: table } = view.pomaloba_ruleset;
    const commands = down.map(({ ip, port }) => {
      const [set, any] = ip.includes(':') ? ['down-ip6', '::'] : ['down-ip', '0.0.0.0'];
      return filter === 'nftables'
        ? `nft add element inet ${table} ${set} '{ ${ip} . ${port} }'`
        : `echo +${any} | tee '/proc/net/xt_recent/${table}' '/proc/net/xt_recent/${table},${ip},${port}' >/dev/null`;
    });
    if (commands.length > 0) await inLb(lab, backend, `set -e; ${commands.join('\n')}`);
  }

  /** Sends connections along `ways`, of which the traces expect alike, and compares. */
  async function follow(
    ways: readonly Way[],
    from: string,
    protocol: LabProtocol,
    most: number,
    about: string,
  ): Promise<void> {
    const [first] = ways;
    if (!first) return;
    const { error } = expectationOf(first.trace);
    const isLimited = ways.some(({ trace }) => trace.notes.some((note) => note.most !== null));
    const connections = error !== undefined || isLimited ? FEW : most;
    // Flows of UDP begin anew, and rates.
    await inLb(lab, backend, `conntrack -F 2>/dev/null; ${isLimited ? 'sleep 1.2' : ':'}`);
    const timeoutMs = error === 'ETIMEDOUT' ? 300 : 3000;
    const request = { targets: ways, connections, protocol, localAddress: from, timeoutMs };
    const report = await lab.probe('client', request);
    for (const way of ways) {
      const { errors = {}, destinations = {}, sources = {} } = report[nameOf(way)] ?? {};
      const due = expectationOf(way.trace);
      const what = `${about}: ${from} to ${nameOf(way)}/${protocol}: ${JSON.stringify(way.trace.outcomes)}`;
      expect(errors, what).toEqual(error === undefined ? {} : { [error]: connections });
      if (error !== undefined) continue;
      expect(Object.keys(due.destinations), what).toEqual(expect.arrayContaining(Object.keys(destinations)));
      expect(Object.keys(due.sources), what).toEqual(expect.arrayContaining(Object.keys(sources)));
      // A client that keeps its destination has had one share of all.
      if (!way.trace.notes.some(({ kind }) => kind === 'affinity'))
        expectShares(destinations, due.destinations);
      expectShares(sources, due.sources);
    }
  }

  test.each(SPECS.filter(({ view }) => view.pomaloba_ruleset.backends.includes(filter)))(
    '$name',
    async ({ name, view }) => {
      const program = programOf(view, filter);
      for (const which of ['none', 'first', 'all'] as const) {
        const down = downOf(view, which);
        // Anew, without what clients have kept.
        await load(lab, backend, view);
        await takeDown(view, down);
        const clients = FAMILIES.flatMap((family) =>
          CLIENTS[family].slice(0, minds(view) && which !== 'first' ? 3 : 1),
        );
        for (const [from, protocol] of clients.flatMap((ip) => PROTOCOLS.map((one) => [ip, one] as const))) {
          const family = from.includes(':') ? 'ipv6' : 'ipv4';
          const ways = targetsOf(view, family, protocol).map((target) => ({
            ...target,
            trace: traced(program, { from, ...target, protocol }, down),
          }));
          for (const error of [undefined, 'ECONNREFUSED', 'ETIMEDOUT']) {
            const alike = ways.filter(({ trace }) => expectationOf(trace).error === error);
            await follow(
              alike,
              from,
              protocol,
              from === CLIENTS[family][0] ? MANY : FEW,
              `${name}, ${which} down`,
            );
          }
        }
        await remove(lab, backend, view);
      }
    },
  );
});

/** Apps of nftables of which each client of many has a destination of its own: by its address, or the one that it had. */
function keeping(more: object): string {
  return JSON.stringify({
    pomaloba: 1,
    app: 'keeping',
    endpoints: IPS.map((ip) => ({ ip, port: 80 })),
    destinations: WORKERS.flatMap((addresses, index) =>
      addresses.map((ip) => ({ ip, port: 30_080, weight: index + 1 })),
    ),
    ...more,
  });
}

describe.each(NFTABLES)('$name, of 150 clients a family', (backend) => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await createClientsLab([30_080]);
  });
  afterAll(async () => {
    await lab.close();
  });

  test.each([0, 1])(
    'each has the destination that its hash says, and which when that is down (family %d)',
    async (family) => {
      const view = viewOf(keeping({ scheduler: 'source-hash' }));
      const program = programOf(view, 'nftables');
      await load(lab, backend, view);
      const ip = IPS[family] ?? '';
      const third = { ip: WORKERS[2]?.[family] ?? '', port: 30_080 };
      const set = `inet pomaloba-keeping down-ip${family === 0 ? '' : '6'} '{ ${third.ip} . ${third.port} }'`;
      for (const down of [[], [third]]) {
        if (down.length > 0) await inLb(lab, backend, `nft add element ${set}`);
        const found = await places(lab, family, 80);
        expect(found.size).toBe(150);
        const due = [...found.keys()].map((from) => {
          const { outcomes } = traced(program, { from, ip, port: 80, protocol: 'tcp' }, down);
          return [from, outcomes.map(({ destination }) => destination?.ip).join()] as const;
        });
        expect(Object.fromEntries(found)).toEqual(Object.fromEntries(due));
      }
      await inLb(lab, backend, `nft delete element ${set}`);
    },
  );

  test.each([0, 1])('newcomers have the shares of an app that clients keep (family %d)', async (family) => {
    const view = viewOf(keeping({ affinity: { client_ip: {} } }));
    await inLb(lab, backend, 'nft delete table inet pomaloba-keeping 2>/dev/null || :');
    await load(lab, backend, view);
    const trace = traced(programOf(view, 'nftables'), {
      from: family === 0 ? '198.18.1.10' : 'fd18:1::10',
      ip: IPS[family] ?? '',
      port: 80,
      protocol: 'tcp',
    });
    const found = await places(lab, family, 80);
    const shares = trace.outcomes.map(({ destination, share }) => [destination?.ip ?? '', share] as const);
    expectShares(countPlaces(found), Object.fromEntries(shares));
    // And what is noted is so: they keep it.
    expect(trace.notes).toMatchObject([{ kind: 'affinity', seconds: 10_800 }]);
    expect(await places(lab, family, 80)).toEqual(found);
  });
});
