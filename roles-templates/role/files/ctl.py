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
from dataclasses import dataclass
from pathlib import Path

from destinations import DOWN
from netfilter import (
    BadData,
    Balancer,
    Key,
    NetfilterError,
    NotLoaded,
    PacketFilter,
    packet_filter,
    read_balancer,
    socket_text,
    write_keys,
)
from report import DRAINED, Facts, Verdict, as_data, gather, judge, report_of, shares, table

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

    def facts(self, filter_: PacketFilter) -> Facts:
        return gather(self.run, self.state, filter_)

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


# -- commands


def warn(text: str) -> None:
    print(f"pomaloba-ctl: {text}", file=sys.stderr)


def status(places: Places, as_json: bool) -> int:
    try:
        balancer = places.balancer()
        filter_ = packet_filter(balancer)
        report = report_of(balancer, filter_, places.facts(filter_))
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
        before = places.facts(filter_)
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
        facts = places.facts(filter_)
        keys = keys_of(addresses, balancer.keys() | facts.by_ctl)
        by_checker = {key for key in keys if _is_the_checkers(key, facts)}
        # What was drained is let in, also if the checker seems to have taken it out: what it wrote may be old, and then
        # nobody would ever let it in. What still fails is out again as soon as the checker finds it missing.
        filter_.change([], [key for key in keys if key not in facts.by_role | by_checker])
        write_keys(places.run / "drained", facts.by_ctl - set(keys))
    for key in keys:
        if key in facts.by_ctl or (key in facts.down and key not in facts.by_role | by_checker):
            tell(places, key, "not drained any more")
        print(f"{socket_text(*key)} {_after_undrain(key, key in by_checker, balancer, facts)}")
    return 1 if any(key in facts.by_role for key in keys) else 0


def _is_the_checkers(key: Key, facts: Facts) -> bool:
    """Whether it is out because the checker, which runs, took it out, and was never drained."""
    known = facts.checked.get(key)
    is_out = known is not None and known.ours and key in facts.down
    return is_out and key not in facts.by_ctl and not facts.checker_is_silent


def _after_undrain(key: Key, is_the_checkers: bool, balancer: Balancer, facts: Facts) -> str:
    mine = [one for _, _, one in balancer.destinations() if one.key == key]
    known = facts.checked.get(key)
    if key in facts.by_role:
        return "stays drained: the role has taken it out (pomaloba_drain)"
    if known and (is_the_checkers or known.state == DOWN):
        silent = ", which does not run, so that it is in use" if facts.checker_is_silent else ""
        drained = "was not drained" if is_the_checkers else "is not drained any more"
        return f"{drained}, but down for the checker{silent}: {known.reason or 'it took it out'}"
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
    facts = places.facts(packet_filter(balancer))
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
        epilog="--ruleset NAME says which ruleset, where the host has several.",
    )
    # pomaloba-ctl has found it out, by --ruleset.
    parser.add_argument("name", help=argparse.SUPPRESS)
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--state", type=Path, help=argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="command", required=True, title="commands", metavar="")
    shown = commands.add_parser(
        "status",
        usage="pomaloba-ctl status [--json]",
        help="which destinations are in use, and why others are not",
        description="Which destinations are in use, since when, and why others are not. Connections are those since"
        " the ruleset was first loaded; the share is what a destination has of the new ones now.",
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
