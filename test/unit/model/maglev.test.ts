import { describe, expect, test } from 'vitest';
import { placesOf, tableSize } from '../../../src/model/maglev.js';

function shares(weights: readonly number[]) {
  return weights.map((weight, index) => ({ id: `198.51.100.${index + 1}:80`, weight }));
}

/** Whose each place is. */
function owners(places: readonly (readonly number[])[], size: number): number[] {
  const table = new Array<number>(size).fill(-1);
  for (const [owner, list] of places.entries()) for (const place of list) table[place] = owner;
  return table;
}

describe('the table', () => {
  test.each([
    { destinations: 1, size: 1021 },
    { destinations: 8, size: 1021 },
    { destinations: 9, size: 8191 },
    { destinations: 64, size: 8191 },
    { destinations: 1024, size: 65_521 },
  ])('of $destinations has $size places', ({ destinations, size }) => {
    expect(tableSize(destinations)).toBe(size);
  });

  test('has each place once, and in it each share within a hundredth', () => {
    for (const weights of [[1], [1, 1, 1], [1, 2, 3], [5, 0, 1], [256, 255, 1], Array<number>(50).fill(1)]) {
      const size = tableSize(weights.length);
      const places = placesOf(shares(weights), size);
      expect(places.flat().sort((one, other) => one - other)).toEqual([...Array(size).keys()]);
      const total = weights.reduce((sum, weight) => sum + weight);
      weights.forEach((weight, index) => {
        expect(Math.abs((places[index]?.length ?? 0) / size - weight / total)).toBeLessThan(0.01);
      });
    }
  });

  test('knows a destination by its name, not by its place in the list', () => {
    const list = shares([1, 2, 3, 4]);
    const places = placesOf(list, 509);
    expect(placesOf([...list].reverse(), 509)).toEqual(places.reverse());
  });

  test('has a place for everybody who has a weight', () => {
    for (const weights of [
      [256, 256, 256, 256, 1],
      [...Array<number>(1000).fill(256), 1],
    ]) {
      const places = placesOf(shares(weights), tableSize(weights.length));
      expect(places.every((list) => list.length > 0)).toBe(true);
    }
  });

  test('is empty where all are drained', () => {
    expect(placesOf(shares([0, 0]), 251)).toEqual([[], []]);
    expect(placesOf([], 251)).toEqual([]);
  });

  test('moves about the clients of a destination that goes, and few others', () => {
    for (const count of [3, 10, 50]) {
      const size = tableSize(count);
      const before = owners(placesOf(shares(Array<number>(count).fill(1)), size), size);
      const after = owners(placesOf(shares([0, ...Array<number>(count - 1).fill(1)]), size), size);
      const lost = before.filter((owner) => owner === 0).length;
      const moved = before.filter((owner, place) => owner !== after[place]).length;
      expect(moved).toBeGreaterThanOrEqual(lost);
      expect((moved - lost) / size).toBeLessThan(0.05);
    }
  });
});
