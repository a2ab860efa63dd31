import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { capacityOf, fullAt, type Pool } from '../../../src/explain/capacity.js';

const PORTS = 64_512;

/** A pool of destinations of these weights; those of one `net` are the same. */
function pool(weights: readonly number[], net = 1, endpoints = 1, sources = ['interface']): Pool {
  const address = (text: string) => ({ family: 'ipv4', text }) as const;
  return {
    endpoints: Array.from({ length: endpoints }, (_, n) => ({
      address: address('192.0.2.10'),
      ports: { first: 80 + n, last: 80 + n },
      protocol: 'tcp',
    })),
    destinations: weights.map((weight, n) => ({
      address: address(`10.0.${net}.${n + 1}`),
      port: 31080,
      weight,
      isBackup: false,
    })),
    sources,
  };
}

describe('capacity', () => {
  test.each([
    { name: 'nothing', pools: [], destinations: 0 },
    { name: 'a pool without destinations', pools: [pool([])], destinations: 0 },
    { name: 'a destination', pools: [pool([1])], destinations: 1 },
    { name: 'a destination of several endpoints', pools: [pool([1], 1, 3)], destinations: 1 },
    { name: 'destinations of several weights', pools: [pool([1, 256, 7])], destinations: 3 },
    { name: 'a drained destination', pools: [pool([1, 0])], destinations: 1 },
    { name: 'pools of their own', pools: [pool([1, 1], 1), pool([1], 2)], destinations: 3 },
    { name: 'pools that share a destination', pools: [pool([1]), pool([5, 1])], destinations: 2 },
    { name: 'a destination that one of two has drained', pools: [pool([0]), pool([1])], destinations: 1 },
    {
      name: 'a destination that three addresses reach',
      pools: [pool([1], 1, 2, ['a', 'b', 'c'])],
      destinations: 3,
    },
    { name: 'pools with an address of each', pools: [pool([1], 1, 1, ['a']), pool([1])], destinations: 2 },
    {
      name: 'pools that share one of their addresses',
      pools: [pool([1], 1, 1, ['a', 'b']), pool([1], 1, 1, ['b', 'c'])],
      destinations: 3,
    },
    { name: "a pool that keeps the client's address", pools: [pool([1, 1], 1, 1, [])], destinations: 0 },
    { name: 'a destination without endpoints', pools: [pool([1], 1, 0)], destinations: 0 },
  ])('$name: that of $destinations destinations', ({ pools, destinations }) => {
    expect(capacityOf(pools)).toBe(destinations * PORTS);
  });
});

test('each port of a range, and each protocol, has its own; ranges that overlap share theirs', () => {
  const destination = { address: { family: 'ipv4', text: '10.0.1.1' }, weight: 1, isBackup: false } as const;
  const endpoint = (first: number, last: number, protocol: 'tcp' | 'udp') => ({
    address: { family: 'ipv4', text: '192.0.2.10' } as const,
    ports: { first, last },
    protocol,
  });
  const range: Pool = {
    endpoints: [endpoint(8000, 8099, 'tcp'), endpoint(8000, 8099, 'udp'), endpoint(8050, 8149, 'tcp')],
    destinations: [destination],
    sources: ['interface'],
  };
  expect(capacityOf([range])).toBe(250 * PORTS);
  const inside: Pool = {
    endpoints: [endpoint(80, 80, 'tcp')],
    destinations: [{ ...destination, port: 8001 }],
    sources: ['interface'],
  };
  expect(capacityOf([range, inside])).toBe(250 * PORTS);
});

describe('the first destination is full', () => {
  test.each([
    { weights: [], connections: 0 },
    { weights: [0], connections: 0 },
    { weights: [9], connections: PORTS },
    { weights: [1, 1, 0], connections: 2 * PORTS },
    { weights: [1, 3], connections: 86_016 },
    { weights: [1, 2, 3], connections: 2 * PORTS },
    { weights: [10, 2, 2], connections: 90_316 },
  ])('of the weights $weights at $connections connections', ({ weights, connections }) => {
    expect(fullAt(pool(weights))).toBe(connections);
  });

  test('when one more connection, in exact shares, would be one too many', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 256 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(weights, (given) => {
        const total = given.reduce((sum, weight) => sum + weight, 0);
        const largest = (connections: number): number => (connections * Math.max(...given)) / total;
        const full = fullAt(pool(given));
        expect(largest(full)).toBeLessThanOrEqual(PORTS);
        expect(largest(full + 1)).toBeGreaterThan(PORTS);
      }),
    );
  });
});
