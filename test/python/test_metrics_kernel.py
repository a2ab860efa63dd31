"""The metrics of a ruleset that is loaded, from the checker as it runs on a load balancer."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import metrics
import pytest
import rulesets
from prometheus import promtool

PORT = 19753
KEY = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
SPEC = {
    "pomaloba": 1,
    "app": "shop",
    "endpoints": [
        {"ip": "192.0.2.10", "port": 53, "protocol": "udp"},
        {"ip": "2001:db8::10", "port": 53, "protocol": "udp"},
    ],
    "destinations": [{"ip": "198.51.100.1", "port": 30053}, {"ip": "198.51.100.2", "port": 30053}, {"ip": "fd00::1"}],
}


def load(backend: str, directory: Path) -> None:
    file = directory / "rules"
    file.write_text(rulesets.printed([SPEC], f"{backend}-rules"))
    if backend == "nftables":
        rulesets.run("nft", "-f", file)
    else:
        for tool in ("iptables", "ip6tables"):
            rulesets.run(f"{tool}-restore", "-w", "60", "--noflush", file)


def data(backend: str) -> dict[str, Any]:
    """What the role writes, with a check of one destination that nobody answers."""
    found = rulesets.balancer_data([SPEC], backend)
    app = found["apps"][0]
    app["health"] = {"on_all_down": "reject", "min_up": 0}
    check = {"kind": "tcp", "port": 1, "interval": 1, "timeout": 1, "rise": 1, "fall": 1}
    # Of this host, so that it says no at once.
    app["pools"][0]["destinations"][1]["check"] = {**check, "kind": "exec", "command": ["/bin/false"]}
    return {**found, "allow_exec": True}


@contextmanager
def checker(backend: str, directory: Path) -> Iterator[None]:
    for name in ("run", "state", "textfiles"):
        (directory / name).mkdir(exist_ok=True)
    (directory / "run/balancer.json").write_text(json.dumps(data(backend)))
    program = rulesets.ROOT / "roles-templates/role/files/health.py"
    places = [
        "--run",
        directory / "run",
        "--state",
        directory / "state",
        "--textfile-directory",
        directory / "textfiles",
    ]
    command = [sys.executable, "-B", program, "lb", *places, "--metrics-port", str(PORT)]
    with subprocess.Popen([str(one) for one in command]) as process:
        try:
            yield
        finally:
            before = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
            assert time.monotonic() - before < metrics.SECONDS / 2


def page() -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


def sample(text: str, name: str, **labels: str) -> float | None:
    for inner, value in re.findall(rf"^{name}\{{(.*)\}} (\S+)$", text, re.MULTILINE):
        if labels.items() <= dict(KEY.findall(inner)).items():
            return float(value)
    return None


def wait_for(name: str, wanted: float, **labels: str) -> str:
    """The page, once a sample has a value."""
    limit, text = time.monotonic() + 60, ""
    while time.monotonic() < limit:
        try:
            text = page()
        except OSError:  # not there yet
            text = ""
        if sample(text, name, **labels) == wanted:
            return text
        time.sleep(0.2)
    raise AssertionError(f"{name} {labels} is never {wanted}:\n{text}")


def send(ip: str, number: int) -> None:
    script = "import socket, sys; f = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET\n"
    script += (
        "for _ in range(int(sys.argv[2])): socket.socket(f, socket.SOCK_DGRAM).sendto(b'hello', (sys.argv[1], 53))"
    )
    rulesets.run(sys.executable, "-c", script, ip, str(number))


@pytest.mark.parametrize("backend", ["nftables", "iptables"])
def test_the_metrics_of_a_load_balancer(backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/sbin:/sbin", prepend=":")
    with rulesets.network_namespace():
        rulesets.add_routes()
        load(backend, tmp_path)
        with checker(backend, tmp_path):
            down = {"app": "shop", "destination": "198.51.100.2:30053"}
            wait_for("pomaloba_destination_up", 0, **down)
            text = wait_for("pomaloba_destination_in_use", 0, **down)
            assert sample(text, "pomaloba_destination_available", **down) == 0
            assert sample(text, "pomaloba_destination_available", destination="198.51.100.1:30053") == 1
            assert sample(text, "pomaloba_ruleset_loaded", ruleset="lb") == 1
            assert (sample(text, "pomaloba_conntrack_entries_limit") or 0) > 0

            send("192.0.2.10", 7)
            send("2001:db8::10", 5)
            one = {"app": "shop", "protocol": "udp", "endpoint": "192.0.2.10:53", "destination": "198.51.100.1:30053"}
            six = {"app": "shop", "protocol": "udp", "endpoint": "[2001:db8::10]:53", "destination": "fd00::1"}
            wait_for("pomaloba_connections_total", 7, **one)
            text = wait_for("pomaloba_connections_total", 5, **six)
            assert sample(text, "pomaloba_connections_total", **down) == 0
            assert promtool(["check", "metrics"], text) == ""
            assert "pomaloba_destination_weight" in (tmp_path / "textfiles/pomaloba-lb.prom").read_text()

            rulesets.run("nft", "flush", "ruleset")
            if backend == "nftables":
                wait_for("pomaloba_ruleset_loaded", 0, ruleset="lb")
            # A client that says nothing does not hold up the end.
            silent = socket.create_connection(("127.0.0.1", PORT))
    silent.close()
