"""Probes against servers on loopback that do as they are told, and against what they say in bad faith."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import netlink
import probes
import pytest
import rulesets
from probes import Failed, Outcome, OwnTrouble, Prober, Target
from support import check

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nHealthy"


@contextlib.asynccontextmanager
async def serving(handler: Serve, ip: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server; its port. Its connections end with it."""

    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(OSError, asyncio.CancelledError, asyncio.IncompleteReadError):
            await handler(reader, writer)
        writer.transport.abort()

    server = await asyncio.start_server(handle, ip, 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def answering(*parts: bytes, gap: float = 0.0, ends: bool = True) -> Serve:
    """Reads a request, then writes the parts."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(gap)
        if ends:
            writer.write_eof()
        else:
            await asyncio.sleep(60)

    return handler


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Never stops talking."""
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Never begins."""
    await asyncio.sleep(60)


async def ask(kind: str, port: int, ip: str = "127.0.0.1", allow_exec: bool = True, **more: Any) -> Outcome:
    """What comes of one probe."""
    before = set(os.listdir("/proc/self/fd"))
    outcome = await Prober(8, allow_exec).ask(Target(ip, check(kind, port, **more)))
    if kind != "exec":
        # Whatever came of it, nothing is left open.
        assert len(set(os.listdir("/proc/self/fd")) - before) <= 1
    return outcome


async def ask_of(handler: Serve, kind: str = "http", **more: Any) -> Outcome:
    """The same of a server that is there for it."""
    async with serving(handler) as port:
        return await ask(kind, port, **more)


def closed_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port that nobody listens on."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


# -- tcp


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1"])
def test_tcp(ip: str) -> None:
    async def story() -> Outcome:
        async with serving(silent, ip) as port:
            return await ask("tcp", port, ip)

    outcome = asyncio.run(story())
    assert outcome.passed
    assert outcome.latency is not None
    assert 0 < outcome.latency < 1


def test_tcp_refused() -> None:
    assert asyncio.run(ask("tcp", closed_port())) == Outcome(False, "tcp: connection refused")


def test_tcp_without_an_answer() -> None:
    # A queue that is full takes no more connections: the SYN is dropped.
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        begin = time.monotonic()
        outcome = asyncio.run(ask("tcp", server.getsockname()[1]))
    assert outcome == Outcome(False, "tcp: no answer within 1 s", heard=False)
    assert 0.9 < time.monotonic() - begin < 10


def test_a_probe_leaves_no_time_wait() -> None:
    async def story() -> int:
        async with serving(silent) as port:
            await ask("tcp", port)
            return port

    port = f":{asyncio.run(story()):04X} "
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    assert [line for line in lines if f"{line[2]} ".endswith(port) and line[3] == "06"] == []


@pytest.mark.parametrize("code", [errno.EMFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS])
def test_what_fails_here_is_no_failure_of_the_destination(code: int) -> None:
    assert isinstance(probes.judged(OSError(code, os.strerror(code))), OwnTrouble)


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_a_destination_without_a_route_is_silent(kind: str) -> None:
    with rulesets.network_namespace():
        outcome = asyncio.run(ask(kind, 80, "10.0.0.1"))
    assert outcome == Outcome(False, f"{kind}: network is unreachable", heard=False)


def test_a_destination_that_nobody_knows_is_silent() -> None:
    with rulesets.network_namespace():
        rulesets.run("ip", "route", "add", "unreachable", "10.0.0.1")
        outcome = asyncio.run(ask("tcp", 80, "10.0.0.1"))
    assert outcome == Outcome(False, "tcp: no route to host", heard=False)


NOBODY = """
table inet t {
    chain input {
        type filter hook input priority 0; policy drop
        ct state established accept
        meta l4proto icmp accept
        meta l4proto ipv6-icmp accept
        tcp dport 8080 accept
        udp dport 8080 accept
    }
}
"""


def known(family: str) -> list[str]:
    """The flows of conntrack."""
    return rulesets.run("conntrack", "-L", "-f", family).splitlines()


@pytest.mark.parametrize(("ip", "family"), [("127.0.0.1", "ipv4"), ("::1", "ipv6")])
def test_probes_without_an_answer_leave_nothing_in_conntrack(ip: str, family: str) -> None:
    async def story() -> None:
        prober = Prober(50, False)
        targets = [Target(ip, check(kind, port)) for kind in ("tcp", "http", "udp") for port in (81, 82, 83)]
        asking = asyncio.gather(*[prober.ask(one) for one in targets])
        await asyncio.sleep(0.3)
        assert len(known(family)) == len(targets) + 1
        assert {one.heard for one in await asking} == {False}
        gone = asyncio.ensure_future(prober.ask(targets[0]))
        await asyncio.sleep(0.1)
        gone.cancel()
        await asyncio.wait([gone])

    with rulesets.network_namespace():
        rulesets.run("nft", "-f", "-", text=NOBODY)
        # Somebody else's flow stays.
        with socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(b"x", (ip, 84))
            asyncio.run(story())
            left = known(family)
    assert len(left) == 1
    assert "dport=84 " in left[0]


def test_probes_of_udp_leave_nothing_in_conntrack_either() -> None:
    async def story() -> None:
        prober = Prober(1, False)
        async with datagrams(b"x", 8080) as port:
            for _ in range(100):
                assert (await prober.ask(Target("127.0.0.1", check("udp", port, send="")))).passed

    with rulesets.network_namespace():
        rulesets.run("nft", "-f", "-", text=NOBODY)
        asyncio.run(story())
        assert known("ipv4") == []


@pytest.mark.parametrize("code", [errno.ENOENT, errno.EMFILE, errno.EPERM, errno.EINVAL])
def test_where_conntrack_forgets_nothing_it_is_not_asked_again(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def fails(*flow: object) -> None:
        asked.append(flow)
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(netlink, "forget_flow", fails)
    flows = probes.Flows()
    for _ in range(2):
        flows.forget(socket.SOCK_STREAM, ("127.0.0.1", 1), Target("127.0.0.1", check("tcp", 2)))
    assert asked == [(socket.IPPROTO_TCP, ("127.0.0.1", 1), ("127.0.0.1", 2))] * (
        1 if code in (errno.EPERM, errno.EINVAL) else 2
    )


def test_no_file_descriptors_are_own_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoSocket(socket.socket):
        def __init__(self, *_: object) -> None:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

        def __del__(self) -> None:
            pass

    async def story() -> Outcome:
        with monkeypatch.context() as patch:
            patch.setattr(socket, "socket", NoSocket)
            return await Prober(1, False).ask(Target("127.0.0.1", check("tcp", 80)))

    assert asyncio.run(story()) == Outcome(None, "tcp: too many open files")


# -- http


def test_http() -> None:
    requests: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)

    assert asyncio.run(ask_of(handler, path="/live?x=1", host="web.example", method="PUT")).passed
    assert requests[0].split(b"\r\n")[:2] == [b"PUT /live?x=1 HTTP/1.1", b"Host: web.example"]


@pytest.mark.parametrize(
    ("kind", "port", "ip", "host", "expected"),
    [
        ("http", 80, "10.0.0.1", "", "10.0.0.1"),
        ("http", 8080, "10.0.0.1", "", "10.0.0.1:8080"),
        ("https", 443, "fd00::1", "", "[fd00::1]"),
        ("https", 80, "fd00::1", "", "[fd00::1]:80"),
        ("https", 80, "fd00::1", "a:1", "a:1"),
    ],
)
def test_the_host_that_is_asked_for(kind: str, port: int, ip: str, host: str, expected: str) -> None:
    request = probes.request_of(check(kind, port, host=host), ip)
    assert f"\r\nHost: {expected}\r\n".encode() in request


@pytest.mark.parametrize(
    ("host", "expected"),
    [("", "10.0.0.1"), ("a.b", "a.b"), ("a.b:8443", "a.b"), ("[fd00::1]:8443", "fd00::1"), ("fd00::1", "fd00::1")],
)
def test_the_name_that_a_certificate_has_to_have(host: str, expected: str) -> None:
    assert probes.server_name(check("https", 443, host=host), "10.0.0.1") == expected


@pytest.mark.parametrize("status", [200, 204, 301, 399])
def test_http_statuses_that_pass(status: int) -> None:
    assert asyncio.run(ask_of(answering(f"HTTP/1.1 {status} Whatever\r\n\r\n".encode()))).passed


@pytest.mark.parametrize("status", [199, 400, 404, 500, 503])
def test_http_statuses_that_fail(status: int) -> None:
    outcome = asyncio.run(ask_of(answering(f"HTTP/1.1 {status}\r\n\r\n".encode())))
    # 199 is a hint, after which the answer has to come.
    reason = "only a part of an answer of HTTP, 16 bytes" if status < 200 else f"status {status}"
    assert outcome == Outcome(False, f"http: {reason}")


def test_http_statuses_of_a_list() -> None:
    handler = answering(b"HTTP/1.0 404 Not Found\r\n\r\n")
    assert asyncio.run(ask_of(handler, status=((200, 200), (404, 404)))).passed
    assert not asyncio.run(ask_of(handler, status=((200, 200), (403, 403)))).passed


def test_http_hints_come_before_the_answer() -> None:
    assert asyncio.run(ask_of(answering(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 3, OK), body="Healthy")).passed
    many = answering(b"HTTP/1.1 102 Processing\r\n\r\n" * 5000)
    assert not asyncio.run(ask_of(many)).passed


@pytest.mark.parametrize(
    ("parts", "ends"),
    [
        ([OK], False),
        ([OK[:20], OK[20:45], OK[45:]], False),
        ([b"HTTP/1.0 200 OK\n\nso it is Healthy here"], True),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nHea\r\n", b"4;x=y\r\nlthy\r\n0\r\n\r\n"], False),
        ([b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, Chunked\r\n\r\n", b"00007\r\nHealthy\r\n"], False),
        ([b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 40_000, b"Healthy"], False),
    ],
)
def test_http_bodies_that_pass(parts: list[bytes], ends: bool) -> None:
    assert asyncio.run(ask_of(answering(*parts, gap=0.02, ends=ends), body="Healthy")).passed


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nHealthy",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: Healthy\r\nContent-Length: 3\r\n\r\nSick",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nHea\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"no chunk at all" * 20,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 65536 + b"Healthy",
    ],
)
def test_http_bodies_that_fail_at_once(answer: bytes) -> None:
    begin = time.monotonic()
    outcome = asyncio.run(ask_of(answering(answer, ends=False), body="Healthy", timeout=60, interval=60))
    assert outcome.passed is False
    assert time.monotonic() - begin < 30


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00\x01\x02\xff" * 30,
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 999 OK\r\n\r\n",
    ],
)
def test_http_garbage(answer: bytes) -> None:
    outcome = asyncio.run(ask_of(answering(answer, ends=False), timeout=60, interval=60))
    assert outcome.passed is False
    assert outcome.reason.startswith("http: no answer of HTTP: '")
    assert outcome.reason.isprintable()
    assert len(outcome.reason) < 200


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(b"", "closed without an answer"), (b"HTTP/1.1 200 OK\r\nA: b", "only a part of an answer of HTTP, 21 bytes")],
)
def test_http_answers_that_are_cut_off(answer: bytes, reason: str) -> None:
    assert asyncio.run(ask_of(answering(answer))) == Outcome(False, f"http: {reason}")


def test_http_answers_that_never_end() -> None:
    begin = time.monotonic()
    # Not silent: there was a connection.
    late = Outcome(False, "http: no answer within 1 s")
    drip = answering(b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 600, gap=0.1)
    assert asyncio.run(ask_of(drip)) == late
    assert asyncio.run(ask_of(answering(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x"] * 600, gap=0.1), body="y")) == late
    assert asyncio.run(ask_of(silent)) == late
    assert time.monotonic() - begin < 30
    assert asyncio.run(ask_of(endless, timeout=60, interval=60)).passed is False
    head = answering(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 20_000, ends=False)
    assert asyncio.run(ask_of(head, timeout=60, interval=60)).passed is False


def test_http_is_not_confused_by_a_reset() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, probes.RESET_ON_CLOSE)

    assert asyncio.run(ask_of(handler)) == Outcome(False, "http: connection reset by peer")


def test_a_head_has_no_body() -> None:
    outcome = asyncio.run(
        ask_of(answering(OK[:-7], ends=False), method="HEAD", body="Healthy", timeout=60, interval=60)
    )
    assert outcome == Outcome(False, "http: status 200, and the body has not got 'Healthy' in it")


# -- https


@pytest.fixture
def tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


async def ask_tls(context: ssl.SSLContext, handler: Serve | None = None, **more: Any) -> Outcome:
    async with serving(handler or answering(OK, ends=False), tls=context) as port:
        return await ask("https", port, **more)


def test_https_takes_any_certificate_when_told(tls: ssl.SSLContext) -> None:
    assert asyncio.run(ask_tls(tls, verify=False, body="Healthy", host="other.example")).passed


def test_https_does_not_take_a_certificate_of_nobody(tls: ssl.SSLContext) -> None:
    assert asyncio.run(ask_tls(tls)) == Outcome(False, "https: self-signed certificate")


@pytest.mark.parametrize(("host", "passes"), [("", True), ("web.example:8443", True), ("other.example", False)])
def test_https_wants_the_right_name(
    tls: ssl.SSLContext,
    certificate: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    passes: bool,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    outcome = asyncio.run(ask_tls(tls, host=host))
    assert outcome.passed is passes
    assert passes or "other.example" in outcome.reason


def test_https_of_what_speaks_no_tls() -> None:
    assert asyncio.run(ask_of(endless, "https", timeout=60, interval=60)).passed is False
    assert asyncio.run(ask_of(silent, "https")) == Outcome(False, "https: no answer within 1 s")


def test_https_that_never_ends(tls: ssl.SSLContext) -> None:
    assert asyncio.run(ask_tls(tls, silent, verify=False)) == Outcome(False, "https: no answer within 1 s")
    assert asyncio.run(ask_tls(tls, endless, verify=False, timeout=60, interval=60)).passed is False


def test_https_with_a_name_that_tls_does_not_take_is_own_trouble(tls: ssl.SSLContext) -> None:
    assert asyncio.run(ask_tls(tls, host=f"{'x' * 70}.example")).passed is None


# -- udp


@contextlib.asynccontextmanager
async def datagrams(answer: bytes | None, port: int = 0) -> AsyncIterator[int]:
    """A server of UDP that gives this answer, if any, behind what it was asked."""

    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast(asyncio.DatagramTransport, transport)

        def datagram_received(self, data: bytes, source: tuple[str | Any, int]) -> None:
            if answer is not None:
                self.transport.sendto(data + answer, source)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Echo, ("127.0.0.1", port))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


async def ask_udp(answer: bytes | None, **more: Any) -> Outcome:
    async with datagrams(answer) as port:
        return await ask("udp", port, **more)


def test_udp() -> None:
    assert asyncio.run(ask_udp(b"pong", send="ping", expect="pingpong")).passed
    assert asyncio.run(ask_udp(b"\xff\x00 pong", send="", expect="pong")).passed
    assert asyncio.run(ask_udp(b"x", send="", expect="")).passed


def test_udp_with_another_answer() -> None:
    outcome = asyncio.run(ask_udp(b"\x1b[31mno", send="ping", expect="pong", timeout=60, interval=60))
    assert outcome == Outcome(False, "udp: the answer is 'ping?[31mno'")


def test_udp_without_an_answer() -> None:
    assert asyncio.run(ask_udp(None, send="ping")) == Outcome(False, "udp: no answer within 1 s", heard=False)


def test_udp_refused() -> None:
    outcome = asyncio.run(ask("udp", closed_port(socket.SOCK_DGRAM), send="ping", timeout=60, interval=60))
    assert outcome == Outcome(False, "udp: connection refused")


# -- exec


def test_exec() -> None:
    script = 'test "$POMALOBA_IP $POMALOBA_PORT" = "127.0.0.1 80"'
    assert asyncio.run(ask("exec", 80, command=("/bin/sh", "-c", script))).passed


def test_exec_says_why() -> None:
    outcome = asyncio.run(ask("exec", 80, command=("/bin/sh", "-c", "echo out; echo 'too \033[1m bad' >&2; exit 7")))
    assert outcome == Outcome(False, "exec: exit status 7: too ?[1m bad", heard=None)


def test_exec_with_much_output_is_no_trouble() -> None:
    script = "head -c 5000000 /dev/zero; echo; echo done; exit 3"
    outcome = asyncio.run(ask("exec", 80, command=("/bin/sh", "-c", script), timeout=60, interval=60))
    assert outcome.passed is False
    assert outcome.reason.endswith("done")
    assert len(outcome.reason) < 200


def running(mark: str) -> list[str]:
    """The processes whose command line has a mark in it."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if mark.encode() in path.read_bytes():
                found.append(path.parent.name)
    return found


@pytest.mark.parametrize("ends", ["wait", "yes", "exit 0"])
def test_exec_is_killed_with_all_that_it_started(ends: str) -> None:
    mark = f"60.{os.getpid()}"
    outcome = asyncio.run(ask("exec", 80, command=("/bin/sh", "-c", f"sleep {mark} & {ends}")))
    assert outcome.passed == (ends == "exit 0")
    deadline = time.monotonic() + 30
    while running(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert running(mark) == []


def test_exec_that_is_not_there_says_nothing_about_the_destination() -> None:
    outcome = asyncio.run(ask("exec", 80, command=("/no/such/check",)))
    assert outcome == Outcome(None, "exec: /no/such/check cannot be run: no such file or directory")


def test_exec_has_to_be_allowed() -> None:
    assert asyncio.run(ask("exec", 80, allow_exec=False, command=("/bin/true",))).passed is None


# -- all


def test_not_more_than_so_many_at_once() -> None:
    most = 0
    now = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal most, now
        now += 1
        most = max(most, now)
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.02)
        now -= 1
        writer.write(OK)

    async def story() -> list[Outcome]:
        async with serving(handler) as port:
            prober = Prober(3, False)
            target = Target("127.0.0.1", check("http", port, timeout=60, interval=60))
            return await asyncio.gather(*[prober.ask(target) for _ in range(20)])

    assert all(one.passed for one in asyncio.run(story()))
    assert most == 3


def test_a_probe_can_be_cancelled() -> None:
    async def story() -> None:
        async with serving(silent) as port:
            for kind in ("http", "https", "exec"):
                task = asyncio.ensure_future(ask(kind, port, command=("/bin/sleep", "60"), timeout=60, interval=60))
                await asyncio.sleep(0.2)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task

    asyncio.run(story())


@pytest.mark.parametrize("data", [b"", b"H", b"HTTP/1.", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nA: b\r\n"])
def test_a_part_of_a_head_is_waited_for(data: bytes) -> None:
    answer = probes.Answer(check("http", 80))
    assert not answer.passes(data or b"H")
    with pytest.raises(Failed):
        answer.passes(b"")


@pytest.mark.parametrize(
    ("answer", "passes"),
    [
        (OK, True),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 2 + OK, True),
        (b"HTTP/1.0 200 OK\n\nso it is HeaHealthy here", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nHea\r\n4;x=y\r\nlthy\r\n0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nHea\n4\nlthy\n", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nHea\r\n0\r\n\r\nlthy", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nHealthy", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHealthy", False),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_an_answer_is_the_same_in_pieces_of_any_size(answer: bytes, passes: bool, size: int) -> None:
    reader = probes.Answer(check("http", 80, body="Healthy"))
    pieces = [answer[index : index + size] for index in range(0, len(answer), size)]
    if passes:
        assert [reader.passes(one) for one in pieces].count(True) >= 1
    else:
        with pytest.raises(Failed, match="has not got 'Healthy' in it"):
            assert not any(reader.passes(one) for one in pieces)


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        (b"HTTP/1.1 102 Wait\r\n\r\n" * 2000, b"HTTP/1.1 102 Wait\r\n\r\n"),
    ],
)
def test_an_answer_in_tiny_pieces_costs_no_more_than_its_size(head: bytes, piece: bytes) -> None:
    """What is 64 KiB in 64 Ki pieces took seconds for each probe when all was searched with each piece."""
    reader = probes.Answer(check("http", 80, body="Healthy"))
    begin = time.process_time()
    with pytest.raises(Failed):
        assert not reader.passes(head)
        while True:
            assert not reader.passes(piece)
    assert time.process_time() - begin < 2
