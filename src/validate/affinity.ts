// What an affinity needs of the destinations.
import { EACH_FAMILY } from '../model/address.js';
import { error, type Problem } from '../problem/problem.js';
import type { SpecDocument } from '../read/document.js';
import { type Entry, property } from './entries.js';

/**
 * One map has the ports that clients keep, or the clients' own are kept: in a family, all destinations have a port or none
 * has. While an address or port is wrong, nothing is concluded from it.
 */
export function affinityProblems(document: SpecDocument, destinations: readonly Entry[]): Problem[] {
  if (property(document.data, 'affinity') === undefined) return [];
  return EACH_FAMILY.flatMap((family) => {
    const mine = destinations.filter(({ address }) => address?.family === family);
    if (!mine.some(({ ports }) => ports) || !mine.some(({ keepsPort }) => keepsPort)) return [];
    return [
      error(
        'wrong-value',
        document.locate(['affinity']),
        'affinity needs a port of all destinations, or of none',
        {
          hint: 'give all destinations of an address family a port, or leave it out of all',
        },
      ),
    ];
  });
}
