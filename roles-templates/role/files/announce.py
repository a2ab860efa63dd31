#!/usr/bin/env python3
"""announce.py INTERFACE ADDRESS...: tells the neighbours that the addresses are here now.

Gratuitous ARP for IPv4, unsolicited neighbour advertisements for IPv6; standard library only.
"""

from __future__ import annotations

import fcntl
import ipaddress
import socket
import struct
import sys

BROADCAST = b"\xff" * 6
SIOCGIFHWADDR = 0x8927


def hardware_address(interface: str) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        answer = fcntl.ioctl(probe, SIOCGIFHWADDR, struct.pack("256s", interface.encode()[:15]))
    return answer[18:24]


def arp(mac: bytes, address: ipaddress.IPv4Address) -> bytes:
    head = BROADCAST + mac + b"\x08\x06"
    return head + struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac + address.packed + BROADCAST + address.packed


def neighbour_advertisement(address: ipaddress.IPv6Address, mac: bytes) -> bytes:
    # Override flag, target, option "target link-layer address"; the kernel fills in the checksum.
    return struct.pack("!BBHI", 136, 0, 0, 0x20000000) + address.packed + b"\x02\x01" + mac


def main(interface: str, *texts: str) -> None:
    mac = hardware_address(interface)
    for address in map(ipaddress.ip_address, texts):
        if isinstance(address, ipaddress.IPv4Address):
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
                raw.bind((interface, 0))
                raw.send(arp(mac, address))
        else:
            with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as raw:
                raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
                raw.bind((str(address), 0))
                target = ("ff02::1", 0, 0, socket.if_nametoindex(interface))
                raw.sendto(neighbour_advertisement(address, mac), target)


if __name__ == "__main__":
    main(*sys.argv[1:])
