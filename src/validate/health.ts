// What the schema cannot say of health checks.
import { secondsOf } from '../model/duration.js';
import { CHECK_DEFAULTS, checkedPort, kindsIn, parseStatus } from '../model/health.js';
import { error, type Problem } from '../problem/problem.js';
import type { SpecDocument } from '../read/document.js';
import { asMapping, type CheckPlace, checkPlaces, type Mapping, statusesIn } from './check-places.js';
import { textProblems } from './check-texts.js';
import { type Entry, property, readEntries } from './entries.js';
import { entryId } from './rules.js';

const KINDS = 'tcp, http, https, udp, exec or kube_proxy';
const DURATION = /^[1-9][0-9]{0,5}[smhd]$/;
const MOST_SECONDS = 3600;

/** Problems of `health_check`, of the app and of its destinations. */
export function healthProblems(document: SpecDocument): Problem[] {
  const places = checkPlaces(document);
  return [
    ...places.flatMap((place) => [
      ...kindProblems(document, place),
      ...statusProblems(document, place),
      ...timeProblems(document, place),
      ...textProblems(document, place),
    ]),
    ...withoutKind(document, places),
    ...withoutPort(document, places),
    ...otherAnswer(document),
  ];
}

function kindProblems(document: SpecDocument, { path, own }: CheckPlace): Problem[] {
  const [first, second] = kindsIn(own);
  if (first === undefined || second === undefined) return [];
  const message = `health_check has several ways of checking: ${kindsIn(own).join(', ')}`;
  return [
    error('wrong-value', document.locate([...path, second], 'key'), message, {
      hint: 'a destination is checked in one way: leave one of them',
      related: { message: 'another one is at', location: document.locate([...path, first], 'key') },
    }),
  ];
}

function statusProblems(document: SpecDocument, { path, own }: CheckPlace): Problem[] {
  return statusesIn(own).flatMap(({ within, status }) => {
    if (typeof status !== 'string' || !/^[0-9]{3}-[0-9]{3}$/.test(status) || parseStatus(status)) return [];
    const message = `the range of status codes ${status} ends before it begins`;
    return [
      error('wrong-value', document.locate([...path, ...within]), message, { hint: 'swap the two codes' }),
    ];
  });
}

/** Told where one of the two stands, and of a destination only if it does there. */
function timeProblems(document: SpecDocument, { path, own, merged }: CheckPlace): Problem[] {
  const keys = (['interval', 'timeout'] as const).filter((key) => Object.hasOwn(own, key));
  const [interval, timeout] = [secondsIn(merged, 'interval'), secondsIn(merged, 'timeout')];
  const long = keys.filter((key) => (secondsIn(own, key) ?? 0) > MOST_SECONDS);
  if (long.length > 0) {
    return long.map((key) =>
      error('wrong-value', document.locate([...path, key]), `${key} is more than an hour`, {
        hint: 'a destination that fails is used until then',
      }),
    );
  }
  const key = keys.at(-1);
  if (key === undefined || interval === undefined || timeout === undefined || timeout <= interval) return [];
  const message = `timeout, ${timeout} s, is longer than interval, ${interval} s`;
  return [
    error('wrong-value', document.locate([...path, key]), message, {
      hint: `a check has to end before the next one begins; where they are not given, the timeout is ${CHECK_DEFAULTS.timeout}, the interval ${CHECK_DEFAULTS.interval}`,
    }),
  ];
}

/** Undefined for what is no duration. */
function secondsIn(check: Mapping, key: 'interval' | 'timeout'): number | undefined {
  const value = check[key] ?? CHECK_DEFAULTS[key];
  return typeof value === 'string' && DURATION.test(value) ? secondsOf(value) : undefined;
}

/** Nobody need listen on TCP where clients do not come by it: what to ask there has to be said. */
function withoutKind(document: SpecDocument, places: readonly CheckPlace[]): Problem[] {
  const endpoints = readEntries(document, 'endpoints');
  const protocols = endpoints.flatMap((endpoint) => endpoint.protocols);
  // While a protocol is wrong, nothing is concluded from it.
  if (protocols.length === 0 || protocols.includes('tcp')) return [];
  if (endpoints.some((endpoint) => endpoint.protocols.length === 0)) return [];
  const place = places.find(({ merged }) => kindsIn(merged).length === 0);
  if (!place) return [];
  const message = 'health_check has no way of checking, and no endpoint is for TCP';
  return [error('missing-key', document.locate(place.path), message, { hint: `add one of ${KINDS}` })];
}

/** One problem for all of them, as one key makes up for it. */
function withoutPort(document: SpecDocument, places: readonly CheckPlace[]): Problem[] {
  const byIndex = new Map(places.map((place) => [place.destination?.path[1], place]));
  const checkOf = ({ path }: Entry): CheckPlace | undefined => byIndex.get(path[1]) ?? byIndex.get(undefined);
  const missing = readEntries(document, 'destinations').flatMap((entry) => {
    const place = entry.keepsPort ? checkOf(entry) : undefined;
    return place && checkedPort(place.merged, undefined) === undefined ? [{ entry, place }] : [];
  });
  const [first] = missing;
  if (!first) return [];
  const name = entryId(first.entry) ?? 'a destination';
  const others = missing.length > 1 ? ` and of ${missing.length - 1} more` : '';
  const message = `the health check of ${name}${others} has no port, and the destination has none either`;
  return [
    error('missing-key', document.locate(first.place.path), message, {
      hint: 'add the port to check, like port: 30080',
      ...(first.place.destination
        ? {}
        : {
            related: { message: 'the destination is at', location: document.locate(first.entry.path) },
          }),
    }),
  ];
}

/** The ruleset has one answer for whom no destination is left. */
function otherAnswer(document: SpecDocument): Problem[] {
  const check = asMapping(property(document.data, 'health_check')) ?? {};
  const [asked, other] = [property(check, 'on_all_down'), property(document.data, 'on_empty')];
  const answers: readonly unknown[] = ['reject', 'drop'];
  if (!answers.includes(asked) || !answers.includes(other) || asked === other) return [];
  const message = `on_all_down is ${String(asked)}, and on_empty is ${String(other)}`;
  return [
    error('wrong-value', document.locate(['health_check', 'on_all_down']), message, {
      hint: 'the ruleset has one answer for both: leave one of them out',
      related: { message: 'on_empty is at', location: document.locate(['on_empty']) },
    }),
  ];
}
