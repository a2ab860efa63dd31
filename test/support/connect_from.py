"""connect_from.py ADDRESS PORT SOURCE...: connects once from each source; prints who answered, as JSON, by source."""

import json
import socket
import sys

address, port, *sources = sys.argv[1:]
answers = {}
for source in sources:
    with socket.create_connection((address, int(port)), timeout=3, source_address=(source, 0)) as connection:
        answers[source] = json.loads(connection.makefile().readline())["ip"]
print(json.dumps(answers))
