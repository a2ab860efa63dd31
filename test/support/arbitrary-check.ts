// Random health checks, and what a spec needs for them to be valid.
import fc from 'fast-check';
import { checkedPort, kindsIn, mergeChecks } from '../../src/model/health.js';
import type { RandomSpec } from './arbitrary-spec.js';

export interface RandomCheck {
  readonly port?: number;
  readonly interval?: string;
  readonly timeout?: string;
  readonly rise?: number;
  readonly fall?: number;
  readonly on_all_down?: 'reject' | 'drop' | 'ignore';
  readonly min_up?: number;
}

const text = fc.constantFrom('ok', ' it is "ok": {1} ', 'ünd\r\n', '- 100 %', '0777', '}}', "'");
const argument = fc.constantFrom('--name', '', 'ünd', '}}', 'no');
const status = fc.constantFrom<number | string | readonly (number | string)[]>(200, '200-299', [
  204,
  '300-399',
]);
const request = {
  path: fc.constantFrom('/healthz', '/?a=b&c=%20'),
  host: fc.constant('example.org:80'),
  status,
};
const partial = { requiredKeys: [] };

/** One way of checking, or none. */
const kind = fc.oneof(
  fc.constant({}),
  fc.constantFrom({ tcp: {} }, { kube_proxy: {} }),
  fc.record({
    http: fc.record({ ...request, method: fc.constantFrom('GET', 'OPTIONS'), body: text }, partial),
  }),
  fc.record({ https: fc.record({ ...request, method: fc.constant('HEAD'), verify: fc.boolean() }, partial) }),
  fc.record({ udp: fc.record({ send: text, expect: text }, { requiredKeys: ['send'] }) }),
  fc.record({
    exec: fc.record({ command: fc.array(argument, { maxLength: 2 }).map((more) => ['/bin/true', ...more]) }),
  }),
);

const times = fc.record(
  {
    port: fc.integer({ min: 1, max: 65_535 }),
    interval: fc.constantFrom('2s', '5s', '1m', '1h'),
    timeout: fc.constantFrom('1s', '2s'),
    rise: fc.integer({ min: 1, max: 100 }),
    fall: fc.integer({ min: 1, max: 100 }),
  },
  partial,
);

const outcome = fc.record(
  {
    on_all_down: fc.constantFrom<'reject' | 'drop' | 'ignore'>('reject', 'drop', 'ignore'),
    min_up: fc.integer({ min: 0, max: 100 }),
  },
  partial,
);

/** Of a destination. */
export const destinationCheck: fc.Arbitrary<RandomCheck> = fc
  .tuple(kind, times)
  .map(([one, other]) => ({ ...one, ...other }));

/** Of an app. */
export const healthCheck: fc.Arbitrary<RandomCheck> = fc
  .tuple(destinationCheck, outcome)
  .map(([one, other]) => ({ ...one, ...other }));

/** Without TCP a check needs a kind, without a port of the destination one of its own; and a ruleset has one answer. */
export function withChecks(drawn: RandomSpec): RandomSpec {
  const { health_check: app, on_empty: onEmpty, ...spec } = drawn;
  const hasTcp = drawn.endpoints.some(({ protocol = 'tcp' }) => [protocol].flat().includes('tcp'));
  const withKind = (check: RandomCheck): RandomCheck =>
    hasTcp || kindsIn(check).length > 0 ? check : ({ ...check, tcp: {} } as RandomCheck);
  const whole = app && withKind(app);
  const destinations = drawn.destinations.map(({ health_check: own, ...one }) => {
    if (whole === undefined && own === undefined) return one;
    const mine = own && (whole ? own : withKind(own));
    const merged = mergeChecks<RandomCheck>(whole ?? {}, mine ?? {});
    if (checkedPort(merged, one.port) === undefined) return { ...one, health_check: { ...mine, port: 22 } };
    return mine ? { ...one, health_check: mine } : one;
  });
  const answers = whole?.on_all_down === 'reject' || whole?.on_all_down === 'drop';
  return {
    ...spec,
    destinations,
    ...(whole ? { health_check: whole } : {}),
    ...(onEmpty === undefined || answers ? {} : { on_empty: onEmpty }),
  };
}
