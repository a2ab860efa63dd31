"""A ruleset as the programs on the host know it: balancer.json, which control.sh puts where it runs.

Python 3.9 and later, its standard library only.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# A destination as the sets of what is down know it: its address, and its port or 0 where it has none.
Key = tuple[str, int]

VERSION = 1
BACKENDS = ("nftables", "iptables")
KINDS = ("tcp", "http", "https", "udp", "exec")


class BadData(Exception):
    """A file says something that it cannot mean."""


@dataclass(frozen=True)
class Check:
    """How a destination is asked whether it works; intervals in seconds. An empty `expect`, `body`: anything."""

    kind: str
    port: int
    interval: int
    timeout: int
    rise: int
    fall: int
    method: str = "GET"
    path: str = "/"
    host: str = ""
    status: tuple[tuple[int, int], ...] = ((200, 399),)
    body: str = ""
    verify: bool = True
    send: str = ""
    expect: str = ""
    command: tuple[str, ...] = ()


@dataclass(frozen=True)
class Destination:
    """Where connections are sent; `port` None: to the client's port. `check` None: nobody asks whether it works."""

    ip: str
    port: int | None
    down_port: int
    weight: int
    backup: bool
    share: str
    check: Check | None = None
    chain: str = ""  # of iptables, that sends connections there

    @property
    def key(self) -> Key:
        return (self.ip, self.down_port)


@dataclass(frozen=True)
class Endpoint:
    """Where clients connect to, from the first to the last port."""

    protocol: str
    ip: str
    first: int
    last: int


@dataclass(frozen=True)
class Kept:
    """The maps of nftables that say which destination a client has: its address, and its port if `port` is None, which
    else is that of all of them (0: the client's)."""

    addresses: str
    ports: str
    port: int | None


@dataclass(frozen=True)
class Pool:
    """The endpoints and destinations of an app and one family: `ipv4` or `ipv6`."""

    family: str
    endpoints: tuple[Endpoint, ...]
    destinations: tuple[Destination, ...]
    keeps: Kept | None = None


@dataclass(frozen=True)
class App:
    """One spec. `on_all_down`: `reject`, `drop`, or `ignore`: all are used then. `min_up` is in percent."""

    name: str
    on_all_down: str
    min_up: int
    pools: tuple[Pool, ...]
    chain: str = ""  # of iptables


@dataclass(frozen=True)
class Balancer:
    """A ruleset: the name of its table (nftables), which those of its lists (iptables) begin with, and of its chain."""

    name: str
    backend: str
    allow_exec: bool
    table: str
    chain: str
    apps: tuple[App, ...]

    def pools(self) -> Iterator[tuple[App, Pool]]:
        return ((app, pool) for app in self.apps for pool in app.pools)

    def destinations(self) -> Iterator[tuple[App, Pool, Destination]]:
        return ((app, pool, one) for app, pool in self.pools() for one in pool.destinations)

    def pairs(self) -> Iterator[tuple[App, Endpoint, Destination]]:
        return ((app, end, one) for app, pool, one in self.destinations() for end in pool.endpoints)

    def keys(self) -> set[Key]:
        return {one.key for _, _, one in self.destinations()}

    def families(self) -> list[str]:
        return sorted({pool.family for _, pool in self.pools()})


# -- the file


class _Node:
    """A value of the file and where it stands, which is asked for by the type that it has to have."""

    def __init__(self, value: object, where: str) -> None:
        self.value = value
        self.where = where

    def wrong(self, wanted: str) -> BadData:
        return BadData(f"{self.where or 'the file'} has to be {wanted}, and is {_shown(self.value)}")

    def has(self, key: str) -> bool:
        return isinstance(self.value, dict) and self.value.get(key) is not None

    def get(self, key: str) -> _Node:
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        where = f"{self.where}.{key}" if self.where else key
        if key not in self.value:
            raise BadData(f"{where} is missing")
        return _Node(self.value[key], where)

    def list(self) -> list[_Node]:
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        return [_Node(one, f"{self.where}[{index}]") for index, one in enumerate(self.value)]

    def text(self, pattern: str = r"[^\0]*") -> str:
        if not isinstance(self.value, str) or not re.fullmatch(pattern, self.value, re.DOTALL):
            raise self.wrong("a text" if pattern == r"[^\0]*" else f"a text like {pattern}")
        return self.value

    def one_of(self, values: Sequence[str]) -> str:
        if self.value not in values:
            raise self.wrong(f"one of {', '.join(values)}")
        return str(self.value)

    def number(self, least: int, most: int) -> int:
        # True is an int in Python, and none in JSON.
        if not isinstance(self.value, int) or isinstance(self.value, bool) or not least <= self.value <= most:
            raise self.wrong(f"a whole number from {least} to {most}")
        return self.value

    def flag(self) -> bool:
        if not isinstance(self.value, bool):
            raise self.wrong("true or false")
        return self.value

    def address(self, family: str) -> str:
        text = self.text()
        try:
            # Python takes any text for a zone, and what is read here gets into scripts of nft.
            if "%" in text:
                raise ValueError
            found = ipaddress.ip_address(text)
        except ValueError:
            raise self.wrong("an address") from None
        if f"ipv{found.version}" != family:
            raise self.wrong(f"an {family} address")
        # As the kernel's set is read.
        return str(found)


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."


_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"
_CHAIN = r"PMLB/[A-Za-z0-9._/-]{1,23}"
_MAP = r"kept/[A-Za-z0-9._/-]{1,240}"
_LONGEST = 24 * 60 * 60


def read_balancer(path: Path) -> Balancer:
    """The ruleset that the file describes; BadData says what is wrong with it, OSError why it cannot be read."""
    try:
        root = _Node(json.loads(path.read_bytes().decode()), "")
    except ValueError as error:  # of the encoding, and of JSON
        raise BadData(f"{path} is no JSON: {error}") from None
    except RecursionError:
        raise BadData(f"{path} is no JSON: nested too deeply") from None
    try:
        return _balancer(root)
    except BadData as error:
        raise BadData(f"{path}: {error}") from None


def _balancer(root: _Node) -> Balancer:
    version = root.get("version")
    if version.value != VERSION or isinstance(version.value, bool):
        raise BadData(f"version is {_shown(version.value)}, and this program knows {VERSION} only")
    ruleset = root.get("ruleset")
    name = ruleset.get("name").text(_NAME)
    return Balancer(
        name=name,
        backend=root.get("backend").one_of(BACKENDS),
        allow_exec=root.get("allow_exec").flag(),
        table=ruleset.get("nft_table").one_of([f"pomaloba-{name}"]),
        chain=ruleset.get("iptables_chain").text(_CHAIN),
        apps=tuple(_app(one) for one in root.get("apps").list()),
    )


def _app(node: _Node) -> App:
    health = node.get("health") if node.has("health") else _Node({"on_all_down": "reject", "min_up": 0}, "")
    return App(
        name=node.get("app").text(_NAME),
        on_all_down=health.get("on_all_down").one_of(("reject", "drop", "ignore")),
        min_up=health.get("min_up").number(0, 100),
        pools=tuple(_pool(one) for one in node.get("pools").list()),
        chain=node.get("iptables_chain").text(_CHAIN),
    )


def _pool(node: _Node) -> Pool:
    family = node.get("family").one_of(("ipv4", "ipv6"))
    return Pool(
        family=family,
        endpoints=tuple(_endpoint(one, family) for one in node.get("endpoints").list()),
        destinations=tuple(_destination(one, family) for one in node.get("destinations").list()),
        keeps=_kept(node) if node.get("keeps").flag() else None,
    )


def _kept(node: _Node) -> Kept:
    addresses = node.get("kept_map").text(_MAP)
    port = node.get("kept_port")
    if port.value == "":
        return Kept(addresses, node.get("kept_ports_map").text(_MAP), None)
    return Kept(addresses, "", 0 if port.value == "any" else port.number(1, 65535))


def _endpoint(node: _Node, family: str) -> Endpoint:
    ports = node.get("ports").list()
    if len(ports) != 2:
        raise node.get("ports").wrong("a first and a last port")
    first, last = (port.number(1, 65535) for port in ports)
    return Endpoint(
        protocol=node.get("protocol").one_of(("tcp", "udp", "sctp")),
        ip=node.get("ip").address(family),
        first=first,
        last=last,
    )


def _destination(node: _Node, family: str) -> Destination:
    port = node.get("port")
    number = None if port.value == "any" else port.number(1, 65535)
    down_port = node.get("down_port")
    if down_port.number(0, 65535) != (number or 0):
        raise down_port.wrong(f"{number or 0}, as the port says")
    return Destination(
        ip=node.get("ip").address(family),
        port=number,
        down_port=number or 0,
        weight=node.get("weight").number(0, 2**31),
        backup=node.get("backup").flag(),
        share=node.get("share").text(),
        check=_check(node.get("check")) if node.has("check") else None,
        chain=node.get("iptables_chain").text(_CHAIN),
    )


def _check(node: _Node) -> Check:
    kind = node.get("kind").one_of(KINDS)
    interval = node.get("interval").number(1, _LONGEST)
    fields: dict[str, Any] = {}
    if kind in ("http", "https"):
        fields = _http(node)
        fields["verify"] = node.get("verify").flag() if kind == "https" else True
    elif kind == "udp":
        fields = {"send": node.get("send").text(), "expect": node.get("expect").text()}
    elif kind == "exec":
        fields = {"command": tuple(one.text() for one in node.get("command").list())}
        if not fields["command"]:
            raise node.get("command").wrong("a program and its arguments")
    return Check(
        kind=kind,
        port=node.get("port").number(0 if kind == "exec" else 1, 65535),
        interval=interval,
        timeout=node.get("timeout").number(1, interval),
        rise=node.get("rise").number(1, 1000),
        fall=node.get("fall").number(1, 1000),
        **fields,
    )


def _http(node: _Node) -> dict[str, Any]:
    status = node.get("status")
    if not status.list():
        raise status.wrong("a list of at least one range")
    # What a line of a request cannot hold would be another request.
    return {
        "method": node.get("method").text(r"[A-Za-z]{1,20}"),
        "path": node.get("path").text(r"/[!-~]*"),
        "host": node.get("host").text(r"[A-Za-z0-9.:_\-\[\]]*"),
        "status": tuple(_statuses(one) for one in status.list()),
        "body": node.get("body").text(),
    }


def _statuses(node: _Node) -> tuple[int, int]:
    numbers = [one.number(100, 599) for one in node.list()]
    if len(numbers) != 2 or numbers[0] > numbers[1]:
        raise node.wrong("a first and a last status")
    return (numbers[0], numbers[1])
