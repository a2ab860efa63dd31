"""The largest segment of a connection, in bytes, as one side of it sees it.

segment.py serve PORT                of the first connection that comes; "ready" first
segment.py connect ADDRESS PORT
"""

import socket
import sys


def segment(connection):
    # Once both have said what they take: a byte has come back.
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)


if sys.argv[1] == "serve":
    with socket.create_server(("::", int(sys.argv[2])), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        print("ready", flush=True)
        while True:
            connection, _ = server.accept()
            with connection:
                connection.recv(1)
                connection.sendall(b".")
                print(segment(connection), flush=True)
else:
    with socket.create_connection((sys.argv[2], int(sys.argv[3])), timeout=3) as connection:
        connection.sendall(b".")
        connection.recv(1)
        print(segment(connection))
