"""balancer.json, good and bad, and the files of keys."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import netfilter
import pytest
import rulesets

SPECS = [
    {
        "pomaloba": 1,
        "app": "shop",
        "endpoints": [{"ip": "192.0.2.10", "port": 80}, {"ip": "2001:db8::10", "port": "8000-8099", "protocol": "udp"}],
        "destinations": [
            {"ip": "198.51.100.1", "port": 30080, "weight": 3},
            {"ip": "198.51.100.2", "port": 30080, "backup": True},
            {"ip": "fd00::1"},
        ],
    }
]
HTTPS = {
    "kind": "https",
    "port": 30443,
    "interval": 2,
    "timeout": 1,
    "rise": 2,
    "fall": 3,
    "method": "GET",
    "path": "/healthz",
    "host": "example.org",
    "status": [[200, 399]],
    "body": "",
    "verify": False,
}


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    return rulesets.balancer_data(SPECS)


def read(tmp_path: Path, value: object) -> netfilter.Balancer:
    file = tmp_path / "balancer.json"
    file.write_text(value if isinstance(value, str) else json.dumps(value))
    return netfilter.read_balancer(file)


def changed(data: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """With another value at a place like `apps.0.app`; `...` takes it away."""
    copied: Any = copy.deepcopy(data)
    *parents, last = path.split(".")
    found = copied
    for one in parents:
        found = found[int(one)] if one.isdigit() else found[one]
    key = int(last) if last.isdigit() else last
    if value is ...:
        del found[key]
    else:
        found[key] = value
    return dict(copied)


def test_reads_what_the_role_writes(tmp_path: Path, data: dict[str, Any]) -> None:
    balancer = read(tmp_path, data)
    assert (balancer.name, balancer.table, balancer.chain) == ("lb", "pomaloba-lb", "PMLB/lb")
    assert balancer.families() == ["ipv4", "ipv6"]
    assert balancer.keys() == {("198.51.100.1", 30080), ("198.51.100.2", 30080), ("fd00::1", 0)}
    four, six = balancer.apps[0].pools
    assert four.endpoints == (netfilter.Endpoint("tcp", "192.0.2.10", 80, 80),)
    assert six.endpoints == (netfilter.Endpoint("udp", "2001:db8::10", 8000, 8099),)
    assert [(one.ip, one.port, one.weight, one.backup, one.check) for one in four.destinations] == [
        ("198.51.100.1", 30080, 3, False, None),
        ("198.51.100.2", 30080, 1, True, None),
    ]
    assert six.destinations[0].port is None


def test_reads_checks(tmp_path: Path, data: dict[str, Any]) -> None:
    place = "apps.0.pools.0.destinations.0.check"
    with_check = changed(changed(data, place, HTTPS), "apps.0.health", {"on_all_down": "ignore", "min_up": 50})
    app = read(tmp_path, with_check).apps[0]
    assert (app.on_all_down, app.min_up) == ("ignore", 50)
    assert app.pools[0].destinations[0].check == netfilter.Check(
        "https", 30443, 2, 1, 2, 3, path="/healthz", host="example.org", verify=False
    )
    timing = {key: HTTPS[key] for key in ("port", "interval", "timeout", "rise", "fall")}
    udp = changed(data, place, {**timing, "kind": "udp", "send": "ping", "expect": ""})
    assert read(tmp_path, udp).apps[0].pools[0].destinations[0].check == netfilter.Check(
        "udp", 30443, 2, 1, 2, 3, send="ping"
    )
    command = changed(data, place, {**timing, "kind": "exec", "command": ["/bin/check", "it"]})
    assert read(tmp_path, command).apps[0].pools[0].destinations[0].check == netfilter.Check(
        "exec", 30443, 2, 1, 2, 3, command=("/bin/check", "it")
    )


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("version", 2, "version is 2, and this program knows 1 only"),
        ("version", True, "version is true"),
        ("version", ..., "version is missing"),
        ("backend", "ipvs", 'backend has to be one of nftables, iptables, and is "ipvs"'),
        ("backend", ["nftables"], "backend has to be one of"),
        ("allow_exec", 1, "allow_exec has to be true or false"),
        ("ruleset", [], "ruleset has to be an object"),
        ("ruleset.name", "lb; flush ruleset", "ruleset.name has to be a text like"),
        ("ruleset.nft_table", "filter", 'ruleset.nft_table has to be one of pomaloba-lb, and is "filter"'),
        ("ruleset.iptables_chain", "INPUT", "ruleset.iptables_chain has to be a text like"),
        ("apps", {}, "apps has to be a list, and is {}"),
        ("apps.0", 7, "apps[0] has to be an object"),
        ("apps.0.app", None, "apps[0].app has to be a text"),
        ("apps.0.health", {"on_all_down": "panic", "min_up": 0}, "apps[0].health.on_all_down has to be one of"),
        ("apps.0.health", {"on_all_down": "drop", "min_up": 101}, "apps[0].health.min_up has to be a whole number"),
        ("apps.0.pools.0.family", "ipx", "pools[0].family has to be one of"),
        ("apps.0.pools.0.keeps", "yes", "pools[0].keeps has to be true or false"),
        ("apps.0.pools.0.endpoints.0.ports", [80], "endpoints[0].ports has to be a first and a last port"),
        ("apps.0.pools.0.endpoints.0.ip", "2001:db8::1", "endpoints[0].ip has to be an ipv4 address"),
        ("apps.0.pools.0.destinations.0.ip", "worker-1", 'destinations[0].ip has to be an address, and is "worker-1"'),
        ("apps.0.pools.0.destinations.0.ip", 7, "destinations[0].ip has to be a text, and is 7"),
        ("apps.0.pools.1.destinations.0.ip", "fe80::1%eth0", "destinations[0].ip has to be an address, and is"),
        ("apps.0.pools.1.destinations.0.ip", "fe80::1% }; flush ruleset;", "destinations[0].ip has to be an address"),
        ("apps.0.pools.1.endpoints.0.ip", "fe80::1%1", "endpoints[0].ip has to be an address, and is"),
        ("apps.0.pools.0.destinations.0.port", "all", "destinations[0].port has to be a whole number from 1 to 65535"),
        ("apps.0.pools.0.destinations.0.port", 0, "destinations[0].port has to be a whole number"),
        ("apps.0.pools.0.destinations.0.down_port", 1, "destinations[0].down_port has to be 30080, as the port says"),
        ("apps.0.pools.0.destinations.0.weight", 1.5, "destinations[0].weight has to be a whole number"),
        ("apps.0.pools.0.destinations.0.weight", True, "destinations[0].weight has to be a whole number"),
        ("apps.0.pools.0.destinations.0.check", {**HTTPS, "kind": "ping"}, "check.kind has to be one of tcp, http"),
        ("apps.0.pools.0.destinations.0.check", {**HTTPS, "timeout": 3}, "check.timeout has to be a whole number from"),
        ("apps.0.pools.0.destinations.0.check", {**HTTPS, "fall": 0}, "check.fall has to be a whole number"),
        ("apps.0.pools.0.destinations.0.check", {**HTTPS, "status": [200]}, "check.status[0] has to be a list"),
        ("apps.0.pools.0.destinations.0.check", {**HTTPS, "status": []}, "check.status has to be a list of at least"),
        ("apps.0.pools.0.destinations.0.check", {**HTTPS, "status": [[400, 200]]}, "a first and a last status"),
        ("apps.0.pools.0.destinations.0.check", {**HTTPS, "path": "/ HTTP/1.1\r\nX: y"}, "check.path has to be"),
        ("apps.0.pools.0.destinations.0.check", {**HTTPS, "host": "a\nb"}, "check.host has to be a text like"),
        ("apps.0.pools.0.destinations.0.check", {**HTTPS, "verify": "no"}, "check.verify has to be true or false"),
        ("apps.0.pools.0.destinations.0.check", {**HTTPS, "kind": "exec", "command": []}, "check.command has to be"),
    ],
)
def test_says_what_is_wrong(tmp_path: Path, data: dict[str, Any], path: str, value: object, says: str) -> None:
    with pytest.raises(netfilter.BadData) as caught:
        read(tmp_path, changed(data, path, value))
    assert says in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path}/balancer.json: ")


def test_addresses_are_as_the_kernel_says_them(tmp_path: Path, data: dict[str, Any]) -> None:
    read_ = read(tmp_path, changed(data, "apps.0.pools.1.destinations.0.ip", "FD00:0:0::00a1"))
    assert [one.key for _, pool, one in read_.destinations() if pool.family == "ipv6"] == [("fd00::a1", 0)]


def test_names_of_maps_are_no_commands(tmp_path: Path, data: dict[str, Any]) -> None:
    keeping = changed(data, "apps.0.pools.0.keeps", True)
    assert read(tmp_path, keeping).apps[0].pools[0].keeps is not None
    with pytest.raises(netfilter.BadData, match=r"pools\[0\]\.kept_map has to be a text like"):
        read(tmp_path, changed(keeping, "apps.0.pools.0.kept_map", "kept/x {}; flush ruleset"))


@pytest.mark.parametrize("text", ["", "{", "nonsense", "[" * 100_000, "\ud800".encode("utf-8", "surrogatepass")])
def test_garbage_is_no_json(tmp_path: Path, text: str | bytes) -> None:
    file = tmp_path / "balancer.json"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(netfilter.BadData, match=r"balancer\.json is no JSON: "):
        netfilter.read_balancer(file)


@pytest.mark.parametrize("value", [None, 7, [], "text"])
def test_json_of_another_kind(tmp_path: Path, value: object) -> None:
    with pytest.raises(netfilter.BadData, match="the file has to be an object"):
        read(tmp_path, json.dumps(value))


def test_what_is_shown_of_a_value_is_short(tmp_path: Path, data: dict[str, Any]) -> None:
    with pytest.raises(netfilter.BadData) as caught:
        read(tmp_path, changed(data, "apps", "x" * 10_000))
    assert len(str(caught.value)) < 300


def test_keys_are_lines(tmp_path: Path) -> None:
    file = tmp_path / "drained"
    assert netfilter.read_keys(file) == set()
    keys = {("198.51.100.1", 30080), ("fd00::1", 0)}
    netfilter.write_keys(file, keys)
    assert file.read_text() == "198.51.100.1 30080\nfd00::1 0\n"
    assert netfilter.read_keys(file) == keys
    # ansible-core 2.14 writes an empty line where there is none.
    file.write_text("\n198.51.100.1 30080\nnonsense\n198.51.100.1 x 1\n198.51.100.2 eighty\n")
    assert netfilter.read_keys(file) == {("198.51.100.1", 30080)}


def leads(flow: netfilter.Flow, read_: netfilter.Balancer, keys: set[netfilter.Key]) -> bool:
    """Whether it goes from an endpoint of UDP to a destination in `keys`: as it would be said, and slow."""
    ip, port, to, to_port = flow
    return any(
        end.protocol == "udp"
        and (end.ip, one.ip) == (ip, to)
        and end.first <= port <= end.last
        and (one.port or port) == to_port
        and one.key in keys
        for _, end, one in read_.pairs()
    )


def test_the_flows_that_are_forgotten_are_these_and_no_others(tmp_path: Path) -> None:
    chance = random.Random(1)
    some = [{"ip": f"198.51.100.{host}", "port": port} for host in (1, 2) for port in (53, 54)]
    any_port = [{"ip": f"198.51.100.{host}"} for host in (1, 2)]
    apps: list[tuple[int, list[tuple[Any, Any]], list[dict[str, Any]]]] = [
        (10, [(53, ["udp", "tcp"])], some),
        (11, [("50-59", "udp")], any_port),
        (12, [(53, "udp"), (54, "udp"), (65, "tcp")], some[1:]),
        (10, [("60-69", "tcp")], any_port),
    ]
    specs = [
        {
            "pomaloba": 1,
            "app": f"a{number}",
            "endpoints": [{"ip": f"192.0.2.{host}", "port": port, "protocol": protocol} for port, protocol in ends],
            "destinations": to,
        }
        for number, (host, ends, to) in enumerate(apps)
    ]
    read_ = read(tmp_path, rulesets.balancer_data(specs))
    for _ in range(300):
        keys = set(chance.sample(sorted(read_.keys()), 2))
        flows = {
            (f"192.0.2.{chance.choice((10, 11, 12, 13))}", port, f"198.51.100.{chance.choice((1, 2))}", to_port)
            for port, to_port in ((chance.choice((49, 53, 54, 59, 65)), chance.choice((53, 54, 59))) for _ in range(9))
        }
        wanted = {flow for flow in flows if leads(flow, read_, keys)}
        ends = netfilter._udp_ends(read_, "ipv4", keys)
        assert {flow for flow in flows if netfilter._leads(flow, ends)} == wanted
        filters = netfilter._filters(wanted, flows)
        hit = {flow for flow in flows for one in filters if all(a in (None, b) for a, b in zip(one, flow))}
        assert hit == wanted


def test_sockets_are_written_as_people_do() -> None:
    assert netfilter.socket_text("fd00::1", 80) == "[fd00::1]:80"
    assert netfilter.socket_text("198.51.100.1", 80) == "198.51.100.1:80"
    assert netfilter.socket_text("fd00::1", 0) == "fd00::1"
