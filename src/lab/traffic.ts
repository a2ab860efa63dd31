// What the lab's programs are asked for and what they answer: JSON on standard input and output.

/** Where a connection goes. */
export interface Target {
  readonly ip: string;
  readonly port: number;
}

/** Over what; with `udp` a connection is a datagram and its answer. */
export type LabProtocol = 'tcp' | 'udp';

/** What a worker's server says as soon as a connection is there. */
export interface Greeting {
  /** The address that it was reached at; IPv4 never as IPv6. */
  readonly ip: string;
  readonly port: number;
  /** The source that it sees. */
  readonly from: string;
  readonly fromPort: number;
}

/** A number of short connections, one target after the other. */
export interface ProbeRequest {
  readonly targets: readonly Target[];
  /** Connections to each target. */
  readonly connections: number;
  /** How many are open at the same time; 32 if absent. */
  readonly concurrency?: number | undefined;
  /** How long a connection may take until the server has spoken, in ms; 3000 if absent. */
  readonly timeoutMs?: number | undefined;
  /** The source address, which the host must have; the kernel's choice if absent. */
  readonly localAddress?: string | undefined;
  /** tcp if absent. */
  readonly protocol?: LabProtocol | undefined;
  /** The source port: for one connection at a time, of UDP; the kernel's choice if absent. */
  readonly localPort?: number | undefined;
}

/** How often each name occurred. */
type Counts = Readonly<Record<string, number>>;

/** From the first packet to the server's greeting, in microseconds. */
interface Latency {
  readonly p50: number;
  readonly p99: number;
}

/** What became of the connections to one target. */
export interface TargetResult {
  /** Who answered, as `ip:port` or `[ip]:port`. */
  readonly destinations: Counts;
  /** The sources that the servers saw: addresses. */
  readonly sources: Counts;
  /** Error codes of node:net, ETIMEDOUT also where `timeoutMs` was over, EPROTO for an answer of a stranger. */
  readonly errors: Counts;
  /** Of the connections that were answered; absent if none was. */
  readonly latency?: Latency;
}

/** By target, as `ip:port` or `[ip]:port`, in the order of the request's. */
export type ProbeResult = Readonly<Record<string, TargetResult>>;

/** Connections that stay open, and on each a short line every now and then, which has to come back. */
export interface HoldRequest {
  readonly target: Target;
  readonly connections: number;
  /** From line to line, in ms; 100 if absent. */
  readonly intervalMs?: number | undefined;
  /** How long a connection, and each line, may take, in ms; 3000 if absent. */
  readonly timeoutMs?: number | undefined;
  /** As in ProbeRequest. */
  readonly localAddress?: string | undefined;
}

/** What there is to know when all connections are open or have failed. */
export interface Holding {
  readonly opened: number;
  /** Who answered, as in TargetResult. */
  readonly destinations: Counts;
  /** Why the others could not be opened, as in TargetResult. */
  readonly errors: Counts;
}

/** What became of the connections. */
export interface HoldResult {
  readonly opened: number;
  /** Those on which the last line, sent at the very end, came back. */
  readonly alive: number;
  /** Those that failed or that the other side closed. */
  readonly resets: number;
  /** Those on which a line did not come back in time. */
  readonly timeouts: number;
  /** All lines that came back. */
  readonly echoes: number;
  /** The longest that a line took, in ms. */
  readonly slowestMs: number;
  /** Why those that are not alive are not: error codes, ETIMEDOUT for the timeouts. */
  readonly errors: Counts;
}

/** What a worker offers at one of its addresses. */
export interface Service extends Target {
  readonly protocol: LabProtocol;
}

/** One request and its answer, as one connection. */
export interface SingleRequest {
  /** The caller's own number for it. */
  readonly id: number;
  readonly target: Target;
  readonly protocol: LabProtocol;
  /** The source, as in ProbeRequest; the port is for UDP alone. */
  readonly localAddress: string;
  readonly localPort?: number | undefined;
  /** How long it may take until the server has answered, in ms. */
  readonly timeoutMs: number;
}

/** Requests that are made in order. */
export interface Lane {
  readonly requests: readonly SingleRequest[];
  /** How many are on their way at the same time. */
  readonly concurrency: number;
  /** What is waited for before each, in ms. */
  readonly gapMs: number;
  /** When so many have had no answer in time, the others are not made: they end with ECANCELED. */
  readonly mostTimeouts: number;
}

/** Lanes that do not wait for each other. */
export interface EachRequest {
  readonly lanes: readonly Lane[];
}

/** What became of a request: an answer, or an error as in TargetResult. */
export type EachResult =
  | { readonly id: number; readonly greeting: Greeting; readonly micros: number; readonly error?: never }
  | { readonly id: number; readonly error: string };

/** The client's modes; a request is the first line of its standard input. */
export type ClientRequest =
  | { readonly mode: 'probe'; readonly probe: ProbeRequest }
  | { readonly mode: 'each'; readonly each: EachRequest }
  | { readonly mode: 'hold'; readonly hold: HoldRequest };

/** The line that ends `hold`. */
export const STOP = 'stop';

/** What holds for requests that do not say; `timeout` in ms. */
export const DEFAULT_TIMEOUT = 3000;
export const DEFAULT_CONCURRENCY = 32;

/** `ip:port`, with the brackets that IPv6 needs. */
export function nameOf({ ip, port }: Target): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** How often each of `names` occurs. */
export function countOf(names: readonly string[]): Counts {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** The address of an IPv4 connection to a socket that takes both families, without its `::ffff:`. */
export function canonical(address = ''): string {
  return address.replace(/^::ffff:(?=[0-9.]+$)/, '');
}
