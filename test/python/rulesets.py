"""Rulesets and their data as the program prints them, and a network namespace to load them in."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CLI = ROOT / "dist" / "cli.js"
_CLONE_NEWNET = 0x40000000
_TO_JSON = (
    "import { readFileSync } from 'node:fs'; import { parse } from 'yaml';"
    "console.log(JSON.stringify(parse(readFileSync(process.argv[1], 'utf8'))));"
)

Spec = Mapping[str, Any]


def run(*command: str | Path, text: str = "") -> str:
    """What the program prints; fails with what it says otherwise."""
    done = subprocess.run(
        [str(one) for one in command], input=text, capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def _text(specs: Sequence[Spec]) -> str:
    return "".join(f"---\n{json.dumps(spec)}\n" for spec in specs)


def printed(specs: Sequence[Spec], output_type: str) -> str:
    """The ruleset `lb` of the specs."""
    return _printed(_text(specs), output_type)


@cache
def _printed(text: str, output_type: str) -> str:
    return run("node", CLI, "--input-spec", "-", "--name", "lb", "--output-type", output_type, text=text)


def balancer_data(specs: Sequence[Spec], backend: str = "nftables") -> dict[str, Any]:
    """What the role writes into balancer.json."""
    data = json.loads(_variables(_text(specs)))
    return {
        "version": 1,
        "backend": backend,
        "allow_exec": False,
        "ruleset": data["pomaloba_ruleset"],
        "apps": data["pomaloba_apps"],
    }


@cache
def _variables(text: str) -> str:
    """The role's data, as JSON."""
    with TemporaryDirectory() as directory:
        file = Path(directory, "vars.yml")
        run("node", CLI, "ansible", "--input-spec", "-", "--name", "lb", "--vars", file, text=text)
        return run("node", "--input-type=module", "-e", _TO_JSON, file)


@contextmanager
def network_namespace() -> Iterator[None]:
    """Makes this thread, and the programs that it runs, have a network of their own."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if libc.unshare(_CLONE_NEWNET) != 0:
            pytest.skip(f"needs network namespaces ({os.strerror(ctypes.get_errno())}): run as root")
        try:
            run("ip", "link", "set", "lo", "up")
            yield
        finally:
            assert libc.setns(before, _CLONE_NEWNET) == 0
    finally:
        os.close(before)


_ROUTES = (
    "link add veth0 type veth peer name veth1",
    "link set veth0 up",
    "link set veth1 up",
    "address add 198.51.100.254/24 dev veth0",
    "route add default via 198.51.100.253",
    "address add fd00::ffff/64 dev veth0 nodad",
    "-6 route add default via fd00::fffe",
)


def add_routes() -> None:
    """Gives a network of its own somewhere to send packets to, of both families, where nobody is."""
    for command in _ROUTES:
        run("ip", *command.split())
