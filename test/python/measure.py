"""measure.py [DESTINATIONS [SECONDS]]: what the checker takes of a host, as root, after `npm run build`.

In a network namespace of its own, with as many destinations at 2 s as are asked for, nftables, and one server for all
of them; then the server goes, and all are down at once. Not a test: figures depend on the machine.
"""

from __future__ import annotations

import json
import os
import resource
import selectors
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rulesets import balancer_data, network_namespace, printed, run

PROGRAM = Path(__file__).parents[2] / "roles-templates" / "role" / "files" / "health.py"
PORT = 8080
INTERVAL = 2
MOST = 1000
_TICKS = os.sysconf("SC_CLK_TCK")


def specs(count: int, kind: str) -> list[dict[str, Any]]:
    """Apps of as many destinations as one may have."""
    destinations = [{"ip": f"10.{1 + index // 200}.0.{1 + index % 200}", "port": PORT} for index in range(count)]
    return [
        {
            "pomaloba": 1,
            "app": f"many-{first}",
            "endpoints": [{"ip": "192.0.2.1", "port": 1 + first}],
            "destinations": destinations[first : first + MOST],
            "health_check": {kind: {}, "interval": f"{INTERVAL}s"},
        }
        for first in range(0, count, MOST)
    ]


class Server:
    """Answers each connection as HTTP does, until it is closed."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("0.0.0.0", PORT), backlog=4096)
        self._listener.setblocking(False)
        self._open = True
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            while self._open:
                for key, _ in selector.select(0.1):
                    self._answer(selector, key.fileobj)

    def _answer(self, selector: selectors.BaseSelector, one: Any) -> None:
        try:
            if one is self._listener:
                client, _ = one.accept()
                selector.register(client, selectors.EVENT_READ)
                return
            if one.recv(65536):
                one.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        except OSError:
            if one is self._listener:
                return
        selector.unregister(one)
        one.close()

    def close(self) -> None:
        self._open = False
        self._thread.join()
        self._listener.close()


@dataclass(frozen=True)
class Use:
    """What a process and those that it has waited for have used, in seconds of CPU and MiB."""

    own: float
    children: float
    memory: float
    peak: float

    @staticmethod
    def of(pid: int) -> Use:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        own, children = (sum(map(int, stat[first : first + 2])) / _TICKS for first in (11, 13))
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        memory, peak = (int(status[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
        return Use(own, children, memory, peak)


def states(directory: Path) -> list[dict[str, Any]]:
    try:
        data: list[dict[str, Any]] = json.loads((directory / "state.json").read_text())["destinations"]
        return data
    except FileNotFoundError:
        return []


def probes(directory: Path) -> tuple[float, int]:
    """How many were made, and when that was written."""
    data = json.loads((directory / "state.json").read_text())
    return data["written"], sum(one["checks"] for one in data["destinations"])


def wait_for(directory: Path, state: str, count: int) -> float:
    """Until all are in the state; how long that took."""
    begin = time.monotonic()
    while sum(one["state"] == state and one["ours"] == (state == "down") for one in states(directory)) < count:
        time.sleep(0.05)
    return time.monotonic() - begin


def measure(directory: Path, pid: int, count: int, seconds: float, label: str) -> None:
    """Prints what was used while some seconds passed, and how many probes were made of those that were due."""
    before, (written, checks), begin = Use.of(pid), probes(directory), time.monotonic()
    time.sleep(seconds)
    after, passed = Use.of(pid), time.monotonic() - begin
    written_then, checks_then = probes(directory)
    rate = (checks_then - checks) / (written_then - written)
    print(
        f"{label}: {100 * (after.own - before.own) / passed:.0f} % of a CPU, programs of nft"
        f" {100 * (after.children - before.children) / passed:.0f} %, {after.memory:.0f} MiB (peak {after.peak:.0f}),"
        f" {rate:.0f} probes a second; {count / INTERVAL:.0f} to {count / INTERVAL / 0.9:.0f} are due",
        flush=True,
    )


def story(count: int, seconds: float, kind: str) -> None:
    with TemporaryDirectory() as name:
        directory = Path(name)
        apps = specs(count, kind)
        (directory / "ruleset").write_text(printed(apps, "nftables-rules"))
        (directory / "balancer.json").write_text(json.dumps(balancer_data(apps)))
        run("ip", "route", "add", "local", "10.0.0.0/8", "dev", "lo")
        run("nft", "-f", directory / "ruleset")
        server = Server()
        command = [sys.executable, "-EsB", str(PROGRAM), "lb", "--run", name, "--state", name]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as checker:
            print(f"{kind}, {count} destinations: all up after {wait_for(directory, 'up', count):.1f} s", flush=True)
            time.sleep(6)
            measure(directory, checker.pid, count, seconds, "all up")
            server.close()
            print(f"all down after {wait_for(directory, 'down', count):.1f} s", flush=True)
            time.sleep(6)
            measure(directory, checker.pid, count, seconds, "all down")
            checker.terminate()


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 30.0
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for kind in ("tcp", "http"):
        with network_namespace():
            story(count, seconds, kind)


if __name__ == "__main__":
    main()
