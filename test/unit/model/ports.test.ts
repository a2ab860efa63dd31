import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isRange, overlap, parsePorts, type Ports, portsText } from '../../../src/model/ports.js';

describe('parsePorts', () => {
  test.each([
    { value: 80, ports: { first: 80, last: 80 } },
    { value: '80-80', ports: { first: 80, last: 80 } },
    { value: '1-65535', ports: { first: 1, last: 65_535 } },
    { value: '8099-8000', ports: 'backwards' },
    { value: 0, ports: undefined },
    { value: 65_536, ports: undefined },
    { value: 80.5, ports: undefined },
    { value: '80', ports: undefined },
    { value: '0-80', ports: undefined },
    { value: '080-90', ports: undefined },
    { value: '80-65536', ports: undefined },
    { value: '80-90-100', ports: undefined },
    { value: ' 80-90', ports: undefined },
    { value: null, ports: undefined },
  ])('reads $value', ({ value, ports }) => {
    expect(parsePorts(value)).toEqual(ports);
  });

  test('reads what portsText writes', () => {
    const port = fc.integer({ min: 1, max: 65_535 });
    fc.assert(
      fc.property(port, port, (one, other) => {
        const ports: Ports = { first: Math.min(one, other), last: Math.max(one, other) };
        expect(parsePorts(isRange(ports) ? portsText(ports) : one)).toEqual(ports);
      }),
    );
  });
});

test('two ranges overlap if a port is in both', () => {
  const port = fc.integer({ min: 1, max: 20 });
  fc.assert(
    fc.property(port, port, port, port, (...ends) => {
      const [one, two, three, four] = ends;
      const left: Ports = { first: Math.min(one, two), last: Math.max(one, two) };
      const right: Ports = { first: Math.min(three, four), last: Math.max(three, four) };
      const isIn = (at: number, { first, last }: Ports): boolean => at >= first && at <= last;
      const common = Array.from({ length: 20 }, (_, index) => index + 1).filter(
        (at) => isIn(at, left) && isIn(at, right),
      );
      expect(overlap(left, right)).toBe(common.length > 0);
    }),
  );
});
