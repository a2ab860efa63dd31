import { expect, test } from 'vitest';
import { expandHosts } from '../../../src/inventory/ranges.js';

test.each([
  ['lb1', ['lb1']],
  ['lb[1:3]', ['lb1', 'lb2', 'lb3']],
  ['lb[08:10]', ['lb08', 'lb09', 'lb10']],
  ['lb[0:4:2]', ['lb0', 'lb2', 'lb4']],
  ['lb-[a:c]', ['lb-a', 'lb-b', 'lb-c']],
  ['r[1:2]-[a:b]', ['r1-a', 'r1-b', 'r2-a', 'r2-b']],
  ['192.0.2.[9:10]', ['192.0.2.9', '192.0.2.10']],
  ['2001:db8::1', ['2001:db8::1']],
  ['lb1:2222', ['lb1 2222']],
  ['lb[1:2]:2222', ['lb1 2222', 'lb2 2222']],
  ['192.0.2.1:2222', ['192.0.2.1 2222']],
  ['[2001:db8::1]:2222', ['2001:db8::1 2222']],
  // Too many, and none at all.
  ['lb[1:99999999]', []],
  ['lb[1:200]-[1:200]', []],
  ['lb[3:1]', []],
])('%s', (pattern, expected) => {
  const names = expandHosts(pattern).map(({ name, port }) => (port === undefined ? name : `${name} ${port}`));
  expect(names).toEqual(expected);
});
