"""connect_from.py ADDRESS PORT SOURCE...: connects once from each source; prints who answered, as JSON, by source."""

import concurrent.futures
import json
import socket
import sys

address, port, *sources = sys.argv[1:]


def answer(source):
    # Long enough for a first packet that is lost, and comes again after a second.
    with socket.create_connection((address, int(port)), timeout=10, source_address=(source, 0)) as connection:
        return json.loads(connection.makefile().readline())["ip"]


with concurrent.futures.ThreadPoolExecutor(50) as pool:
    print(json.dumps(dict(zip(sources, pool.map(answer, sources)))))
