import { describe, expect, it } from 'vitest';
import { describe as describeValue, quote, suggestion } from '../../../src/validate/describe.js';

describe('describe', () => {
  it.each([
    { name: 'a string', input: '80', output: 'the string "80"' },
    { name: 'an empty string', input: '', output: 'the string ""' },
    { name: 'a string with a control character', input: 'a\u001b[1m', output: 'the string "a\\u001b[1m"' },
    { name: 'a string with quotes', input: 'a"b', output: 'the string "a\\"b"' },
    { name: 'a number', input: 65536, output: 'the number 65536' },
    { name: 'a number that is none', input: NaN, output: 'the number NaN' },
    { name: 'a boolean', input: true, output: 'true' },
    { name: 'null', input: null, output: 'nothing' },
    { name: 'undefined', input: undefined, output: 'nothing' },
    { name: 'an empty list', input: [], output: 'an empty list' },
    { name: 'a list of one', input: [1], output: 'a list of 1 entry' },
    { name: 'a list of two', input: [1, 2], output: 'a list of 2 entries' },
    { name: 'a mapping', input: { a: 1 }, output: 'a mapping' },
  ])('names $name', ({ input, output }) => {
    expect(describeValue(input)).toBe(output);
  });
});

describe('quote', () => {
  it('shortens long text', () => {
    expect(quote('x'.repeat(60))).toBe(`"${'x'.repeat(60)}"`);
    expect(quote('x'.repeat(61))).toBe(`"${'x'.repeat(60)}…"`);
  });
});

describe('suggestion', () => {
  const KEYS = [
    'pomaloba',
    'app',
    'endpoints',
    'destinations',
    'scheduler',
    'affinity',
    'ip',
    'port',
    'weight',
  ];

  it.each([
    { name: 'swapped letters', word: 'shceduler', meant: 'scheduler' },
    { name: 'a letter too few', word: 'endpoint', meant: 'endpoints' },
    { name: 'a letter too many', word: 'portt', meant: 'port' },
    { name: 'another case', word: 'DESTINATIONS', meant: 'destinations' },
    { name: 'a half of a short word', word: 'id', meant: 'ip' },
    { name: 'a word too far', word: 'addresses', meant: undefined },
    { name: 'a short word too far', word: 'x', meant: undefined },
    { name: 'an empty word', word: '', meant: undefined },
    { name: 'a very long word', word: 'port'.repeat(10_000), meant: undefined },
    { name: 'a word of no letters', word: '$(reboot)', meant: undefined },
  ])('takes $name for $meant', ({ word, meant }) => {
    expect(suggestion(word, KEYS)).toBe(meant);
  });

  it('has nothing to suggest where there are no words', () => {
    expect(suggestion('port', [])).toBeUndefined();
  });
});
