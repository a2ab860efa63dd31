// Where a document asks for health checks: of the app, and of single destinations. It may still be wrong elsewhere.
import { CHECK_KINDS, mergeChecks } from '../model/health.js';
import type { SpecDocument } from '../read/document.js';
import { type Entry, property, readEntries } from './entries.js';

export type Mapping = Readonly<Record<string, unknown>>;
export type Path = readonly (string | number)[];

const KEY = 'health_check';
/** Of longer lists the schema says that they are. */
const [MOST_DESTINATIONS, MOST_CODES] = [1024, 32];

/** A `health_check` of a document. */
export interface CheckPlace {
  readonly path: Path;
  /** What stands there. */
  readonly own: Mapping;
  /** With what holds there of the app's. */
  readonly merged: Mapping;
  /** Whose it is; absent: the app's. */
  readonly destination?: Entry;
}

/** All of `document`, the app's first; what is no mapping is left to the schema. */
export function checkPlaces(document: SpecDocument): CheckPlace[] {
  const app = mappingIn(document.data);
  const destinations = readEntries(document, 'destinations').slice(0, MOST_DESTINATIONS);
  const list = property(document.data, 'destinations') as readonly unknown[];
  return [
    ...(app ? [{ path: [KEY], own: app, merged: app }] : []),
    ...destinations.flatMap((destination) => {
      const own = mappingIn(list[destination.path[1]]);
      const path = [...destination.path, KEY];
      return own ? [{ path, own, merged: mergeChecks(app ?? {}, own), destination }] : [];
    }),
  ];
}

function mappingIn(parent: unknown): Mapping | undefined {
  return asMapping(property(parent, KEY));
}

/** `value`, if it is a mapping. */
export function asMapping(value: unknown): Mapping | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Mapping)
    : undefined;
}

/** The paths of the numbers that checks can have. */
export function numbersOfChecks(document: SpecDocument): Path[] {
  return checkPlaces(document).flatMap(({ path, own }) => [
    ...['port', 'rise', 'fall', 'min_up'].map((key) => [...path, key]),
    ...statusesIn(own).map(({ within }) => [...path, ...within]),
  ]);
}

/** The status codes of a check and where in it they stand. */
export function statusesIn(own: Mapping): { readonly within: Path; readonly status: unknown }[] {
  return CHECK_KINDS.flatMap((kind) => {
    const status = property(own[kind], 'status');
    const within = [kind, 'status'];
    if (!Array.isArray(status)) return status === undefined ? [] : [{ within, status }];
    const codes: readonly unknown[] = status.slice(0, MOST_CODES);
    return codes.map((one, index) => ({ within: [...within, index], status: one }));
  });
}
