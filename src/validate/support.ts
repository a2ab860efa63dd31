// What the spec's format has and this version does not implement: refused by name, never ignored.
import { error, type Problem } from '../problem/problem.js';
import type { SpecDocument } from '../read/document.js';
import { property } from './entries.js';

/** A place of the spec that is not implemented when it holds anything but `allowed`. */
interface Gap {
  readonly key: string;
  readonly allowed: readonly unknown[];
  readonly hint: string;
}

const APP_GAPS: readonly Gap[] = [
  {
    key: 'scheduler',
    allowed: ['random', 'round-robin'],
    hint: 'use random or round-robin, or leave the key out',
  },
  { key: 'affinity', allowed: [], hint: 'leave the key out' },
  { key: 'client_address', allowed: ['masquerade'], hint: 'use masquerade, or leave the key out' },
  { key: 'health_check', allowed: [], hint: 'leave the key out' },
];

/** Everything in `document` that is valid and not implemented yet. */
export function supportProblems(document: SpecDocument): Problem[] {
  const { data } = document;
  return [
    ...APP_GAPS.flatMap(({ key, allowed, hint }) => {
      const value = property(data, key);
      const fine = value === undefined || allowed.includes(value);
      return fine
        ? []
        : [notYet(document, [key], typeof value === 'string' ? `${key}: ${value}` : key, hint)];
    }),
    ...each(data, 'endpoints', (endpoint, index) => endpointGaps(endpoint, index, document)),
    ...each(data, 'destinations', (destination, index) => destinationGaps(destination, index, document)),
  ];
}

function endpointGaps(endpoint: unknown, index: number, document: SpecDocument): Problem[] {
  const protocol = property(endpoint, 'protocol');
  const protocols: readonly unknown[] = Array.isArray(protocol) ? protocol : [protocol];
  const other = protocols.filter((one) => one === 'udp' || one === 'sctp').map(String);
  const problems = other.map((one) =>
    notYet(document, ['endpoints', index, 'protocol'], `protocol ${one}`, 'tcp is what works today'),
  );
  const port = property(endpoint, 'port');
  if (typeof port === 'string' && /^[0-9]+-[0-9]+$/.test(port)) {
    const hint = 'write an endpoint for each port';
    problems.push(notYet(document, ['endpoints', index, 'port'], 'a range of ports', hint));
  }
  return problems;
}

function destinationGaps(destination: unknown, index: number, document: SpecDocument): Problem[] {
  if (property(destination, 'ip') === undefined || property(destination, 'port') !== undefined) return [];
  const hint = "add the destination's port, for Kubernetes the NodePort: port: 31234";
  return [
    notYet(document, ['destinations', index], "a destination without a port (the client's is kept)", hint),
  ];
}

function notYet(
  document: SpecDocument,
  path: readonly (string | number)[],
  what: string,
  hint: string,
): Problem {
  return error('not-supported-yet', document.locate(path), `${what} is not supported yet`, { hint });
}

function each(data: unknown, key: string, check: (item: unknown, index: number) => Problem[]): Problem[] {
  const list = property(data, key);
  return Array.isArray(list) ? list.flatMap((item: unknown, index) => check(item, index)) : [];
}
