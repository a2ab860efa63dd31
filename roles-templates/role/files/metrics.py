"""What Prometheus is told of a Pomaloba ruleset: the page, the file of it for node_exporter, and a port on loopback.

For health.py. Python 3.9 and later, its standard library only. The metrics are described in docs/metrics.md.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from destinations import DOWN, UNKNOWN, UP, DestinationState
from netfilter import App, Balancer, Destination, Key, Pool, Traffic, endpoint_text, socket_text

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# What one client can have of this host: a scraper needs a few milliseconds and some hundred bytes.
CLIENTS = 32
SECONDS = 5.0
HEAD_BYTES = 8192
PIECE_BYTES = 65536
END = b"\r\n\r\n"
PAGE_SECONDS = 10.0
FRESH_SECONDS = 1.0


@dataclass(frozen=True)
class Metric:
    """A metric's type, and what it means in a sentence."""

    type: str
    help: str


METRICS: Mapping[str, Metric] = {
    "pomaloba_ruleset_info": Metric("gauge", "The ruleset and its packet filter; always 1."),
    "pomaloba_ruleset_loaded": Metric("gauge", "1 if the kernel has the ruleset, 0 if not."),
    "pomaloba_checker_last_round_timestamp_seconds": Metric(
        "gauge", "When the kernel last had what the checker wants, in seconds since 1970."
    ),
    "pomaloba_destination_weight": Metric("gauge", "The weight that the spec gives; 0 gets no new connections."),
    "pomaloba_destination_up": Metric(
        "gauge",
        "1 if the health checks find the destination up, 0 if down; absent while they do not know, and without.",
    ),
    "pomaloba_destination_drained": Metric("gauge", "1 if an operator took the destination out, 0 if not."),
    "pomaloba_destination_available": Metric(
        "gauge", "1 if the destination is not down and the kernel has not got it out, else 0; absent with weight 0."
    ),
    "pomaloba_destination_in_use": Metric(
        "gauge", "1 if the ruleset may send new connections there, 0 if not; one that is down may be in use by min_up."
    ),
    "pomaloba_destination_changed_timestamp_seconds": Metric(
        "gauge", "Since when the destination is up or down, in seconds since 1970."
    ),
    "pomaloba_check_latency_seconds": Metric("gauge", "How long the last health check that got an answer took."),
    "pomaloba_checks_total": Metric("counter", "Health checks of the destination."),
    "pomaloba_check_failures_total": Metric("counter", "Health checks of the destination that failed."),
    "pomaloba_destination_transitions_total": Metric("counter", "How often the destination went up or down."),
    "pomaloba_connections_total": Metric("counter", "Connections from the endpoint to the destination."),
    "pomaloba_packets_total": Metric("counter", "Packets between clients and the destination, both ways."),
    "pomaloba_bytes_total": Metric("counter", "Bytes between clients and the destination, both ways, with IP headers."),
    "pomaloba_conntrack_entries": Metric(
        "gauge", "Connections that the kernel of the load balancer tracks, of all kinds."
    ),
    "pomaloba_conntrack_entries_limit": Metric("gauge", "Connections that the kernel can track; more are dropped."),
}


# -- the page ----------------------------------------------------------------------------------------------------------


def text(
    balancer: Balancer,
    state: Mapping[Key, DestinationState],
    traffic: Sequence[Traffic] | None,
    drained: set[Key],
    out: set[Key],
    conntrack: tuple[int, int] | None,
    last_round: float | None = None,
) -> str:
    """The page in Prometheus' text format 0.0.4. `traffic` is None if the kernel has not got the ruleset; `out` is what
    it sends no new connections to, and `drained` what of that is not the checker's doing; `last_round` is the
    checker's, now if it is not given."""
    ruleset = _labels(ruleset=balancer.name)
    page = _Page()
    page.add("pomaloba_ruleset_info", ruleset + _labels(backend=balancer.backend), 1)
    page.add("pomaloba_ruleset_loaded", ruleset, int(traffic is not None))
    page.add(
        "pomaloba_checker_last_round_timestamp_seconds", ruleset, time.time() if last_round is None else last_round
    )
    for app, pool, one in balancer.destinations():
        _add_destination(page, balancer.name, app, pool, one, state.get(one.key), one.key in drained, one.key in out)
    endpoints = _endpoint_names(balancer)
    for row in traffic or ():
        _add_traffic(page, balancer.name, endpoints, row)
    if conntrack is not None:
        entries, limit = conntrack
        page.add("pomaloba_conntrack_entries", ruleset, entries)
        # The kernel takes 0 for no limit; a share of it is 0 then, and no division by 0.
        page.add("pomaloba_conntrack_entries_limit", ruleset, limit or float("inf"))
    return page.text()


def _add_destination(
    page: _Page,
    ruleset: str,
    app: App,
    pool: Pool,
    one: Destination,
    state: DestinationState | None,
    is_drained: bool,
    is_out: bool,
) -> None:
    labels = _labels(ruleset=ruleset, app=app.name, family=pool.family, destination=socket_text(*one.key))
    is_down = state is not None and state.state == DOWN
    page.add("pomaloba_destination_weight", labels, one.weight)
    page.add("pomaloba_destination_drained", labels, int(is_drained))
    page.add("pomaloba_destination_in_use", labels, int(one.weight > 0 and not is_out))
    if one.weight > 0:
        page.add("pomaloba_destination_available", labels, int(not is_down and not is_out))
    if state is not None:
        _add_checks(page, labels, state)


def _add_checks(page: _Page, labels: str, state: DestinationState) -> None:
    page.add("pomaloba_checks_total", labels, state.checks)
    page.add("pomaloba_check_failures_total", labels, state.failures)
    page.add("pomaloba_destination_transitions_total", labels, state.transitions)
    if state.latency is not None:
        page.add("pomaloba_check_latency_seconds", labels, state.latency)
    if state.state != UNKNOWN:
        page.add("pomaloba_destination_up", labels, int(state.state == UP))
        page.add("pomaloba_destination_changed_timestamp_seconds", labels, state.since)


def _add_traffic(page: _Page, ruleset: str, endpoints: Mapping[tuple[str, str, int], str], row: Traffic) -> None:
    source = (row.protocol, row.endpoint_ip, row.endpoint_port)
    labels = _labels(
        ruleset=ruleset,
        app=row.app,
        family="ipv6" if ":" in row.destination[0] else "ipv4",
        protocol=row.protocol,
        # iptables does not tell an app's endpoints from each other.
        endpoint=endpoints.get(source) or (socket_text(*source[1:]) if row.endpoint_ip else ""),
        destination=socket_text(*row.destination),
    )
    page.add("pomaloba_connections_total", labels, row.connections)
    page.add("pomaloba_packets_total", labels, row.packets)
    page.add("pomaloba_bytes_total", labels, row.bytes)


def _endpoint_names(balancer: Balancer) -> dict[tuple[str, str, int], str]:
    """What endpoints are called, by what their traffic is counted under: of a range that is the first port."""
    return {
        (one.protocol, one.ip, one.first): endpoint_text(one) for _, pool in balancer.pools() for one in pool.endpoints
    }


class _Page:
    """Samples, by their metric: the format wants all of a metric together."""

    def __init__(self) -> None:
        self._samples: dict[str, dict[str, float]] = {name: {} for name in METRICS}

    def add(self, name: str, labels: str, value: float) -> None:
        # A page that has a sample twice is refused as a whole, so what is counted in two places is added up.
        samples = self._samples[name]
        samples[labels] = samples[labels] + value if labels in samples and METRICS[name].type == "counter" else value

    def text(self) -> str:
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        for name, samples in self._samples.items():
            if not samples:
                continue
            yield f"# HELP {name} {METRICS[name].help}"
            yield f"# TYPE {name} {METRICS[name].type}"
            for labels, value in samples.items():
                yield f"{name}{{{labels[:-1]}}} {_number(value)}"


def _labels(**values: str) -> str:
    """Each with a comma behind it, so that they can be put together."""
    return "".join(f'{name}="{_escaped(value)}",' for name, value in values.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    if value == float("inf"):
        return "+Inf"
    return repr(value)


# -- the file ----------------------------------------------------------------------------------------------------------


def write(directory: Path, name: str, text: str) -> None:
    """Replaces pomaloba-NAME.prom, for the textfile collector of node_exporter, which sees the old or the new one."""
    target = directory / f"pomaloba-{name}.prom"
    # The collector reads what ends in .prom. Others may write to the directory: what stands there is never followed.
    fresh = directory / f".pomaloba-{name}.prom.new"
    with suppress(FileNotFoundError):
        fresh.unlink()
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(_bytes(text))
            os.fchmod(descriptor, 0o644)
        fresh.replace(target)
    except BaseException:
        fresh.unlink()
        raise


def _bytes(text: str) -> bytes:
    # JSON can hold half a surrogate pair, which UTF-8 cannot.
    return text.encode("utf-8", "replace")


# -- the port ----------------------------------------------------------------------------------------------------------


async def serve(port: int, page: Callable[[], Awaitable[str]]) -> asyncio.AbstractServer:
    """Answers GET /metrics on 127.0.0.1 with what `page` gives, the same to all who ask at once. May raise OSError."""
    clients = _Clients(_Pages(page))
    return await asyncio.start_server(clients.serve, "127.0.0.1", port, limit=HEAD_BYTES, backlog=4 * CLIENTS)


class _Pages:
    """Makes one page at a time, and none while the last one is fresh: asking often does not cost more."""

    def __init__(self, make: Callable[[], Awaitable[str]]) -> None:
        self._make = make
        self._made: asyncio.Task[bytes] | None = None
        self._until = 0.0

    async def response(self) -> bytes:
        now = asyncio.get_running_loop().time()
        if self._made is None or (self._made.done() and (now >= self._until or _failed(self._made))):
            self._made = asyncio.create_task(self._respond())
            self._until = now + FRESH_SECONDS
        return await asyncio.wait_for(asyncio.shield(self._made), PAGE_SECONDS)

    async def _respond(self) -> bytes:
        return _response("200 OK", await self._make())


def _failed(made: asyncio.Task[bytes]) -> bool:
    return made.cancelled() or made.exception() is not None


@dataclass
class _Clients:
    """Who is connected, in the order of their coming. When they are too many the first goes: one that is slow keeps
    nobody away."""

    pages: _Pages
    connected: dict[asyncio.StreamWriter, None] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected[writer] = None
        if len(self.connected) > CLIENTS:
            next(iter(self.connected)).transport.abort()
        try:
            head = await asyncio.wait_for(_head(reader), SECONDS)
            answer = await self._answer(head)
            await _send(writer, answer)
            writer.close()
        except (OSError, EOFError, asyncio.TimeoutError, asyncio.CancelledError):
            # Gone, too slow, or this process ends: nobody is left who would want to know. Streams of some versions of
            # Python complain of a task that was cancelled.
            pass
        finally:
            del self.connected[writer]
            if not writer.is_closing():
                writer.transport.abort()

    async def _answer(self, head: bytes | None) -> bytes:
        if head is None:
            return _response("431 Request Header Fields Too Large", "the request is too long\n")
        words = head.split(b"\r\n", 1)[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return _response("400 Bad Request", "this is no HTTP/1.1\n")
        method, path, _ = words
        if method not in (b"GET", b"HEAD"):
            return _response("405 Method Not Allowed", "only GET and HEAD\n", "Allow: GET, HEAD\r\n")
        if path.split(b"?", 1)[0] != b"/metrics":
            return _response("404 Not Found", "the metrics are at /metrics\n")
        response = await self._page()
        return response if method == b"GET" else response[: response.index(END) + len(END)]

    async def _page(self) -> bytes:
        try:
            return await self.pages.response()
        except asyncio.TimeoutError:
            return _response("503 Service Unavailable", "the packet filter does not answer\n")
        except Exception as error:  # whatever it is: the checker, which this is a part of, goes on
            return _response("500 Internal Server Error", f"{type(error).__name__}: {error}\n")


async def _send(writer: asyncio.StreamWriter, response: bytes) -> None:
    """In pieces, each of which has its time: of who reads slowly one is kept, and not a copy of the page."""
    writer.transport.set_write_buffer_limits(high=0)
    for start in range(0, len(response), PIECE_BYTES):
        writer.write(response[start : start + PIECE_BYTES])
        await asyncio.wait_for(writer.drain(), SECONDS)


async def _head(reader: asyncio.StreamReader) -> bytes | None:
    """The request up to its empty line; None if it is too long."""
    try:
        return await reader.readuntil(END)
    except asyncio.LimitOverrunError:
        return None


def _response(status: str, body: str, more: str = "") -> bytes:
    content = _bytes(body)
    head = f"Content-Type: {CONTENT_TYPE}\r\nContent-Length: {len(content)}\r\nConnection: close\r\n{more}"
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + content
