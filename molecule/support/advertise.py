"""advertise.py INTERFACE: sends a router advertisement (RFC 4861) that makes this host a default router."""

import socket
import struct
import sys

ROUTER_LIFETIME = 1800  # seconds
# Type, code, checksum (the kernel's to compute), hop limit, flags, lifetime, reachable time, retransmission timer.
advertisement = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, ROUTER_LIFETIME, 0, 0)
with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as raw:
    raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
    raw.sendto(advertisement, ("ff02::1", 0, 0, socket.if_nametoindex(sys.argv[1])))
