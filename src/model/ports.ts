// Ports of an endpoint: one, or a range of them.

/** All ports from the first to the last; of a single port, both are it. */
export interface Ports {
  readonly first: number;
  readonly last: number;
}

const MOST = 65_535;

/** Reads a port, or a range as a string like 8000-8099. Undefined for what is none, `backwards` for 8099-8000. */
export function parsePorts(value: unknown): Ports | 'backwards' | undefined {
  if (typeof value === 'number') return isPort(value) ? { first: value, last: value } : undefined;
  const match = typeof value === 'string' ? /^([1-9][0-9]{0,4})-([1-9][0-9]{0,4})$/.exec(value) : null;
  if (!match) return undefined;
  const [first, last] = [Number(match[1]), Number(match[2])];
  if (!isPort(first) || !isPort(last)) return undefined;
  return first > last ? 'backwards' : { first, last };
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= MOST;
}

/** True for more than one port. */
export function isRange({ first, last }: Ports): boolean {
  return first !== last;
}

/** True if a port is in both. */
export function overlap(one: Ports, other: Ports): boolean {
  return one.first <= other.last && other.first <= one.last;
}

/** How many ports there are in `list`, those that are in several of them once. */
export function countPorts(list: readonly Ports[]): number {
  let counted = 0;
  let upTo = 0;
  for (const { first, last } of list.toSorted((one, other) => one.first - other.first)) {
    counted += Math.max(0, last - Math.max(first - 1, upTo));
    upTo = Math.max(upTo, last);
  }
  return counted;
}

/** The ports as a spec has them: a number, or a range as a string. */
export function portsInSpec(ports: Ports): number | string {
  return isRange(ports) ? portsText(ports) : ports.first;
}

/** The ports as text: `80`, or `8000-8099`. */
export function portsText({ first, last }: Ports): string {
  return first === last ? String(first) : `${first}-${last}`;
}
