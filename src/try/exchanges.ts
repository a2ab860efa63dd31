// From packets to what the picture shows: who said what to whom, connection by connection.
import { nameOf } from '../lab/traffic.js';
import type { Packet } from './packet.js';

/** `client`, `lb`, or the name of a worker. */
export interface Hop {
  readonly from: string;
  readonly to: string;
  readonly label: string;
}

/** A connection: what was said on it, or where nothing was, how it failed. */
export interface Exchange {
  /** The client's address and port, and the protocol. */
  readonly client: string;
  readonly hops: readonly Hop[];
}

interface Draft {
  readonly client: string;
  readonly data: Hop[];
  readonly others: Hop[];
}

/** What `packets` were, which came one connection after another. `workers` are names, by address. */
export function exchangesOf(
  packets: readonly Packet[],
  clients: ReadonlySet<string>,
  workers: ReadonlyMap<string, string>,
): Exchange[] {
  const drafts = new Map<string, Draft>();
  let last: Draft | undefined;
  for (const packet of packets) {
    const hop = hopOf(packet, clients, workers);
    if (!hop || packet.kind === 'other') continue;
    const client = clientOf(packet, clients);
    if (client !== undefined) {
      last = drafts.get(client) ?? { client, data: [], others: [] };
      drafts.set(client, last);
    }
    // What is said to a worker and by it belongs to the connection that has just been opened.
    add((packet.kind === 'data' ? last?.data : last?.others) ?? [], hop);
  }
  return [...drafts.values()].map(({ client, data, others }) => ({
    client,
    hops: data.length > 0 ? data : others,
  }));
}

/** What is sent again is no news. */
function add(hops: Hop[], { from, to, label }: Hop): void {
  const isThere = hops.some((one) => one.from === from && one.to === to && one.label === label);
  if (!isThere) hops.push({ from, to, label });
}

function hopOf(
  { from, to, ...packet }: Packet,
  clients: ReadonlySet<string>,
  workers: ReadonlyMap<string, string>,
): Hop | undefined {
  const [source, target] = [workers.get(from), workers.get(to)];
  // A client whose address is kept is the source on both sides.
  if (target !== undefined) return { from: 'lb', to: target, label: labelOf(packet, false) };
  if (source !== undefined) return { from: source, to: 'lb', label: labelOf(packet, true) };
  if (clients.has(from)) return { from: 'client', to: 'lb', label: labelOf(packet, false) };
  if (clients.has(to)) return { from: 'lb', to: 'client', label: labelOf(packet, true) };
  return undefined;
}

function labelOf({ kind, protocol }: Pick<Packet, 'kind' | 'protocol'>, isAnswer: boolean): string {
  switch (kind) {
    case 'data':
      return isAnswer ? 'Response' : protocol === 'tcp' ? 'GET' : 'Request';
    case 'open':
      return 'SYN';
    case 'reset':
      return 'RST';
    case 'unreachable':
      return 'ICMP error';
    case 'other':
      return '';
  }
}

/** An ICMP error is about a connection, and has no ports of its own. */
function clientOf(
  { from, to, fromPort, toPort, protocol }: Packet,
  clients: ReadonlySet<string>,
): string | undefined {
  if (protocol === 'icmp') return undefined;
  if (clients.has(from)) return `${nameOf({ ip: from, port: fromPort })}/${protocol}`;
  return clients.has(to) ? `${nameOf({ ip: to, port: toPort })}/${protocol}` : undefined;
}
