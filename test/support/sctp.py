"""SCTP without a kernel that has it: INIT packets, made by hand and counted by raw sockets.

sctp.py send ADDRESS PORT NUMBER    one INIT each from as many source ports
sctp.py count ADDRESS PORT          those that arrive until standard input ends
"""

import os
import select
import socket
import struct
import sys

PROTOCOL = 132
FIRST_SOURCE = 20000


def crc32c(data):
    """RFC 9260, appendix A."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def init(source, port):
    """RFC 9260, section 3.3.2: tag, window, streams out and in, first number."""
    chunk = struct.pack("!BBHIIHHI", 1, 0, 20, source, 65536, 1, 1, 1)
    packet = struct.pack("!HHII", source, port, 0, 0) + chunk
    checksum = struct.pack("<I", crc32c(packet))
    return packet[:8] + checksum + packet[12:]


def raw(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.socket(family, socket.SOCK_RAW, PROTOCOL)


def send(address, port, number):
    with raw(address) as out:
        for source in range(FIRST_SOURCE, FIRST_SOURCE + number):
            out.sendto(init(source, port), (address, 0))


def count(address, port):
    with raw(address) as into:
        into.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        into.bind((address, 0))
        print("ready", flush=True)
        received = 0
        while True:
            ready, _, _ = select.select([into, sys.stdin], [], [])
            if into in ready:
                packet = into.recv(65535)
                # Of IPv4 a raw socket shows the header, too.
                start = (packet[0] & 15) * 4 if ":" not in address else 0
                received += struct.unpack("!H", packet[start + 2 : start + 4])[0] == port
            elif not os.read(0, 1):
                break
        print(received, flush=True)


if sys.argv[1] == "send":
    send(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
else:
    count(sys.argv[2], int(sys.argv[3]))
