"""The checker as a whole, in its own loop: with a packet filter that only remembers, and servers on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import health
import netfilter
import pytest
from destinations import DOWN, UNKNOWN, UP, DestinationState, read_state, write_state
from health import Checker, Checks, Journal, Notifier, Places
from netfilter import Key, NetfilterError, NotLoaded
from probes import Outcome, Target
from support import app, balancer, check, destination, write_balancer

PROGRAM = Path(health.__file__)
FAST = {"interval": 1, "rise": 2, "fall": 2}
LONG = 60.0


class Memory:
    """A packet filter that only remembers, and fails when told."""

    def __init__(self, down: Iterable[Key] = ()) -> None:
        self.kernel = set(down)
        self.changes: list[tuple[list[Key], list[Key]]] = []
        self.forgotten: list[Key] = []
        self.trouble: Exception | None = None
        self.forgets_not: Exception | None = None
        self.after_looking: Callable[[], object] = lambda: None

    def _check(self) -> None:
        if self.trouble is not None:
            raise self.trouble

    def down(self) -> set[Key]:
        self._check()
        found = set(self.kernel)
        self.after_looking()
        return found

    def change(self, add: Iterable[Key], remove: Iterable[Key]) -> None:
        self._check()
        self.changes.append((list(add), list(remove)))
        self.kernel = (self.kernel | set(add)) - set(remove)

    def forget(self, keys: Iterable[Key], flows: bool = True) -> None:
        if self.forgets_not is not None:
            raise self.forgets_not
        self.forgotten += keys

    def counters(self) -> list[netfilter.Traffic]:
        self._check()
        return []


class Stage:
    """A checker with its files, its journal, and its packet filter."""

    def __init__(self, directory: Path, filter_: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
        self.places = Places(directory / "run", directory / "state")
        for path in (self.places.run, self.places.state):
            path.mkdir(exist_ok=True)
        self.memory = filter_
        self.lines: list[str] = []
        monkeypatch.setattr(netfilter, "packet_filter", lambda _: self.memory)
        monkeypatch.setattr(health, "TURN", 0.05)
        monkeypatch.setattr(health, "FIRST_WITHIN", 0.2)

    def say(self, *apps: dict[str, Any]) -> None:
        write_balancer(self.places.run, balancer(*apps))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Checker]:
        checker = Checker(self.places, Journal(self.lines.append), 100)
        task = asyncio.ensure_future(checker.run())
        try:
            yield checker
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def until(self, condition: Callable[[], object]) -> None:
        """Waits as long as a busy machine may need."""
        deadline = time.monotonic() + LONG
        while not condition():
            assert time.monotonic() < deadline, self.lines
            await asyncio.sleep(0.01)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(tmp_path, Memory(), monkeypatch)


class Service:
    """A service that can be there or not, always at the same port."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            self.port: int = sock.getsockname()[1]
        self.key: Key = ("127.0.0.1", self.port)
        self._server: asyncio.AbstractServer | None = None

    async def begin(self) -> None:
        self._server = await asyncio.start_server(self._handle, "127.0.0.1", self.port, reuse_address=True)

    async def _handle(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    def end(self) -> None:
        assert self._server is not None
        self._server.close()

    def destination(self, **more: Any) -> dict[str, Any]:
        return destination("127.0.0.1", self.port, check("tcp", self.port, **{**FAST, **more}))


def play(story: Callable[[], Awaitable[None]]) -> None:
    async def all_of_it() -> None:
        await story()

    asyncio.run(all_of_it())


def test_what_fails_is_taken_out_and_comes_back(stage: Stage) -> None:
    service, other = Service(), Service()

    async def story() -> None:
        await service.begin()
        await other.begin()
        stage.say(app("web", [service.destination(), other.destination()]))
        async with stage.running() as checker:
            await stage.until(lambda: [one.state for one in checker.states().values()] == [UP, UP])
            assert stage.memory.changes == []
            service.end()
            await stage.until(lambda: stage.memory.changes and stage.memory.forgotten)
            assert stage.memory.changes == [([service.key], [])]
            assert stage.memory.forgotten == [service.key]
            await stage.until(lambda: read_state(checker.state_file)[service.key].ours)
            state = read_state(checker.state_file)
            assert (state[service.key].state, state[other.key].state) == (DOWN, UP)
            assert state[service.key].reason == "tcp: connection refused"
            await service.begin()
            await stage.until(lambda: len(stage.memory.changes) == 2)
            assert stage.memory.changes[1] == ([], [service.key])
            service.end()
        other.end()
        assert read_state(checker.state_file)[service.key].ours is False

    play(story)
    name = f"127.0.0.1:{service.port} (web)"
    assert stage.lines[0] == "checking the ruleset lb: 2 destinations, 2 probes"
    assert stage.lines[1] == f"down: {name}: tcp: connection refused"
    assert stage.lines[2].startswith(f"up: {name}, after ")
    assert len(stage.lines) == 3


def test_a_restart_takes_over(stage: Stage) -> None:
    gone, mine, drained = Service(), Service(), Service()
    services = [gone, mine, drained]
    # One that came back meanwhile, one that another program set, one that is down still and the kernel has lost.
    stage.memory.kernel = {mine.key, drained.key}
    states = [DestinationState(*one.key, DOWN, 5.0, "tcp: no", None, 9, 8, 1, True) for one in (gone, mine)]
    write_state(stage.places.state / "state.json", [*states, DestinationState(*drained.key, DOWN, 6.0)])

    async def story() -> None:
        await mine.begin()
        await drained.begin()
        stage.say(app("web", [one.destination(rise=3) for one in services]))
        async with stage.running() as checker:
            await stage.until(lambda: stage.memory.kernel == {gone.key, mine.key, drained.key})
            # Nothing was let in before it has shown that it works.
            assert stage.memory.changes == [([gone.key], [])]
            await stage.until(lambda: stage.memory.kernel == {gone.key, drained.key})
            states = checker.states()
            assert (states[gone.key].since, states[gone.key].transitions) == (5.0, 1)
            assert states[gone.key].checks > 9
            await stage.until(lambda: checker.states()[drained.key].state == UP)
            await asyncio.sleep(0.3)
            assert stage.memory.kernel == {gone.key, drained.key}
        mine.end()
        drained.end()

    play(story)


def test_what_the_kernel_loses_is_put_back_and_what_others_take_out_stays(stage: Stage) -> None:
    service, other = Service(), Service()
    (stage.places.run).mkdir(exist_ok=True)

    async def story() -> None:
        await other.begin()
        stage.say(app("web", [service.destination(), other.destination()]))
        async with stage.running() as checker:
            await stage.until(lambda: stage.memory.kernel == {service.key})
            stage.memory.kernel = {other.key}
            await stage.until(lambda: stage.memory.kernel == {service.key, other.key})
            # It is drained while it is down, and works again: it stays out until it is undrained.
            netfilter.write_keys(stage.places.run / "drained", [service.key])
            await service.begin()
            await stage.until(lambda: checker.states()[service.key].state == UP)
            await stage.until(lambda: not checker.states()[service.key].ours)
            assert stage.memory.kernel == {service.key, other.key}
            netfilter.write_keys(stage.places.run / "drained", [])
            stage.memory.kernel = set()
            await asyncio.sleep(0.3)
            assert stage.memory.kernel == set()
        service.end()
        other.end()

    play(story)


def test_min_up_and_panic(stage: Stage) -> None:
    one, two, three = Service(), Service(), Service()
    others = [Service(), Service()]

    async def story() -> None:
        await one.begin()
        stage.say(
            app("half", [service.destination() for service in (one, two, three)], min_up=50),
            app("all", [service.destination() for service in others], "ignore"),
        )
        async with stage.running() as checker:
            await stage.until(lambda: [state.state for state in checker.states().values()].count(DOWN) == 4)
            await stage.until(lambda: len(stage.memory.kernel) == 1)
            assert stage.memory.kernel <= {two.key, three.key}
            await others[0].begin()
            # It is not all of them any more: now the other one goes.
            await stage.until(lambda: others[1].key in stage.memory.kernel)
            assert others[0].key not in stage.memory.kernel
        others[0].end()
        one.end()

    play(story)
    assert any(line.startswith("stays in use although it is down") and "half (ipv4)" in line for line in stage.lines)


def test_a_new_file_keeps_what_is_known(stage: Stage) -> None:
    down, up = Service(), Service()

    async def story() -> None:
        await up.begin()
        stage.say(app("web", [down.destination(), up.destination()]))
        async with stage.running() as checker:
            await stage.until(lambda: stage.memory.kernel == {down.key})
            since = checker.states()[down.key].since
            # Another app as well, another interval for one, and one that is gone.
            stage.say(app("web", [down.destination(interval=3, timeout=1)]), app("more", [down.destination()]))
            await stage.until(lambda: len(checker.states()) == 1)
            assert checker.states()[down.key].since == since
            assert stage.memory.kernel == {down.key}
            # Not checked any more: nobody else would ever let it in.
            stage.say(app("web", [destination("127.0.0.1", down.port)]))
            await stage.until(lambda: not stage.memory.kernel)
            await stage.until(lambda: read_state(checker.state_file) == {})
        up.end()

    play(story)


@pytest.mark.parametrize("garbage", ["", '{"version": 9}', "\udcff"])
def test_garbage_in_the_file_is_said_once_and_the_last_one_stays(stage: Stage, garbage: str) -> None:
    service = Service()

    async def story() -> None:
        write_balancer(stage.places.run, garbage)
        async with stage.running() as checker:
            await asyncio.sleep(0.3)
            assert len(stage.lines) == 1
            assert stage.lines[0].endswith("; nothing is checked yet")
            stage.say(app("web", [service.destination()]))
            await stage.until(lambda: stage.memory.kernel == {service.key})
            write_balancer(stage.places.run, garbage)
            await stage.until(lambda: len(stage.lines) == 5)
            await service.begin()
            await stage.until(lambda: not stage.memory.kernel)
            assert list(checker.states()) == [service.key]
        service.end()

    play(story)
    assert len(stage.lines) == 6
    assert stage.lines[1].endswith("can be read again")
    assert stage.lines[4].endswith("; what was read before stays in force")


@pytest.mark.parametrize("trouble", [NotLoaded("no such table"), NetfilterError("nft is missing")])
def test_without_a_ruleset_or_nft_the_checks_go_on(stage: Stage, trouble: Exception) -> None:
    service = Service()

    async def story() -> None:
        stage.memory.trouble = trouble
        stage.say(app("web", [service.destination()]))
        async with stage.running() as checker:
            await stage.until(lambda: checker.states().get(service.key, None) is not None)
            await stage.until(lambda: checker.states()[service.key].state == DOWN)
            await asyncio.sleep(0.3)
            assert len([line for line in stage.lines if str(trouble) in line]) == 1
            stage.memory.trouble = None
            await stage.until(lambda: stage.memory.kernel == {service.key})
            await stage.until(lambda: len(stage.lines) == 4)

    play(story)
    assert len(stage.lines) == 4


def test_own_trouble_is_said_once_and_takes_nothing_out(stage: Stage) -> None:
    async def story() -> None:
        programs = [check("exec", port, interval=1, command=("/no",)) for port in (80, 81)]
        one = [destination("10.0.0.1", program.port, program) for program in programs]
        stage.say(app("web", one))
        async with stage.running() as checker:
            await stage.until(lambda: len(stage.lines) == 2)
            await asyncio.sleep(3)
            assert {one.state for one in checker.states().values()} == {UNKNOWN}
            assert stage.memory.changes == []

    play(story)
    assert len(stage.lines) == 2
    assert stage.lines[1].startswith("this host cannot check 10.0.0.1: exec: ")


class Network:
    """What the probes come to, by address, instead of a network."""

    def __init__(self, checker: Checker) -> None:
        self.outcomes: dict[str, Outcome] = {}
        checker._prober.ask = self._ask  # type: ignore[method-assign]

    def is_so(self, outcome: Outcome, *hosts: int) -> None:
        self.outcomes.update({f"10.0.0.{host}": outcome for host in hosts})

    async def _ask(self, target: Target) -> Outcome:
        began = time.monotonic()
        await asyncio.sleep(0.05)
        return replace(self.outcomes.get(target.ip, Outcome(True)), began=began)


NO_ANSWER = Outcome(False, "tcp: no answer within 1 s", heard=False)
REFUSED = Outcome(False, "tcp: connection refused")
HOSTS = [destination(f"10.0.0.{host}", 80, check("tcp", 80, **FAST)) for host in (1, 2, 3)]
KEYS = [("10.0.0.1", 80), ("10.0.0.2", 80), ("10.0.0.3", 80)]


def test_a_host_that_has_lost_its_network_takes_nothing_out(stage: Stage) -> None:
    async def story() -> None:
        stage.say(app("web", HOSTS))
        async with stage.running() as checker:
            network = Network(checker)
            await stage.until(lambda: [one.state for one in checker.states().values()] == [UP] * 3)
            network.is_so(NO_ANSWER, 1, 2, 3)
            await stage.until(lambda: len(stage.lines) == 2)
            await asyncio.sleep(2.5)
            assert stage.memory.changes == []
            # Back, but for one.
            network.is_so(Outcome(True), 1, 2)
            await stage.until(lambda: stage.memory.kernel == {KEYS[2]})
            # The last one that goes silent stays, and what refuses goes.
            network.is_so(NO_ANSWER, 2)
            await stage.until(lambda: stage.memory.kernel == set(KEYS[1:]))
            network.is_so(NO_ANSWER, 1)
            await stage.until(lambda: len(stage.lines) == 6)
            network.is_so(REFUSED, 1)
            await stage.until(lambda: stage.memory.kernel == set(KEYS))

    play(story)
    assert stage.lines[1] == "nobody answers: that is this host's network, no failure of a destination"
    assert stage.lines[2] in ("over: nobody answers: 10.0.0.1 does", "over: nobody answers: 10.0.0.2 does")
    assert stage.lines[3] == "down: 10.0.0.3:80 (web): tcp: no answer within 1 s"
    assert stage.lines[5] == stage.lines[1]


def test_silence_counts_where_there_is_one_address_only(stage: Stage) -> None:
    async def story() -> None:
        stage.say(app("web", HOSTS[:1]))
        async with stage.running() as checker:
            Network(checker).is_so(NO_ANSWER, 1)
            await stage.until(lambda: stage.memory.kernel == set(KEYS[:1]))

    play(story)


def test_a_full_table_of_conntrack_takes_nothing_out_for_silence(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []
    use: tuple[int, int] | None = (100, 100)

    def look() -> tuple[int, int] | None:
        looks.append(time.monotonic())
        return use

    monkeypatch.setattr(netfilter, "conntrack_use", look)

    async def story() -> None:
        nonlocal use
        stage.say(app("web", HOSTS))
        async with stage.running() as checker:
            network = Network(checker)
            network.is_so(NO_ANSWER, 1)
            network.is_so(REFUSED, 2)
            await stage.until(lambda: stage.memory.kernel == {KEYS[1]})
            await asyncio.sleep(2)
            assert stage.memory.kernel == {KEYS[1]}
            use = (99, 100)
            await asyncio.sleep(2)
            assert stage.memory.kernel == {KEYS[1]}
            use = (98, 100)
            await stage.until(lambda: stage.memory.kernel == set(KEYS[:2]))

    play(story)
    assert len(looks) <= looks[-1] - looks[0] + 2
    about = [line for line in stage.lines if "conntrack" in line]
    assert about == ["conntrack's table is full: who does not answer is not taken out for it", f"over: {about[0][:25]}"]


def test_a_state_that_cannot_be_written_is_said_once(stage: Stage) -> None:
    service = Service()
    stage.places.state.rmdir()
    stage.places.state.write_text("no directory")

    async def story() -> None:
        stage.say(app("web", [service.destination()]))
        async with stage.running() as checker:
            await stage.until(lambda: [one.state for one in checker.states().values()] == [DOWN])
            await asyncio.sleep(0.3)
            # Nobody would know whose it is, after a restart.
            assert stage.memory.changes == []
            assert checker.states()[service.key].ours is False
            stage.places.state.unlink()
            stage.places.state.mkdir()
            await stage.until(lambda: stage.memory.kernel == {service.key})
            # What is written already is put back whatever happens to the file.
            checker.places = Places(stage.places.run, stage.places.state / "gone")
            stage.memory.kernel = set()
            await stage.until(lambda: stage.memory.kernel == {service.key})

    play(story)
    assert len([line for line in stage.lines if "nothing more is taken out" in line]) == 2
    assert len([line for line in stage.lines if "can be written again" in line]) == 1


@pytest.mark.parametrize("file", [None, "{", '{"version": 1, "destinations": []}'])
def test_what_is_out_and_nobody_knows_why_is_named_once(stage: Stage, file: str | None) -> None:
    services = [Service() for _ in range(4)]
    role, person, lost, more = (one.key for one in services)
    netfilter.write_keys(stage.places.run / "down", [role])
    netfilter.write_keys(stage.places.run / "drained", [person])
    stage.memory.kernel = {role, person, lost, more}
    if file is not None:
        (stage.places.state / "state.json").write_text(file)

    async def story() -> None:
        stage.say(app("web", [one.destination() for one in services]))
        async with stage.running() as checker:
            await stage.until(lambda: {one.state for one in checker.states().values()} == {DOWN})
            await asyncio.sleep(0.2)
            assert checker.ours == set()

    play(story)
    said = [line for line in stage.lines if "stays out until" in line]
    names = ", ".join(f"127.0.0.1:{port} (web)" for _, port in sorted([lost, more]))
    what = "missing" if file is None else "broken"
    text = f"{stage.places.state}/state.json is {what}: this stays out until `pomaloba-ctl undrain`, as if by hand"
    assert said == ([] if file and len(file) > 1 else [f"{text}: {names}"])


# -- beside pomaloba-ctl and control.sh


def test_a_drain_does_not_come_between_looking_and_changing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service()
    lock = stage.places.run.with_name("run.lock")
    lock.touch()
    drained = threading.Event()

    def drain() -> None:
        """As pomaloba-ctl does."""
        with open(lock, "a", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            netfilter.write_keys(stage.places.run / "drained", [service.key])
            stage.memory.kernel |= {service.key}
            drained.set()

    async def story() -> None:
        stage.say(app("web", [service.destination()]))
        async with stage.running() as checker:
            await stage.until(lambda: stage.memory.kernel == {service.key})
            held = checker.places.held
            others: list[threading.Thread] = []

            def held_before(places: Places) -> set[Key]:
                """The last moment at which a drain was not seen."""
                found = held()
                if checker.states()[service.key].state == UP and not others:
                    others.append(threading.Thread(target=drain))
                    others[0].start()
                    drained.wait(0.3)
                return found

            monkeypatch.setattr(Places, "held", held_before)
            await service.begin()
            await stage.until(drained.is_set)
            await asyncio.sleep(0.3)
            # It was let in first, and drained then.
            assert stage.memory.changes[1:] == [([], [service.key])]
            assert stage.memory.kernel == {service.key}
            assert checker.ours == set()
            others[0].join()
        service.end()

    play(story)


def test_whoever_holds_the_lock_is_not_waited_for(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "LONGEST_LOAD", 0.2)
    service = Service()

    async def story() -> None:
        with open(stage.places.run.with_name("run.lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            stage.say(app("web", [service.destination()]))
            async with stage.running() as checker:
                begin = checker.turned_at
                await stage.until(lambda: [one.state for one in checker.states().values()] == [DOWN])
                turned = checker.turned
                await stage.until(lambda: checker.turned > turned)
                await stage.until(lambda: any("holds the ruleset's lock" in line for line in stage.lines))
                assert stage.memory.changes == []
                # Turns go on, for the watchdog; but none of them was a round.
                assert checker.turned_at == begin
                fcntl.flock(lock, fcntl.LOCK_UN)
                await stage.until(lambda: stage.memory.kernel == {service.key})
                await stage.until(lambda: checker.turned_at > begin)

    play(story)
    assert len([line for line in stage.lines if "lock" in line]) == 2


def test_who_is_stopped_holds_the_lock_until_the_kernel_was_told(stage: Stage) -> None:
    service = Service()
    lock = stage.places.run.with_name("run.lock")
    lock.touch()
    looking, go_on = threading.Event(), threading.Event()

    def look() -> None:
        looking.set()
        go_on.wait(LONG)

    def is_free() -> bool:
        with open(lock, "rb") as file:
            return health.has_locked(file.fileno())

    async def story() -> None:
        stage.memory.after_looking = look
        stage.say(app("web", [service.destination()]))
        checker = Checker(stage.places, Journal(stage.lines.append), 100)
        task = asyncio.ensure_future(checker.run())
        await stage.until(looking.is_set)
        task.cancel()
        await asyncio.sleep(0.1)
        assert not is_free()
        go_on.set()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert is_free()

    play(story)


def test_what_is_ours_is_written_before_others_may_read_it(stage: Stage) -> None:
    service = Service()
    lock = stage.places.run.with_name("run.lock")
    lock.touch()

    async def story() -> None:
        stage.say(app("web", [service.destination()]))
        async with stage.running() as checker:
            await stage.until(lambda: stage.memory.kernel == {service.key})
            netfilter.write_keys(stage.places.run / "drained", [service.key])
            await service.begin()
            await stage.until(lambda: not checker.ours)
            # WRITE_EVERY would be later.
            assert read_state(checker.state_file)[service.key].ours is False
        service.end()

    play(story)


# -- clients and flows


def test_the_flows_of_what_was_drained_first_and_failed_then_are_forgotten(stage: Stage) -> None:
    drained, kept = Service(), Service()
    stage.memory.kernel = {drained.key}
    netfilter.write_keys(stage.places.run / "drained", [drained.key])

    async def story() -> None:
        await drained.begin()
        stage.say(app("web", [drained.destination()]), app("min", [kept.destination()], min_up=100))
        async with stage.running() as checker:
            await stage.until(lambda: [one.state for one in checker.states().values()] == [UP, DOWN])
            await asyncio.sleep(0.2)
            assert stage.memory.forgotten == []
            drained.end()
            await stage.until(lambda: stage.memory.forgotten)
            await asyncio.sleep(0.3)
            # Once; and not what stays in use.
            assert stage.memory.forgotten == [drained.key]
            assert stage.memory.changes == []

    play(story)


def test_what_was_not_forgotten_is_tried_again(stage: Stage) -> None:
    back, down = Service(), Service()

    async def story() -> None:
        stage.memory.forgets_not = NetfilterError("conntrack is missing")
        stage.say(app("web", [back.destination(), down.destination()]))
        async with stage.running() as checker:
            await stage.until(lambda: any("not forgotten" in line for line in stage.lines))
            await asyncio.sleep(0.3)
            await back.begin()
            await stage.until(lambda: checker.out == {down.key})
            stage.memory.forgets_not = None
            await stage.until(lambda: stage.memory.forgotten)
            await asyncio.sleep(0.2)
            # What has come back keeps its flows.
            assert stage.memory.forgotten == [down.key]
        back.end()

    play(story)
    assert len([line for line in stage.lines if "forgotten" in line]) == 2


def test_after_a_start_what_is_ours_is_forgotten_once(stage: Stage) -> None:
    service = Service()
    stage.memory.kernel = {service.key}
    write_state(stage.places.state / "state.json", [DestinationState(*service.key, DOWN, 5.0, ours=True)])

    async def story() -> None:
        stage.say(app("web", [service.destination()]))
        async with stage.running():
            await stage.until(lambda: stage.memory.forgotten)
            await asyncio.sleep(0.3)

    play(story)
    assert stage.memory.forgotten == [service.key]
    assert stage.memory.changes == []


# -- what metrics are told


def test_metrics_say_what_the_kernel_does(stage: Stage) -> None:
    up, down, hand = Service(), Service(), Service()
    stage.memory.kernel = {hand.key}

    async def story() -> None:
        await up.begin()
        await hand.begin()
        stage.say(app("web", [one.destination() for one in (up, down, hand)]))
        async with stage.running() as checker:
            await stage.until(lambda: checker.out == {down.key, hand.key})
            await stage.until(lambda: checker.states()[hand.key].state == UP)
            assert checker.drained == {hand.key}
            lines = (await checker.page()).splitlines()
            for what, keys in {"in_use": [up], "available": [up], "drained": [hand]}.items():
                found = {
                    line for line in lines if line.startswith(f"pomaloba_destination_{what}{{") and line[-1] == "1"
                }
                assert {line.split('destination="')[1].split('"')[0] for line in found} == {
                    f"127.0.0.1:{one.port}" for one in keys
                }
            # What it said last holds as long as it says nothing; and a turn that comes to nothing is no round.
            stage.memory.trouble = NotLoaded("no such table")
            await stage.until(lambda: any("cannot be told" in line for line in stage.lines))
            last = checker.turned_at
            turned = checker.turned
            await stage.until(lambda: checker.turned > turned)
            assert checker.turned_at == last
            assert checker.out == {down.key, hand.key}
        up.end()
        hand.end()

    play(story)


def checks_of(tmp_path: Path, *apps: dict[str, Any], before: Iterable[DestinationState] = ()) -> Checks:
    write_balancer(tmp_path, balancer(*apps))
    read = netfilter.read_balancer(tmp_path / "balancer.json")
    return Checks(read, {one.key: one for one in before}, 100.0)


def test_what_is_asked_twice_in_the_same_way_is_asked_once(tmp_path: Path) -> None:
    proxy = check("http", 10256, path="/healthz")
    apps = [app(name, [destination("10.0.0.1", 80 + index, proxy)]) for index, name in enumerate("abc")]
    both = app("d", [destination("10.0.0.1", 80, check("tcp", 80))])
    checks = checks_of(tmp_path, *apps, both)
    assert len(checks.tracks) == 2
    target = Target("10.0.0.1", proxy)
    for _ in range(3):
        checks.tracks[target].hear(Outcome(False, "http: status 503"), 200.0)
    assert checks.failing() == {("10.0.0.1", port): 200.0 for port in (80, 81, 82)}
    assert checks.title(("10.0.0.1", 80)) == "10.0.0.1:80 (a, d)"
    # The other check of :80 has not been heard: it says nothing against it.
    checks.tracks[Target("10.0.0.1", check("tcp", 80))].hear(Outcome(True), 201.0)
    assert checks.state(("10.0.0.1", 80)).reason == "http: status 503"


def test_counts_go_on_over_a_restart_and_a_new_check(tmp_path: Path) -> None:
    before = [DestinationState("10.0.0.1", 80, UP, 5.0, checks=100, failures=10, transitions=2)]
    old = checks_of(tmp_path, app("a", [destination("10.0.0.1", 80, check())]), before=before)
    next(iter(old.tracks.values())).hear(Outcome(True), 101.0)
    assert old.state(("10.0.0.1", 80)).checks == 101
    same = checks_of(tmp_path, app("a", [destination("10.0.0.1", 80, check())]), before=old.states(set()).values())
    same.take_over(old)
    assert same.state(("10.0.0.1", 80)).checks == 101
    other = checks_of(
        tmp_path, app("a", [destination("10.0.0.1", 80, check(fall=9))]), before=same.states(set()).values()
    )
    other.take_over(same)
    assert other.state(("10.0.0.1", 80)).checks == 101
    assert other.state(("10.0.0.1", 80)).state == UP


def test_what_has_no_weight_is_not_asked(tmp_path: Path) -> None:
    assert not checks_of(tmp_path, app("a", [destination("10.0.0.1", 80, check(), weight=0)])).tracks


def test_systemd_is_told(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")}).tell("READY=1", "STATUS=fine")
        assert sock.recv(100) == b"READY=1\nSTATUS=fine"
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).tell("READY=1")
    Notifier({}).tell("READY=1")
    assert Notifier({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}).watched
    assert not Notifier({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}).watched
    assert not Notifier({}).watched


@pytest.mark.parametrize("arguments", [[], ["lb", "--metrics-port", "65536"], ["lb", "--unknown"]])
def test_bad_arguments_are_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as failure:
        health.options_of(arguments)
    assert failure.value.code == 2


def test_the_program_runs_by_itself_and_ends_when_it_is_told(tmp_path: Path) -> None:
    """Without nft, and with all that is asked for."""
    for name in ("run", "state", "text"):
        (tmp_path / name).mkdir()
    service = Service()
    write_balancer(tmp_path / "run", balancer(app("web", [service.destination()])))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(LONG)
        arguments = ["--run", "run", "--state", "state", "--textfile-directory", "text"]
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000000", "PATH": str(tmp_path)}
        with subprocess.Popen(
            [sys.executable, "-EsB", str(PROGRAM), "lb", *arguments],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        ) as program:
            told = set()
            while "1 down" not in (said := sock.recv(1000).decode()):
                told |= set(said.split("\n"))
            assert {"READY=1", "WATCHDOG=1", "STATUS=waiting for balancer.json"} <= told | set(said.split("\n"))
            deadline = time.monotonic() + LONG
            while not (tmp_path / "text" / "pomaloba-lb.prom").exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            program.send_signal(signal.SIGTERM)
            output, _ = program.communicate(timeout=LONG)
            assert program.returncode == 0
    assert "down: 127.0.0.1" in output
    assert "the checks go on" in output
    assert (tmp_path / "text" / "pomaloba-lb.prom").exists()
    states = json.loads((tmp_path / "state" / "state.json").read_text())["destinations"]
    assert [one["state"] for one in states] == [DOWN]


def test_phases_and_intervals_differ(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock of the test's own: a thousand probes of one target, and where in time they are."""
    monkeypatch.setattr(health, "FIRST_WITHIN", 10.0)
    starts: list[float] = []
    now = 0.0

    class Loop:
        @staticmethod
        def time() -> float:
            return now

    async def sleep(seconds: float) -> None:
        nonlocal now
        assert seconds >= 0
        now += seconds

    async def asked(_: Target) -> Outcome:
        nonlocal now
        starts.append(now)
        if len(starts) == 1000:
            raise asyncio.CancelledError
        # Now and then an answer takes longer than the interval.
        now += 0.5 if len(starts) % 100 else 3.0
        return Outcome(True)

    async def story() -> None:
        checker = Checker(stage.places, Journal(stage.lines.append), 10)
        checker._prober.ask = asked  # type: ignore[method-assign,assignment]
        with contextlib.suppress(asyncio.CancelledError):
            await checker.watch(Target("10.0.0.1", check("tcp", 80)))

    with monkeypatch.context() as patch:
        random.seed(1)
        loop = asyncio.new_event_loop()
        patch.setattr(asyncio, "get_running_loop", Loop)
        patch.setattr(asyncio, "sleep", sleep)
        loop.run_until_complete(story())
        loop.close()
    gaps = [after - before for before, after in zip(starts, starts[1:])]
    usual = [gap for index, gap in enumerate(gaps, 1) if index % 100]
    assert 0 <= starts[0] <= 2
    assert all(1.8 <= gap <= 1.94 for gap in usual)
    assert len({round(gap, 3) for gap in usual}) > 50
    assert {round(gap, 6) for index, gap in enumerate(gaps, 1) if index % 100 == 0} == {3.0}
