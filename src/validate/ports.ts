// Ranges of ports: what is none, and destinations that they cannot be sent to.
import { isRange, parsePorts, portsText } from '../model/ports.js';
import { error, type Problem } from '../problem/problem.js';
import type { SpecDocument } from '../read/document.js';
import { quote } from './describe.js';
import { type Entry, property } from './entries.js';

/** Problems of the ports of one app. */
export function portProblems(
  document: SpecDocument,
  endpoints: readonly Entry[],
  destinations: readonly Entry[],
): Problem[] {
  return [...noRanges(document), ...lostPorts(document, endpoints, destinations)];
}

/** What has the form of a range, which is all that the schema knows. */
function noRanges(document: SpecDocument): Problem[] {
  const list = property(document.data, 'endpoints');
  if (!Array.isArray(list)) return [];
  return list.flatMap((item: unknown, index) => {
    const port = property(item, 'port');
    if (typeof port !== 'string' || !/^[0-9]{1,5}-[0-9]{1,5}$/.test(port)) return [];
    const ports = parsePorts(port);
    if (typeof ports === 'object') return [];
    const why = ports === 'backwards' ? 'ends before it begins' : 'is not a range of ports';
    const hint = 'write the first and the last port, from 1 to 65535, without leading zeros: 8000-8099';
    return [
      error('wrong-value', document.locate(['endpoints', index, 'port']), `${quote(port)} ${why}`, { hint }),
    ];
  });
}

/** A range that ended at one port would not tell its connections apart. */
function lostPorts(
  document: SpecDocument,
  endpoints: readonly Entry[],
  destinations: readonly Entry[],
): Problem[] {
  return destinations.flatMap(({ path, address, ports }) => {
    const range = endpoints.find(
      (one) => one.ports && isRange(one.ports) && address && one.address?.family === address.family,
    );
    if (!range?.ports || !ports) return [];
    const message = `the endpoint's ports ${portsText(range.ports)} would all become port ${portsText(ports)}`;
    const hint = "leave out the destination's port, then each connection keeps its own; or list single ports";
    return [
      error('range-to-one-port', document.locate([...path, 'port']), message, {
        hint,
        related: { message: 'the range is at', location: document.locate([...range.path, 'port']) },
      }),
    ];
  });
}
