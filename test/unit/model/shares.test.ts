import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { percent, probabilities, slotCount, slotsOf, turnsOf, leftFrom } from '../../../src/model/shares.js';

const weights = fc.array(fc.integer({ min: 0, max: 256 }), { minLength: 1, maxLength: 12 });

describe('slots', () => {
  test.each([
    { name: 'equal weights', weights: [5, 5, 5], slots: [[0], [1], [2]] },
    { name: 'a common divisor', weights: [2, 4], slots: [[0], [1, 2]] },
    {
      name: 'no common divisor',
      weights: [2, 3],
      slots: [
        [0, 1],
        [2, 3, 4],
      ],
    },
    { name: 'a drained destination', weights: [1, 0, 1], slots: [[0], [], [1]] },
    { name: 'a single destination of any weight', weights: [256], slots: [[0]] },
    { name: 'nothing but drained ones', weights: [0, 0], slots: [[], []] },
    { name: 'no destination', weights: [], slots: [] },
  ])('$name', ({ weights: given, slots }) => {
    expect(slotsOf(given)).toEqual(slots);
    expect(slotCount(given)).toBe(slots.flat().length);
  });

  test('are numbered from 0 without a gap, and each weight has exactly its share of them', () => {
    fc.assert(
      fc.property(weights, (given) => {
        const slots = slotsOf(given);
        const count = slotCount(given);
        const total = given.reduce((sum, weight) => sum + weight, 0);
        expect(slots.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, slot) => slot));
        // As products of integers: no rounding can hide an error.
        given.forEach((weight, index) => {
          expect((slots[index] ?? []).length * total).toBe(weight * count);
        });
      }),
    );
  });
});

describe('turns', () => {
  test.each([
    { name: 'equal weights', weights: [3, 3, 3], turns: [[0], [1], [2]] },
    { name: 'a heavy one', weights: [5, 1, 1], turns: [[0, 1, 3, 5, 6], [2], [4]] },
    { name: 'two heavy ones', weights: [2, 2, 1], turns: [[0, 3], [1, 4], [2]] },
    { name: 'drained ones', weights: [0, 1, 0, 1], turns: [[], [0], [], [1]] },
    { name: 'nothing but drained ones', weights: [0, 0], turns: [[], []] },
    { name: 'no destination', weights: [], turns: [] },
  ])('$name', ({ weights: given, turns }) => {
    expect(turnsOf(given)).toEqual(turns);
  });

  test('are as many as the slots, and at no time is a weight more than a turn and a half away from its share', () => {
    const few = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(few, (given) => {
        const turns = turnsOf(given);
        const count = slotCount(given);
        expect(turns.map(({ length }) => length)).toEqual(slotsOf(given).map(({ length }) => length));
        for (let slot = 0; slot < count; slot++) {
          for (const mine of turns) {
            const had = mine.filter((turn) => turn <= slot).length;
            expect(Math.abs(had - (mine.length * (slot + 1)) / count)).toBeLessThan(1.5);
          }
        }
      }),
    );
  });
});

describe('probabilities', () => {
  test.each([
    { name: 'three equal ones', weights: [1, 1, 1], chances: ['0.33333333333', '0.50000000000', ''] },
    { name: 'weights', weights: [1, 2, 3], chances: ['0.16666666667', '0.40000000000', ''] },
    { name: 'the last one drained', weights: [1, 1, 0], chances: ['0.50000000000', '', ''] },
    { name: 'the first one drained', weights: [0, 1, 1], chances: ['', '0.50000000000', ''] },
    { name: 'one', weights: [7], chances: [''] },
    { name: 'none', weights: [], chances: [] },
    { name: 'nothing but drained ones', weights: [0, 0], chances: ['', ''] },
  ])('$name', ({ weights: given, chances }) => {
    expect(probabilities(given)).toEqual(chances);
  });

  test('are the slots of a weight among the slots that are left', () => {
    fc.assert(
      fc.property(weights, (given) => {
        const rests = leftFrom(given);
        const slots = slotsOf(given);
        probabilities(given).forEach((chance, index) => {
          if (chance === '') return;
          expect((slots[index]?.length ?? 0) / (rests[index] ?? 0)).toBeCloseTo(Number(chance), 10);
        });
      }),
    );
  });

  test('tried one after another, they give each weight its share, and leave nothing over', () => {
    fc.assert(
      fc.property(weights, (given) => {
        const total = given.reduce((sum, weight) => sum + weight, 0);
        fc.pre(total > 0);
        let left = 1;
        const last = given.findLastIndex((weight) => weight > 0);
        probabilities(given).forEach((chance, index) => {
          const weight = given[index] ?? 0;
          expect(chance === '').toBe(weight === 0 || index === last);
          const share = weight === 0 ? 0 : left * (chance === '' ? 1 : Number(chance));
          left -= share;
          expect(share).toBeCloseTo(weight / total, 8);
        });
        expect(left).toBeCloseTo(0, 8);
      }),
    );
  });
});

test.each([
  { weight: 1, total: 3, text: '33.33 %' },
  { weight: 2, total: 3, text: '66.67 %' },
  { weight: 1, total: 1, text: '100.00 %' },
  { weight: 0, total: 1, text: '0.00 %' },
  { weight: 0, total: 0, text: '0.00 %' },
  { weight: 1, total: 256 * 1024, text: '0.00 %' },
])('$weight of $total is $text', ({ weight, total, text }) => {
  expect(percent(weight, total)).toBe(text);
});
