// The packets that pass the load balancer, of either side, as they are: whichever packet filter it has.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from '../lab/lab.js';
import { type Packet, parsePacket } from './packet.js';

/**
 * Reads a packet socket (packet(7)): of AF_PACKET and SOCK_DGRAM, for all protocols. Node has none, and perl-base is in each
 * Debian. A line a packet: which protocol the link carries, and its first bytes, in hexadecimal digits.
 */
const READER = `
use strict; $| = 1;
socket(my $socket, 17, 2, unpack('S', pack('n', 3))) or die "packet socket: $!\\n";
print "ready\\n";
while (defined(my $from = recv($socket, my $packet, 256, 0))) {
  printf "%04x %s\\n", unpack('x2 n', $from), unpack('H*', $packet);
}`;

/** How long, in ms, packets are waited for that are on their way. */
const LAST_PACKETS = 150;
const LIMIT = 10_000;

/** Packets in the order in which they passed, or why they cannot be seen. */
export interface Captured {
  readonly packets: readonly Packet[];
  readonly trouble?: string;
}

/** All packets that the load balancer sees while `work` is done. */
export async function capture(lab: Lab, work: () => Promise<void>): Promise<Captured> {
  const reader = lab.start('lb', ['perl', '-e', READER]);
  const first = await reader.nextLine(LIMIT);
  await work();
  if (first === undefined) return { packets: [], trouble: reader.stderr.trim() };
  await sleep(LAST_PACKETS);
  reader.kill();
  await reader.ended;
  const packets: Packet[] = [];
  for (let line = await reader.nextLine(LIMIT); line !== undefined; line = await reader.nextLine(LIMIT)) {
    const packet = parsePacket(line);
    if (packet) packets.push(packet);
  }
  return { packets };
}
