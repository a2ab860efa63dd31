"""load.py ADDRESS PORT HELD [hold]: holds that many connections open and, unless told only to hold, opens new ones
without a pause, until standard input ends. Then prints as JSON how many new ones were opened and failed, and how many of
those held still get an answer."""

import json
import socket
import sys
import threading

address, port, held = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
counts = {"opened": 0, "failed": 0, "alive": 0}
ended = threading.Event()


def connect():
    connection = socket.create_connection((address, port), timeout=2)
    stream = connection.makefile("rw")
    if not stream.readline():
        raise OSError("closed without an answer")
    return connection, stream


def open_new():
    while not ended.wait(0.002):
        try:
            connect()[0].close()
            counts["opened"] += 1
        except OSError:
            counts["failed"] += 1


def is_alive(connection, stream):
    try:
        stream.write("still there?\n")
        stream.flush()
        return bool(stream.readline())
    except OSError:
        return False


connections = [connect() for _ in range(held)]
print("ready", flush=True)
thread = threading.Thread(target=open_new)
if sys.argv[4:] != ["hold"]:
    thread.start()
sys.stdin.read()
ended.set()
if thread.is_alive():
    thread.join()
counts["alive"] = sum(is_alive(*pair) for pair in connections)
print(json.dumps(counts))
