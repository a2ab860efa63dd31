import { describe, expect, it } from 'vitest';
import { decode } from '../../../src/read/decode.js';

function hex(...bytes: string[]): Buffer {
  return Buffer.from(bytes.join(''), 'hex');
}

describe('decode', () => {
  it.each([
    { name: 'ASCII', bytes: Buffer.from('app: a\n'), text: 'app: a\n' },
    { name: 'characters of two to four bytes', bytes: Buffer.from('é€😀'), text: 'é€😀' },
    { name: 'a byte order mark, which it drops', bytes: hex('efbbbf', '61'), text: 'a' },
    { name: 'the second of two byte order marks', bytes: hex('efbbbf', 'efbbbf'), text: '\ufeff' },
    { name: 'the replacement character itself', bytes: Buffer.from('\ufffd'), text: '\ufffd' },
    { name: 'nothing', bytes: Buffer.alloc(0), text: '' },
  ])('reads $name', ({ bytes, text }) => {
    expect(decode('x', bytes)).toBe(text);
  });

  it.each([
    { name: 'a byte that begins nothing', bytes: hex('61', '0a', '62', 'ff'), at: '2:2', found: '0xff' },
    { name: 'a character that ends too soon', bytes: hex('61', 'c3'), at: '1:2', found: '0xc3' },
    { name: 'an overlong character', bytes: hex('c080'), at: '1:1', found: '0xc0' },
    { name: 'half of a surrogate pair', bytes: hex('eda080'), at: '1:1', found: '0xed' },
    { name: 'a code point that does not exist', bytes: hex('f5808080'), at: '1:1', found: '0xf5' },
    { name: 'a NUL byte', bytes: hex('61', '00'), at: '1:2', found: 'NUL' },
    { name: 'a NUL byte before another fault', bytes: hex('00', 'ff'), at: '1:1', found: 'NUL' },
    { name: 'a fault before a NUL byte', bytes: hex('ff', '00'), at: '1:1', found: '0xff' },
    {
      name: 'a fault behind characters of two units',
      bytes: hex('f09f9880', 'ff'),
      at: '1:3',
      found: '0xff',
    },
  ])('refuses $name, with its place', ({ bytes, at, found }) => {
    const problem = decode('x', bytes);
    if (typeof problem === 'string') expect.fail('this is text');
    const { line, column } = problem.location.range?.start ?? expect.fail('there is no place');
    expect(problem.code).toBe('not-text');
    expect(`${line}:${column}`).toBe(at);
    expect(problem.message).toContain(found);
  });

  it.each([hex('fffe', '6100'), hex('feff', '0061')])('recognizes UTF-16 (%#)', (bytes) => {
    expect(decode('x', bytes)).toMatchObject({
      code: 'not-text',
      message: expect.stringContaining('UTF-16') as string,
    });
  });
});
