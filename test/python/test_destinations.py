"""The state of a destination, and what is taken out: with a clock of the test's own."""

from __future__ import annotations

import json
from pathlib import Path

import netfilter
import pytest
from destinations import (
    DOWN,
    UNKNOWN,
    UP,
    Change,
    DestinationState,
    Rule,
    Silence,
    Track,
    change_of,
    kept_in_use,
    read_state,
    restored,
    rules_of,
    summed,
    write_state,
)
from netfilter import Key
from probes import Outcome, Target
from support import app, balancer, check, destination, write_balancer

PASS = Outcome(True, "", 0.001)
FAIL = Outcome(False, "tcp: connection refused")
OWN = Outcome(None, "tcp: network is unreachable")
A, B, C, D = (("10.0.0.1", 80), ("10.0.0.2", 80), ("10.0.0.3", 80), ("10.0.0.4", 80))


def track(state: str = UNKNOWN) -> Track:
    return Track(check(), state, 0.0)


def heard(one: Track, outcomes: list[Outcome], begin: float = 1.0) -> list[str]:
    """The states after each outcome, a second apart."""
    states = []
    for index, outcome in enumerate(outcomes):
        changed = one.hear(outcome, begin + index)
        assert changed == (one.since == begin + index)
        states.append(one.state)
    return states


def test_what_is_not_known_is_up_after_one_pass_and_down_after_fall_failures() -> None:
    assert heard(track(), [PASS]) == [UP]
    assert heard(track(), [FAIL, FAIL, FAIL]) == [UNKNOWN, UNKNOWN, DOWN]


def test_only_failures_in_a_row_count() -> None:
    assert heard(track(UP), [FAIL, FAIL, PASS, FAIL, FAIL, FAIL]) == [UP] * 5 + [DOWN]


def test_only_passes_in_a_row_count() -> None:
    assert heard(track(DOWN), [PASS, FAIL, PASS, PASS]) == [DOWN, DOWN, DOWN, UP]


def test_own_trouble_is_neither_and_breaks_no_row() -> None:
    one = track(UP)
    assert heard(one, [FAIL, OWN, FAIL, OWN, OWN, OWN, FAIL]) == [UP] * 6 + [DOWN]
    assert (one.checks, one.failures, one.transitions) == (3, 3, 1)


def test_counts_and_says_why() -> None:
    one = track()
    heard(one, [PASS, FAIL, FAIL, FAIL])
    assert (one.checks, one.failures, one.transitions, one.reason) == (4, 3, 1, "tcp: connection refused")
    heard(one, [PASS, PASS], 10.0)
    assert (one.transitions, one.reason, one.latency, one.since) == (2, "", 0.001, 11.0)


def flap(one: Track, begin: float) -> int:
    """Lets it go down and come back; how many passes that took."""
    for index in range(one.check.fall):
        one.hear(FAIL, begin + index)
    assert one.state == DOWN
    passes = 0
    while one.state == DOWN:
        passes += 1
        one.hear(PASS, begin + 3)
    return passes


def test_flapping_is_damped_and_forgotten_after_five_minutes() -> None:
    one = track(UP)
    assert [flap(one, 10.0 * index) for index in range(10)] == [2, 2, 2, 4, 8, 16, 32, 32, 32, 32]
    assert flap(one, 10_000.0) == 2


def test_a_clock_that_is_set_back_does_not_damp_for_ever() -> None:
    one = track(UP)
    for index in range(6):
        flap(one, 1_000_000.0 + 10 * index)
    assert flap(one, 1000.0) == 2


def test_a_destination_is_down_if_one_of_its_checks_says_so() -> None:
    up, down = Track(check(), UP, 5.0, latency=0.2), Track(check("http"), DOWN, 7.0, "http: status 503")
    both = summed(A, [up, down], None, True)
    assert (both.state, both.since, both.reason, both.latency, both.ours) == (DOWN, 7.0, "http: status 503", 0.2, True)
    assert summed(A, [up, track()], None, False).state == UNKNOWN
    before = DestinationState(*A, UP, 1.0, checks=7, failures=2, transitions=1)
    assert summed(A, [up], before, False).checks == 7


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([], UNKNOWN),
        ([None], UNKNOWN),
        ([UP], UP),
        ([DOWN], DOWN),
        ([DOWN, UP], UP),
        ([DOWN, None], UNKNOWN),
        ([DOWN, DOWN], DOWN),
    ],
)
def test_a_probe_begins_with_what_was_known_of_its_destinations(states: list[str | None], expected: str) -> None:
    known = [None if one is None else DestinationState(*A, one, 3.0, "why") for one in states]
    one = restored(check(), known, 9.0)
    assert (one.state, one.since, one.checks) == (expected, 9.0 if expected == UNKNOWN else 3.0, 0)
    # It takes as long as ever to become another.
    assert heard(one, [PASS], 10.0) == [DOWN if expected == DOWN else UP]


def silent(began: float) -> Outcome:
    return Outcome(False, "tcp: no answer within 1 s", heard=False, began=began)


ONE, TWO, THREE = (Target(f"10.0.0.{host}", check()) for host in (1, 2, 3))
# Two intervals and a timeout.
PATIENCE = 5.0


def silence(*targets: Target) -> Silence:
    """Of targets that have been asked since 100.0."""
    one = Silence(100.0)
    one.of(targets)
    return one


def test_silence_counts_at_once_where_another_has_answered_since_the_question() -> None:
    one = silence(ONE, TWO)
    assert one.hear(TWO, PASS, 102.5) == [(TWO, PASS)]
    assert one.hear(ONE, silent(102.0), 103.0) == [(ONE, silent(102.0))]


def test_an_answer_shortly_before_the_question_is_as_good_but_not_where_one_failure_takes_out() -> None:
    hasty = Target("10.0.0.5", check(fall=1))
    one = silence(ONE, TWO, hasty)
    assert one.hear(TWO, PASS, 102.0) == [(TWO, PASS)]
    assert one.hear(ONE, silent(102.9), 103.9) == [(ONE, silent(102.9))]
    assert one.hear(hasty, silent(102.9), 103.9) == []
    assert one.hear(ONE, silent(103.1), 104.1) == []


def test_a_network_that_is_lost_takes_nothing_out_after_two_failures() -> None:
    targets = [Target(f"10.0.1.{host}", check(fall=2)) for host in range(1, 200)]
    one = silence(*targets)
    one.hear(targets[0], PASS, 102.0)
    counted = [0 for _ in targets]
    for turn in range(4):
        for index, target in enumerate(targets):
            began = 102.001 + 1.8 * turn + 0.009 * index
            counted[index] += len(one.hear(target, silent(began), began + 1))
    assert max(counted) == 1


@pytest.mark.parametrize("answer", [PASS, FAIL])
def test_silence_waits_for_somebody_to_answer(answer: Outcome) -> None:
    one = silence(ONE, TWO, THREE)
    assert one.hear(ONE, silent(102.0), 103.0) == []
    assert one.hear(THREE, silent(102.5), 103.5) == []
    # Of each target the last one.
    assert one.hear(ONE, silent(103.9), 104.9) == []
    assert one.hear(TWO, answer, 105.0) == [(ONE, silent(103.9)), (THREE, silent(102.5)), (TWO, answer)]
    assert one.hear(TWO, answer, 107.0) == [(TWO, answer)]


def test_a_targets_own_answer_ends_its_silence() -> None:
    one = silence(ONE, TWO)
    assert one.hear(ONE, silent(102.0), 103.0) == []
    assert one.hear(ONE, PASS, 104.0) == [(ONE, PASS)]
    assert one.hear(TWO, PASS, 104.1) == [(TWO, PASS)]


def test_silence_of_all_is_this_hosts_own_and_nothing_of_it_counts_afterwards() -> None:
    one = silence(ONE, TWO, THREE)
    one.hear(TWO, PASS, 102.0)
    for step in range(1, 30):
        began = 102.0 + step
        for target in (ONE, TWO, THREE):
            assert one.hear(target, silent(began), began + 1) == []
        assert one.is_everywhere == (step + 1 > PATIENCE)
    assert one.hear(TWO, PASS, 140.0) == [(TWO, PASS)]
    assert not one.is_everywhere
    # It was asked while there was no network.
    assert one.hear(ONE, silent(139.5), 140.5) == []
    # This was not.
    one.hear(TWO, PASS, 142.0)
    assert one.hear(ONE, silent(141.5), 142.5) == [(ONE, silent(141.5))]


def test_before_anybody_has_answered_nothing_is_known() -> None:
    one = silence(ONE, TWO)
    assert one.hear(ONE, silent(100.1), 101.1) == []
    assert not one.is_everywhere
    assert one.hear(ONE, silent(104.5), 105.5) == []
    assert one.is_everywhere


def test_what_says_nothing_of_a_network_is_no_answer() -> None:
    one = silence(ONE, TWO)
    program = Outcome(False, "exec: exit status 1", heard=None)
    assert one.hear(ONE, silent(102.0), 103.0) == []
    # Neither lets silence count; a program's verdict itself does, always.
    assert one.hear(TWO, OWN, 103.1) == [(TWO, OWN)]
    assert one.hear(TWO, program, 103.2) == [(TWO, program)]
    assert one.hear(TWO, PASS, 103.3) == [(ONE, silent(102.0)), (TWO, PASS)]


def test_the_slowest_says_how_long_it_takes_to_know() -> None:
    slow = Target("10.0.0.4", check(interval=60, timeout=5))
    one = silence(ONE, slow)
    assert one.hear(ONE, silent(224.0), 225.0) == []
    assert not one.is_everywhere
    one.hear(ONE, silent(224.5), 225.5)
    assert one.is_everywhere


def test_silence_counts_of_one_address_with_several_ports() -> None:
    one = silence(ONE, Target(ONE.ip, check(port=81)))
    assert one.hear(ONE, silent(102.0), 103.0) == [(ONE, silent(102.0))]


def rule(keys: list[Key], ignores: bool = False, min_up: int = 0) -> Rule:
    return Rule("web", "ipv4", frozenset(keys), ignores, min_up)


@pytest.mark.parametrize(
    ("min_up", "others", "failing", "kept"),
    [
        (0, [], [A, B, C, D], []),
        (50, [], [A], []),
        (50, [], [A, B], []),
        (50, [], [A, B, C], [C]),
        (50, [], [C, A, B, D], [B, D]),
        (51, [], [A, B], [B]),
        (100, [], [A], [A]),
        (1, [], [A, B, C, D], [D]),
        (50, [D], [A, B], [B]),
        (50, [C, D], [A], [A]),
        (50, [B, C, D], [A], [A]),
        (50, [A], [A], []),
    ],
)
def test_min_up(min_up: int, others: list[Key], failing: list[Key], kept: list[Key]) -> None:
    since = {key: float(index) for index, key in enumerate(failing)}
    assert rule([A, B, C, D], min_up=min_up).kept(since, set(others)) == kept


def test_those_that_failed_at_once_have_an_order() -> None:
    assert rule([A, B, C, D], min_up=75).kept({D: 1.0, B: 1.0, A: 1.0}, set()) == [B, D]


def test_ignore_uses_all_when_all_are_down() -> None:
    one = rule([A, B, C], ignores=True)
    assert one.kept({A: 1.0, B: 2.0}, set()) == []
    assert one.kept({A: 1.0, B: 2.0, C: 3.0}, set()) == [A, B, C]
    # What people took out is not in use, and stays so.
    assert one.kept({A: 1.0, B: 2.0}, {C}) == [A, B]


def test_what_one_app_cannot_do_without_stays_for_all() -> None:
    rules = [rule([A], ignores=True), rule([A, B, C], min_up=0)]
    assert set(kept_in_use(rules, {A: 1.0, B: 2.0}, set())) == {A}


def test_only_pools_that_say_something_have_a_rule(tmp_path: Path) -> None:
    one = [destination("10.0.0.1", one=check()), destination("10.0.0.2", weight=0)]
    write_balancer(tmp_path, balancer(app("a", one), app("b", one, "ignore"), app("c", one, "drop", 20)))
    rules = rules_of(netfilter.read_balancer(tmp_path / "balancer.json"))
    keys = frozenset({A})
    assert rules == [Rule("b", "ipv4", keys, True, 0), Rule("c", "ipv4", keys, False, 20)]


@pytest.mark.parametrize(
    ("wanted", "kernel", "ours", "held", "add", "remove", "then"),
    [
        ([A], [], [], [], [A], [], [A]),
        ([A], [A], [A], [], [], [], [A]),
        # It went away by itself: a reload of another table.
        ([A], [], [A], [], [A], [], [A]),
        ([], [A], [A], [], [], [A], []),
        # Somebody else's: not ours, and never ours.
        ([], [A], [], [], [], [], []),
        ([A], [A], [], [], [], [], []),
        # Drained while it was down: left to who has drained it.
        ([], [A], [A], [A], [], [], []),
        ([A], [A], [A], [A], [], [], [A]),
        ([], [], [A], [], [], [], []),
    ],
)
def test_what_the_kernel_is_told(
    wanted: list[Key],
    kernel: list[Key],
    ours: list[Key],
    held: list[Key],
    add: list[Key],
    remove: list[Key],
    then: list[Key],
) -> None:
    change = change_of(set(wanted), set(kernel), set(ours), set(held))
    assert change == Change(frozenset(add), frozenset(remove), frozenset(then))


def test_the_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    states = [
        DestinationState(*A, DOWN, 5.0, "tcp: connection refused", None, 9, 8, 1, True),
        DestinationState("fd00::1", 0, UP, 6.5, "", 0.25, 3, 0, 0, False),
    ]
    write_state(tmp_path / "state.json", states)
    assert list(read_state(tmp_path / "state.json").values()) == states
    data = json.loads((tmp_path / "state.json").read_text())
    assert (data["version"], type(data["written"])) == (1, float)
    assert list(tmp_path.iterdir()) == [tmp_path / "state.json"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        '{"version": 2, "destinations": []}',
        '{"version": 1}',
        '{"version": 1, "destinations": [1]}',
        '{"version": 1, "destinations": [{"ip": 1}]}',
        '{"version": 1, "destinations": [{"ip": "10.0.0.1", "port": 80, "state": "sideways", "since": 1, "reason": "",'
        '"latency": null, "checks": 0, "failures": 0, "transitions": 0, "ours": false}]}',
        "\udcff",
    ],
)
def test_a_broken_state_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert read_state(tmp_path / "state.json") == {}


def test_a_missing_state_is_none(tmp_path: Path) -> None:
    assert read_state(tmp_path / "state.json") == {}
