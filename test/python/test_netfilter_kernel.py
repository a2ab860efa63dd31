"""The packet filters against real kernels: rulesets as the program prints them, all versions of nft, both iptables."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import netfilter
import netlink
import pytest
import rulesets

CLIENT = "10.0.0.9"


def app(
    name: str, number: int, ports: dict[str, Any], destinations: list[dict[str, Any]], **more: Any
) -> dict[str, Any]:
    ips = (f"192.0.2.{number}", f"2001:db8:1::{number}")
    return {
        "pomaloba": 1,
        "app": name,
        "endpoints": [{"ip": ip, **ports} for ip in ips],
        "destinations": destinations,
        **more,
    }


def to(host: int, port: int | None = None, **more: Any) -> list[dict[str, Any]]:
    """A destination of both families."""
    own = {} if port is None else {"port": port}
    return [{"ip": ip, **own, **more} for ip in (f"198.51.100.{host}", f"fd00::{host}")]


KEEPS = {"affinity": {"client_ip": {"timeout": "10m"}}}
WEB = app("web", 10, {"port": 80}, [*to(1, 30080), *to(2, 30080), *to(3, 30080, weight=0)])
DNS = app("dns", 10, {"port": 53, "protocol": ["udp", "tcp"]}, [*to(1, 30053), *to(2, 30053)])
MEDIA = app("media", 11, {"port": "8000-8099", "protocol": "udp"}, [*to(1), *to(2)])
SHOP = app("shop", 12, {"port": 80}, [*to(1, 30080), *to(2, 30080)], **KEEPS)
PODS = app("pods", 13, {"port": 80}, [*to(1, 30080), *to(1, 30081), *to(2, 30080)], **KEEPS)
OWN = app("own", 14, {"port": 80, "protocol": ["tcp", "udp"]}, [*to(1), *to(2)], **KEEPS)
SPECS = {"iptables": [WEB, DNS, MEDIA], "nftables": [WEB, DNS, MEDIA, SHOP, PODS, OWN]}
DRAINED = app("old", 15, {"port": 80}, to(1, 30080, weight=0))


def of_ipv4(destinations: list[dict[str, Any]]) -> dict[str, Any]:
    return {**WEB, "endpoints": WEB["endpoints"][:1], "destinations": destinations}


@dataclass
class Filter:
    """A packet filter of this machine: the programs that load a ruleset and that netfilter.py is to run."""

    backend: str
    directory: Path

    def load(self, specs: list[dict[str, Any]]) -> netfilter.PacketFilter:
        file = self.directory / "rules"
        file.write_text(rulesets.printed(specs, f"{self.backend}-rules"))
        if self.backend == "nftables":
            rulesets.run("nft", "-f", file)
        else:
            for tool in ("iptables", "ip6tables"):
                rulesets.run(f"{tool}-restore", "-w", "60", "--noflush", file)
        return self.of(specs)

    def of(self, specs: list[dict[str, Any]]) -> netfilter.PacketFilter:
        file = self.directory / "balancer.json"
        file.write_text(json.dumps(rulesets.balancer_data(specs, self.backend)))
        return netfilter.packet_filter(netfilter.read_balancer(file))

    def unload(self) -> None:
        if self.backend == "nftables":
            rulesets.run("nft", "delete", "table", "inet", "pomaloba-lb")
        else:
            for tool in ("iptables", "ip6tables"):
                for table in ("filter", "mangle", "nat"):
                    rulesets.run(tool, "-w", "60", "-t", table, "-F")
                    rulesets.run(tool, "-w", "60", "-t", table, "-X")

    def take_down(self, ip: str, port: int) -> None:
        """As the head of a ruleset tells people to."""
        if self.backend == "nftables":
            name = "down-ip6" if ":" in ip else "down-ip"
            rulesets.run("nft", "add", "element", "inet", "pomaloba-lb", name, f"{{ {ip} . {port} }}")
        else:
            for name in ("pomaloba-lb", f"pomaloba-lb,{ip},{port}"):
                Path("/proc/net/xt_recent", name).write_text("+::" if ":" in ip else "+0.0.0.0")


NFTS = {
    "nft": "/usr/sbin",
    "nft of bullseye": str(rulesets.ROOT / ".cache/nft/bullseye/bin"),
    "nft of trixie": str(rulesets.ROOT / ".cache/nft/trixie/bin"),
}
ALL = [*NFTS, "iptables-nft", "iptables-legacy"]


def programs(name: str, directory: Path) -> Path:
    """A directory of the programs under the names that rulesets know them by."""
    if name in NFTS:
        return Path(NFTS[name])
    for family in ("iptables", "ip6tables"):
        for suffix in ("", "-save", "-restore"):
            program = shutil.which(f"{family}{name[len('iptables') :]}{suffix}", path=f"{os.environ['PATH']}:/usr/sbin")
            if program is not None:
                (directory / f"{family}{suffix}").symlink_to(program)
    return directory


@pytest.fixture(params=ALL)
def backend(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Filter]:
    directory = tmp_path / "programs"
    directory.mkdir()
    found = programs(request.param, directory)
    kind = "nftables" if request.param in NFTS else "iptables"
    if not (found / ("nft" if kind == "nftables" else "ip6tables-save")).exists():
        pytest.skip(f"needs {request.param}: npm run build, or the package iptables")
    monkeypatch.setenv("PATH", f"{found}:{os.environ['PATH']}:/usr/sbin:/sbin")
    with rulesets.network_namespace():
        yield Filter(kind, tmp_path)


def test_tells_what_is_down_and_changes_it(backend: Filter) -> None:
    filter_ = backend.load(SPECS[backend.backend])
    assert filter_.down() == set()
    mine = {("198.51.100.1", 30080), ("fd00::1", 30080), ("198.51.100.2", 0)}
    filter_.change(mine, [])
    assert filter_.down() == mine
    # What is there and what is not is no error; and what others do is seen.
    backend.take_down("fd00::2", 0)
    filter_.change([("198.51.100.1", 30080)], [("198.51.100.2", 30053), ("198.51.100.2", 0)])
    assert filter_.down() == {("198.51.100.1", 30080), ("fd00::1", 30080), ("fd00::2", 0)}
    filter_.change([], [*filter_.down(), ("198.51.100.1", 30053)])
    assert filter_.down() == set()
    filter_.change([], [])


def test_a_reload_keeps_what_is_down(backend: Filter) -> None:
    filter_ = backend.load(SPECS[backend.backend])
    filter_.change([("fd00::1", 30080)], [])
    again = backend.load([WEB])
    assert again.down() == {("fd00::1", 30080)}


def test_a_ruleset_that_is_not_loaded(backend: Filter) -> None:
    filter_ = backend.of(SPECS[backend.backend])
    key = ("198.51.100.1", 30080)
    with pytest.raises(netfilter.NotLoaded, match="ruleset lb is not loaded"):
        filter_.down()
    with pytest.raises(netfilter.NotLoaded):
        filter_.change([key], [])
    with pytest.raises(netfilter.NotLoaded):
        filter_.counters()
    backend.load(SPECS[backend.backend])
    filter_.change([key], [])
    assert filter_.down() == {key}
    backend.unload()
    with pytest.raises(netfilter.NotLoaded):
        filter_.down()


def test_a_ruleset_all_of_whose_destinations_are_drained(backend: Filter) -> None:
    filter_ = backend.of([DRAINED])
    with pytest.raises(netfilter.NotLoaded):
        filter_.down()
    backend.load([DRAINED])
    assert filter_.down() == set()
    # Nobody asks whether it is down. nftables notes it all the same.
    filter_.change([("198.51.100.1", 30080)], [])


def test_one_family(backend: Filter) -> None:
    spec = {**WEB, "endpoints": WEB["endpoints"][1:], "destinations": WEB["destinations"][1::2]}
    filter_ = backend.load([spec])
    filter_.change([("fd00::1", 30080)], [("198.51.100.1", 30080)])
    assert filter_.down() == {("fd00::1", 30080)}
    assert {one.destination for one in filter_.counters()} == {
        ("fd00::1", 30080),
        ("fd00::2", 30080),
        ("fd00::3", 30080),
    }


def test_thousands_at_once(backend: Filter) -> None:
    many = [f"198.51.{host // 250}.{host % 250 + 1}" for host in range(1000)]
    filter_ = backend.load([of_ipv4([{"ip": ip, "port": 30080} for ip in many])])
    keys = {(ip, 30080) for ip in many}
    filter_.change(keys, [])
    assert filter_.down() == keys
    filter_.change([], keys)
    assert filter_.down() == set()


@pytest.mark.parametrize("backend", ["nft"], indirect=True)
def test_a_set_that_changes_all_the_time(backend: Filter) -> None:
    many = [f"198.51.{host // 250}.{host % 250 + 1}" for host in range(1000)]
    filter_ = backend.load([of_ipv4([{"ip": ip, "port": 30080} for ip in many])])
    mine = {(ip, 30080) for ip in many[:900]}
    filter_.change(mine, [])
    element = "element inet pomaloba-lb down-ip { 198.51.3.250 . 30080 }"
    loop = f"while :; do nft 'add {element}'; nft 'delete {element}'; done"
    with subprocess.Popen(["sh", "-c", loop]) as others:
        try:
            for _ in range(100):
                assert filter_.down() - {("198.51.3.250", 30080)} == mine
        finally:
            others.kill()


def test_a_dump_that_was_interrupted_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    dumps = [(None, 1), (None, 0), ([b"key"], 1)]
    monkeypatch.setattr(netlink, "_dump", lambda _table, _name: dumps.pop(0))
    assert netlink.set_elements("table", "set") == [b"key"]
    # What is missing in one list of several parts is not in the next.
    dumps = [([b"a", b"b"], 2), ([b"a", b"c"], 2), (None, 1), ([b"a", b"b", b"c"], 2), ([b"a", b"b", b"c"], 2)]
    assert netlink.set_elements("table", "set") == [b"a", b"b", b"c"]
    monkeypatch.setattr(netlink, "_dump", lambda _table, _name: (None, 1))
    with pytest.raises(OSError, match="changes all the time"):
        netlink.set_elements("table", "set")


# -- what is kept


def keep(family: str, name: str, what: str, entries: dict[str, str | int]) -> None:
    elements = ", ".join(f"{client} : {value}" for client, value in entries.items())
    rulesets.run(
        "nft", "add", "element", "inet", "pomaloba-lb", f"kept/{name}/{family}/600s/{what}", f"{{ {elements} }}"
    )


def kept(family: str, name: str, what: str) -> set[str]:
    """The clients that keep something."""
    text = rulesets.run("nft", "list", "map", "inet", "pomaloba-lb", f"kept/{name}/{family}/600s/{what}")
    return {
        word for word in text.partition("elements")[2].replace(",", " ").split() if word.startswith(("10.", "fd01:"))
    }


# iptables keeps no clients.
@pytest.mark.parametrize("backend", NFTS, indirect=True)
@pytest.mark.parametrize(
    ("family", "one", "two", "clients"),
    [
        ("ip", "198.51.100.1", "198.51.100.2", ["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
        ("ip6", "fd00::1", "fd00::2", ["fd01::1", "fd01::2", "fd01::3"]),
    ],
)
def test_forgets_the_clients_of_what_went_down(
    backend: Filter, family: str, one: str, two: str, clients: list[str]
) -> None:
    filter_ = backend.load(SPECS["nftables"])
    first, second, third = clients
    for name in ("shop", "own"):
        keep(family, name, "address", {first: one, second: two, third: one})
    keep(family, "pods", "address-of-port", {first: one, second: one, third: two})
    keep(family, "pods", "port", {first: 30080, second: 30081, third: 30080})

    filter_.forget([(one, 30080)])
    assert kept(family, "shop", "address") == {second}
    assert kept(family, "own", "address") == set(clients)
    assert kept(family, "pods", "address-of-port") == kept(family, "pods", "port") == {second, third}
    filter_.forget([(one, 0), (two, 30080)])
    assert kept(family, "own", "address") == {second}
    assert kept(family, "pods", "address-of-port") == kept(family, "pods", "port") == {second}
    filter_.forget([(one, 0), (two, 30080)])


@pytest.mark.parametrize("backend", NFTS, indirect=True)
def test_an_entry_that_expires_meanwhile_does_not_save_the_others(
    backend: Filter, monkeypatch: pytest.MonkeyPatch
) -> None:
    filter_ = backend.load(SPECS["nftables"])
    clients = [f"10.0.1.{host}" for host in range(1, 20)]
    keep("ip", "shop", "address", dict.fromkeys(clients, "198.51.100.1"))
    run = netfilter._run

    def late(*command: str, text: str = "") -> str:
        printed = run(*command, text=text)
        if "list" in command and command[-1] == "kept/shop/ip/600s/address":
            name = f"pomaloba-lb {command[-1]}"
            rulesets.run("nft", "-f", "-", text=f"delete element inet {name} {{ 10.0.1.7, 10.0.1.12 }}\n")
        return printed

    monkeypatch.setattr(netfilter, "_run", late)
    filter_.forget([("198.51.100.1", 30080)])
    assert kept("ip", "shop", "address") == set()


# -- flows


def flow(protocol: str, opened: tuple[str, int], answered: tuple[str, int], client_port: int) -> None:
    """A flow that is translated; what comes back goes to this host, which masquerades."""
    client, own = ("fd01::9", "fd00::ffff") if ":" in opened[0] else (CLIENT, "198.51.100.254")
    more = ("--state", "ESTABLISHED") if protocol == "tcp" else ()
    rulesets.run(
        *("conntrack", "-I", "-p", protocol, "--timeout", "300", *more),
        *("--orig-src", client, "--orig-dst", opened[0]),
        *("--orig-port-src", str(client_port), "--orig-port-dst", str(opened[1])),
        *("--reply-src", answered[0], "--reply-dst", own),
        *("--reply-port-src", str(answered[1]), "--reply-port-dst", str(client_port)),
    )


def flows() -> set[int]:
    """The ports of the clients of all flows."""
    listed = [rulesets.run("conntrack", "-L", "-f", family) for family in ("ipv4", "ipv6")]
    words = [line.split() for line in "".join(listed).splitlines()]
    return {int(next(word[6:] for word in line if word.startswith("sport="))) for line in words}


@pytest.mark.parametrize(
    ("net", "one", "two", "foreign"),
    [
        ("192.0.2.", "198.51.100.1", "198.51.100.2", "192.0.2.99"),
        ("2001:db8:1::", "fd00::1", "fd00::2", "2001:db8:1::99"),
    ],
)
def test_forgets_the_flows_pinned_to_what_went_down(
    backend: Filter, net: str, one: str, two: str, foreign: str
) -> None:
    filter_ = backend.load(SPECS[backend.backend])
    flow("udp", (f"{net}10", 53), (one, 30053), 1)
    flow("udp", (f"{net}10", 53), (one, 30053), 2)
    flow("udp", (f"{net}10", 53), (two, 30053), 3)
    flow("tcp", (f"{net}10", 53), (one, 30053), 4)
    flow("udp", (foreign, 53), (one, 30053), 5)
    flow("udp", (f"{net}11", 8001), (one, 8001), 6)
    flow("udp", (f"{net}11", 8002), (one, 8002), 7)
    flow("udp", (f"{net}11", 8001), (two, 8001), 8)
    # Of the port of another destination, and beside the range.
    flow("udp", (f"{net}11", 8001), (one, 30053), 9)
    flow("udp", (f"{net}11", 7999), (one, 7999), 10)
    assert flows() == set(range(1, 11))

    filter_.forget([(one, 30080)])
    filter_.forget([(one, 30053), (one, 0)], flows=False)
    assert flows() == set(range(1, 11))
    filter_.forget([(one, 30053)])
    assert flows() == set(range(3, 11))
    filter_.forget([(one, 0), (two, 30053)])
    assert flows() == {4, 5, 8, 9, 10}


def test_flows_of_many_ports_are_forgotten_at_once(backend: Filter, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = [{"ip": "192.0.2.12", "port": port, "protocol": "udp"} for port in range(9001, 9031)]
    relay = {**of_ipv4([{"ip": f"198.51.100.{host}", "port": 30054} for host in (1, 2)]), "app": "relay"}
    filter_ = backend.load([MEDIA, {**relay, "endpoints": ends}])
    for client_port in range(1, 31):
        flow("udp", ("192.0.2.11", 8000 + client_port), ("198.51.100.1", 8000 + client_port), client_port)
        flow("udp", ("192.0.2.12", 9000 + client_port), ("198.51.100.1", 30054), 100 + client_port)
    # Somebody else's, of the endpoint's address and another port.
    flow("udp", ("192.0.2.12", 53), ("198.51.100.1", 53), 200)
    flow("udp", ("192.0.2.11", 8001), ("198.51.100.2", 8001), 201)
    deleted: list[tuple[str, ...]] = []
    run = netfilter._run

    def noted(*command: str, text: str = "") -> str:
        deleted.extend([command] if "-D" in command else [])
        return run(*command, text=text)

    monkeypatch.setattr(netfilter, "_run", noted)
    filter_.forget([("198.51.100.1", 0), ("198.51.100.1", 30054)])
    assert flows() == {200, 201}
    assert len(deleted) == 2


# -- counters


def send(ip: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"hello", (ip, port))


def test_tells_what_was_counted(backend: Filter) -> None:
    rulesets.add_routes()
    specs = [WEB, DNS, MEDIA]
    filter_ = backend.load(specs)
    assert all((one.connections, one.packets, one.bytes) == (0, 0, 0) for one in filter_.counters())
    for _ in range(20):
        send("192.0.2.10", 53)
        send("2001:db8:1::10", 53)
    for port in range(8000, 8010):
        send("2001:db8:1::11", port)

    found = filter_.counters()
    total: dict[tuple[str, str], int] = {}
    for one in found:
        family = "ipv6" if ":" in one.destination[0] else "ipv4"
        total[one.app, family] = total.get((one.app, family), 0) + one.connections
    assert {key: count for key, count in total.items() if count > 0} == {
        ("dns", "ipv4"): 20,
        ("dns", "ipv6"): 20,
        ("media", "ipv6"): 10,
    }
    # iptables tells endpoints from each other where there is one only.
    one = next(one for one in found if one.app == "web" and one.destination == ("fd00::3", 30080))
    assert (one.protocol, one.endpoint_ip, one.endpoint_port) == ("tcp", "2001:db8:1::10", 80)
    media = {(one.protocol, one.endpoint_ip, one.endpoint_port) for one in found if one.app == "media"}
    assert media == {("udp", "192.0.2.11", 8000), ("udp", "2001:db8:1::11", 8000)}
    dns = {(one.protocol, one.endpoint_ip, one.endpoint_port) for one in found if one.app == "dns"}
    both = {(protocol, ip, 53) for protocol in ("udp", "tcp") for ip in ("192.0.2.10", "2001:db8:1::10")}
    assert dns == (both if backend.backend == "nftables" else {("", "", 0)})


def test_tells_what_passed(backend: Filter) -> None:
    filter_ = backend.load([WEB, DNS, MEDIA])
    # As if it had passed: what comes from one network namespace and goes to another needs three.
    if backend.backend == "nftables":
        pairs = ["192.0.2.10 . tcp . 80 . 198.51.100.1 . 30080", "192.0.2.11 . udp . 8000 . 198.51.100.2 . 0"]
        rulesets.run(
            "nft",
            "-f",
            "-",
            text="".join(
                f"delete element inet pomaloba-lb traffic-ip {{ {pair} }}\n"
                f"add element inet pomaloba-lb traffic-ip {{ {pair} counter packets 7 bytes 700 }}\n"
                for pair in pairs
            ),
        )
    else:
        saved = rulesets.run("iptables-save", "-c", "-t", "filter")
        lines = [
            line.replace("[0:0]", "[7:700]")
            if line.endswith(
                ("ctreplsrc 198.51.100.1 --ctreplsrcport 30080 -j ACCEPT", "ctreplsrc 198.51.100.2 -j ACCEPT")
            )
            else line
            for line in saved.splitlines()
        ]
        rulesets.run("iptables-restore", "-c", "-w", "60", text="\n".join(lines) + "\n")
    passed = {(one.app, one.destination, one.packets, one.bytes) for one in filter_.counters() if one.packets > 0}
    assert passed == {("web", ("198.51.100.1", 30080), 7, 700), ("media", ("198.51.100.2", 0), 7, 700)}


def test_counts_many_destinations(backend: Filter) -> None:
    many = [{"ip": f"198.51.100.{host + 1}", "port": 30080} for host in range(40)]
    filter_ = backend.load([of_ipv4(many)])
    if backend.backend == "iptables":
        saved = rulesets.run("iptables-save", "-c", "-t", "filter")
        rulesets.run("iptables-restore", "-c", "-w", "60", text=saved.replace("[0:0] -A", "[7:700] -A"))
        assert {one.packets for one in filter_.counters()} == {7}
    assert {one.destination for one in filter_.counters()} == {(one["ip"], 30080) for one in many}


def test_tells_how_many_connections_the_kernel_knows(backend: Filter) -> None:
    backend.load([WEB])
    used = netfilter.conntrack_use()
    assert used is not None
    assert used[0] >= 0
    assert used[1] > used[0]


# -- without programs


@pytest.mark.parametrize("kind", ["nftables", "iptables"])
def test_programs_that_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    filter_ = Filter(kind, tmp_path).of([WEB, DNS])
    monkeypatch.setattr(shutil, "which", lambda *_args, **_more: None)
    with pytest.raises(netfilter.NetfilterError, match=r"(nft|iptables-save) is missing"):
        filter_.counters()
    with pytest.raises(netfilter.NetfilterError, match="conntrack is missing"):
        filter_.forget([("198.51.100.1", 30053)])
