#!/usr/bin/env python3
"""health.py NAME: the checker of the Pomaloba ruleset NAME, beside the kernel and not in its way.

Asks the destinations in balancer.json whether they work, and keeps those that do not in the ruleset's set of what is
down. When it is stopped, or dies, what it has set stays, and traffic flows by it. probes.py asks, destinations.py
decides, netfilter.py tells the kernel. Python 3.9 and later, standard library only.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import gc
import os
import random
import resource
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

import metrics
import netfilter
from destinations import (
    DOWN,
    STATE_FILE,
    UNKNOWN,
    UP,
    DestinationState,
    Silence,
    change_of,
    kept_in_use,
    load_state,
    restored,
    rules_of,
    state_of,
    summed,
    write_state,
)
from netfilter import BadData, Balancer, Key, NetfilterError, NotLoaded, PacketFilter, socket_text
from probes import Outcome, Prober, Target, named

# From start to start of a target's probes, as parts of its interval: a little early, so that `fall` of them, and what
# it takes to tell the kernel, are within `fall` intervals.
EARLIEST = 0.9
LATEST = 0.97
# After a start the first ones come within so many seconds, however long their interval is.
FIRST_WITHIN = 10.0
# Changes that come together are one transaction.
BATCH = 0.05
TURN = 1.0
WRITE_EVERY = 5.0
METRICS_EVERY = 15.0
# What has not come again for so long is said anew.
FORGET_TROUBLE = 60.0
# How often it is asked whether conntrack's table is full.
LOOK_EVERY = 1.0
# It is full until it is less full than this: at its limit it goes up and down.
FULL_UNTIL = 0.99
# A turn that takes so long hangs: the watchdog is not told any more that all is well.
LONGEST_TURN = 120.0
# Loading a ruleset takes less; whoever holds the lock longer is worth a line.
LONGEST_LOAD = 30.0

T = TypeVar("T")


class Journal:
    """Lines for people. Of what lasts, a line when it begins and one when it is over."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self.say = write
        self._lasting: dict[str, str] = {}

    def begins(self, topic: str, text: str) -> None:
        if self._lasting.get(topic) != text:
            self._lasting[topic] = text
            self.say(text)

    def ends(self, topic: str, text: str) -> None:
        if self._lasting.pop(topic, None) is not None:
            self.say(text)


@dataclass(frozen=True)
class Places:
    """Where the checker finds and leaves its files."""

    run: Path
    state: Path

    def held(self) -> set[Key]:
        """What people have taken out, by the role or by pomaloba-ctl."""
        return netfilter.read_keys(self.run / "down") | netfilter.read_keys(self.run / "drained")

    @contextlib.contextmanager
    def locked(self) -> Iterator[bool]:
        """Alone with the kernel's set and those files, or False: pomaloba-ctl or control.sh is at them. Their lock is
        only read here, as /run is; where nobody has made it yet, nobody holds it."""
        try:
            file = os.open(self.run.with_name(f"{self.run.name}.lock"), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            yield True
            return
        try:
            yield has_locked(file)
        finally:
            os.close(file)


def has_locked(file: int) -> bool:
    """Whether the lock is this program's now; it is not waited for."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def finished(function: Callable[..., T], *arguments: object) -> T:
    """What it returns in a thread. Who is cancelled waits for the thread all the same: it goes on by itself, and the
    lock has to be held for as long."""
    thread = asyncio.ensure_future(asyncio.to_thread(function, *arguments))
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        await asyncio.gather(thread, return_exceptions=True)
        raise


class Checks:
    """The targets of a ruleset, and what is known of each."""

    def __init__(self, balancer: Balancer, before: Mapping[Key, DestinationState], now: float) -> None:
        self.balancer = balancer
        self.rules = rules_of(balancer)
        self.apps: dict[Key, list[str]] = {}
        self.targets: dict[Key, list[Target]] = {}
        self.keys: dict[Target, list[Key]] = {}
        for app, _, one in balancer.destinations():
            if one.check is not None and one.weight > 0:
                self._add(app.name, one.key, Target(one.ip, one.check))
        self.before = {key: before[key] for key in self.targets if key in before}
        self.tracks = {
            target: restored(target.check, [self.before.get(key) for key in keys], now)
            for target, keys in self.keys.items()
        }

    def _add(self, app: str, key: Key, target: Target) -> None:
        for collection, value in ((self.apps.setdefault(key, []), app), (self.keys.setdefault(target, []), key)):
            if value not in collection:
                cast(list[object], collection).append(value)
        targets = self.targets.setdefault(key, [])
        if target not in targets:
            targets.append(target)

    def take_over(self, old: Checks) -> None:
        """Of targets that are asked as before, nothing is forgotten."""
        for target in self.keys.keys() & old.keys.keys():
            self.tracks[target] = old.tracks[target]
        for key, targets in self.targets.items():
            # Their tracks go on counting; of others what was counted is in `before`.
            if set(targets) == set(old.targets.get(key, ())):
                self.before.pop(key, None)
                if key in old.before:
                    self.before[key] = old.before[key]

    def state(self, key: Key, ours: bool = False) -> DestinationState:
        tracks = [self.tracks[target] for target in self.targets[key]]
        return summed(key, tracks, self.before.get(key), ours)

    def tally(self) -> Counter[str]:
        """How many destinations are in which state."""
        return Counter(state_of([self.tracks[one] for one in targets]) for targets in self.targets.values())

    def states(self, ours: set[Key]) -> dict[Key, DestinationState]:
        """All, and what is still ours in the kernel of a ruleset that is gone."""
        gone = {key: DestinationState(*key, UNKNOWN, time.time(), ours=True) for key in ours - self.targets.keys()}
        return {**{key: self.state(key, key in ours) for key in self.targets}, **gone}

    def failing(self) -> dict[Key, float]:
        """What is down, and since when."""
        bad = {key for target, track in self.tracks.items() if track.state == DOWN for key in self.keys[target]}
        return {key: self.state(key).since for key in bad}

    def title(self, key: Key) -> str:
        name = socket_text(*key)
        return f"{name} ({', '.join(self.apps[key])})" if key in self.apps else name


class Checker:
    """Asks, decides, and tells the kernel, until it is cancelled."""

    def __init__(self, places: Places, journal: Journal, at_once: int) -> None:
        self.places = places
        self.journal = journal
        self.checks: Checks | None = None
        self.filter: PacketFilter | None = None
        self.ours: set[Key] = set()
        # The kernel's set when it was last as it should be, what of it others took out, and when that was; until then,
        # since when it is waited for.
        self.out: set[Key] = set()
        self.drained: set[Key] = set()
        self.turned_at = time.time()
        self.turned = time.monotonic()
        self._known: dict[Key, DestinationState] = {}
        self._lost = ""
        # What the next run would know to be ours.
        self._claimed: set[Key] = set()
        self._prober = Prober(at_once, allow_exec=False)
        self._tasks: dict[Target, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._trouble: dict[str, float] = {}
        self._silence = Silence(time.monotonic())
        self._is_full = False
        self._looked = -LOOK_EVERY
        self._file: object = None
        self._kept: dict[Key, str] = {}
        self._written = 0.0
        self._failed: set[Key] = set()
        self._to_forget: set[Key] = set()
        self._forgetting: asyncio.Task[None] | None = None

    @property
    def state_file(self) -> Path:
        return self.places.state / STATE_FILE

    def start(self) -> None:
        """Takes over what an earlier run knew."""
        try:
            self._known = load_state(self.state_file)
        except FileNotFoundError:
            self._lost = f"{self.state_file} is missing"
        except (OSError, ValueError) as error:
            self._lost = f"{self.state_file} is broken"
            self.journal.say(f"{self._lost}: {error}")
        self.ours = {key for key, one in self._known.items() if one.ours}
        self._claimed = set(self.ours)
        # The best that can be said before the kernel is asked.
        self.drained = self.places.held()
        self.out = self.ours | self.drained

    async def run(self) -> None:
        """Goes on for ever: a turn a second, and at once when something has changed."""
        self.start()
        try:
            while True:
                await self.turn()
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), TURN)
                    await asyncio.sleep(BATCH)
                self._changed.clear()
        finally:
            for task in [*self._tasks.values(), *([self._forgetting] if self._forgetting else [])]:
                task.cancel()
            self._write(force=True)

    async def turn(self) -> None:
        """Looks at the file, then at the kernel, and makes the kernel as it should be."""
        for task in self._tasks.values():
            if task.done():
                task.result()  # a bug: it is better to begin anew than not to ask any more
        await self.read()
        if self.checks is not None and self.filter is not None and await self.converged(self.checks, self.filter):
            self.turned_at = time.time()
        self._forget_trouble()
        self._table_is_full()
        self._write()
        self.turned = time.monotonic()

    # What is balanced.

    async def read(self) -> None:
        """Reads balancer.json if it is another one; a broken one is said once, and the one before stays."""
        path = self.places.run / "balancer.json"
        try:
            stat = path.stat()
            file = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
            if file == self._file:
                return
            balancer = await asyncio.to_thread(netfilter.read_balancer, path)
        except (BadData, OSError) as error:
            text = error if isinstance(error, BadData) else f"{path}: {named(error)}"
            rest = "nothing is checked yet" if self.checks is None else "what was read before stays in force"
            self.journal.begins("file", f"{text}; {rest}")
            return
        self.journal.ends("file", f"{path} can be read again")
        self._file = file
        self.adopt(balancer)

    def adopt(self, balancer: Balancer) -> None:
        """Checks what this ruleset says. Destinations that stay keep their state."""
        old = self.checks
        known = self._known if old is None else old.states(self.ours)
        checks = Checks(balancer, known, time.time())
        if old is not None:
            checks.take_over(old)
        self.checks = checks
        self.filter = netfilter.packet_filter(balancer)
        self._prober.allow_exec = balancer.allow_exec
        self._silence.of(checks.tracks.keys())
        for target in self._tasks.keys() - checks.tracks.keys():
            self._tasks.pop(target).cancel()
        for target in checks.tracks.keys() - self._tasks.keys():
            self._tasks[target] = asyncio.ensure_future(self.watch(target))
        self._written = 0.0
        counts = f"{len(checks.targets)} destinations, {len(checks.tracks)} probes"
        self.journal.say(f"checking the ruleset {balancer.name}: {counts}")

    # What the probes say.

    async def watch(self, target: Target) -> None:
        """Asks a target again and again, at a phase of its own, so that not all are asked at once."""
        loop = asyncio.get_running_loop()
        interval = target.check.interval
        start = loop.time() + random.uniform(0, min(interval, FIRST_WITHIN))
        while True:
            await asyncio.sleep(max(0.0, start - loop.time()))
            self.hear(target, await self._prober.ask(target))
            start = max(start + interval * random.uniform(EARLIEST, LATEST), loop.time())

    def hear(self, target: Target, outcome: Outcome) -> None:
        """Takes in what came of a probe, unless it is silence that is this host's own fault."""
        if outcome.is_silence and self._table_is_full():
            self._silence.forget()
            return
        was_everywhere = self._silence.is_everywhere
        for one, counts in self._silence.hear(target, outcome, time.monotonic()):
            self._count(one, counts)
        if self._silence.is_everywhere:
            self.journal.begins("network", "nobody answers: that is this host's network, no failure of a destination")
        elif was_everywhere:
            self.journal.ends("network", f"over: nobody answers: {target.ip} does")

    def _table_is_full(self) -> bool:
        """Whether conntrack's table has no room for probes, either. Looks at most once a second."""
        now = time.monotonic()
        if now - self._looked >= LOOK_EVERY:
            self._looked = now
            use = netfilter.conntrack_use()
            count, most = use or (0, 0)
            self._is_full = 0 < most * (FULL_UNTIL if self._is_full else 1.0) <= count
            if self._is_full:
                self.journal.begins("table", "conntrack's table is full: who does not answer is not taken out for it")
            else:
                self.journal.ends("table", "over: conntrack's table is full")
        return self._is_full

    def _count(self, target: Target, outcome: Outcome) -> None:
        """Counts what came of a probe, and says what has changed by it."""
        checks = self.checks
        track = None if checks is None else checks.tracks.get(target)
        if checks is None or track is None:
            return
        if outcome.passed is None:
            if outcome.reason not in self._trouble:
                self.journal.say(f"this host cannot check {target.ip}: {outcome.reason}; that counts as no failure")
            self._trouble[outcome.reason] = time.monotonic()
            return
        # Most probes say what was known.
        may_change = track.state != (UP if outcome.passed else DOWN)
        was = {key: checks.state(key) for key in checks.keys[target]} if may_change else {}
        if track.hear(outcome, time.time()):
            self._changed.set()
            for key, old in was.items():
                self._tell(checks, old, checks.state(key))

    def _tell(self, checks: Checks, old: DestinationState, new: DestinationState) -> None:
        title = checks.title(new.key)
        if new.state == DOWN and old.state != DOWN:
            self.journal.say(f"down: {title}: {new.reason}")
        elif new.state == UP and old.state == DOWN:
            self.journal.say(f"up: {title}, after {max(0, round(new.since - old.since))} s")

    def _forget_trouble(self) -> None:
        limit = time.monotonic() - FORGET_TROUBLE
        for reason in [one for one, last in self._trouble.items() if last < limit]:
            del self._trouble[reason]
            self.journal.say(f"over: {reason}")

    # What the kernel is told.

    async def converged(self, checks: Checks, packet_filter: PacketFilter) -> bool:
        """Makes the kernel as it should be, alone: a drain that came between looking and changing would be undone.
        False if that cannot be now; the next turn tries again."""
        try:
            with self.places.locked() as alone:
                if not alone:
                    self._tell_waiting()
                    return False
                await self.converge(checks, packet_filter)
        except (NotLoaded, NetfilterError, OSError) as error:
            self.journal.begins("kernel", f"what is down cannot be told to the kernel: {error}; the checks go on")
            return False
        self.journal.ends("lock", "the ruleset's lock is free again")
        self.journal.ends("kernel", "the ruleset is there again, and what is down is as it should be")
        return True

    def _tell_waiting(self) -> None:
        if time.time() - self.turned_at > LONGEST_LOAD:
            text = "another program holds the ruleset's lock: what is down is not told to the kernel; the checks go on"
            self.journal.begins("lock", text)

    async def converge(self, checks: Checks, packet_filter: PacketFilter) -> None:
        """Compares the kernel's set with what should be in it, and changes it."""
        kernel = await finished(packet_filter.down)
        held = self.places.held()
        self._tell_lost(checks, kernel - held)
        failing = checks.failing()
        kept = kept_in_use(checks.rules, failing, (kernel - self.ours) | held)
        self._tell_kept(checks, kept)
        wanted = set(failing.keys() - kept.keys())
        change = change_of(wanted, kernel, self.ours, held)
        if change.add and not self._claim(change.add):
            # After a restart it would be nobody's, and stay out for good.
            change = change_of(wanted & (kernel | self._claimed), kernel, self.ours, held)
        if change.add or change.remove:
            await finished(packet_filter.change, sorted(change.add), sorted(change.remove))
        if self.ours != change.ours:
            self.ours = set(change.ours)
            # At once, still alone: pomaloba-ctl goes by it.
            self._write(force=True)
        self.out = (kernel | change.add) - change.remove
        self.drained = {key for key in self.out if key in held or key not in self.ours}
        self._note_failed(wanted & self.out, change.add)
        if self._to_forget and (self._forgetting is None or self._forgetting.done()):
            self._forgetting = asyncio.ensure_future(self._forget(packet_filter))

    def _claim(self, keys: frozenset[Key]) -> bool:
        """Makes these ours before they are in the kernel, also for those who come after a crash in between."""
        before, self.ours = self.ours, self.ours | keys
        if self._write(force=True):
            return True
        self.ours = before
        return False

    def _tell_lost(self, checks: Checks, out: set[Key]) -> None:
        """Without state.json nobody knows who has taken out what is out at the start."""
        if self._lost and out:
            names = ", ".join(checks.title(key) for key in sorted(out))
            self.journal.say(f"{self._lost}: this stays out until `pomaloba-ctl undrain`, as if by hand: {names}")
        self._lost = ""

    def _note_failed(self, failed: set[Key], added: frozenset[Key]) -> None:
        """What fails and is out has no clients and flows any more: also what was drained before, whose flows lived on;
        and what the kernel had lost for a while. After a start that is all that was ours. What has come back meanwhile
        keeps those that it has."""
        self._to_forget = (self._to_forget | (failed - self._failed) | added) & failed
        self._failed = failed

    async def _forget(self, packet_filter: PacketFilter) -> None:
        """Lets clients and flows go elsewhere; beside the turns, as there may be many of them."""
        keys, self._to_forget = self._to_forget, set()
        try:
            await asyncio.to_thread(packet_filter.forget, sorted(keys))
            self.journal.ends("forget", "clients and UDP flows of what is down are forgotten again")
        except (NotLoaded, NetfilterError, OSError) as error:
            self._to_forget |= keys
            self.journal.begins("forget", f"clients and UDP flows of what is down are not forgotten: {error}")

    def _tell_kept(self, checks: Checks, kept: dict[Key, str]) -> None:
        for key, why in kept.items():
            if key not in self._kept:
                self.journal.say(f"stays in use although it is down: {checks.title(key)}: {why}")
        self._kept = kept

    # What others are told.

    def states(self) -> dict[Key, DestinationState]:
        return {} if self.checks is None else self.checks.states(self.ours)

    def _write(self, force: bool = False) -> bool:
        """Writes what is known, now and then; at once what the next run has to know. False if that is not possible."""
        if self.checks is None or (not force and time.monotonic() - self._written < WRITE_EVERY):
            return True
        self._written = time.monotonic()
        try:
            write_state(self.state_file, self.states().values())
        except OSError as error:
            text = f"{self.state_file} cannot be written: {named(error)}; until it can, nothing more is taken out"
            self.journal.begins("state", text)
            return False
        self._claimed = set(self.ours)
        self.journal.ends("state", f"{self.state_file} can be written again")
        return True

    async def page(self) -> str:
        """The metrics, as Prometheus reads them."""
        checks, packet_filter = self.checks, self.filter
        if checks is None or packet_filter is None:
            return ""
        traffic: Sequence[netfilter.Traffic] | None = None
        with contextlib.suppress(NotLoaded, NetfilterError):
            traffic = await asyncio.to_thread(packet_filter.counters)
        states, conntrack = checks.states(self.ours), netfilter.conntrack_use()
        # In a thread: of thousands it takes a tenth of a second. Nothing of what it is given is changed, only replaced.
        return await asyncio.to_thread(
            metrics.text, checks.balancer, states, traffic, self.drained, self.out, conntrack, self.turned_at
        )

    def status(self) -> str:
        """A line for `systemctl status`."""
        if self.checks is None:
            return "waiting for balancer.json"
        tally = self.checks.tally()
        # What is still ours in the kernel of a ruleset that is gone.
        tally[UNKNOWN] += len(self.ours - self.checks.targets.keys())
        return f"{', '.join(f'{tally[one]} {one}' for one in (UP, DOWN, UNKNOWN))}; {len(self.ours)} taken out"


# -- its surroundings --------------------------------------------------------------------------------------------------


class Notifier:
    """Tells systemd, if that wants to know: sd_notify(3)."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        own = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        usec = environment.get("WATCHDOG_USEC", "")
        self.watched = own and usec.isdigit() and int(usec) > 0

    def tell(self, *lines: str) -> None:
        if not self._address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.sendto("\n".join(lines).encode(), self._address)


async def keep_notifying(checker: Checker, notifier: Notifier) -> None:
    """Says each second how it goes, and that all is well unless a turn hangs."""
    while True:
        lines = [f"STATUS={checker.status()}"]
        if notifier.watched and time.monotonic() - checker.turned < LONGEST_TURN:
            lines.append("WATCHDOG=1")
        notifier.tell(*lines)
        await asyncio.sleep(TURN)


async def keep_writing_metrics(checker: Checker, directory: Path, name: str, journal: Journal) -> None:
    """For node_exporter's textfile collector."""
    while True:
        text = await checker.page()
        if text:
            try:
                metrics.write(directory, name, text)
                journal.ends("metrics", f"metrics can be written to {directory} again")
            except OSError as error:
                journal.begins("metrics", f"metrics cannot be written to {directory}: {named(error)}")
        # The first one as soon as balancer.json is read.
        await asyncio.sleep(METRICS_EVERY if text else TURN)


async def keep_serving(checker: Checker, port: int, journal: Journal) -> None:
    """For Prometheus itself, as soon as the port is free."""
    while True:
        try:
            server = await metrics.serve(port, checker.page)
        except OSError as error:
            journal.begins("port", f"metrics cannot be served at port {port}: {named(error)}")
            await asyncio.sleep(METRICS_EVERY)
            continue
        journal.ends("port", f"metrics are served at port {port}")
        try:
            await asyncio.Event().wait()
        finally:
            # Not waited for: from Python 3.12 on that would be for the last client to go.
            server.close()


def raise_limit() -> int:
    """Lets this process open as many files as it may; how many connections that is good for."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return max(16, most - 256)


def write_line(text: str) -> None:
    """To the journal, in the end."""
    with contextlib.suppress(OSError):
        print(text, flush=True)


async def serve(options: argparse.Namespace) -> int:
    """Runs until it is told to end; 1 if a part of it has failed, which nothing should do."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    journal = Journal(write_line)
    notifier = Notifier(os.environ)
    checker = Checker(Places(options.run, options.state), journal, raise_limit())
    parts = [checker.run(), keep_notifying(checker, notifier)]
    if options.textfile_directory is not None:
        parts.append(keep_writing_metrics(checker, options.textfile_directory, options.name, journal))
    if options.metrics_port:
        parts.append(keep_serving(checker, options.metrics_port, journal))
    tasks = [asyncio.ensure_future(part) for part in parts]
    tasks.append(asyncio.ensure_future(stop_of(stop)))
    notifier.tell("READY=1")
    gc.freeze()
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    notifier.tell("STOPPING=1")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for failed in done - {tasks[-1]}:
        failed.result()
    return 0


async def stop_of(stop: asyncio.Event) -> None:
    await stop.wait()


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="health.py", description="Checks the destinations of a Pomaloba ruleset.")
    parser.add_argument("name", metavar="NAME", help="the ruleset")
    parser.add_argument("--run", type=Path, metavar="DIR", help="where balancer.json is (/run/pomaloba-NAME)")
    parser.add_argument("--state", type=Path, metavar="DIR", help="where state.json is (/run/pomaloba-NAME-health)")
    parser.add_argument("--textfile-directory", type=Path, metavar="DIR", help="write metrics for node_exporter there")
    parser.add_argument("--metrics-port", type=int, default=0, metavar="PORT", help="serve metrics on 127.0.0.1:PORT")
    options = parser.parse_args(arguments)
    if not 0 <= options.metrics_port <= 65535:
        parser.error("--metrics-port has to be from 1 to 65535, or 0 for none")
    options.run = options.run or Path(f"/run/pomaloba-{options.name}")
    options.state = options.state or Path(f"/run/pomaloba-{options.name}-health")
    return options


def main() -> int:
    return asyncio.run(serve(options_of(sys.argv[1:])))


if __name__ == "__main__":
    sys.exit(main())
