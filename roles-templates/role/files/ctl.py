"""pomaloba-ctl: shows the destinations of a ruleset on this host, takes them out, and lets them in again.

pomaloba-ctl finds the ruleset and runs this as `ctl.py NAME COMMAND`. Works where nothing is checked, too. Python 3.9
and later, its standard library only.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import ipaddress
import json
import os
import re
import shutil
import sys
import syslog
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from destinations import DestinationState, read_state
from netfilter import (
    App,
    BadData,
    Balancer,
    Destination,
    Endpoint,
    Key,
    NetfilterError,
    NotLoaded,
    PacketFilter,
    Pool,
    Traffic,
    packet_filter,
    read_balancer,
    read_keys,
    socket_text,
    write_keys,
)

UP, DOWN, DRAINED, UNCHECKED = "up", "down", "drained", "unchecked"
# The checker writes its state more often than this, whatever happens.
STALE_AFTER = 60.0
LOCK_PATIENCE = 60.0


class Refused(Exception):
    """What was asked for cannot be done, and why."""


@dataclass(frozen=True)
class Places:
    """Where the files of a ruleset are: what runs, and what the checker knows."""

    run: Path
    state: Path

    def balancer(self) -> Balancer:
        path = self.run / "balancer.json"
        try:
            return read_balancer(path)
        except FileNotFoundError:
            raise NotLoaded(f"the ruleset is not loaded: there is no {path}") from None

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Alone, also with control.sh, which holds the same lock while it loads a ruleset."""
        with open(self.run.with_name(f"{self.run.name}.lock"), "a", encoding="utf-8") as file:
            end = time.monotonic() + LOCK_PATIENCE
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > end:
                        raise Refused(f"another program holds {file.name}: is a ruleset being loaded?") from None
                    time.sleep(0.05)
            yield


# -- what is known of the destinations


@dataclass(frozen=True)
class Facts:
    """Who says what: the kernel, the files of the role and of pomaloba-ctl, the checker, and when it last wrote."""

    down: set[Key]
    by_role: set[Key]
    by_ctl: set[Key]
    checked: Mapping[Key, DestinationState]
    heard: float | None
    now: float

    @property
    def checker_is_silent(self) -> bool:
        return self.heard is None or self.now - self.heard > STALE_AFTER


def gather(places: Places, filter_: PacketFilter) -> Facts:
    file = places.state / "state.json"
    try:
        heard: float | None = file.stat().st_mtime
    except OSError:
        heard = None
    return Facts(
        down=filter_.down(),
        by_role=read_keys(places.run / "down"),
        by_ctl=read_keys(places.run / "drained"),
        checked=read_state(file),
        heard=heard,
        now=time.time(),
    )


@dataclass(frozen=True)
class Verdict:
    """The state of a destination, why, and since when (of the checker's only)."""

    state: str
    reason: str = ""
    since: float | None = None


def judge(destination: Destination, facts: Facts) -> Verdict:
    key = destination.key
    known = facts.checked.get(key)
    if destination.weight == 0:
        return Verdict(DRAINED, "weight 0 in the spec")
    if key in facts.down:
        return _judge_down(key, known, facts)
    listed = _lister(key, facts)
    if listed:
        return Verdict(UP, f"drained {listed}, but the kernel does not know")
    if destination.check is None:
        return Verdict(UNCHECKED)
    if known is None or known.state not in (UP, DOWN):
        return Verdict(UNCHECKED, "the checker does not run" if facts.checker_is_silent else "not checked yet")
    if known.state == DOWN:
        return Verdict(UP, f"stays in use, but fails: {known.reason}", known.since)
    return Verdict(UP, "", known.since)


def _judge_down(key: Key, known: DestinationState | None, facts: Facts) -> Verdict:
    fails = known is not None and known.state == DOWN
    listed = _lister(key, facts)
    if known is not None and not listed and known.ours:
        return Verdict(DOWN, known.reason if fails else "the checker took it out", known.since)
    reason = listed or "by hand, in the kernel's set"
    return Verdict(DRAINED, f"{reason}; fails, too: {known.reason}" if known and fails else reason)


def _lister(key: Key, facts: Facts) -> str:
    """Who has taken it out, as far as files tell."""
    names = [name for name, keys in (("pomaloba-ctl", facts.by_ctl), ("the role", facts.by_role)) if key in keys]
    return f"by {' and '.join(names)}" if names else ""


def shares(pool: Pool, down: set[Key]) -> dict[Key, float]:
    """What each destination has of the new connections now, in percent."""
    used = [one for one in pool.destinations if one.weight > 0 and one.key not in down]
    # Backups are for when no other is left.
    used = [one for one in used if not one.backup] or used
    total = sum(one.weight for one in used)
    return {one.key: 100 * one.weight / total for one in used}


@dataclass(frozen=True)
class Counts:
    connections: int = 0
    packets: int = 0
    bytes: int = 0


def counts_of(traffic: Iterable[Traffic]) -> dict[tuple[str, Key], Counts]:
    """By app and destination, of all endpoints."""
    counts: dict[tuple[str, Key], Counts] = {}
    for one in traffic:
        so_far = counts.get((one.app, one.destination), Counts())
        counts[one.app, one.destination] = Counts(
            so_far.connections + one.connections, so_far.packets + one.packets, so_far.bytes + one.bytes
        )
    return counts


@dataclass(frozen=True)
class Row:
    destination: Destination
    verdict: Verdict
    share: float
    counts: Counts | None
    latency: float | None


@dataclass(frozen=True)
class Group:
    """The destinations of an app and a family."""

    app: App
    pool: Pool
    rows: list[Row]


@dataclass(frozen=True)
class Report:
    balancer: Balancer
    facts: Facts
    groups: list[Group]
    warnings: list[str] = field(default_factory=list)

    @property
    def leftover(self) -> list[Key]:
        """What pomaloba-ctl has drained and no spec has any more."""
        return sorted(self.facts.by_ctl - self.balancer.keys())


def look(places: Places) -> Report:
    balancer = places.balancer()
    filter_ = packet_filter(balancer)
    facts = gather(places, filter_)
    warnings: list[str] = []
    counts: dict[tuple[str, Key], Counts] | None = None
    try:
        counts = counts_of(filter_.counters())
    except NetfilterError as error:
        warnings.append(f"connections are not known: {error}")
    if any(one.check for _, _, one in balancer.destinations()) and facts.checker_is_silent:
        when = "never wrote" if facts.heard is None else f"has not written since {moment(facts.heard, facts.now)}"
        warnings.append(f"the checker {when} what it knows: what is up and down stays as it is")
    groups = [Group(app, pool, _rows(app, pool, facts, counts)) for app, pool in balancer.pools()]
    return Report(balancer, facts, groups, warnings)


def _rows(app: App, pool: Pool, facts: Facts, counts: Mapping[tuple[str, Key], Counts] | None) -> list[Row]:
    share = shares(pool, facts.down)
    return [
        Row(
            destination=one,
            verdict=judge(one, facts),
            share=share.get(one.key, 0.0),
            counts=None if counts is None else counts.get((app.name, one.key), Counts()),
            latency=facts.checked[one.key].latency if one.key in facts.checked and one.check else None,
        )
        for one in pool.destinations
    ]


# -- for people


def moment(when: float | None, now: float) -> str:
    """The time of day, or the date where that is longer ago."""
    if when is None:
        return ""
    return time.strftime("%H:%M:%S" if abs(now - when) < 12 * 60 * 60 else "%Y-%m-%d", time.localtime(when))


def endpoint_text(endpoint: Endpoint) -> str:
    text = socket_text(endpoint.ip, endpoint.first)
    return f"{endpoint.protocol} {text}" + (f"-{endpoint.last}" if endpoint.last != endpoint.first else "")


HEAD = ("DESTINATION", "WEIGHT", "STATE", "SINCE", "CONNECTIONS", "SHARE")
_NUMBERS = ("WEIGHT", "CONNECTIONS", "SHARE")
_INDENT = "  "


def table(report: Report, width: int) -> str:
    """The destinations below the app and the endpoints that they are for. A reason that does not fit has a line."""
    cells = [[_cells(row, report.facts.now) for row in group.rows] for group in report.groups]
    widths = [
        max([len(HEAD[column]), *(len(line[column]) for group in cells for line in group)])
        for column in range(len(HEAD))
    ]
    lines = [_line(HEAD, widths, "REASON", width)]
    for group, own in zip(report.groups, cells):
        lines += _heading(group, width)
        lines += [_line(line, widths, row.verdict.reason, width) for line, row in zip(own, group.rows)]
        if not group.rows:
            lines.append(f"{_INDENT}no destination: new connections are refused")
    return "\n".join(lines) + "\n"


def _cells(row: Row, now: float) -> tuple[str, ...]:
    one = row.destination
    return (
        socket_text(one.ip, one.port) + (" backup" if one.backup else ""),
        str(one.weight),
        row.verdict.state,
        moment(row.verdict.since, now),
        "?" if row.counts is None else str(row.counts.connections),
        f"{row.share:.2f} %",
    )


def _line(cells: Sequence[str], widths: Sequence[int], reason: str, width: int) -> str:
    padded = [
        cell.rjust(size) if name in _NUMBERS else cell.ljust(size) for cell, size, name in zip(cells, widths, HEAD)
    ]
    line = _INDENT + "  ".join(padded)
    if len(line) + 2 + len(reason) <= width:
        return f"{line}  {reason}".rstrip()
    return f"{line.rstrip()}\n{_INDENT * 3}{reason}"


def _heading(group: Group, width: int) -> list[str]:
    """The app and its endpoints, as many of these in a line as fit."""
    lines = [f"{group.app.name} "]
    for number, endpoint in enumerate(group.pool.endpoints, start=1):
        text = f" {endpoint_text(endpoint)}{',' if number < len(group.pool.endpoints) else ''}"
        if len(lines[-1]) + len(text) > width and lines[-1].strip():
            lines.append(_INDENT)
        lines[-1] += text
    return lines


def as_data(report: Report) -> dict[str, Any]:
    """The same for programs; times are seconds since 1970."""
    return {
        "ruleset": report.balancer.name,
        "backend": report.balancer.backend,
        "loaded": True,
        "checker_written": report.facts.heard,
        "warnings": report.warnings,
        "drained_leftovers": [socket_text(*key) for key in report.leftover],
        "apps": [
            {
                "app": group.app.name,
                "family": group.pool.family,
                "endpoints": [
                    {"protocol": one.protocol, "ip": one.ip, "first_port": one.first, "last_port": one.last}
                    for one in group.pool.endpoints
                ],
                "destinations": [_row_data(row) for row in group.rows],
            }
            for group in report.groups
        ],
    }


def _row_data(row: Row) -> dict[str, Any]:
    one, counts = row.destination, row.counts
    return {
        "ip": one.ip,
        "port": one.port,
        "weight": one.weight,
        "backup": one.backup,
        "state": row.verdict.state,
        "reason": row.verdict.reason,
        "since": row.verdict.since,
        "latency": row.latency,
        "share": round(row.share, 2),
        "share_when_all_are_up": one.share,
        "connections": counts.connections if counts else None,
        "packets": counts.packets if counts else None,
        "bytes": counts.bytes if counts else None,
    }


# -- commands


def warn(text: str) -> None:
    print(f"pomaloba-ctl: {text}", file=sys.stderr)


def status(places: Places, as_json: bool) -> int:
    try:
        report = look(places)
    except NotLoaded as error:
        if as_json:
            print(json.dumps({"loaded": False, "error": str(error)}, indent=2))
        raise
    if as_json:
        print(json.dumps(as_data(report), indent=2))
        return 0
    width = shutil.get_terminal_size((120, 24)).columns
    sys.stdout.write(table(report, width))
    for text in report.warnings:
        warn(text)
    for key in report.leftover:
        warn(f"{socket_text(*key)} is drained, and no destination any more: undrain it, or it comes back drained")
    return 0


def keys_of(addresses: Iterable[str], known: Iterable[Key]) -> list[Key]:
    """Those of the known destinations that people have named; an address without a port stands for all of its ports."""
    found: list[Key] = []
    known = sorted(known)
    for text in addresses:
        ip, port = _address(text)
        mine = [key for key in known if ipaddress.ip_address(key[0]) == ip]
        named = mine if port is None else [key for key in mine if key[1] == port]
        if not named:
            raise Refused(_no_destination(text, mine))
        found += [key for key in named if key not in found]
    return found


_ADDRESS = re.compile(
    r"\[(?P<bracketed>[0-9a-fA-F:.]+)\](:(?P<port>[0-9]{1,5}))?"
    r"|(?P<ipv4>[0-9.]+)(:(?P<ipv4_port>[0-9]{1,5}))?"
    r"|(?P<ipv6>[0-9a-fA-F:.]+)"
)


def _address(text: str) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int | None]:
    """IP, IP:PORT or [IPv6]:PORT."""
    match = _ADDRESS.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        address = ipaddress.ip_address(match["bracketed"] or match["ipv4"] or match["ipv6"])
    except ValueError:
        raise Refused(f"{text} is no address: write IP, IP:PORT or [IPv6]:PORT") from None
    port = match["port"] or match["ipv4_port"]
    return address, None if port is None else int(port)


def _no_destination(text: str, mine: Sequence[Key]) -> str:
    if not mine:
        return f"{text} is no destination of this ruleset"
    if [port for _, port in mine] == [0]:
        return f"{text} is no destination: {mine[0][0]} keeps the client's port; name it without a port"
    return f"{text} is no destination; there is {', '.join(socket_text(*key) for key in mine)}"


def tell(places: Places, key: Key, what: str) -> None:
    """The journal, which is for those who look later."""
    person = os.environ.get("SUDO_USER") or os.environ.get("USER") or "root"
    syslog.openlog(places.run.name, 0, syslog.LOG_DAEMON)
    syslog.syslog(syslog.LOG_NOTICE, f"{what}: {socket_text(*key)} (pomaloba-ctl, {person})")


def drain(places: Places, addresses: Sequence[str]) -> int:
    with places.locked():
        balancer = places.balancer()
        filter_ = packet_filter(balancer)
        keys = keys_of(addresses, balancer.keys())
        before = gather(places, filter_)
        file = places.run / "drained"
        write_keys(file, before.by_ctl | set(keys))
        try:
            filter_.change(keys, [])
        except Exception:
            write_keys(file, before.by_ctl)
            raise
        try:
            # The flows of UDP are open connections: they live on.
            filter_.forget(keys, flows=False)
        except (NetfilterError, NotLoaded) as error:
            warn(f"clients may keep a destination for one more packet: {error}")
    for key in keys:
        if key in before.by_ctl and key in before.down:
            print(f"{socket_text(*key)} was drained already")
            continue
        tell(places, key, "drained")
        print(f"{socket_text(*key)} is drained: no new connections, open ones live on")
    _warn_of_empty(balancer, before.down, set(keys))
    return 0


def _warn_of_empty(balancer: Balancer, before: set[Key], keys: set[Key]) -> None:
    for app, pool in balancer.pools():
        if not shares(pool, before | keys) and shares(pool, before):
            warn(f"warning: app {app.name} has no {pool.family} destination in use now")


def undrain(places: Places, addresses: Sequence[str]) -> int:
    with places.locked():
        balancer = places.balancer()
        filter_ = packet_filter(balancer)
        facts = gather(places, filter_)
        keys = keys_of(addresses, balancer.keys() | facts.by_ctl)
        by_checker = {key for key in keys if _is_the_checkers(key, facts)}
        write_keys(places.run / "drained", facts.by_ctl - set(keys))
        filter_.change([], [key for key in keys if key not in facts.by_role | by_checker])
    for key in keys:
        if key in facts.by_ctl or (key in facts.down and key not in facts.by_role | by_checker):
            tell(places, key, "not drained any more")
        print(f"{socket_text(*key)} {_after_undrain(key, key in by_checker, balancer, facts)}")
    return 1 if any(key in facts.by_role for key in keys) else 0


def _is_the_checkers(key: Key, facts: Facts) -> bool:
    """Whether the checker has put it into the kernel's set and will take it out. What fails and was put there by others
    is not: the checker finds it missing within a second, and puts it there as its own."""
    known = facts.checked.get(key)
    return known is not None and known.ours and key in facts.down


def _after_undrain(key: Key, is_the_checkers: bool, balancer: Balancer, facts: Facts) -> str:
    mine = [one for _, _, one in balancer.destinations() if one.key == key]
    known = facts.checked.get(key)
    if key in facts.by_role:
        return "stays drained: the role has taken it out (pomaloba_drain)"
    if known and (is_the_checkers or known.state == DOWN):
        silent = ", which does not run" if facts.checker_is_silent else ""
        return f"is not drained any more, but down for the checker{silent}: {known.reason or 'it took it out'}"
    if not mine:
        return "is not drained any more; it is no destination"
    if all(one.weight == 0 for one in mine):
        return "gets no new connections: its weight in the spec is 0"
    if key not in facts.by_ctl | facts.down:
        return "was not drained"
    return "is not drained any more"


# -- watch


def watched(places: Places) -> dict[Key, tuple[str, Verdict]]:
    """By destination, what is said of it, and the apps that have it."""
    balancer = places.balancer()
    facts = gather(places, packet_filter(balancer))
    found: dict[Key, tuple[str, Verdict]] = {}
    # What has a weight in any app says more than what has none.
    for app, _, one in sorted(balancer.destinations(), key=lambda entry: entry[2].weight == 0):
        apps, verdict = found.get(one.key, ("", judge(one, facts)))
        found[one.key] = (f"{apps}, {app.name}" if apps else app.name, verdict)
    return found


def changes(
    before: Mapping[Key, tuple[str, Verdict]] | None, after: Mapping[Key, tuple[str, Verdict]]
) -> Iterator[str]:
    """A line for each destination that is not as it was. At first: of those that are not simply in use."""
    for key, (apps, verdict) in after.items():
        why = f": {verdict.reason}" if verdict.reason else ""
        name = f"{socket_text(*key)} ({apps})"
        old = before.get(key) if before is not None else None
        if before is None:
            if verdict.state in (DOWN, DRAINED) or why:
                yield f"{name} is {verdict.state}{why}"
        elif old is None:
            yield f"{name} is new, {verdict.state}{why}"
        elif (old[1].state, old[1].reason) != (verdict.state, verdict.reason):
            yield f"{name} was {old[1].state}, is {verdict.state}{why}"
    for key, (apps, _) in (before or {}).items():
        if key not in after:
            yield f"{socket_text(*key)} ({apps}) is no destination any more"


def watch(places: Places, interval: float = 1.0) -> int:
    before: Mapping[Key, tuple[str, Verdict]] | None = None
    trouble = ""
    while True:
        try:
            after = watched(places)
        except (BadData, NotLoaded, NetfilterError, OSError) as error:
            # Whatever it is, it may pass.
            if str(error) != trouble:
                say(str(error))
            trouble, before = str(error), None
        else:
            if before is None:
                say(f"watching {len(after)} destinations; Ctrl-C ends this")
            for line in changes(before, after):
                say(line)
            trouble, before = "", after
        time.sleep(interval)


def say(text: str) -> None:
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}", flush=True)


# -- the command line


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="pomaloba-ctl",
        usage="pomaloba-ctl [--ruleset NAME] {status,drain,undrain,watch} ...",
        description="Shows the destinations of a ruleset on this host, takes them out, and lets them in again.",
    )
    # pomaloba-ctl has found it out.
    parser.add_argument("name", help=argparse.SUPPRESS)
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--state", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--ruleset", metavar="NAME", help="which ruleset; needed where the host has several")
    commands = parser.add_subparsers(dest="command", required=True, title="commands", metavar="")
    shown = commands.add_parser(
        "status", usage="pomaloba-ctl status [--json]", help="which destinations are in use, and why others are not"
    )
    shown.add_argument("--json", action="store_true", help="for programs")
    for name, text in (
        ("drain", "no new connections to a destination; open ones live on, and no check lets it in again"),
        ("undrain", "new connections again, unless the role or a failing check is against it"),
    ):
        command = commands.add_parser(name, usage=f"pomaloba-ctl {name} IP[:PORT] ...", help=text, description=text)
        command.add_argument(
            "addresses", nargs="+", metavar="IP[:PORT]", help="without a port: all of its ports; [IPv6]:PORT"
        )
    commands.add_parser("watch", usage="pomaloba-ctl watch", help="a line for each change, until Ctrl-C")
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> int:
    unit = f"pomaloba-{options.name}"
    places = Places(options.run or Path("/run", unit), options.state or Path("/run", f"{unit}-health"))
    if options.command == "status":
        return status(places, options.json)
    if options.command == "watch":
        return watch(places)
    return (drain if options.command == "drain" else undrain)(places, options.addresses)


def main(arguments: Sequence[str]) -> int:
    try:
        return run(options_of(arguments))
    except (Refused, BadData, NotLoaded, NetfilterError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            # Whoever read this has enough; Python would complain once more when it ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        warn(f"{error}" if os.geteuid() == 0 else f"{error} (this needs root)")
        return 1
    except KeyboardInterrupt:
        return 0 if "watch" in arguments else 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
