// The sequence picture, letter by letter.
import { expect, test } from 'vitest';
import type { Exchange, Hop } from '../../../src/try/exchanges.js';
import { type Actor, drawSequence } from '../../../src/try/sequence.js';

function actors(...ips: readonly string[]): Actor[] {
  return [
    { id: 'client', title: 'client', ip: '' },
    { id: 'lb', title: 'LB', ip: '1.2.3.4' },
    ...ips.map((ip, index) => ({ id: `Worker${index + 1}`, title: `Worker${index + 1}`, ip })),
  ];
}

const THREE = ['10.0.1.2', '10.0.1.3', '10.0.1.4'];

function served(worker: string): Exchange {
  const hops: Hop[] = [
    { from: 'client', to: 'lb', label: 'GET' },
    { from: 'lb', to: worker, label: 'GET' },
    { from: worker, to: 'lb', label: 'Response' },
    { from: 'lb', to: 'client', label: 'Response' },
  ];
  return { client: worker, hops };
}

test('is that of the README', () => {
  expect(`\n${drawSequence([served('Worker1'), served('Worker3')], actors(...THREE), 80).join('\n')}\n`)
    .toBe(`
    client            LB            Worker1         Worker2         Worker3
                 (IP 1.2.3.4)    (IP 10.0.1.2)   (IP 10.0.1.3)   (IP 10.0.1.4)
    ------            --            -------         -------         -------
       |               |               |               |               |
       | GET           |               |               |               |
       |-------------->| GET           |               |               |
       |               |-------------->|               |               |
       |               |      Response |               |               |
       |      Response |<--------------|               |               |
       |<--------------|               |               |               |
       |               |               |               |               |
       | GET           |               |               |               |
       |-------------->| GET           |               |               |
       |               |---------------------------------------------->|
       |               |               |               |      Response |
       |      Response |<----------------------------------------------|
       |<--------------|               |               |               |
       |               |               |               |               |
`);
});

test('a connection that gets no answer ends where it ended', () => {
  const hops = [{ from: 'client', to: 'lb', label: 'SYN' }];
  expect(drawSequence([{ client: 'a', hops }], actors('10.0.1.2'), 80).slice(3)).toEqual([
    '       |               |               |',
    '       | SYN           |               |',
    '       |-------------->|               |',
    '       |               |               |',
  ]);
});

test('of many workers there are as many as fit, first of all those that take part', () => {
  const many = Array.from({ length: 40 }, (_, index) => `10.0.1.${index + 1}`);
  const lines = drawSequence([served('Worker39')], actors(...many), 80);
  expect(lines[0]).toBe('    client            LB            Worker1         Worker2        Worker39');
  expect(lines.at(-1)).toBe('    and 37 more workers beside');
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
});

test('addresses of IPv6 are listed below', () => {
  const six = actors('2001:db8:2::1', '2001:db8:2:3:4:5:6:7').map((one) =>
    one.id === 'lb' ? { ...one, ip: '2001:db8::10' } : one,
  );
  expect(drawSequence([served('Worker1')], six, 80)).toEqual([
    '    client            LB            Worker1         Worker2',
    '    ------            --            -------         -------',
    '       |               |               |               |',
    '       | GET           |               |               |',
    '       |-------------->| GET           |               |',
    '       |               |-------------->|               |',
    '       |               |      Response |               |',
    '       |      Response |<--------------|               |',
    '       |<--------------|               |               |',
    '       |               |               |               |',
    '',
    '    LB       2001:db8::10',
    '    Worker1  2001:db8:2::1',
    '    Worker2  2001:db8:2:3:4:5:6:7',
  ]);
});

test('what does not fit is said', () => {
  const exchanges = Array.from({ length: 6 }, (_, index) => served(`Worker${index + 1}`));
  const lines = drawSequence(exchanges, actors(...Array.from({ length: 6 }, (_, i) => `10.0.1.${i}`)), 60);
  expect(lines.at(-1)).toBe('    and 4 more connections, to workers that do not fit');
});
