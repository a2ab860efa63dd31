// Which lab a ruleset needs, whose clients come, and how fast.
import { describe, expect, test } from 'vitest';
import { buildApp } from '../../../src/model/build.js';
import { clientsFor } from '../../../src/try/clients.js';
import type { Expectation } from '../../../src/try/expectation.js';
import { planOf, type TryPlan } from '../../../src/try/plan.js';
import { requestOf, trialsOf } from '../../../src/try/trials.js';
import { specsOf } from '../../support/rulesets.js';

function plan(more = '', endpoints = '{ ip: 192.0.2.10, port: 80 }'): TryPlan {
  const text = `{ pomaloba: 1, app: shop, endpoints: [${endpoints}],
    destinations: [{ ip: 10.0.1.2 }, { ip: 10.0.1.3 }] ${more} }`;
  return planOf(specsOf(text).map(buildApp));
}

describe('plan', () => {
  test('a worker for each host, services for each way, and the addresses of snat', () => {
    const made = plan(
      ', snat: [192.0.2.20-192.0.2.21]',
      '{ ip: 192.0.2.10, port: 8000-8009, protocol: [tcp, udp] }',
    );
    expect(made.workers).toEqual([
      { name: 'Worker1', ip: '10.0.1.2', host: 'Worker1' },
      { name: 'Worker2', ip: '10.0.1.3', host: 'Worker2' },
    ]);
    const at = (port: number) => ['tcp', 'udp'].map((protocol) => ({ ip: '10.0.1.3', port, protocol }));
    expect(made.services.get('Worker1')).toHaveLength(4);
    expect(made.services.get('Worker2')).toEqual(expect.arrayContaining([...at(8000), ...at(8009)]));
    expect(made.lab.endpointAddresses).toEqual(['192.0.2.10', '192.0.2.10', '192.0.2.20', '192.0.2.21']);
  });

  test('SCTP is left out, and that is said', () => {
    const { pools, notTried } = plan('', '{ ip: 192.0.2.10, port: 80, protocol: [tcp, sctp] }');
    expect(pools[0]?.ways).toEqual([{ ip: '192.0.2.10', port: 80, protocol: 'tcp' }]);
    expect(notTried).toEqual(['shop: sctp, which Node.js has no sockets for']);
    expect(plan('', '{ ip: 192.0.2.10, port: 80, protocol: sctp }').pools).toEqual([]);
  });

  function many(count: number): TryPlan {
    const destinations = Array.from({ length: count }, (_, i) => ({
      ip: `10.1.${i >> 8}.${i & 255}`,
      port: 80,
    }));
    const spec = { pomaloba: 1, app: 'big', endpoints: [{ ip: '192.0.2.10', port: 80 }], destinations };
    return planOf(specsOf(JSON.stringify(spec)).map(buildApp));
  }

  test('many workers share namespaces, too many are refused', () => {
    const { workers, lab } = many(70);
    expect(lab.workers).toHaveLength(8);
    expect(workers[64]).toEqual({ name: 'Worker65', ip: '10.1.0.64', host: 'Worker1' });
    expect(lab.workers[0]?.addresses.slice(0, 3)).toEqual(['10.1.0.0', '10.1.0.8', '10.1.0.16']);
    expect(() => many(1001)).toThrow('it has 1001 hosts of destinations, and a lab has at most 1000');
  });
});

const BALANCED: Expectation = { error: undefined, destinations: { '10.0.1.2:80': 1 }, sources: {} };
const DROPPED: Expectation = { error: 'ETIMEDOUT', destinations: {}, sources: {} };

describe('clients', () => {
  const apps = (more: string) => plan(more).pools.map(({ app }) => app);
  const texts = (more: string, taken: readonly string[] = []) =>
    clientsFor(apps(more), 'ipv4', new Set(taken)).map(({ text }) => text);

  test("are the lab's, and more of them where each keeps its destination", () => {
    expect(texts('')).toEqual([10, 11, 12, 13, 14, 15, 16, 17].map((last) => `198.18.1.${last}`));
    expect(texts(', scheduler: source-hash')).toHaveLength(64);
    expect(clientsFor(apps(''), 'ipv6', new Set()).slice(0, 2)).toEqual([
      { family: 'ipv6', text: 'fd18:1:0:1::2' },
      { family: 'ipv6', text: 'fd18:1:0:2::2' },
    ]);
  });

  test('and some that are let in, but none that somebody has', () => {
    const more = ', allow_from: [203.0.113.7, 203.0.113.128/30, 127.0.0.0/8, 198.18.0.0/15]';
    expect(texts(more, ['203.0.113.129']).slice(8)).toEqual(['203.0.113.7', '203.0.113.130']);
  });
});

describe('trials', () => {
  test('by turns over the ways and over those who may come; of the others a few', () => {
    const guarded = plan(', allow_from: [198.18.1.10/31]');
    const [trial] = trialsOf(guarded, 4, ({ text }) => (text < '198.18.1.12' ? BALANCED : DROPPED));
    expect(trial?.jobs.map(({ from }) => from)).toEqual([
      '198.18.1.10',
      '198.18.1.11',
      '198.18.1.10',
      '198.18.1.11',
    ]);
    expect(trial?.refused.map(({ from, due }) => [from, due.error])).toEqual([
      ['198.18.1.12', 'ETIMEDOUT'],
      ['198.18.1.13', 'ETIMEDOUT'],
      ['198.18.1.14', 'ETIMEDOUT'],
    ]);
  });

  test('nobody told how many: a thousand, and of many pools less', () => {
    const jobs = (pools: TryPlan['pools']) =>
      trialsOf({ ...plan(), pools }, undefined, () => BALANCED).map((one) => one.jobs.length);
    const [pool] = plan().pools;
    expect(pool && jobs([pool])).toEqual([1000]);
    expect(pool && jobs(Array.from({ length: 100 }, () => pool)).slice(98)).toEqual([200, 200]);
    expect(pool && jobs(Array.from({ length: 5000 }, () => pool)).slice(4998)).toEqual([20, 20]);
  });

  const pace = (more: string, endpoints?: string) => {
    const [trial] = trialsOf(plan(more, endpoints), 1000, () => BALANCED);
    return [trial?.jobs.length, trial?.concurrency, trial?.gapMs, trial?.isCut];
  };

  test('no limit is met', () => {
    expect(pace('')).toEqual([1000, 4, 0, false]);
    expect(pace(', limits: { new_per_second: 10 }')).toEqual([120, 1, 125, true]);
    expect(pace(', limits: { new_per_second_per_client: 10 }')).toEqual([937, 1, 16, true]);
    expect(pace(', limits: { connections_per_client: 2 }')).toEqual([1000, 1, 0, false]);
    // Flows of UDP stay open.
    expect(
      pace(', limits: { connections_per_client: 2 }', '{ ip: 192.0.2.10, port: 53, protocol: udp }'),
    ).toEqual([16, 1, 0, true]);
    expect(pace(', affinity: { client_ip: {} }')).toEqual([1000, 1, 0, false]);
  });

  test('a flow of UDP has a port of its own', () => {
    const way = { ip: '192.0.2.10', port: 53, protocol: 'udp' } as const;
    const ports = [1, 2, 40_001].map(
      (id) => requestOf({ way, from: '198.18.1.10', due: BALANCED }, id).localPort,
    );
    expect(ports).toEqual([20_001, 20_002, 20_001]);
  });
});
