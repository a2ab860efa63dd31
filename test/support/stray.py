"""A connection on which one side sends segments far outside of the TCP window, as conntrack sees them: it calls them invalid.

stray.py serve PORT                       echoes lines; for the line "stray" it sends such segments first; "ready" first
stray.py connect ADDRESS PORT worker      asks the other side for them
stray.py connect ADDRESS PORT client      sends them itself

connect prints "alive" if lines come back before and after, or what became of the connection instead.
"""

import ipaddress
import socket
import struct
import sys
import threading
import time

# Of linux/tcp.h; Python has no names for them.
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21
REPAIR_ON, REPAIR_OFF_NO_WP = 1, -1
RECEIVED, SENT = 1, 2
ACK_PSH = 0x18
FAR = 1 << 29


def numbers(connection):
    """The next number that is to be received, and the next to be sent."""
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, REPAIR_ON)
    found = []
    for queue in (RECEIVED, SENT):
        connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, queue)
        packed = connection.getsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ, 4)
        found.append(struct.unpack("I", packed)[0])
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, REPAIR_OFF_NO_WP)
    return found


def ends(connection):
    for address, port, *_ in (connection.getsockname(), connection.getpeername()):
        yield ipaddress.ip_address(address.removeprefix("::ffff:")), port


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def segment(source, target, number, acknowledged):
    """RFC 9293, section 3.1, with one byte of data."""
    (here, port), (there, to) = source, target
    fields = (port, to, number & 0xFFFFFFFF, acknowledged, 5 << 4, ACK_PSH, 1000)
    text = struct.pack("!HHIIBBHHH", *fields, 0, 0) + b"?"
    pseudo = here.packed + there.packed + struct.pack("!IBBH", len(text), 0, 0, socket.IPPROTO_TCP)
    return text[:16] + struct.pack("!H", checksum(pseudo + text)) + text[18:]


def stray(connection):
    received, sent = numbers(connection)
    source, target = ends(connection)
    family = socket.AF_INET6 if source[0].version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP) as out:
        out.bind((str(source[0]), 0))
        for more in range(3):
            out.sendto(segment(source, target, sent + FAR + more, received), (str(target[0]), 0))
    # What they bring about is to be there first.
    time.sleep(0.3)


def echo(connection):
    try:
        with connection, connection.makefile("rw") as lines:
            for line in lines:
                if line == "stray\n":
                    stray(connection)
                lines.write(line)
                lines.flush()
    except OSError:
        pass


def serve(port):
    with socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        print("ready", flush=True)
        while True:
            connection, _ = server.accept()
            # A client that was reset does not say so.
            threading.Thread(target=echo, args=(connection,), daemon=True).start()


def connect(address, port, who):
    with socket.create_connection((address, port), timeout=3) as connection, connection.makefile("rw") as lines:
        for line in ("one\n", "stray\n" if who == "worker" else "two\n", "three\n"):
            if who == "client" and line == "two\n":
                stray(connection)
            lines.write(line)
            lines.flush()
            answer = lines.readline()
            if answer != line:
                return f"{line.strip()}: {answer!r}"
    return "alive"


if sys.argv[1] == "serve":
    serve(int(sys.argv[2]))
else:
    try:
        print(connect(sys.argv[2], int(sys.argv[3]), sys.argv[4]))
    except OSError as error:
        print(type(error).__name__)
