"""What pomaloba-ctl says of a ruleset: the state of each destination and why, as a table and as data.

Python 3.9 and later, its standard library only.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from destinations import DOWN, STATE_FILE, UP, DestinationState, read_state
from netfilter import (
    App,
    Balancer,
    Destination,
    Key,
    NetfilterError,
    PacketFilter,
    Pool,
    Traffic,
    endpoint_text,
    read_keys,
    socket_text,
)

# Beside those that the checker knows.
DRAINED, UNCHECKED = "drained", "unchecked"
# The checker writes its state more often than this, whatever happens.
STALE_AFTER = 60.0


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


def gather(run: Path, state: Path, filter_: PacketFilter) -> Facts:
    """`run` and `state` are where what runs is, and what the checker knows."""
    file = state / STATE_FILE
    try:
        heard: float | None = file.stat().st_mtime
    except OSError:
        heard = None
    return Facts(
        down=filter_.down(),
        by_role=read_keys(run / "down"),
        by_ctl=read_keys(run / "drained"),
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


def report_of(balancer: Balancer, filter_: PacketFilter, facts: Facts) -> Report:
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
    lines = [_line(HEAD, widths, "", width)]
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
        f"{row.share:.1f} %",
    )


def _line(cells: Sequence[str], widths: Sequence[int], reason: str, width: int) -> str:
    padded = [
        cell.rjust(size) if name in _NUMBERS else cell.ljust(size) for cell, size, name in zip(cells, widths, HEAD)
    ]
    line = _INDENT + "  ".join(padded)
    if not reason or len(line) + 2 + len(reason) <= width:
        return f"{line}  {reason}".rstrip()
    return f"{line.rstrip()}\n{_INDENT * 3}{reason}"


def _heading(group: Group, width: int) -> list[str]:
    """The app and its endpoints, as many of these in a line as fit."""
    lines = [f"{group.app.name} "]
    for number, endpoint in enumerate(group.pool.endpoints, start=1):
        text = f" {endpoint.protocol} {endpoint_text(endpoint)}{',' if number < len(group.pool.endpoints) else ''}"
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
