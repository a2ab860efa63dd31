// The endpoints of valid documents, each under its address and port, for comparing them with something else.
import type { Address } from '../model/address.js';
import type { Ports } from '../model/ports.js';
import type { Location } from '../problem/problem.js';
import type { SpecDocument } from '../read/document.js';
import { readEntries } from './entries.js';
import { entryId, locate } from './rules.js';

export interface PlacedEndpoint {
  /** `address:port`, canonical. */
  readonly id: string;
  readonly address: Address;
  readonly ports: Ports;
  readonly location: Location;
}

/** All endpoints of `documents` for TCP. */
export function endpointsOf(documents: readonly SpecDocument[]): PlacedEndpoint[] {
  return documents
    .flatMap((document) => readEntries(document, 'endpoints'))
    .flatMap((entry) => {
      const { address, ports, protocols } = entry;
      if (!address || !ports || !protocols.includes('tcp')) return [];
      return [{ id: entryId(entry) ?? '', address, ports, location: locate(entry) }];
    });
}
