"""What is said to the kernel itself, without a program in between.

The checker asks each second what is down. A run of nft for that would be most of its work, and nft 0.9.8 reads all sets
of all tables to list one. And it lets conntrack forget probes, of which there may be thousands a second. Python 3.9 and
later, its standard library only.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator

# linux/netlink.h, linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h
_NETLINK_NETFILTER = 12
_NLM_F_REQUEST, _NLM_F_ACK, _NLM_F_DUMP, _NLM_F_DUMP_INTR = 0x1, 0x4, 0x300, 0x10
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_NEWSETELEM, _GETSETELEM = 10 << 8 | 12, 10 << 8 | 13
_NFPROTO_INET = 1
_LIST_TABLE, _LIST_SET, _LIST_ELEMENTS = 1, 2, 3
_ELEM_KEY, _DATA_VALUE = 1, 1
_TYPE_MASK, _NESTED = 0x3FFF, 0x8000
# linux/netfilter/nfnetlink_conntrack.h
_DELETE_FLOW = 1 << 8 | 2
_TUPLE_ORIG, _TUPLE_IP, _TUPLE_PROTO = 1, 1, 2
_IP_SOURCE = {socket.AF_INET: 1, socket.AF_INET6: 3}
_PROTO_NUM, _PROTO_SOURCE, _PROTO_DESTINATION = 1, 2, 3

_HEADER = struct.Struct("=IHHII")
_FAMILY = struct.Struct("!BBH")
_ATTRIBUTE = struct.Struct("=HH")
# A message of a dump has at most so much.
_BUFFER = 1 << 16
# What is done or refused is told in less.
_SHORT = 1 << 12
_TRIES = 100
_PATIENCE = 10.0


def set_elements(table: str, name: str) -> list[bytes]:
    """The keys of a set of an inet table, in the kernel's form. FileNotFoundError if there is no such set or table."""
    before: list[bytes] | None = None
    for _ in range(_TRIES):
        elements, parts = _dump(table, name)
        # For each part the kernel counts from the beginning, in an order that it may change without a word when the set
        # has grown: some are then missing. So of several parts two lists have to agree.
        if elements is not None and (parts <= 1 or elements == before):
            return elements
        before = elements
    raise OSError(errno.EAGAIN, "the set changes all the time")


def forget_flow(protocol: int, source: tuple[str, int], destination: tuple[str, int]) -> None:
    """Makes conntrack forget the flow that was opened so. FileNotFoundError if it knows none, another OSError if the
    kernel does not do that (for us). It is done at once: nothing is waited for."""
    family = socket.AF_INET6 if ":" in destination[0] else socket.AF_INET
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER) as sock:
        sock.setblocking(False)
        sock.sendto(_flow(family, protocol, source, destination), (0, 0))
        for _, _, body in _messages(sock.recv(_SHORT)):
            _raise(body)


def _flow(family: int, protocol: int, source: tuple[str, int], destination: tuple[str, int]) -> bytes:
    (from_ip, from_port), (to_ip, to_port) = source, destination
    first = _IP_SOURCE[socket.AddressFamily(family)]
    ip = _attribute(first, socket.inet_pton(family, from_ip)) + _attribute(first + 1, socket.inet_pton(family, to_ip))
    ports = ((_PROTO_SOURCE, from_port), (_PROTO_DESTINATION, to_port))
    proto = _attribute(_PROTO_NUM, bytes([protocol])) + b"".join(
        _attribute(kind, port.to_bytes(2, "big")) for kind, port in ports
    )
    # Without a tuple the kernel would forget all that it knows.
    parts = _attribute(_NESTED | _TUPLE_IP, ip) + _attribute(_NESTED | _TUPLE_PROTO, proto)
    body = _FAMILY.pack(family, 0, 0) + _attribute(_NESTED | _TUPLE_ORIG, parts)
    return _HEADER.pack(_HEADER.size + len(body), _DELETE_FLOW, _NLM_F_REQUEST | _NLM_F_ACK, 1, 0) + body


def _dump(table: str, name: str) -> tuple[list[bytes] | None, int]:
    """The sorted keys, or None if the set has changed meanwhile, and in how many parts they came."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER) as sock:
        sock.settimeout(_PATIENCE)
        sock.sendto(_request(table, name), (0, 0))
        elements: list[bytes] = []
        parts = 0
        while True:
            for kind, flags, body in _messages(sock.recv(_BUFFER)):
                if flags & _NLM_F_DUMP_INTR:
                    return None, parts
                if kind in (_NLMSG_ERROR, _NLMSG_DONE):
                    _raise(body)
                    return sorted(elements), parts
                if kind == _NEWSETELEM:
                    parts += 1
                    elements += _keys(body[_FAMILY.size :])


def _request(table: str, name: str) -> bytes:
    body = _FAMILY.pack(_NFPROTO_INET, 0, 0) + _text(_LIST_TABLE, table) + _text(_LIST_SET, name)
    return _HEADER.pack(_HEADER.size + len(body), _GETSETELEM, _NLM_F_REQUEST | _NLM_F_DUMP, 1, 0) + body


def _text(kind: int, text: str) -> bytes:
    return _attribute(kind, text.encode() + b"\0")


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)


def _messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The type, flags and body of each."""
    while len(data) >= _HEADER.size:
        size, kind, flags, _, _ = _HEADER.unpack_from(data)
        if size < _HEADER.size:
            raise OSError(errno.EPROTO, os.strerror(errno.EPROTO))
        yield kind, flags, data[_HEADER.size : size]
        data = data[(size + 3) & ~3 :]


def _raise(body: bytes) -> None:
    """Both kinds of a last message begin with an error number, 0 for none."""
    code = -struct.unpack_from("=i", body)[0] if len(body) >= 4 else 0
    if code:
        raise OSError(code, os.strerror(code))


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    start = 0
    while start + _ATTRIBUTE.size <= len(data):
        size, kind = _ATTRIBUTE.unpack_from(data, start)
        if size < _ATTRIBUTE.size:
            return
        yield kind & _TYPE_MASK, data[start + _ATTRIBUTE.size : start + size]
        start += (size + 3) & ~3


def _keys(data: bytes) -> Iterator[bytes]:
    for kind, elements in _attributes(data):
        if kind == _LIST_ELEMENTS:
            for _, element in _attributes(elements):
                key = dict(_attributes(element)).get(_ELEM_KEY, b"")
                yield dict(_attributes(key)).get(_DATA_VALUE, b"")
