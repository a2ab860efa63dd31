// A packet's bytes, as far as the picture needs them.
import { addressOf, type Family } from '../model/address.js';

export interface Packet {
  readonly from: string;
  readonly to: string;
  /** Of TCP and UDP; 0 where there is none. */
  readonly fromPort: number;
  readonly toPort: number;
  readonly kind: 'data' | 'open' | 'reset' | 'unreachable' | 'other';
  readonly protocol: 'tcp' | 'udp' | 'icmp';
}

/** Types of Ethernet, and numbers of protocols (IANA). */
const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const TCP = 6;
const UDP = 17;
const ICMP = 1;
const ICMPV6 = 58;
/** Destination unreachable, of ICMP and of ICMPv6. */
const UNREACHABLE = { [ICMP]: 3, [ICMPV6]: 1 };

const FIN_SYN_RST_ACK = { syn: 0x02, rst: 0x04, ack: 0x10 };

/** Reads a line like `0800 4500…`; undefined for what is neither TCP, UDP nor ICMP, or not whole. */
export function parsePacket(line: string): Packet | undefined {
  const [link = '', digits = ''] = line.split(' ');
  const bytes = Buffer.from(digits, 'hex');
  const type = Number.parseInt(link, 16);
  if (type === IPV4 && bytes.length >= 20) return parseIPv4(bytes);
  if (type === IPV6 && bytes.length >= 40) return parseIPv6(bytes);
  return undefined;
}

/** RFC 791, section 3.1. */
function parseIPv4(bytes: Buffer): Packet | undefined {
  const header = (bytes.readUInt8(0) & 0x0f) * 4;
  return parseTransport(bytes.subarray(header), bytes.readUInt8(9), bytes.readUInt16BE(2) - header, {
    from: textOf('ipv4', bytes.subarray(12, 16)),
    to: textOf('ipv4', bytes.subarray(16, 20)),
  });
}

/** RFC 8200, section 3; the lab's packets have no extension headers. */
function parseIPv6(bytes: Buffer): Packet | undefined {
  return parseTransport(bytes.subarray(40), bytes.readUInt8(6), bytes.readUInt16BE(4), {
    from: textOf('ipv6', bytes.subarray(8, 24)),
    to: textOf('ipv6', bytes.subarray(24, 40)),
  });
}

function parseTransport(
  bytes: Buffer,
  protocol: number,
  length: number,
  ends: Pick<Packet, 'from' | 'to'>,
): Packet | undefined {
  if ((protocol === ICMP || protocol === ICMPV6) && bytes.length >= 8) {
    const kind = bytes.readUInt8(0) === UNREACHABLE[protocol] ? 'unreachable' : 'other';
    return { ...ends, fromPort: 0, toPort: 0, protocol: 'icmp', kind };
  }
  if (protocol === UDP && bytes.length >= 8) {
    return { ...ends, ...portsOf(bytes), protocol: 'udp', kind: 'data' };
  }
  if (protocol !== TCP || bytes.length < 20) return undefined;
  const payload = length - (bytes.readUInt8(12) >> 4) * 4;
  return {
    ...ends,
    ...portsOf(bytes),
    protocol: 'tcp',
    kind: payload > 0 ? 'data' : kindOf(bytes.readUInt8(13)),
  };
}

/** RFC 9293, section 3.1: of segments without data. */
function kindOf(flags: number): Packet['kind'] {
  const { syn, rst, ack } = FIN_SYN_RST_ACK;
  if ((flags & rst) !== 0) return 'reset';
  return (flags & syn) !== 0 && (flags & ack) === 0 ? 'open' : 'other';
}

function portsOf(bytes: Buffer): Pick<Packet, 'fromPort' | 'toPort'> {
  return { fromPort: bytes.readUInt16BE(0), toPort: bytes.readUInt16BE(2) };
}

function textOf(family: Family, bytes: Buffer): string {
  return addressOf(family, BigInt(`0x${bytes.toString('hex')}`)).text;
}
