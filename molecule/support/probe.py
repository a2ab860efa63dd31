"""probe.py ADDRESS PORT COUNT ANSWER=WEIGHT...: opens that many connections, one after the other, and compares the
shares of the answers with the weights. An answer is a worker's name and the address that it saw."""

import collections
import json
import socket
import sys

# The chance that exact shares look worse is one in a million, for up to 15 degrees of freedom.
CRITICAL = [0, 23.9, 27.6, 30.7, 33.4, 35.9, 38.3, 40.5, 42.7, 44.8, 46.9, 48.9, 50.8, 52.8, 54.7, 56.5]


def answer(address, port):
    try:
        with socket.create_connection((address, port), timeout=2) as connection:
            return connection.makefile().readline().strip() or "nothing"
    except OSError as error:
        return type(error).__name__


def chi_square(counts, weights, total):
    expected = {key: total * weight / sum(weights.values()) for key, weight in weights.items()}
    return sum((counts[key] - share) ** 2 / share for key, share in expected.items())


address, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
weights = {key: int(weight) for key, weight in (text.rsplit("=", 1) for text in sys.argv[4:])}
counts = collections.Counter(answer(address, port) for _ in range(count))
print(json.dumps(counts))
if set(counts) - set(weights):
    sys.exit("these answers were not expected")
if weights and chi_square(counts, weights, count) > CRITICAL[len(weights) - 1]:
    sys.exit("the shares are not those of the weights")
