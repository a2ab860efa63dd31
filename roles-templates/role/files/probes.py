"""How a destination is asked whether it works: by TCP, UDP, HTTP, TLS, or a program.

For health.py. Python 3.9 and later, its standard library only.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import re
import signal
import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from netfilter import Check

T = TypeVar("T")

# Of an answer no more is looked at, in bytes.
MOST_ANSWER = 64 * 1024
MOST_DATAGRAM = 64 * 1024
# What is kept of a program's output, and of any text that another host wrote.
MOST_OUTPUT = 1024
MOST_SHOWN = 120
MOST_PROGRAMS = 64
# Unless the kernel has it in its hands, in seconds.
KILLED_WITHIN = 1.0
# What says nothing about the destination: no route, network, memory, file descriptors or port here, or a firewall.
OWN_ERRORS = frozenset(
    {
        errno.ENETUNREACH,
        errno.ENETDOWN,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EMFILE,
        errno.ENFILE,
        errno.EADDRNOTAVAIL,
        errno.EAFNOSUPPORT,
        errno.EAGAIN,
        errno.EPERM,
    }
)
# Closing resets the connection: so it leaves no TIME_WAIT, of which thousands of checks would have hundreds of
# thousands here, and in the table of conntrack.
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Failed(Exception):
    """The destination does not work: why."""


class Late(Exception):
    """The time for an answer is over."""


class OwnTrouble(Exception):
    """This host could not ask: that says nothing about the destination."""


@dataclass(frozen=True)
class Target:
    """What is asked, and how: once for all destinations that have it in common."""

    ip: str
    check: Check


@dataclass(frozen=True)
class Outcome:
    """What came of a probe; `passed` is None where this host could not ask."""

    passed: bool | None
    reason: str = ""
    latency: float | None = None


def printable(text: str) -> str:
    """A text of another host, so that it can do nothing to a terminal or a journal."""
    shown = "".join(one if one.isprintable() else "?" for one in text)
    return shown if len(shown) <= MOST_SHOWN else f"{shown[: MOST_SHOWN - 3]}..."


def named(error: OSError) -> str:
    """What an error says, without its number."""
    text = getattr(error, "verify_message", "") or getattr(error, "reason", "") or error.strerror or str(error)
    return printable(f"{text[:1].lower()}{text[1:]}" if text[1:2].islower() else text)


def judged(error: OSError) -> Exception:
    """What an error of this host's own system calls means, which the network had no part in yet."""
    return OwnTrouble(named(error)) if error.errno in OWN_ERRORS else Failed(named(error))


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _expire(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_exception(Late())


async def until_ready(sock: socket.socket, writing: bool, deadline: float) -> None:
    """Waits until a socket can be read or written; asyncio's own ways take a task for each wait that has a limit."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    descriptor = sock.fileno()
    add, remove = (loop.add_writer, loop.remove_writer) if writing else (loop.add_reader, loop.remove_reader)
    add(descriptor, _settle, ready)
    timer = loop.call_at(deadline, _expire, ready)
    try:
        await ready
    finally:
        timer.cancel()
        remove(descriptor)


async def patiently(sock: socket.socket, writing: bool, deadline: float, action: Callable[[], T]) -> T:
    """What `action` gives as soon as the socket lets it."""
    while True:
        wait_to_write = writing
        try:
            return action()
        except ssl.SSLWantReadError:
            wait_to_write = False
        except ssl.SSLWantWriteError:
            wait_to_write = True
        except BlockingIOError:
            pass
        await until_ready(sock, wait_to_write, deadline)


async def connect(kind: socket.SocketKind, ip: str, port: int, deadline: float) -> socket.socket:
    """A connected socket. What fails at once, failed here; what fails later, failed there, or on the way."""
    try:
        sock = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, kind)
    except OSError as error:
        raise judged(error) from None
    try:
        sock.setblocking(False)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        code = sock.connect_ex((ip, port))
        if code == errno.EINPROGRESS:
            await until_ready(sock, True, deadline)
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise Failed(named(OSError(code, os.strerror(code))))
        elif code:
            raise judged(OSError(code, os.strerror(code)))
    except BaseException:
        sock.close()
        raise
    return sock


async def ask_tcp(target: Target, deadline: float) -> None:
    """Passes when the connection is there."""
    (await connect(socket.SOCK_STREAM, target.ip, target.check.port, deadline)).close()


async def ask_udp(target: Target, deadline: float) -> None:
    """Passes when a datagram comes back that has what is expected in it. A connected socket hears of ICMP errors."""
    check = target.check
    with contextlib.closing(await connect(socket.SOCK_DGRAM, target.ip, check.port, deadline)) as sock:
        try:
            sock.send(check.send.encode())
        except OSError as error:
            raise judged(error) from None
        answer = await patiently(sock, False, deadline, lambda: sock.recv(MOST_DATAGRAM))
    if check.expect.encode() not in answer:
        raise Failed(f"the answer is {shown(answer)}")


def shown(data: bytes) -> str:
    """The beginning of an answer, to be read by people."""
    return repr(printable(data[:MOST_SHOWN].decode("utf-8", "replace")))


@dataclass(frozen=True)
class Head:
    """What counts of an answer's head; `size` is where the body begins. `length` None: until the connection ends."""

    status: int
    length: int | None
    chunked: bool
    size: int


_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])(?: [^\r\n]*)?\r?\n")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")
_LENGTH = re.compile(rb"^content-length:[ \t]*([0-9]{1,15})[ \t]*\r?$", re.MULTILINE)
_CHUNKED = re.compile(rb"^transfer-encoding:[^\r\n]*chunked", re.MULTILINE)
_SWITCHING = 101


def head_of(data: bytes) -> Head | None:
    """The head of an answer, None while it is not whole; Failed if it is none of HTTP."""
    begin = 0
    while True:
        if data[begin : begin + 5] != b"HTTP/"[: len(data) - begin]:
            raise Failed(f"no answer of HTTP: {shown(data[begin:])}")
        end = _HEAD_END.search(data, begin)
        if end is None:
            return None
        line = _STATUS_LINE.match(data, begin)
        if line is None:
            raise Failed(f"no answer of HTTP: {shown(data[begin:])}")
        status = int(line[1])
        if status >= 200 or status == _SWITCHING:
            return _head(status, data[line.end() : end.start()].lower(), end.end())
        # A hint that comes before the answer.
        begin = end.end()


def _head(status: int, headers: bytes, size: int) -> Head:
    length = _LENGTH.search(headers)
    chunked = _CHUNKED.search(headers) is not None
    return Head(status, int(length[1]) if length and not chunked else None, chunked, size)


def body_of(head: Head, data: bytes) -> tuple[bytes, bool]:
    """As much of the body as is there, and whether that is all."""
    if head.chunked:
        return unchunked(data, head.size)
    if head.length is None:
        return data[head.size :], False
    return data[head.size : head.size + head.length], len(data) >= head.size + head.length


def unchunked(data: bytes, begin: int) -> tuple[bytes, bool]:
    """The same of a body in chunks."""
    parts: list[bytes] = []
    while True:
        line = _CHUNK_SIZE.match(data, begin)
        if line is None:
            if len(data) - begin > MOST_SHOWN:
                raise Failed("a body in chunks that are none")
            return b"".join(parts), False
        size = int(line[1], 16)
        if size == 0:
            return b"".join(parts), True
        parts.append(data[line.end() : line.end() + size])
        begin = line.end() + size
        begin += 2 if data[begin : begin + 1] == b"\r" else 1
        if begin > len(data):
            return b"".join(parts), False


def is_answer(check: Check, data: bytes, is_all: bool) -> bool:
    """Whether what has come passes; False while more has to come, if it can; Failed if nothing can make it pass."""
    head = head_of(data)
    if head is None:
        if is_all:
            raise Failed(f"only a part of an answer of HTTP, {len(data)} bytes" if data else "closed without an answer")
        return False
    if not any(first <= head.status <= last for first, last in check.status):
        raise Failed(f"status {head.status}")
    if not check.body:
        return True
    body, is_whole = body_of(head, data)
    if check.body.encode() in body:
        return True
    if is_all or is_whole or check.method.upper() == "HEAD":
        raise Failed(f"status {head.status}, and the body has not got {printable(check.body)!r} in it")
    return False


def request_of(check: Check, ip: str) -> bytes:
    """The request; the host is as in the spec, or else the address that is asked."""
    usual = 443 if check.kind == "https" else 80
    address = f"[{ip}]" if ":" in ip else ip
    host = check.host or (address if check.port == usual else f"{address}:{check.port}")
    lines = [
        f"{check.method} {check.path} HTTP/1.1",
        f"Host: {host}",
        "User-Agent: pomaloba",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Connection: close",
    ]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


def server_name(check: Check, ip: str) -> str:
    """Whose certificate has to come: the host without a port."""
    host = check.host
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return (host if host.count(":") > 1 else host.partition(":")[0]) or ip


async def send(sock: socket.socket, data: bytes, deadline: float) -> None:
    """Sends all of it."""
    left = memoryview(data)

    def advance() -> None:
        nonlocal left
        left = left[sock.send(left) :]

    while left:
        await patiently(sock, True, deadline, advance)


async def exchange(sock: socket.socket, target: Target, deadline: float) -> None:
    """Asks, and reads until the answer is good or cannot become so."""
    await send(sock, request_of(target.check, target.ip), deadline)
    data = b""
    while True:
        part = await patiently(sock, False, deadline, lambda: sock.recv(MOST_ANSWER))
        data += part
        if is_answer(target.check, data[:MOST_ANSWER], not part or len(data) >= MOST_ANSWER):
            return


async def ask_http(target: Target, deadline: float) -> None:
    """Passes when the answer has one of the statuses, and in its first 64 KiB the text."""
    with contextlib.closing(await connect(socket.SOCK_STREAM, target.ip, target.check.port, deadline)) as sock:
        await exchange(sock, target, deadline)


async def ask_https(target: Target, deadline: float, context: ssl.SSLContext) -> None:
    """The same over TLS."""
    name = server_name(target.check, target.ip)
    name.encode("idna")  # what TLS does not take is said before there is a connection
    sock = await connect(socket.SOCK_STREAM, target.ip, target.check.port, deadline)
    # Closing the one that is wrapped does nothing to the other, and is needed if the wrapping fails.
    with sock, context.wrap_socket(sock, server_hostname=name, do_handshake_on_connect=False) as secure:
        await patiently(secure, False, deadline, secure.do_handshake)
        await exchange(secure, target, deadline)


class Output:
    """Reads all that a program writes, and keeps the end of it."""

    def __init__(self) -> None:
        self.tail = b""
        self._reader, self.writer = os.pipe()
        os.set_blocking(self._reader, False)
        asyncio.get_running_loop().add_reader(self._reader, self._read)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._reader, MOST_ANSWER)
            self.tail = (self.tail + data)[-MOST_OUTPUT:]
            if not data:
                asyncio.get_running_loop().remove_reader(self._reader)

    def started(self) -> None:
        """The program has its end; ours would keep the pipe from ending."""
        os.close(self.writer)
        self.writer = -1

    def last_line(self) -> str:
        self._read()
        lines = self.tail.decode("utf-8", "replace").split("\n")
        return next((printable(line) for line in reversed(lines) if line.strip()), "")

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._reader)
        os.close(self._reader)
        if self.writer >= 0:
            os.close(self.writer)


async def ask_program(target: Target, deadline: float) -> None:
    """Passes when the program exits with 0. At the end all that it has started is killed."""
    environment = {
        "PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        "POMALOBA_IP": target.ip,
        "POMALOBA_PORT": str(target.check.port),
    }
    with contextlib.closing(Output()) as output:
        try:
            process = await asyncio.create_subprocess_exec(
                *target.check.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output.writer,
                stderr=output.writer,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise OwnTrouble(f"{printable(target.check.command[0])} cannot be run: {named(error)}") from None
        output.started()
        try:
            limit = deadline - asyncio.get_running_loop().time()
            code = await asyncio.wait_for(process.wait(), max(0.0, limit))
        except asyncio.TimeoutError:
            raise Late() from None
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(process.wait(), KILLED_WITHIN)
        if code != 0:
            line = output.last_line()
            raise Failed(f"exit status {code}{': ' if line else ''}{line}")


class Prober:
    """Asks targets, so many at the same time."""

    def __init__(self, at_once: int, allow_exec: bool) -> None:
        self.allow_exec = allow_exec
        self._turns = asyncio.Semaphore(at_once)
        self._programs = asyncio.Semaphore(MOST_PROGRAMS)
        self._contexts: dict[bool, ssl.SSLContext] = {}

    async def ask(self, target: Target) -> Outcome:
        """What came of it, whatever happens. The time begins when it is its turn."""
        loop = asyncio.get_running_loop()
        async with self._turns:
            begin = loop.time()
            try:
                await self._ask(target, begin + target.check.timeout)
            except OwnTrouble as trouble:
                return Outcome(None, f"{target.check.kind}: {trouble}")
            except Late:
                return self._failed(target, f"no answer within {target.check.timeout} s")
            except Failed as failure:
                return self._failed(target, str(failure))
            except OSError as error:  # of the connection, and of TLS
                return self._failed(target, named(error))
            except Exception as error:  # a name that TLS does not take, or a bug: no reason to ask nobody any more
                return Outcome(None, f"{target.check.kind}: {type(error).__name__}: {printable(str(error))}")
            return Outcome(True, "", loop.time() - begin)

    @staticmethod
    def _failed(target: Target, reason: str) -> Outcome:
        return Outcome(False, f"{target.check.kind}: {reason}")

    async def _ask(self, target: Target, deadline: float) -> None:
        kind = target.check.kind
        if kind == "tcp":
            await ask_tcp(target, deadline)
        elif kind == "udp":
            await ask_udp(target, deadline)
        elif kind == "http":
            await ask_http(target, deadline)
        elif kind == "https":
            await ask_https(target, deadline, self._context(target.check.verify))
        elif not self.allow_exec:
            raise OwnTrouble("programs are not allowed here: pomaloba_allow_exec_checks")
        else:
            async with self._programs:
                await ask_program(target, asyncio.get_running_loop().time() + target.check.timeout)

    def _context(self, verify: bool) -> ssl.SSLContext:
        """Made once, as that reads all certificates of the system."""
        if verify not in self._contexts:
            context = ssl.create_default_context()
            if not verify:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            self._contexts[verify] = context
        return self._contexts[verify]
