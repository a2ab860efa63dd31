"""The kernel's packet filters: what of a ruleset's destinations is down there, and what was counted.

For health.py, metrics.py and ctl.py. Python 3.9 and later, its standard library only.
"""

from __future__ import annotations

import ipaddress
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Protocol

from balancer import App, BadData, Balancer, Check, Destination, Endpoint, Kept, Key, Pool, read_balancer
from netlink import set_elements

__all__ = [
    "App",
    "BadData",
    "Balancer",
    "Check",
    "Destination",
    "Endpoint",
    "Iptables",
    "Key",
    "NetfilterError",
    "Nftables",
    "NotLoaded",
    "PacketFilter",
    "Pool",
    "Traffic",
    "conntrack_use",
    "endpoint_text",
    "packet_filter",
    "read_balancer",
    "read_keys",
    "socket_text",
    "write_keys",
]


class NotLoaded(Exception):
    """The kernel has not got the ruleset (yet)."""


class NetfilterError(Exception):
    """A program of the packet filter is missing, or failed."""


@dataclass(frozen=True)
class Traffic:
    """What was counted of an endpoint and a destination since the ruleset was first loaded. Of a range of ports
    `endpoint_port` is the first. iptables does not tell an app's endpoints from each other: where there are several of
    a family, `protocol` and `endpoint_ip` are empty and `endpoint_port` is 0."""

    app: str
    protocol: str
    endpoint_ip: str
    endpoint_port: int
    destination: Key
    connections: int
    packets: int
    bytes: int


class PacketFilter(Protocol):
    """What the kernel knows of a ruleset. All of it waits for the kernel. Raises NotLoaded where the ruleset is not,
    and NetfilterError where a program is missing or fails."""

    def down(self) -> set[Key]:
        """What gets no new connections, whoever has said so."""

    def change(self, add: Iterable[Key], remove: Iterable[Key]) -> None:
        """Takes destinations out and in. Adding what is there and removing what is not is no error."""

    def forget(self, keys: Iterable[Key], flows: bool = True) -> None:
        """Forgets which clients keep these destinations, and which UDP flows are pinned there if `flows`."""

    def counters(self) -> list[Traffic]:
        """What was counted; packets and bytes are those of both ways."""


def packet_filter(balancer: Balancer) -> PacketFilter:
    """That of the balancer's back end."""
    return Nftables(balancer) if balancer.backend == "nftables" else Iptables(balancer)


def socket_text(ip: str, port: int | None) -> str:
    """As people write it: an IPv6 address in brackets if a port follows; no port is None or 0."""
    if not port:
        return ip
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def endpoint_text(endpoint: Endpoint) -> str:
    """The same of an endpoint, which may have a range of ports."""
    last = f"-{endpoint.last}" if endpoint.last != endpoint.first else ""
    return f"{socket_text(endpoint.ip, endpoint.first)}{last}"


def _family(ip: str) -> str:
    return "ipv6" if ":" in ip else "ipv4"


def _by_family(keys: Iterable[Key]) -> dict[str, list[Key]]:
    families: dict[str, list[Key]] = {}
    for key in sorted(set(keys)):
        families.setdefault(_family(key[0]), []).append(key)
    return families


class _Failed(NetfilterError):
    """A program that ran and failed, and what it said."""

    def __init__(self, command: str, code: int, said: str) -> None:
        super().__init__(f"{command}: {' '.join(said.split())[:300] or f'exit status {code}'}")
        self.said = said


# A program that waits for a lock of the kernel is to wait, and not forever.
_PATIENCE = 60
_NOT_THERE = "No such file or directory"


def _run(*command: str, text: str = "") -> str:
    """What the program prints; `text` is what it reads."""
    # What it says is read, in English; services may have a PATH without sbin.
    environment = {**os.environ, "LC_ALL": "C", "PATH": f"{os.environ.get('PATH', '/usr/bin:/bin')}:/usr/sbin:/sbin"}
    # The environment's PATH is not where Popen looks by itself.
    program = shutil.which(command[0], path=environment["PATH"])
    if program is None:
        raise NetfilterError(f"{command[0]} is missing")
    try:
        done = subprocess.run(
            [program, *command[1:]],
            input=text.encode(),
            capture_output=True,
            env=environment,
            timeout=_PATIENCE,
            check=False,
        )
    except OSError as error:
        raise NetfilterError(f"{command[0]}: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise NetfilterError(f"{command[0]} has not ended in {_PATIENCE} seconds") from None
    if done.returncode != 0:
        raise _Failed(command[0], done.returncode, done.stderr.decode(errors="replace"))
    return done.stdout.decode(errors="replace")


# -- nftables

_NFT_FAMILIES = {"ipv4": "ip", "ipv6": "ip6"}
_ADDRESS_SIZES = {"ipv4": 4, "ipv6": 16}
_KEPT = re.compile(r"([\da-f.:]+)(?: \w+)* : ([\da-f.:]+)")
_COUNTED = re.compile(
    r"([\da-f.:]+) \. (\d+) \. (\d+) \. ([\da-f.:]+) \. (\d+) (?:\w+ )*?counter packets (\d+) bytes (\d+)"
)
_PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}


class Nftables:
    """The sets of the ruleset's table. What nft prints is read as text, which is alike in all versions and builds."""

    def __init__(self, balancer: Balancer) -> None:
        self._balancer = balancer
        self._families = balancer.families()

    def down(self) -> set[Key]:
        try:
            return {
                _down_key(family, element)
                for family in self._families
                for element in set_elements(self._balancer.table, f"down-{_NFT_FAMILIES[family]}")
            }
        except FileNotFoundError:
            raise self._not_loaded() from None
        except OSError as error:
            raise NetfilterError(f"nftables does not tell what is down: {error.strerror}") from None

    def change(self, add: Iterable[Key], remove: Iterable[Key]) -> None:
        added, removed = _by_family(add), _by_family(remove)
        lines = [self._down("add", family, keys) for family, keys in added.items()]
        for family, keys in removed.items():
            if family in self._families:
                # Whoever has removed it meanwhile: what was just added can be deleted.
                lines += [self._down("add", family, keys), self._down("delete", family, keys)]
        if lines:
            self._nft(lines)

    def forget(self, keys: Iterable[Key], flows: bool = True) -> None:
        wanted = set(keys)
        for _, pool in self._balancer.pools():
            if pool.keeps and any(one.key in wanted for one in pool.destinations):
                self._forget_clients(pool.keeps, wanted)
        if flows:
            _forget_flows(self._balancer, wanted)

    def counters(self) -> list[Traffic]:
        counted = {what: self._counted(what) for what in ("connections", "traffic")}
        found: dict[tuple[str, str, int, str, int], tuple[App, Endpoint, Destination]] = {}
        for app, endpoint, destination in self._balancer.pairs():
            # A range is counted as its first port, and as 0 where it comes to.
            port = 0 if endpoint.first != endpoint.last else destination.port or endpoint.first
            found.setdefault(
                (endpoint.ip, endpoint.protocol, endpoint.first, destination.ip, port), (app, endpoint, destination)
            )
        return [
            Traffic(
                app.name,
                endpoint.protocol,
                endpoint.ip,
                endpoint.first,
                destination.key,
                counted["connections"].get(pair, (0, 0))[0],
                *counted["traffic"].get(pair, (0, 0)),
            )
            for pair, (app, endpoint, destination) in found.items()
        ]

    def _counted(self, what: str) -> dict[tuple[str, str, int, str, int], tuple[int, int]]:
        names = {number: name for name, number in _PROTOCOLS.items()}
        counts: dict[tuple[str, str, int, str, int], tuple[int, int]] = {}
        for family in self._families:
            if not any(pool.family == family for _, pool, _ in self._balancer.destinations()):
                continue  # nothing that could be counted
            # With numbers (-p): not every host has names of protocols.
            text = self._list("set", f"{what}-{_NFT_FAMILIES[family]}", "-p")
            for ip, protocol, port, to, to_port, packets, count in _COUNTED.findall(text):
                pair = (ip, names.get(int(protocol), protocol), int(port), to, int(to_port))
                counts[pair] = (int(packets), int(count))
        return counts

    def _forget_clients(self, kept: Kept, keys: set[Key]) -> None:
        clients = dict(_KEPT.findall(_elements(self._list("map", kept.addresses))))
        ports = dict(_KEPT.findall(_elements(self._list("map", kept.ports)))) if kept.port is None else {}

        def port_of(client: str) -> int:
            return int(ports.get(client, 0)) if kept.port is None else kept.port

        leaving = [client for client, ip in clients.items() if (ip, port_of(client)) in keys]
        for name in filter(None, (kept.addresses, kept.ports)):
            self._delete(name, leaving)

    def _delete(self, name: str, clients: Sequence[str]) -> None:
        """Deletes what is there of `clients`: an entry that has expired since it was seen fails all of a batch."""
        if not clients:
            return
        try:
            self._nft([f"delete element inet {self._balancer.table} {name} {{ {', '.join(clients)} }}"])
        except NotLoaded:
            if len(clients) > 1:
                half = len(clients) // 2
                self._delete(name, clients[:half])
                self._delete(name, clients[half:])

    def _down(self, verb: str, family: str, keys: Iterable[Key]) -> str:
        elements = ", ".join(f"{ip} . {port}" for ip, port in keys)
        return f"{verb} element inet {self._balancer.table} down-{_NFT_FAMILIES[family]} {{ {elements} }}"

    def _list(self, kind: str, name: str, *options: str) -> str:
        try:
            return _run("nft", *options, "list", kind, "inet", self._balancer.table, name)
        except _Failed as error:
            raise self._explained(error) from None

    def _nft(self, lines: Iterable[str]) -> None:
        try:
            _run("nft", "-f", "-", text="".join(f"{line}\n" for line in lines))
        except _Failed as error:
            raise self._explained(error) from None

    def _explained(self, error: _Failed) -> Exception:
        return self._not_loaded() if _NOT_THERE in error.said else error

    def _not_loaded(self) -> NotLoaded:
        name, table = self._balancer.name, self._balancer.table
        return NotLoaded(f"ruleset {name} is not loaded: table inet {table} has no such set")


def _down_key(family: str, element: bytes) -> Key:
    """The kernel pads what a key is made of to 4 bytes each."""
    size = _ADDRESS_SIZES[family]
    return (str(ipaddress.ip_address(element[:size])), int.from_bytes(element[size : size + 2], "big"))


def _elements(text: str) -> str:
    return text.partition("elements = {")[2]


# -- iptables

_RECENT = Path("/proc/net/xt_recent")
_ANY = {"ipv4": "0.0.0.0", "ipv6": "::"}
_LISTED = {
    "ipv4": re.compile(rb"^src=0\.0\.0\.0 ", re.MULTILINE),
    "ipv6": re.compile(rb"^src=[0:]*:[0:]* ", re.MULTILINE),
}
_TOOLS = {"ipv4": "iptables", "ipv6": "ip6tables"}
_RULE = re.compile(r"^\[(\d+):(\d+)\] -A (\S+) (.*)$", re.MULTILINE)


class Iptables:
    """The lists of xt_recent that the rules ask, and the rules' own counters."""

    def __init__(self, balancer: Balancer) -> None:
        self._balancer = balancer
        # Whether anything is down, which is asked before the list of a destination.
        self._at_all = _RECENT / balancer.table

    def down(self) -> set[Key]:
        guard = self._read(self._at_all)
        if guard is None:
            self._insist()
            return set()
        families = [family for family, listed in _LISTED.items() if listed.search(guard)]
        if not families:
            return set()
        # All that are there: whatever the file says, these are what the loaded rules ask.
        prefix = f"{self._balancer.table},"
        found: set[Key] = set()
        for name in os.listdir(_RECENT):
            ip, _, port = name[len(prefix) :].rpartition(",")
            family = _family(ip)
            is_ours = name.startswith(prefix) and family in families and port.isdigit()
            if is_ours and _LISTED[family].search(self._read(_RECENT / name) or b""):
                found.add((ip, int(port)))
        return found

    def change(self, add: Iterable[Key], remove: Iterable[Key]) -> None:
        added = sorted(set(add))
        for family in {_family(ip) for key in added for ip in key[:1]}:
            # First that anything is: it does nothing by itself, and says whether the rules are there.
            if not self._write(self._at_all, f"+{_ANY[family]}"):
                self._insist()
        for key in added:
            self._write(self._list(key), f"+{_ANY[_family(key[0])]}")
        for key in sorted(set(remove) - set(added)):
            self._write(self._list(key), f"-{_ANY[_family(key[0])]}")

    def forget(self, keys: Iterable[Key], flows: bool = True) -> None:
        # Clients keep no destination here.
        if flows:
            _forget_flows(self._balancer, set(keys))

    def counters(self) -> list[Traffic]:
        connections: dict[tuple[str, str, Key], int] = {}
        traffic: dict[tuple[str, Key], tuple[int, int]] = {}
        for family in self._balancer.families():
            connections.update(self._connections(family))
            traffic.update(self._traffic(family))
        found: dict[tuple[str, Key], Traffic] = {}
        for app, pool, destination in self._balancer.destinations():
            # Rules count an endpoint, or a destination, and no pair of them.
            alone = pool.endpoints[0] if len(pool.endpoints) == 1 else Endpoint("", "", 0, 0)
            count = sum(connections.get((destination.chain, one, destination.key), 0) for one in _PROTOCOLS)
            packets, size = traffic.get((app.chain, destination.key), (0, 0))
            found[app.name, destination.key] = Traffic(
                app.name, alone.protocol, alone.ip, alone.first, destination.key, count, packets, size
            )
        return list(found.values())

    def _connections(self, family: str) -> dict[tuple[str, str, Key], int]:
        """By the chain of a destination and the protocol: what the nat table sent there."""
        keys = {one.chain: one.key for _, pool, one in self._balancer.destinations() if pool.family == family}
        counts: dict[tuple[str, str, Key], int] = {}
        for packets, _, chain, rule in self._rules(family, "nat"):
            protocol = re.search(r"-p (\w+) .*-j DNAT ", f"{rule} ")
            if chain in keys and protocol:
                counts[chain, protocol[1], keys[chain]] = int(packets)
        return counts

    def _traffic(self, family: str) -> dict[tuple[str, Key], tuple[int, int]]:
        """By the chain of an app: what passed, by where answers come from."""
        apps = {app.chain for app in self._balancer.apps}
        counts: dict[tuple[str, Key], tuple[int, int]] = {}
        for packets, size, chain, rule in self._rules(family, "filter"):
            source = re.search(r"--ctreplsrc ([\da-f.:]+)(?:/\d+)?(?: --ctreplsrcport (\d+))? -j ACCEPT", rule)
            app = chain.rpartition("/")[0]
            if app in apps and source:
                counts[app, (source[1], int(source[2] or 0))] = (int(packets), int(size))
        return counts

    def _rules(self, family: str, table: str) -> list[tuple[str, str, str, str]]:
        rules = _RULE.findall(_run(f"{_TOOLS[family]}-save", "-c", "-t", table))
        if not any(chain.startswith(f"{self._balancer.chain}/") for _, _, chain, _ in rules):
            raise self._not_loaded()
        return rules

    def _list(self, key: Key) -> Path:
        return _RECENT / f"{self._balancer.table},{key[0]},{key[1]}"

    def _insist(self) -> None:
        """Without a list the rules are not loaded, unless all destinations have the weight 0: no rule asks for one."""
        if any(one.weight > 0 for _, _, one in self._balancer.destinations()):
            raise self._not_loaded()
        for family in self._balancer.families():
            self._rules(family, "filter")

    def _not_loaded(self) -> NotLoaded:
        return NotLoaded(f"ruleset {self._balancer.name} is not loaded: no rule of it asks what is down")

    @staticmethod
    def _read(path: Path) -> bytes | None:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise NetfilterError(f"{path}: {error.strerror}") from None

    @staticmethod
    def _write(path: Path, text: str) -> bool:
        """Whether there is such a list: no rule looks for a destination of the weight 0."""
        try:
            with open(path, "r+b", buffering=0) as file:
                file.write(text.encode())
        except FileNotFoundError:
            return False
        except OSError as error:
            raise NetfilterError(f"{path}: {error.strerror}") from None
        return True


# -- conntrack


# Of a flow: the address and port that it was opened to, and those that its answers come from.
Flow = tuple[str, int, str, int]
# What flows are deleted by: the same, or None where it does not matter.
_Filter = tuple[str, Optional[int], str, Optional[int]]


def _forget_flows(balancer: Balancer, keys: set[Key]) -> None:
    """A UDP flow stays with the destination of its first packet as long as packets come. Makes the kernel forget those,
    and only those, from the balancer's endpoints to these destinations."""
    for family in balancer.families():
        ends = _udp_ends(balancer, family, keys)
        if not ends:
            continue
        ips = {ip for ip, _ in ends}
        listed = _run("conntrack", "-L", "-f", family, "-p", "udp")
        flows = {flow for flow in map(_flow, listed.splitlines()) if flow and flow[2] in ips}
        for filter_ in sorted(_filters({flow for flow in flows if _leads(flow, ends)}, flows), key=str):
            _delete_flows(family, *filter_)


def _udp_ends(balancer: Balancer, family: str, keys: set[Key]) -> dict[Key, set[Endpoint]]:
    """Of the destinations in `keys`, the endpoints of UDP that lead there."""
    found: dict[Key, set[Endpoint]] = {}
    for _, pool in balancer.pools():
        ends = [one for one in pool.endpoints if one.protocol == "udp"] if pool.family == family else []
        for one in pool.destinations if ends else ():
            if one.key in keys:
                found.setdefault(one.key, set()).update(ends)
    return found


def _flow(line: str) -> Flow | None:
    # Twice src, dst, sport, dport: what was sent, and what is to come back.
    values = re.findall(r"\b(src|dst|sport|dport)=(\S+)", line)
    if [name for name, _ in values] != ["src", "dst", "sport", "dport"] * 2:
        return None
    return (values[1][1], int(values[3][1]), values[4][1], int(values[6][1]))


def _leads(flow: Flow, ends: Mapping[Key, set[Endpoint]]) -> bool:
    """Whether it goes from an endpoint to its destination. One without a port (0) has got the flow's."""
    ip, port, to, to_port = flow
    found = [*ends.get((to, to_port), ()), *(ends.get((to, 0), ()) if port == to_port else ())]
    return any(one.ip == ip and one.first <= port <= one.last for one in found)


def _filters(flows: set[Flow], all_of_them: set[Flow]) -> set[_Filter]:
    """As few as may be that hit these flows and no others: those of a range of ports are one, and not one a port."""
    spared = {filter_ for flow in all_of_them - flows for filter_ in _filters_of(flow)}
    return {next(filter_ for filter_ in _filters_of(flow) if filter_ not in spared) for flow in flows}


def _filters_of(flow: Flow) -> tuple[_Filter, ...]:
    """What hits a flow, from the widest to the narrowest."""
    ip, _, to, to_port = flow
    return ((ip, None, to, None), (ip, None, to, to_port), flow)


def _delete_flows(family: str, ip: str, port: int | None, to: str, to_port: int | None) -> None:
    opened = ("--orig-dst", ip, *(() if port is None else ("--orig-port-dst", str(port))))
    answered = ("--reply-src", to, *(() if to_port is None else ("--reply-port-src", str(to_port))))
    try:
        _run("conntrack", "-D", "-f", family, "-p", "udp", *opened, *answered)
    except _Failed as error:
        # They may have ended meanwhile.
        if "0 flow entries" not in error.said:
            raise


_CONNTRACK = Path("/proc/sys/net/netfilter")


def conntrack_use() -> tuple[int, int] | None:
    """How many connections the kernel knows, and how many it takes; None where it watches none."""
    try:
        count, most = (int((_CONNTRACK / f"nf_conntrack_{what}").read_text()) for what in ("count", "max"))
    except (OSError, ValueError):
        return None
    return (count, most)


# -- the files `down` and `drained`


def read_keys(path: Path) -> set[Key]:
    """What a list of lines "ADDRESS DOWN_PORT" says; nothing: a file that is not there, and a line of another form."""
    try:
        text = path.read_text(errors="replace")
    except FileNotFoundError:
        return set()
    lines = [line.split() for line in text.splitlines()]
    return {(line[0], int(line[1])) for line in lines if len(line) == 2 and line[1].isdecimal()}


def write_keys(path: Path, keys: Iterable[Key]) -> None:
    """The list as a whole or not at all, whatever happens on the way."""
    new = path.with_name(f"{path.name}.new")
    new.write_text("".join(f"{ip} {port}\n" for ip, port in sorted(set(keys))))
    os.replace(new, path)
