// What only shows when all apps of a run are looked at together.
import { iptablesAppChain } from '../model/names.js';
import { error, type Problem } from '../problem/problem.js';
import type { SpecDocument } from '../read/document.js';
import { type Entry, property, readEntries } from './entries.js';
import { repeats } from './repeats.js';
import { entryId, locate } from './rules.js';

/** Duplicates and collisions among the apps of a run; the second place is told, with the first beside it. */
export function togetherProblems(documents: readonly SpecDocument[]): Problem[] {
  const endpoints = documents.flatMap((document) => readEntries(document, 'endpoints'));
  const destinations = documents.flatMap((document) => readEntries(document, 'destinations'));
  return [...duplicateApps(documents), ...duplicateEndpoints(endpoints), ...loops(endpoints, destinations)];
}

function duplicateApps(documents: readonly SpecDocument[]): Problem[] {
  return repeats(documents, appOf).map(({ key, again, first }) =>
    error('duplicate-app', again.locate(['app']), `there is another app ${key}`, {
      hint: 'an app is one spec: rename one of them, or put the endpoints of both into one',
      related: { message: 'the other one is at', location: first.locate(['app']) },
    }),
  );
}

function duplicateEndpoints(endpoints: readonly Entry[]): Problem[] {
  return repeats(endpoints, entryId).map(({ key, again, first }) =>
    error('duplicate-endpoint', locate(again), `the endpoint ${key} is taken already`, {
      hint: 'each address and port belongs to one app',
      related: { message: 'taken at', location: locate(first) },
    }),
  );
}

/** The kernel translates a connection once: a destination that is an endpoint would end on this host. */
function loops(endpoints: readonly Entry[], destinations: readonly Entry[]): Problem[] {
  const byId = new Map(endpoints.map((entry) => [entryId(entry), entry]));
  return destinations.flatMap((entry) => {
    const id = entryId(entry);
    const endpoint = id === undefined ? undefined : byId.get(id);
    if (id === undefined || !endpoint) return [];
    return [
      error('endpoint-is-destination', locate(entry), `the destination ${id} is an endpoint`, {
        hint: 'name the worker behind it: a connection is balanced once',
        related: { message: 'the endpoint is at', location: locate(endpoint) },
      }),
    ];
  });
}

/**
 * App names of the ruleset that become the same iptables chain: with 30 bits of hash, hardly ever. The documents
 * are valid together, so that no two have the same app.
 */
export function collisions(ruleset: string, documents: readonly SpecDocument[]): Problem[] {
  const chainOf = (document: SpecDocument): string => iptablesAppChain(ruleset, appOf(document) ?? '');
  return repeats(documents, chainOf).map(({ key, again, first }) => {
    const apps = `${appOf(again) ?? ''} and ${appOf(first) ?? ''}`;
    const message = `the apps ${apps} become the same iptables chain, ${key}`;
    return error('name-collision', again.locate(['app']), message, {
      hint: 'rename one of the two apps',
      related: { message: 'the other one is at', location: first.locate(['app']) },
    });
  });
}

function appOf({ data }: SpecDocument): string | undefined {
  const app = property(data, 'app');
  return typeof app === 'string' ? app : undefined;
}
