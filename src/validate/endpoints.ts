// The endpoints of valid documents, each under its address and port, for comparing them with something else.
import type { Location } from '../problem/problem.js';
import type { SpecDocument } from '../read/document.js';
import { readEntries } from './entries.js';
import { entryId, locate } from './rules.js';

export interface PlacedEndpoint {
  /** `address:port`, canonical. */
  readonly id: string;
  readonly location: Location;
}

/** All endpoints of `documents`. */
export function endpointsOf(documents: readonly SpecDocument[]): PlacedEndpoint[] {
  return documents
    .flatMap((document) => readEntries(document, 'endpoints'))
    .flatMap((entry) => {
      const id = entryId(entry);
      return id === undefined ? [] : [{ id, location: locate(entry) }];
    });
}
