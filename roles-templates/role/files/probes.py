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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

import netlink
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
# What says nothing about the destination: no memory, file descriptors or port here, or a firewall.
OWN_ERRORS = frozenset(
    {
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
# No answer, either, and nothing that tells whose fault it is: there is no way, or nobody at its end.
SILENCE = frozenset(
    {
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ETIMEDOUT,
    }
)
# What the kernel says where it lets nobody, or not us, tell conntrack to forget.
NO_FORGETTING = frozenset({errno.EAFNOSUPPORT, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM, errno.EPROTONOSUPPORT})
# Closing resets the connection: so it leaves no TIME_WAIT, of which thousands of checks would have hundreds of
# thousands here, and in the table of conntrack.
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Failed(Exception):
    """The destination does not work: why."""


class Verdict(Failed):
    """A program says so; whether anything came from the destination only it knows."""


class Late(Exception):
    """The time for an answer is over."""


class Silent(Late):
    """The same, and nothing has come at all."""


class OwnTrouble(Exception):
    """This host could not ask: that says nothing about the destination."""


@dataclass(frozen=True)
class Target:
    """What is asked, and how: once for all destinations that have it in common."""

    ip: str
    check: Check


@dataclass(frozen=True)
class Outcome:
    """What came of a probe; `passed` is None where this host could not ask. `heard`: whether anything came from the
    destination, None where nobody knows. `began` is when it was asked, by the clock of the loop."""

    passed: bool | None
    reason: str = ""
    latency: float | None = None
    heard: bool | None = True
    began: float = field(default=0.0, compare=False)

    @property
    def is_answer(self) -> bool:
        """Whether it shows that there is a network."""
        return self.passed is not None and self.heard is True

    @property
    def is_silence(self) -> bool:
        """Whether it may be this host's network that has failed."""
        return self.passed is False and self.heard is False


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
    return OwnTrouble(named(error)) if error.errno in OWN_ERRORS else error


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


class Flows:
    """What conntrack keeps of probes. One that is not answered would stay in its table for two minutes, and each has a
    source port of its own: sixty for a destination that is dead, until there is no room for the clients' connections.
    So it is forgotten with the probe. One port for all of them would leave one entry, too, but what balances on the way
    (kube-proxy, for one) keeps what it has decided of a flow: a probe that was sent to a dead pod once would lead there
    for ever, as each one makes that last longer."""

    def __init__(self) -> None:
        self._is_possible = True

    def forget(self, kind: socket.SocketKind, own: tuple[str, int], target: Target) -> None:
        """Does without, where that is not to be had."""
        if not self._is_possible:
            return
        protocol = socket.IPPROTO_TCP if kind == socket.SOCK_STREAM else socket.IPPROTO_UDP
        try:
            netlink.forget_flow(protocol, own, (target.ip, target.check.port))
        except OSError as error:
            self._is_possible = error.errno not in NO_FORGETTING


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """What takes too long in here, takes too long without a word."""
    try:
        yield
    except Late:
        raise Silent() from None


def opened(kind: socket.SocketKind, target: Target) -> socket.socket:
    """A socket that is connected, or will be. What fails at once, failed here."""
    try:
        sock = socket.socket(socket.AF_INET6 if ":" in target.ip else socket.AF_INET, kind)
        try:
            sock.setblocking(False)
            if kind == socket.SOCK_STREAM:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            code = sock.connect_ex((target.ip, target.check.port))
            if code not in (0, errno.EINPROGRESS):
                raise OSError(code, os.strerror(code))
        except BaseException:
            sock.close()
            raise
    except OSError as error:
        raise judged(error) from None
    return sock


async def connect(target: Target, deadline: float, flows: Flows) -> socket.socket:
    """A connection. What fails now, failed there, or on the way."""
    sock = opened(socket.SOCK_STREAM, target)
    own = sock.getsockname()[:2]
    try:
        with silence():
            await until_ready(sock, True, deadline)
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
    except BaseException:
        # As long as the port is ours.
        flows.forget(socket.SOCK_STREAM, own, target)
        sock.close()
        raise
    return sock


async def ask_tcp(target: Target, deadline: float, flows: Flows) -> None:
    """Passes when the connection is there."""
    (await connect(target, deadline, flows)).close()


async def ask_udp(target: Target, deadline: float, flows: Flows) -> None:
    """Passes when a datagram comes back that has what is expected in it. A connected socket hears of ICMP errors."""
    check = target.check
    with contextlib.closing(opened(socket.SOCK_DGRAM, target)) as sock:
        own = sock.getsockname()[:2]
        try:
            sock.send(check.send.encode())
        except OSError as error:
            raise judged(error) from None
        try:
            with silence():
                answer = await patiently(sock, False, deadline, lambda: sock.recv(MOST_DATAGRAM))
        finally:
            # No reset ends it early: also with an answer it would stay for half a minute or two.
            flows.forget(socket.SOCK_DGRAM, own, target)
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
# Behind a chunk there is the end of its line.
_CHUNK_SIZE = re.compile(rb"(?:\r?\n)?([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")
_LENGTH = re.compile(rb"^content-length:[ \t]*([0-9]{1,15})[ \t]*\r?$", re.MULTILINE)
_CHUNKED = re.compile(rb"^transfer-encoding:[^\r\n]*chunked", re.MULTILINE)
_SWITCHING = 101


def _head(status: int, headers: bytes, size: int) -> Head:
    length = _LENGTH.search(headers)
    chunked = _CHUNKED.search(headers) is not None
    return Head(status, int(length[1]) if length and not chunked else None, chunked, size)


class Body:
    """The body of an answer, as much of it as is there."""

    def __init__(self, head: Head) -> None:
        self.text = bytearray()
        self.is_whole = False
        self._chunked = head.chunked
        self._next = head.size
        # What of it comes before the next chunk begins.
        self._left = 0 if head.chunked else MOST_ANSWER if head.length is None else head.length

    def take(self, data: bytearray) -> None:
        """Takes what is new in `data`, the whole answer so far."""
        while True:
            part = data[self._next : self._next + self._left]
            self.text += part
            self._next += len(part)
            self._left -= len(part)
            if self._left or self.is_whole or not (self._chunked and self._begin_chunk(data)):
                break
        self.is_whole = self.is_whole or not (self._left or self._chunked)

    def _begin_chunk(self, data: bytearray) -> bool:
        """Whether the line is there that one begins with."""
        line = _CHUNK_SIZE.match(data, self._next)
        if line is None:
            if len(data) - self._next > MOST_SHOWN:
                raise Failed("a body in chunks that are none")
            return False
        self._left = int(line[1], 16)
        self._next = line.end()
        self.is_whole = self._left == 0
        return True


class Answer:
    """An answer of HTTP as it comes, of which nothing is looked at again with each piece, however small they are."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self._wanted = check.body.encode()
        self._data = bytearray()
        # Where the head begins, and up to where its end was looked for; the same of the body.
        self._begin = 0
        self._looked = 0
        self._body: Body | None = None
        self._searched = 0

    def passes(self, part: bytes) -> bool:
        """Takes in the next piece, an empty one at the end. Whether what has come passes; False while more has to come;
        Failed if nothing can make it pass."""
        self._data += part[: MOST_ANSWER - len(self._data)]
        is_all = not part or len(self._data) >= MOST_ANSWER
        if self._body is None:
            head = self._find_head()
            if head is None:
                if is_all:
                    some = f"only a part of an answer of HTTP, {len(self._data)} bytes"
                    raise Failed(some if self._data else "closed without an answer")
                return False
            if not any(first <= head.status <= last for first, last in self._check.status):
                raise Failed(f"status {head.status}")
            self._status = head.status
            self._body = Body(head)
        return not self._wanted or self._has_wanted(self._body, is_all)

    def _find_head(self) -> Head | None:
        """None while it is not whole; Failed if it is none of HTTP."""
        data = self._data
        while True:
            begin = self._begin
            if data[begin : begin + 5] != b"HTTP/"[: len(data) - begin]:
                raise self._no_http()
            end = _HEAD_END.search(data, max(begin, self._looked))
            if end is None:
                # Its beginning may be there.
                self._looked = len(data) - 3
                return None
            line = _STATUS_LINE.match(data, begin)
            if line is None:
                raise self._no_http()
            status = int(line[1])
            if status >= 200 or status == _SWITCHING:
                return _head(status, bytes(data[line.end() : end.start()]).lower(), end.end())
            # A hint that comes before the answer.
            self._begin = end.end()

    def _no_http(self) -> Failed:
        return Failed(f"no answer of HTTP: {shown(bytes(self._data[self._begin : self._begin + MOST_SHOWN]))}")

    def _has_wanted(self, body: Body, is_all: bool) -> bool:
        body.take(self._data)
        if body.text.find(self._wanted, self._searched) >= 0:
            return True
        self._searched = max(0, len(body.text) - len(self._wanted) + 1)
        if is_all or body.is_whole or self._check.method.upper() == "HEAD":
            text = printable(self._check.body)
            raise Failed(f"status {self._status}, and the body has not got {text!r} in it")
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
    answer = Answer(target.check)
    while not answer.passes(await patiently(sock, False, deadline, lambda: sock.recv(MOST_ANSWER))):
        pass


async def ask_http(target: Target, deadline: float, flows: Flows) -> None:
    """Passes when the answer has one of the statuses, and in its first 64 KiB the text."""
    with contextlib.closing(await connect(target, deadline, flows)) as sock:
        await exchange(sock, target, deadline)


async def ask_https(target: Target, deadline: float, flows: Flows, context: ssl.SSLContext) -> None:
    """The same over TLS."""
    name = server_name(target.check, target.ip)
    name.encode("idna")  # what TLS does not take is said before there is a connection
    sock = await connect(target, deadline, flows)
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
            raise Silent() from None
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(process.wait(), KILLED_WITHIN)
        if code != 0:
            line = output.last_line()
            raise Verdict(f"exit status {code}{': ' if line else ''}{line}")


class Prober:
    """Asks targets, so many at the same time."""

    def __init__(self, at_once: int, allow_exec: bool) -> None:
        self.allow_exec = allow_exec
        self._turns = asyncio.Semaphore(at_once)
        self._programs = asyncio.Semaphore(MOST_PROGRAMS)
        self._contexts: dict[bool, ssl.SSLContext] = {}
        self._flows = Flows()

    async def ask(self, target: Target) -> Outcome:
        """What came of it, whatever happens. The time begins when it is its turn."""
        loop = asyncio.get_running_loop()
        async with self._turns:
            began = loop.time()
            outcome = await self._outcome(target, began + target.check.timeout)
            return replace(outcome, began=began, latency=loop.time() - began if outcome.passed else None)

    async def _outcome(self, target: Target, deadline: float) -> Outcome:
        kind = target.check.kind
        try:
            await self._ask(target, deadline)
        except OwnTrouble as trouble:
            return Outcome(None, f"{kind}: {trouble}")
        except Late as late:
            heard = not isinstance(late, Silent)
            return Outcome(False, f"{kind}: no answer within {target.check.timeout} s", heard=heard)
        except Failed as failure:
            return Outcome(False, f"{kind}: {failure}", heard=None if isinstance(failure, Verdict) else True)
        except OSError as error:  # of the connection, and of TLS
            return Outcome(False, f"{kind}: {named(error)}", heard=error.errno not in SILENCE)
        except Exception as error:  # a name that TLS does not take, or a bug: no reason to ask nobody any more
            return Outcome(None, f"{kind}: {type(error).__name__}: {printable(str(error))}")
        return Outcome(True)

    async def _ask(self, target: Target, deadline: float) -> None:
        kind = target.check.kind
        if kind == "tcp":
            await ask_tcp(target, deadline, self._flows)
        elif kind == "udp":
            await ask_udp(target, deadline, self._flows)
        elif kind == "http":
            await ask_http(target, deadline, self._flows)
        elif kind == "https":
            await ask_https(target, deadline, self._flows, self._context(target.check.verify))
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
