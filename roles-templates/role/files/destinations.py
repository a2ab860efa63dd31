"""What becomes of the answers: the state of a destination, which ones are taken out, and state.json.

For health.py and for who reads what it has written. Nothing here waits, and only the last part touches files.
Python 3.9 and later, its standard library only.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, cast

from netfilter import Balancer, Check, Key
from probes import Outcome, Target

# -- the state of a destination ----------------------------------------------------------------------------------------

UP = "up"
DOWN = "down"
UNKNOWN = "unknown"
# So often within so many seconds may a destination go down; each time more doubles the passes that it needs to come
# back.
FLAPS = 3
FLAP_TIME = 300.0
MOST_DAMPING = 16


@dataclass
class Track:
    """What the probes of a target came to. Times are seconds since the epoch."""

    check: Check
    state: str
    since: float
    reason: str = ""
    latency: float | None = None
    checks: int = 0
    failures: int = 0
    transitions: int = 0
    in_a_row: int = 0
    last: bool | None = None
    downs: list[float] = field(default_factory=list)

    def hear(self, outcome: Outcome, now: float) -> bool:
        """Takes an outcome in; whether that has changed the state. What could not be asked changes nothing."""
        if outcome.passed is None:
            return False
        self.checks += 1
        self.in_a_row = self.in_a_row + 1 if outcome.passed == self.last else 1
        self.last = outcome.passed
        if outcome.passed:
            self.latency = outcome.latency
            return self._passed(now)
        self.failures += 1
        self.reason = outcome.reason
        return self._failed(now)

    def rise(self, now: float) -> int:
        """How many passes in a row it takes to come back."""
        self.downs = [one for one in self.downs if now - FLAP_TIME < one <= now]
        more = max(0, len(self.downs) - FLAPS)
        return self.check.rise * int(min(MOST_DAMPING, 2 ** min(more, MOST_DAMPING)))

    def _passed(self, now: float) -> bool:
        # What is not known is used: one pass shows that it may be.
        if self.state == UP or (self.state == DOWN and self.in_a_row < self.rise(now)):
            return False
        self._become(UP, now)
        self.reason = ""
        return True

    def _failed(self, now: float) -> bool:
        if self.state == DOWN or self.in_a_row < self.check.fall:
            return False
        self._become(DOWN, now)
        self.downs.append(now)
        return True

    def _become(self, state: str, now: float) -> None:
        self.transitions += self.state != UNKNOWN or state == DOWN
        self.state = state
        self.since = now


@dataclass(frozen=True)
class DestinationState:
    """A destination in state.json. `ours`: the checker has put it into the kernel's set of what is down."""

    ip: str
    port: int
    state: str
    since: float
    reason: str = ""
    latency: float | None = None
    checks: int = 0
    failures: int = 0
    transitions: int = 0
    ours: bool = False

    @property
    def key(self) -> Key:
        return (self.ip, self.port)


def state_of(tracks: Iterable[Track]) -> str:
    """What several checks of a destination say together: it is down if one of them says so."""
    states = {one.state for one in tracks}
    return DOWN if DOWN in states else UNKNOWN if UNKNOWN in states else UP


def summed(key: Key, tracks: Sequence[Track], before: DestinationState | None, ours: bool) -> DestinationState:
    """A destination, as its checks say. `before` has what was counted by an earlier run."""
    state = state_of(tracks)
    telling = [one for one in tracks if one.state == state]
    latencies = [one.latency for one in tracks if one.latency is not None]
    return DestinationState(
        ip=key[0],
        port=key[1],
        state=state,
        since=min(one.since for one in telling) if state == DOWN else max(one.since for one in telling),
        reason=next((one.reason for one in telling if one.reason), ""),
        latency=max(latencies) if latencies else None,
        checks=sum(one.checks for one in tracks) + (before.checks if before else 0),
        failures=sum(one.failures for one in tracks) + (before.failures if before else 0),
        transitions=sum(one.transitions for one in tracks) + (before.transitions if before else 0),
        ours=ours,
    )


def restored(check: Check, states: Sequence[DestinationState | None], now: float) -> Track:
    """The track of a target whose destinations are known already: down only if all of them were, as another check may
    have said so of one."""
    known = [one for one in states if one is not None]
    for state in (UP, DOWN, UNKNOWN):
        of_it = [one for one in known if one.state == state]
        if of_it and (state != DOWN or len(of_it) == len(states)):
            first = min(of_it, key=lambda one: one.since)
            return Track(check, state, first.since, first.reason if state == DOWN else "", first.latency)
    return Track(check, UNKNOWN, now)


# -- whose fault silence is --------------------------------------------------------------------------------------------


class Silence:
    """Judges probes to which nothing came back. Where nobody else answers, either, it is this host that has lost its
    network, and taking all out would help nobody. So such a failure counts when somebody has answered since the
    question, or shortly before; until then it waits, the last one of each target. Times are those of a clock that
    nobody sets."""

    def __init__(self, now: float) -> None:
        self.is_everywhere = False
        # When somebody has answered last; and the same, or since when nobody has.
        self._heard = float("-inf")
        self._answered = now
        # What was asked before is of a time when there was no network.
        self._back = now
        self._waiting: dict[Target, Outcome] = {}
        self._is_alone = True
        self._patience = 0.0

    def of(self, targets: Collection[Target]) -> None:
        """Whom it is about. Of one address alone there is nothing to compare with: its silence is a failure."""
        self._is_alone = len({one.ip for one in targets}) < 2
        # Whoever works has answered by then, even if one of the answers was lost.
        self._patience = max((2.0 * one.check.interval + one.check.timeout for one in targets), default=0.0)

    def hear(self, target: Target, outcome: Outcome, now: float) -> list[tuple[Target, Outcome]]:
        """What counts now: this outcome, or nothing, or also what has waited for an answer."""
        if outcome.is_answer:
            return [*self._end(target, now), (target, outcome)]
        if not outcome.is_silence or self._is_alone:
            return [(target, outcome)]
        if now - self._answered > self._patience:
            self.is_everywhere = True
            self.forget()
        if self.is_everywhere or outcome.began < self._back:
            return []
        # Shortly before it is as good, as long as one failure alone takes nothing out: of the second that is not so.
        shortly = target.check.interval / 2 if target.check.fall > 1 else 0.0
        if outcome.began - shortly < self._heard:
            return [(target, outcome)]
        self._waiting[target] = outcome
        return []

    def forget(self) -> None:
        """Lets nothing of what has waited count."""
        self._waiting.clear()

    def _end(self, target: Target, now: float) -> list[tuple[Target, Outcome]]:
        """What others have waited for. To the target itself its answer says that its silence is over."""
        self._waiting.pop(target, None)
        waited = list(self._waiting.items())
        self._waiting.clear()
        self._heard = self._answered = now
        if self.is_everywhere:
            self.is_everywhere = False
            self._back = now
        return waited


# -- what is taken out -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rule:
    """What an app says about how many of a pool's destinations may be taken out."""

    app: str
    family: str
    keys: frozenset[Key]
    ignores: bool
    min_up: int

    def kept(self, failing: Mapping[Key, float], others: set[Key]) -> list[Key]:
        """Those of the failing that stay in use. Whose failure is the oldest is the first to go; what others have taken
        out is not in use, and not ours to let in."""
        out = self.keys & others
        bad = sorted((key for key in self.keys - out if key in failing), key=lambda key: (failing[key], key))
        if self.ignores and len(bad) + len(out) == len(self.keys):
            return bad
        least = -(-len(self.keys) * self.min_up // 100)
        return bad[max(0, len(self.keys) - least - len(out)) :]

    def why(self) -> str:
        """For people."""
        return f"{self.app} ({self.family}): {'on_all_down: ignore, ' if self.ignores else ''}min_up: {self.min_up}"


def rules_of(balancer: Balancer) -> list[Rule]:
    """The rules of the pools that have one."""
    rules = []
    for app, pool in balancer.pools():
        keys = frozenset(one.key for one in pool.destinations if one.weight > 0)
        rule = Rule(app.name, pool.family, keys, app.on_all_down == "ignore", app.min_up)
        if keys and (rule.ignores or rule.min_up > 0):
            rules.append(rule)
    return rules


def kept_in_use(rules: Iterable[Rule], failing: Mapping[Key, float], others: set[Key]) -> dict[Key, str]:
    """The failing destinations that stay in use, and why. The kernel's set is one for all apps: what one app cannot do
    without stays in use for all of them."""
    if not failing:
        return {}
    return {key: rule.why() for rule in rules for key in rule.kept(failing, others)}


@dataclass(frozen=True)
class Change:
    """What is to be done to the kernel's set, and what in it is the checker's own then."""

    add: frozenset[Key]
    remove: frozenset[Key]
    ours: frozenset[Key]


def change_of(wanted: set[Key], kernel: set[Key], ours: set[Key], held: set[Key]) -> Change:
    """From what shall be down, what is, what of that is ours, and what stands in the files of who took something out:
    that is never let in here, and what was found down is left to whoever has set it."""
    add = wanted - kernel
    remove = (ours & kernel) - wanted - held
    return Change(frozenset(add), frozenset(remove), frozenset((ours & wanted) | add))


# -- state.json --------------------------------------------------------------------------------------------------------

STATE_FILE = "state.json"
STATE_VERSION = 1
_TYPES: dict[str, tuple[type, ...]] = {
    "ip": (str,),
    "port": (int,),
    "state": (str,),
    "since": (int, float),
    "reason": (str,),
    "latency": (int, float, type(None)),
    "checks": (int,),
    "failures": (int,),
    "transitions": (int,),
    "ours": (bool,),
}


def parsed_state(text: str) -> dict[Key, DestinationState]:
    """What a state.json says; ValueError if it is none."""
    try:
        data = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(data, dict) or data.get("version") != STATE_VERSION:
        raise ValueError("no state of this version")
    destinations = data.get("destinations")
    if not isinstance(destinations, list):
        raise ValueError("no list of destinations")
    states = [_state_of(one) for one in destinations]
    return {one.key: one for one in states}


def _state_of(data: object) -> DestinationState:
    if not isinstance(data, dict):
        raise ValueError("a destination that is no object")
    known = {one.name: data.get(one.name) for one in fields(DestinationState)}
    for name, value in known.items():
        is_flag = isinstance(value, bool) and name != "ours"
        if is_flag or not isinstance(value, _TYPES[name]):
            raise ValueError(f"a destination with a wrong {name}")
    if known["state"] not in (UP, DOWN, UNKNOWN):
        raise ValueError("a destination in no state")
    return DestinationState(**cast(dict[str, Any], known))


def read_state(path: Path) -> dict[Key, DestinationState]:
    """What the checker knows, by destination; nothing if the file is missing or broken."""
    try:
        return load_state(path)
    except (OSError, ValueError):
        return {}


def load_state(path: Path) -> dict[Key, DestinationState]:
    """The same; OSError or ValueError if the file is missing or broken."""
    return parsed_state(path.read_bytes().decode())


def write_state(path: Path, states: Iterable[DestinationState]) -> None:
    """Whole or not at all."""
    data = {"version": STATE_VERSION, "written": time.time(), "destinations": [asdict(one) for one in states]}
    new = path.with_name(f".{path.name}.new")
    new.write_text(json.dumps(data, separators=(",", ":")))
    new.replace(path)
