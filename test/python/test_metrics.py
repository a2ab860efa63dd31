"""metrics.py: the page, its file, its port."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import stat
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import metrics
import pytest
from destinations import DestinationState
from netfilter import App, Balancer, Check, Destination, Endpoint, Key, Pool, Traffic
from prometheus import promtool

CHECK = Check(kind="tcp", port=80, interval=2, timeout=1, rise=2, fall=3)
A, B, C, D, SIX = ("10.0.1.2", 31234), ("10.0.1.3", 31234), ("10.0.1.4", 0), ("10.0.1.5", 31234), ("fd00::3", 31234)


def destination(key: Key, weight: int = 1) -> Destination:
    return Destination(
        ip=key[0],
        port=key[1] or None,
        down_port=key[1],
        weight=weight,
        backup=False,
        share="1/3",
        check=CHECK if weight > 0 else None,
    )


def balancer(app: str = "shop", keys: tuple[Key, ...] = (A, B, C)) -> Balancer:
    endpoints = (Endpoint("tcp", "192.0.2.10", 80, 80), Endpoint("udp", "192.0.2.10", 8000, 8099))
    four = Pool(family="ipv4", endpoints=endpoints, destinations=(*map(destination, keys), destination(D, 0)))
    six = Pool(family="ipv6", endpoints=(Endpoint("tcp", "2001:db8::10", 80, 80),), destinations=(destination(SIX),))
    return Balancer(
        name="lb",
        backend="nftables",
        allow_exec=False,
        table="pomaloba-lb",
        chain="PMLB/lb",
        apps=(App(name=app, on_all_down="reject", min_up=0, pools=(four, six)),),
    )


def state_of(key: Key, state: str, **fields: Any) -> DestinationState:
    values: dict[str, Any] = {
        "since": 1700000000.0,
        "reason": "tcp: connection refused",
        "latency": 0.0125,
        "checks": 10,
        "failures": 3,
        "transitions": 1,
        "ours": state == "down",
    }
    return DestinationState(ip=key[0], port=key[1], state=state, **{**values, **fields})


STATE = {
    A: state_of(A, "up"),
    B: state_of(B, "down", latency=None),
    C: state_of(C, "unknown", latency=None, checks=0, failures=0, transitions=0),
}
TRAFFIC = [
    Traffic("shop", "tcp", "192.0.2.10", 80, A, 7, 70, 7000),
    Traffic("shop", "udp", "192.0.2.10", 8000, C, 2, 20, 2000),
    Traffic("shop", "tcp", "2001:db8::10", 80, SIX, 1, 10, 1000),
]


def page(**changes: Any) -> str:
    values: dict[str, Any] = {
        "balancer": balancer(),
        "state": STATE,
        "traffic": TRAFFIC,
        "drained": {SIX},
        "out": {B, SIX},
        "conntrack": (1200, 262144),
        "last_round": 1700000100.5,
    }
    return metrics.text(**{**values, **changes})


def samples(text: str, name: str) -> dict[str, float]:
    """Of a metric, by the destination or endpoint and destination, or by nothing."""
    found = {}
    for labels, value in re.findall(rf"^{name}\{{(.*)\}} (\S+)$", text, re.MULTILINE):
        parts = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels))
        found[" ".join(parts[key] for key in ("endpoint", "destination") if key in parts)] = float(value)
    return found


# -- the page ----------------------------------------------------------------------------------------------------------


def test_promtool_has_nothing_to_say() -> None:
    for text in (page(), page(traffic=None, conntrack=None, state={}), page(conntrack=(5, 0))):
        assert promtool(["check", "metrics"], text) == ""


def test_every_metric_is_printed_once_with_help_and_type() -> None:
    lines = page().splitlines()
    assert [line.split()[2] for line in lines if line.startswith("# HELP ")] == list(metrics.METRICS)
    assert [line.split()[2] for line in lines if line.startswith("# TYPE ")] == list(metrics.METRICS)
    assert len(lines) == len(set(lines))
    for name, metric in metrics.METRICS.items():
        assert name.endswith("_total") == (metric.type == "counter"), name


def test_destinations() -> None:
    text = page()
    four, two = "10.0.1.4", "10.0.1.2:31234"
    three, five, six = "10.0.1.3:31234", "10.0.1.5:31234", "[fd00::3]:31234"
    assert samples(text, "pomaloba_destination_up") == {two: 1, three: 0}
    assert samples(text, "pomaloba_destination_drained") == {two: 0, three: 0, four: 0, five: 0, six: 1}
    # What is not known yet gets connections; one without weight gets none, and nobody misses it.
    assert samples(text, "pomaloba_destination_available") == {two: 1, three: 0, four: 1, six: 0}
    assert samples(text, "pomaloba_destination_in_use") == {two: 1, three: 0, four: 1, five: 0, six: 0}
    assert samples(text, "pomaloba_destination_weight") == {two: 1, three: 1, four: 1, five: 0, six: 1}
    assert samples(text, "pomaloba_check_latency_seconds") == {two: 0.0125}
    assert samples(text, "pomaloba_checks_total") == {two: 10, three: 10, four: 0}
    assert samples(text, "pomaloba_check_failures_total") == {two: 3, three: 3, four: 0}
    assert samples(text, "pomaloba_destination_transitions_total") == {two: 1, three: 1, four: 0}
    assert samples(text, "pomaloba_destination_changed_timestamp_seconds") == {two: 1.7e9, three: 1.7e9}


def test_one_that_min_up_leaves_in_is_down_and_in_use() -> None:
    text = page(state={B: state_of(B, "down", ours=False)}, out={SIX})
    three = "10.0.1.3:31234"
    assert samples(text, "pomaloba_destination_up") == {three: 0}
    assert samples(text, "pomaloba_destination_available")[three] == 0
    assert samples(text, "pomaloba_destination_in_use")[three] == 1


def test_what_the_kernel_has_taken_out_is_out_whoever_has_done_it() -> None:
    two = "10.0.1.2:31234"
    # By `nft add element`; and up again for the checker, which has not let it in yet.
    for drained in ({A}, set()):
        text = page(out={A}, drained=drained)
        assert samples(text, "pomaloba_destination_up")[two] == 1
        assert samples(text, "pomaloba_destination_drained")[two] == len(drained)
        assert samples(text, "pomaloba_destination_available")[two] == 0
        assert samples(text, "pomaloba_destination_in_use")[two] == 0


def test_traffic_of_endpoints_and_destinations() -> None:
    text = page()
    one, many, six = (
        "192.0.2.10:80 10.0.1.2:31234",
        "192.0.2.10:8000-8099 10.0.1.4",
        "[2001:db8::10]:80 [fd00::3]:31234",
    )
    assert samples(text, "pomaloba_connections_total") == {one: 7, many: 2, six: 1}
    assert samples(text, "pomaloba_packets_total") == {one: 70, many: 20, six: 10}
    assert samples(text, "pomaloba_bytes_total") == {one: 7000, many: 2000, six: 1000}
    assert 'family="ipv6",protocol="tcp",endpoint="[2001:db8::10]:80"' in text


def test_iptables_does_not_tell_endpoints() -> None:
    rows = [Traffic("shop", "", "", 0, A, 7, 70, 7000), Traffic("shop", "", "", 0, B, 8, 80, 8000)]
    assert samples(page(traffic=rows), "pomaloba_bytes_total") == {" 10.0.1.2:31234": 7000, " 10.0.1.3:31234": 8000}


def test_what_is_counted_in_two_places_is_one_sample() -> None:
    assert samples(page(traffic=[TRAFFIC[0], TRAFFIC[0]]), "pomaloba_connections_total") == {
        "192.0.2.10:80 10.0.1.2:31234": 14
    }


def test_the_load_balancer() -> None:
    text = page()
    assert 'pomaloba_ruleset_info{ruleset="lb",backend="nftables"} 1\n' in text
    assert samples(text, "pomaloba_ruleset_loaded") == {"": 1}
    assert samples(page(traffic=None), "pomaloba_ruleset_loaded") == {"": 0}
    assert samples(text, "pomaloba_conntrack_entries") == {"": 1200}
    assert samples(text, "pomaloba_conntrack_entries_limit") == {"": 262144}
    assert samples(page(conntrack=(5, 0)), "pomaloba_conntrack_entries_limit") == {"": float("inf")}
    assert "conntrack" not in page(conntrack=None)
    assert "pomaloba_checker_last_round_timestamp_seconds" in text
    assert samples(text, "pomaloba_checker_last_round_timestamp_seconds") == {"": 1700000100.5}
    now = samples(page(last_round=None), "pomaloba_checker_last_round_timestamp_seconds")[""]
    assert abs(now - time.time()) < 60


def test_label_values_are_escaped() -> None:
    text = page(balancer=balancer(app='a\\b"c\nd'), traffic=[])
    assert 'app="a\\\\b\\"c\\nd"' in text
    assert promtool(["check", "metrics"], text) == ""


def test_large_counters_are_whole_numbers() -> None:
    text = page(traffic=[Traffic("shop", "tcp", "192.0.2.10", 80, A, 2**53 + 1, 2**63, 2**64 - 1)])
    assert "} 9007199254740993\n" in text
    assert "} 18446744073709551615\n" in text


def test_five_thousand_destinations() -> None:
    keys = tuple((f"10.1.{number // 250}.{number % 250}", 31234) for number in range(5000))
    state = {key: state_of(key, "up") for key in keys}
    rows = [Traffic("shop", "tcp", "192.0.2.10", 80, key, 1, 2, 3) for key in keys]
    before = time.process_time()
    text = page(balancer=balancer(keys=keys), state=state, traffic=rows)
    # A bound for what hangs, not a measurement: about 0.2 s.
    assert time.process_time() - before < 5
    assert len(samples(text, "pomaloba_bytes_total")) == 5000


# -- the file ----------------------------------------------------------------------------------------------------------


def test_write_replaces_the_file(tmp_path: Path) -> None:
    old_mask = os.umask(0o077)
    try:
        metrics.write(tmp_path, "lb", "one\n")
        metrics.write(tmp_path, "lb", "two\n")
    finally:
        os.umask(old_mask)
    file = tmp_path / "pomaloba-lb.prom"
    assert file.read_text() == "two\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert os.listdir(tmp_path) == ["pomaloba-lb.prom"]


def test_write_is_atomic(tmp_path: Path) -> None:
    """Who reads all the time sees whole pages, and no other file that ends in .prom."""
    texts = ["a" * 300_000, "b" * 300_000]
    metrics.write(tmp_path, "lb", texts[0])
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            for text in texts:
                metrics.write(tmp_path, "lb", text)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(300):
            assert (tmp_path / "pomaloba-lb.prom").read_text() in texts
            assert [path.name for path in tmp_path.glob("*.prom") if not path.name.startswith(".")] == [
                "pomaloba-lb.prom"
            ]
    finally:
        stop.set()
        thread.join()


def test_write_follows_no_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    directory = tmp_path / "textfiles"
    directory.mkdir()
    (directory / ".pomaloba-lb.prom.new").symlink_to(victim)
    (directory / "pomaloba-lb.prom").symlink_to(victim)
    metrics.write(directory, "lb", "page\n")
    assert victim.read_text() == "mine"
    assert (directory / "pomaloba-lb.prom").read_text() == "page\n"
    assert not (directory / "pomaloba-lb.prom").is_symlink()


def test_write_leaves_nothing_behind_when_it_fails(tmp_path: Path) -> None:
    (tmp_path / "pomaloba-lb.prom").mkdir()
    with pytest.raises(IsADirectoryError):
        metrics.write(tmp_path, "lb", "page\n")
    assert os.listdir(tmp_path) == ["pomaloba-lb.prom"]
    with pytest.raises(FileNotFoundError):
        metrics.write(tmp_path / "missing", "lb", "page\n")


def test_write_takes_any_text(tmp_path: Path) -> None:
    metrics.write(tmp_path, "lb", "\ud800 é\n")
    assert (tmp_path / "pomaloba-lb.prom").read_text() == "? é\n"


# -- the port ----------------------------------------------------------------------------------------------------------


class Client:
    """A client of the server; each method is a blocking one, as a scraper would be."""

    def __init__(self, port: int) -> None:
        self.port = port

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def send(self, request: bytes) -> bytes:
        """All of the answer; what comes until the connection is cut."""
        with self.connect() as connection:
            answer = bytearray()
            with suppress(OSError):
                connection.sendall(request)
            with suppress(ConnectionResetError):
                while piece := connection.recv(65536):
                    answer += piece
            return bytes(answer)

    def get(self, path: str = "/metrics") -> bytes:
        return self.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())


Page = Callable[[], Awaitable[str]]


class Server:
    """The server in a thread with a loop of its own, and what that loop complained of."""

    def __init__(self, make: Page) -> None:
        self.complaints: list[Mapping[str, object]] = []
        self._make = make
        self._port: int | None = None
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        self._loop.set_exception_handler(lambda _, context: self.complaints.append(context))
        server = self._loop.run_until_complete(metrics.serve(0, self._make))
        assert isinstance(server, asyncio.base_events.Server)
        assert server.sockets[0].getsockname()[0] == "127.0.0.1"
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.01))
        self._loop.close()

    def __enter__(self) -> Client:
        self._thread.start()
        assert self._ready.wait(30)
        assert self._port is not None
        return Client(self._port)

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        assert self.complaints == []


async def short() -> str:
    return "page\n"


@pytest.fixture
def client() -> Iterator[Client]:
    with Server(short) as one:
        yield one


def body(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


def test_get(client: Client) -> None:
    head, _, content = client.get("/metrics?x=1").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n" in head
    assert b"\r\nContent-Length: 5\r\n" in head
    assert content == b"page\n"
    assert body(client.send(b"GET /metrics HTTP/1.0\r\n\r\n")) == b"page\n"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"HEAD /metrics HTTP/1.1\r\n\r\n", b"200"),
        (b"GET / HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /metrics/../../etc/passwd HTTP/1.1\r\n\r\n", b"404"),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 4\r\n\r\nabcd", b"405"),
        (b"GET /metrics\r\n\r\n", b"400"),
        (b"\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\xff\xfe\r\n\r\n", b"400"),
        (b"GET /metrics SPDY/3\r\n\r\n", b"400"),
    ],
)
def test_other_requests(client: Client, request_: bytes, status: bytes) -> None:
    answer = client.send(request_)
    assert answer.split(b" ")[1] == status
    assert request_[:4] != b"HEAD" or body(answer) == b""
    assert body(client.get()) == b"page\n"


def test_a_huge_request_is_not_kept(client: Client) -> None:
    # The answer may be lost, as the client goes on sending; the connection ends all the same.
    assert client.send(b"GET /" + b"x" * 50_000_000)[:12] in (b"HTTP/1.1 431", b"")
    assert body(client.get()) == b"page\n"


def test_a_client_that_hangs_up(client: Client) -> None:
    for request in (b"", b"GET", b"GET /metrics HTTP/1.1\r\n\r\n"):
        with client.connect() as connection:
            connection.sendall(request)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert body(client.get()) == b"page\n"


def test_a_silent_client_is_cut(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "SECONDS", 0.2)
    assert client.send(b"GET /metrics HT") == b""
    assert body(client.get()) == b"page\n"


def test_a_client_that_sends_byte_by_byte_is_cut(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "SECONDS", 0.5)
    sent = 0
    with client.connect() as connection, suppress(BrokenPipeError, ConnectionResetError):
        for _ in range(200):
            connection.sendall(b"x")
            sent += 1
            time.sleep(0.05)
    assert sent < 200
    assert body(client.get()) == b"page\n"


def test_a_client_that_does_not_read_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "SECONDS", 0.5)
    size = 50_000_000

    async def large() -> str:
        return "x" * size

    with Server(large) as client, client.connect() as slow:
        slow.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        time.sleep(1.5)
        received = 0
        with suppress(ConnectionResetError):
            while piece := slow.recv(1_000_000):
                received += len(piece)
        assert received < size
        assert len(body(client.get())) == size


def test_many_silent_clients_keep_nobody_away(client: Client) -> None:
    silent = [client.connect() for _ in range(300)]
    try:
        before = time.monotonic()
        assert body(client.get()) == b"page\n"
        assert time.monotonic() - before < metrics.SECONDS
    finally:
        for connection in silent:
            connection.close()


def test_many_who_ask_at_once_get_the_same_page() -> None:
    made = 0

    async def counted() -> str:
        nonlocal made
        made += 1
        await asyncio.sleep(0.1)
        return f"{made}\n"

    answers = []
    with Server(counted) as client:
        threads = [threading.Thread(target=lambda: answers.append(body(client.get()))) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == [b"1\n"] * 20


def test_a_page_is_made_anew_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    made = iter(range(1000))

    async def counted() -> str:
        return f"{next(made)}\n"

    monkeypatch.setattr(metrics, "FRESH_SECONDS", 0.0)
    with Server(counted) as client:
        assert body(client.get()) == b"0\n"
        assert body(client.get()) == b"1\n"


def test_a_page_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    fails = True

    async def page() -> str:
        if fails:
            raise ValueError("no such thing")
        return "page\n"

    with Server(page) as client:
        answer = client.get()
        assert answer.startswith(b"HTTP/1.1 500 ")
        assert body(answer) == b"ValueError: no such thing\n"
        fails = False
        assert body(client.get()) == b"page\n"


def test_a_page_that_never_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "PAGE_SECONDS", 0.2)
    started = 0

    async def never() -> str:
        nonlocal started
        started += 1
        await asyncio.sleep(3600)
        return ""

    with Server(never) as client:
        assert [client.get().split(b" ")[1] for _ in range(3)] == [b"503"] * 3
    # Those that hang are not piled up.
    assert started == 1


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        asyncio.run(metrics.serve(taken.getsockname()[1], short))
