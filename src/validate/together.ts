// What only shows when all apps of a run are looked at together.
import { type Protocol, PROTOCOLS } from '../model/model.js';
import { iptablesAppChain } from '../model/names.js';
import type { Ports } from '../model/ports.js';
import { error, type Problem } from '../problem/problem.js';
import type { SpecDocument } from '../read/document.js';
import { type Entry, property, readEntries } from './entries.js';
import { repeats } from './repeats.js';
import { entryId, locate } from './rules.js';
import { Taken } from './taken.js';

/** Duplicates and collisions among the apps of a run; the second place is told, with the first beside it. */
export function togetherProblems(documents: readonly SpecDocument[]): Problem[] {
  const endpoints = documents.map((document) => readEntries(document, 'endpoints'));
  const taken = new Taken<Entry>();
  const duplicates = endpoints.flat().flatMap((entry) => duplicateEndpoint(entry, taken));
  const ends = documents.flatMap((document, index) => loops(document, endpoints[index] ?? [], taken));
  return [...duplicateApps(documents), ...duplicates, ...ends];
}

function duplicateApps(documents: readonly SpecDocument[]): Problem[] {
  return repeats(documents, appOf).map(({ key, again, first }) =>
    error('duplicate-app', again.locate(['app']), `there is another app ${key}`, {
      hint: 'an app is one spec: rename one of them, or put the endpoints of both into one',
      related: { message: 'the other one is at', location: first.locate(['app']) },
    }),
  );
}

function duplicateEndpoint(entry: Entry, taken: Taken<Entry>): Problem[] {
  const { address, ports, protocols } = entry;
  if (!address || !ports) return [];
  const first = protocols.map((one) => taken.ownerOf(address, one, ports)).find((owner) => owner);
  if (!first) {
    for (const one of protocols) taken.claim(address, one, ports, entry);
    return [];
  }
  return [
    error('duplicate-endpoint', locate(entry), `the endpoint ${entryId(entry) ?? ''} is taken already`, {
      hint: 'each address, port and protocol belongs to one app',
      related: { message: 'taken at', location: locate(first) },
    }),
  ];
}

/** The kernel translates a connection once: a destination that is an endpoint would end on this host. */
function loops(document: SpecDocument, endpoints: readonly Entry[], taken: Taken<Entry>): Problem[] {
  return readEntries(document, 'destinations').flatMap((entry) => {
    const { address } = entry;
    if (!address) return [];
    const mine = endpoints.filter((one) => one.address?.family === address.family);
    const owners = arrivals(entry, mine).map(({ protocol, ports }) =>
      taken.ownerOf(address, protocol, ports),
    );
    const endpoint = owners.find((owner) => owner);
    if (!endpoint) return [];
    return [
      error(
        'endpoint-is-destination',
        locate(entry),
        `the destination ${entryId(entry) ?? ''} is an endpoint`,
        {
          hint: 'name the worker behind it: a connection is balanced once',
          related: { message: 'the endpoint is at', location: locate(endpoint) },
        },
      ),
    ];
  });
}

/** What comes to a destination: a connection keeps its protocol and, where the destination says none, its port. */
function arrivals(
  { ports, keepsPort }: Entry,
  endpoints: readonly Entry[],
): { readonly protocol: Protocol; readonly ports: Ports }[] {
  if (ports) {
    const used = PROTOCOLS.filter((one) => endpoints.some(({ protocols }) => protocols.includes(one)));
    return used.map((protocol) => ({ protocol, ports }));
  }
  return endpoints.flatMap((from) => {
    const kept = keepsPort ? from.ports : undefined;
    return kept ? from.protocols.map((protocol) => ({ protocol, ports: kept })) : [];
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
