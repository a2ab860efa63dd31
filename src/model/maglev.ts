// Consistent hashing: which destination each client gets, so that all load balancers agree, and a destination that comes
// or goes moves hardly any client but its own. The table of Maglev (Eisenbud et al., NSDI 2016, section 3.4), with weights.
import { createHash } from 'node:crypto';

/** What the table is made for. */
interface Share {
  /** What the destination is known by: its place in the table follows from nothing else. */
  readonly id: string;
  readonly weight: number;
}

/**
 * Sizes of the table: primes, so that the walk of a destination through it meets each place. At least a hundred places a
 * destination up to 655 of them: its share is then off by about a hundredth of it. Few sizes, since another size moves nearly
 * all clients: from 8 destinations to 9, and from 64 to 65.
 */
const SIZES = [
  { most: 8, size: 1021 },
  { most: 64, size: 8191 },
] as const;
const LARGEST = 65_521;

/** The size of the table for so many destinations, the drained ones included. */
export function tableSize(destinations: number): number {
  return SIZES.find(({ most }) => destinations <= most)?.size ?? LARGEST;
}

/** Where a destination would like to be: from `at`, each `step` places on. */
interface Walk extends Share {
  at: number;
  readonly step: number;
  /** What it has earned by its weight and not yet had a place for. */
  due: number;
  readonly places: number[];
}

/**
 * The places of each share, numbered from 0 to `size` without a gap; none for weights of 0. In each round each takes as
 * many of the places that it prefers, and that are free, as its weight is worth of the largest one.
 */
export function placesOf(shares: readonly Share[], size: number): number[][] {
  const most = shares.reduce((largest, { weight }) => Math.max(largest, weight), 0);
  if (most === 0) return shares.map(() => []);
  const taken = new Uint8Array(size);
  const walks = shares.map((share) => walkOf(share, most, size));
  // Not in the order of the spec, in which load balancers may differ.
  const turns = walks.toSorted((one, other) => (one.id < other.id ? -1 : 1));
  let free = size;
  while (free > 0) {
    for (const walk of turns) {
      walk.due += walk.weight;
      for (; walk.due >= most && free > 0; walk.due -= most, free--) walk.places.push(nextFree(walk, taken));
    }
  }
  return walks.map(({ places }) => places.sort((one, other) => one - other));
}

function nextFree(walk: Walk, taken: Uint8Array): number {
  let place: number;
  do {
    place = walk.at;
    walk.at = (walk.at + walk.step) % taken.length;
  } while (taken[place] === 1);
  taken[place] = 1;
  return place;
}

function walkOf({ id, weight }: Share, most: number, size: number): Walk {
  const digest = createHash('sha256').update(id).digest();
  const at = digest.readUInt32BE(0) % size;
  const step = 1 + (digest.readUInt32BE(4) % (size - 1));
  // In the first round everybody has a place: a small weight may not come to one later.
  return { id, weight, at, step, due: weight > 0 ? most - weight : 0, places: [] };
}
