"""pomaloba-ctl: what it says about destinations, and what it does to files and to the kernel."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import ctl
import pytest
import rulesets
from netfilter import Key, NetfilterError, NotLoaded, Traffic

SPECS = [
    {
        "pomaloba": 1,
        "app": "shop",
        "endpoints": [
            {"ip": "192.0.2.10", "port": 80},
            {"ip": "192.0.2.10", "port": "8000-8099", "protocol": ["tcp", "udp"]},
            {"ip": "2001:db8::10", "port": 80},
        ],
        "destinations": [
            {"ip": "198.51.100.1"},
            {"ip": "198.51.100.2", "weight": 3},
            {"ip": "198.51.100.3", "weight": 0},
            {"ip": "198.51.100.4", "backup": True},
            {"ip": "fd00::1", "port": 80},
            {"ip": "fd00::1", "port": 81},
        ],
    },
    {
        "pomaloba": 1,
        "app": "web",
        "endpoints": [{"ip": "192.0.2.11", "port": 80}],
        "destinations": [{"ip": "198.51.100.1", "port": 30080}, {"ip": "198.51.100.2", "port": 30080}],
    },
]
CHECK = {"kind": "tcp", "port": 80, "interval": 2, "timeout": 1, "rise": 2, "fall": 3}
ONE, TWO, BACKUP = ("198.51.100.1", 0), ("198.51.100.2", 0), ("198.51.100.4", 0)
WEB, SIX = ("198.51.100.1", 30080), ("fd00::1", 80)


class Kernel:
    """A packet filter that is none; `forgotten` has what is no affinity any more."""

    def __init__(self) -> None:
        self.set: set[Key] | Exception = set()
        self.counted: list[Traffic] | Exception = []
        self.fails: Exception | None = None
        self.forgotten: list[tuple[list[Key], bool]] = []

    def down(self) -> set[Key]:
        if isinstance(self.set, Exception):
            raise self.set
        return set(self.set)

    def change(self, add: Iterable[Key], remove: Iterable[Key]) -> None:
        if self.fails:
            raise self.fails
        self.set = (self.down() | set(add)) - set(remove)

    def forget(self, keys: Iterable[Key], flows: bool = True) -> None:
        self.forgotten.append((list(keys), flows))

    def counters(self) -> list[Traffic]:
        if isinstance(self.counted, Exception):
            raise self.counted
        return self.counted


class Host:
    """A host with a ruleset `lb`, its files, and what pomaloba-ctl says there."""

    def __init__(self, directory: Path, kernel: Kernel, capsys: pytest.CaptureFixture[str]) -> None:
        self.run, self.state, self.kernel, self._capsys = directory / "run", directory / "state", kernel, capsys
        self.run.mkdir()
        self.state.mkdir()
        self.journal: list[str] = []
        self.load(checks=True)

    def load(self, checks: bool) -> None:
        data = rulesets.balancer_data(SPECS)
        for app in data["apps"] if checks else []:
            for destination in (one for pool in app["pools"] for one in pool["destinations"] if one["weight"] > 0):
                destination["check"] = CHECK
        (self.run / "balancer.json").write_text(json.dumps(data))

    def knows(self, **states: Any) -> None:
        """What the checker knows, by names of this file."""
        blank = {"since": 1_700_000_000.0, "latency": None, "checks": 9, "failures": 0, "transitions": 0, "ours": False}
        found = [
            {**blank, "ip": globals()[name][0], "port": globals()[name][1], "reason": "", **more}
            for name, more in states.items()
        ]
        text = json.dumps({"version": 1, "written": time.time(), "destinations": found})
        (self.state / "state.json").write_text(text)

    def ctl(self, *arguments: str, fails: int = 0) -> str:
        """What it prints; errors after that."""
        assert ctl.main(["lb", "--run", str(self.run), "--state", str(self.state), *arguments]) == fails
        out, errors = self._capsys.readouterr()
        return str(out + errors)

    def of(self, key: Key, app: str = "shop") -> dict[str, Any]:
        """What `status --json` says of a destination."""
        for group in json.loads(self.ctl("status", "--json"))["apps"]:
            for one in group["destinations"]:
                if group["app"] == app and (one["ip"], one["port"] or 0) == key:
                    return dict(one)
        raise AssertionError(key)

    def verdict(self, key: Key, app: str = "shop") -> tuple[str, str]:
        found = self.of(key, app)
        return found["state"], found["reason"]


@pytest.fixture
def host(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Host:
    kernel = Kernel()
    made = Host(tmp_path, kernel, capsys)
    monkeypatch.setattr(ctl, "packet_filter", lambda _balancer: kernel)
    monkeypatch.setattr("syslog.syslog", lambda _level, text: made.journal.append(text))
    monkeypatch.setattr(time, "localtime", time.gmtime)
    monkeypatch.setenv("SUDO_USER", "alice")
    monkeypatch.setenv("COLUMNS", "101")
    return made


# -- status


def test_states(host: Host) -> None:
    down = {"state": "down", "reason": "tcp: connection refused", "ours": True}
    host.knows(ONE={"state": "up"}, TWO=down, BACKUP={"state": "unknown"}, WEB=down)
    host.kernel.set = {TWO, WEB, SIX}
    assert host.verdict(ONE) == ("up", "")
    assert host.of(ONE)["since"] == 1_700_000_000.0
    assert host.verdict(TWO) == ("down", "tcp: connection refused")
    assert host.verdict(("198.51.100.3", 0)) == ("drained", "weight 0 in the spec")
    assert host.verdict(BACKUP) == ("unchecked", "not checked yet")
    assert host.verdict(WEB, "web") == ("down", "tcp: connection refused")
    assert host.verdict(SIX) == ("drained", "by hand, in the kernel's set")


def test_who_has_drained(host: Host) -> None:
    host.kernel.set = {ONE, TWO, BACKUP}
    (host.run / "drained").write_text("198.51.100.1 0\n198.51.100.2 0\nfd00::1 80\n")
    (host.run / "down").write_text("198.51.100.2 0\n198.51.100.4 0\n")
    host.knows(ONE={"state": "down", "reason": "timeout", "ours": True})
    assert host.verdict(ONE) == ("drained", "by pomaloba-ctl; fails, too: timeout")
    assert host.verdict(TWO) == ("drained", "by pomaloba-ctl and the role")
    assert host.verdict(BACKUP) == ("drained", "by the role")
    assert host.verdict(SIX) == ("up", "drained by pomaloba-ctl, but the kernel does not know")


def test_what_fails_and_stays_in_use(host: Host) -> None:
    host.knows(ONE={"state": "down", "reason": "timeout"})
    assert host.verdict(ONE) == ("up", "stays in use, but fails: timeout")


def test_without_a_checker(host: Host) -> None:
    assert host.verdict(ONE) == ("unchecked", "the checker does not run")
    assert "the checker never wrote what it knows" in host.ctl("status")
    host.knows(ONE={"state": "up"})
    os.utime(host.state / "state.json", (1_700_000_000, 1_700_000_000))
    assert "the checker has not written since 2023-11-14 what it knows" in host.ctl("status")
    host.load(checks=False)
    assert host.verdict(ONE) == ("unchecked", "")
    assert "the checker" not in host.ctl("status")


@pytest.mark.parametrize("garbage", ["", "{", "[]", '{"version": 1, "destinations": [7]}'])
def test_a_broken_state_is_none(host: Host, garbage: str) -> None:
    (host.state / "state.json").write_text(garbage)
    assert host.verdict(ONE) == ("unchecked", "not checked yet")


def test_shares_are_those_of_now(host: Host) -> None:
    assert [host.of(key)["share"] for key in (ONE, TWO, BACKUP, SIX)] == [25, 75, 0, 50]
    assert host.of(TWO)["share_when_all_are_up"] == "75.00 %"
    host.kernel.set = {TWO}
    assert [host.of(key)["share"] for key in (ONE, TWO, BACKUP, SIX)] == [100, 0, 0, 50]
    host.kernel.set = {ONE, TWO}
    assert [host.of(key)["share"] for key in (ONE, TWO, BACKUP, SIX)] == [0, 0, 100, 50]
    host.kernel.set = {ONE, TWO, BACKUP}
    assert [host.of(key)["share"] for key in (ONE, TWO, BACKUP)] == [0, 0, 0]


def test_the_table(host: Host) -> None:
    host.knows(
        ONE={"state": "up"},
        TWO={"state": "down", "reason": "tcp: connection refused", "ours": True},
        BACKUP={"state": "down", "reason": ", ".join(["http: status 503"] * 6), "ours": True},
    )
    host.kernel.set = {TWO, BACKUP, SIX}
    host.kernel.counted = [
        Traffic("shop", "tcp", "192.0.2.10", 80, ONE, 1000, 1, 1),
        Traffic("shop", "udp", "192.0.2.10", 8000, ONE, 234, 1, 1),
        Traffic("web", "tcp", "192.0.2.11", 80, WEB, 7, 1, 1),
    ]
    assert host.ctl("status").splitlines() == [
        "  DESTINATION          WEIGHT  STATE      SINCE       CONNECTIONS    SHARE",
        "shop  tcp 192.0.2.10:80, tcp 192.0.2.10:8000-8099, udp 192.0.2.10:8000-8099",
        "  198.51.100.1              1  up         2023-11-14         1234  100.0 %",
        "  198.51.100.2              3  down       2023-11-14            0    0.0 %  tcp: connection refused",
        "  198.51.100.3              0  drained                          0    0.0 %  weight 0 in the spec",
        "  198.51.100.4 backup       1  down       2023-11-14            0    0.0 %",
        "      " + ", ".join(["http: status 503"] * 6),
        "shop  tcp [2001:db8::10]:80",
        "  [fd00::1]:80              1  drained                          0    0.0 %",
        "      by hand, in the kernel's set",
        "  [fd00::1]:81              1  unchecked                        0  100.0 %  not checked yet",
        "web  tcp 192.0.2.11:80",
        "  198.51.100.1:30080        1  unchecked                        7   50.0 %  not checked yet",
        "  198.51.100.2:30080        1  unchecked                        0   50.0 %  not checked yet",
    ]


def test_many_endpoints_are_several_lines(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    lines = host.ctl("status").splitlines()
    assert "shop  tcp 192.0.2.10:80, tcp 192.0.2.10:8000-8099," in lines
    assert "   udp 192.0.2.10:8000-8099" in lines


def test_programs_that_fail_take_the_counts_only(host: Host) -> None:
    host.kernel.counted = NetfilterError("iptables-save is missing")
    assert "connections are not known: iptables-save is missing" in host.ctl("status")
    assert host.of(ONE)["connections"] is None


def test_a_ruleset_that_is_not_loaded(host: Host) -> None:
    host.kernel.set = NotLoaded("ruleset lb is not loaded")
    assert host.ctl("status", fails=1) == "pomaloba-ctl: ruleset lb is not loaded\n"
    for command in ("drain", "undrain"):
        assert "is not loaded" in host.ctl(command, "198.51.100.1", fails=1)
    assert not (host.run / "drained").exists()
    (host.run / "balancer.json").unlink()
    assert host.ctl("status", fails=1).startswith("pomaloba-ctl: the ruleset is not loaded: there is no /")


def test_a_ruleset_that_is_not_loaded_is_json(host: Host) -> None:
    host.kernel.set = NotLoaded("ruleset lb is not loaded")
    text = host.ctl("status", "--json", fails=1)
    assert json.loads(text.partition("\npomaloba-ctl:")[0]) == {"loaded": False, "error": "ruleset lb is not loaded"}


def test_garbage_in_the_file(host: Host) -> None:
    (host.run / "balancer.json").write_text("{")
    assert "balancer.json is no JSON" in host.ctl("status", fails=1)


# -- drain, undrain


def test_drain_and_undrain(host: Host) -> None:
    assert host.ctl("drain", "198.51.100.1", "[fd00::1]:80").splitlines() == [
        "198.51.100.1 is drained: no new connections, open ones live on",
        "198.51.100.1:30080 is drained: no new connections, open ones live on",
        "[fd00::1]:80 is drained: no new connections, open ones live on",
    ]
    assert host.kernel.set == {ONE, WEB, SIX}
    assert (host.run / "drained").read_text() == "198.51.100.1 0\n198.51.100.1 30080\nfd00::1 80\n"
    # What is open lives on, and UDP flows are.
    assert host.kernel.forgotten == [([ONE, WEB, SIX], False)]
    assert host.journal == [
        "drained: 198.51.100.1 (pomaloba-ctl, alice)",
        "drained: 198.51.100.1:30080 (pomaloba-ctl, alice)",
        "drained: [fd00::1]:80 (pomaloba-ctl, alice)",
    ]
    assert host.ctl("drain", "198.51.100.1:30080") == "198.51.100.1:30080 was drained already\n"
    assert host.ctl("undrain", "fd00::1", "198.51.100.1").splitlines() == [
        "[fd00::1]:80 is not drained any more",
        "[fd00::1]:81 was not drained",
        "198.51.100.1 is not drained any more",
        "198.51.100.1:30080 is not drained any more",
    ]
    assert host.kernel.set == set()
    assert (host.run / "drained").read_text() == ""


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("198.51.100.9", "198.51.100.9 is no destination of this ruleset"),
        ("192.0.2.10:80", "192.0.2.10:80 is no destination of this ruleset"),
        ("198.51.100.4:80", "198.51.100.4:80 is no destination: 198.51.100.4 keeps the client's port; name it without"),
        ("[fd00::1]:82", "[fd00::1]:82 is no destination; there is [fd00::1]:80, [fd00::1]:81"),
        ("worker-1", "worker-1 is no address: write IP, IP:PORT or [IPv6]:PORT"),
        ("198.51.100.1:", "198.51.100.1: is no address"),
        ("198.51.100.1:http", "198.51.100.1:http is no address"),
        ("198.51.100.0/24", "198.51.100.0/24 is no address"),
        ("", " is no address"),
    ],
)
def test_refuses_what_is_no_destination(host: Host, address: str, says: str) -> None:
    for command in ("drain", "undrain"):
        assert host.ctl(command, "198.51.100.1", address, fails=1).startswith(f"pomaloba-ctl: {says}")
    assert host.kernel.set == set()
    assert not (host.run / "drained").exists()


@pytest.mark.parametrize("address", ["fd00:0:0::1", "[FD00::1]", "fd00::1"])
def test_takes_an_address_as_people_write_it(host: Host, address: str) -> None:
    host.ctl("drain", address)
    assert host.kernel.set == {SIX, ("fd00::1", 81)}


def test_a_kernel_that_refuses_leaves_the_file_as_it_was(host: Host) -> None:
    host.ctl("drain", "198.51.100.2")
    host.kernel.fails = NetfilterError("nft: Operation not permitted")
    assert "nft: Operation not permitted" in host.ctl("drain", "198.51.100.1", fails=1)
    assert (host.run / "drained").read_text() == "198.51.100.2 0\n198.51.100.2 30080\n"


def test_warns_when_nothing_is_left(host: Host) -> None:
    assert "warning" not in host.ctl("drain", "198.51.100.1")
    warning = "pomaloba-ctl: warning: app {} has no ipv4 destination in use now\n"
    # The backup is left to the other app.
    assert host.ctl("drain", "198.51.100.2").endswith(f"live on\n{warning.format('web')}")
    assert host.ctl("drain", "198.51.100.4").endswith(f"live on\n{warning.format('shop')}")


def test_undrain_leaves_what_the_role_wants_down(host: Host) -> None:
    host.kernel.set = {ONE}
    (host.run / "down").write_text("198.51.100.1 0\n")
    (host.run / "drained").write_text("198.51.100.1 0\n")
    said = host.ctl("undrain", "198.51.100.1", fails=1)
    assert "198.51.100.1 stays drained: the role has taken it out (pomaloba_drain)\n" in said
    assert host.kernel.set == {ONE}
    assert (host.run / "drained").read_text() == ""


def test_undrain_leaves_what_the_checker_wants_down(host: Host) -> None:
    (host.run / "drained").write_text("198.51.100.1 0\n198.51.100.2 0\n")
    host.knows(
        ONE={"state": "down", "reason": "timeout", "ours": True},
        TWO={"state": "down", "reason": "refused", "ours": False},
        BACKUP={"state": "down", "reason": "gone", "ours": True},
    )
    host.kernel.set = {ONE, TWO, BACKUP}
    # What was never drained stays out.
    assert host.ctl("undrain", "198.51.100.4") == "198.51.100.4 was not drained, but down for the checker: gone\n"
    assert host.kernel.set == {ONE, TWO, BACKUP}
    # What the checker wrote may be old: it puts back what is its own, and would leave what is not to others for good.
    assert "198.51.100.1 is not drained any more, but down for the checker: timeout\n" in host.ctl(
        "undrain", "198.51.100.1"
    )
    assert "198.51.100.2 is not drained any more, but down for the checker: refused\n" in host.ctl(
        "undrain", "198.51.100.2"
    )
    assert host.kernel.set == {BACKUP}
    os.utime(host.state / "state.json", (1_700_000_000, 1_700_000_000))
    assert "which does not run, so that it is in use: gone" in host.ctl("undrain", "198.51.100.4")
    assert host.kernel.set == set()


def test_undrain_of_what_was_taken_out_by_hand(host: Host) -> None:
    host.kernel.set = {ONE}
    assert "198.51.100.1 is not drained any more\n" in host.ctl("undrain", "198.51.100.1")
    assert host.kernel.set == set()
    assert host.ctl("undrain", "198.51.100.3") == "198.51.100.3 gets no new connections: its weight in the spec is 0\n"


def test_what_is_no_destination_any_more(host: Host) -> None:
    (host.run / "drained").write_text("198.51.100.9 80\n")
    assert "198.51.100.9:80 is drained, and no destination any more" in host.ctl("status")
    assert json.loads(host.ctl("status", "--json"))["drained_leftovers"] == ["198.51.100.9:80"]
    assert "it is no destination" in host.ctl("undrain", "198.51.100.9:80")
    assert (host.run / "drained").read_text() == ""


def test_waits_for_who_holds_the_lock(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctl, "LOCK_PATIENCE", 0.2)
    with open(f"{host.run}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "is a ruleset being loaded?" in host.ctl("drain", "198.51.100.1", fails=1)
    host.ctl("drain", "198.51.100.1")


# -- watch


def watched_once(host: Host, monkeypatch: pytest.MonkeyPatch, *steps: Any) -> list[str]:
    """What is said when each of the steps happens during a pause, without its time."""
    left = iter(steps)

    def pause(_seconds: float) -> None:
        try:
            next(left)()
        except StopIteration:
            raise KeyboardInterrupt from None

    monkeypatch.setattr(time, "sleep", pause)
    return [line[20:] for line in host.ctl("watch").splitlines()]


def test_watch(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.load(checks=False)

    def take_down() -> None:
        host.kernel.set = {WEB}

    def lose() -> None:
        host.kernel.set = NotLoaded("ruleset lb is not loaded")

    def nothing() -> None:
        pass

    def fewer() -> None:
        data = json.loads((host.run / "balancer.json").read_text())
        del data["apps"][1]["pools"][0]["destinations"][0]
        (host.run / "balancer.json").write_text(json.dumps(data))

    lines = watched_once(host, monkeypatch, nothing, take_down, nothing, fewer, lose, nothing, take_down)
    assert lines == [
        "watching 8 destinations; Ctrl-C ends this",
        "198.51.100.3 (shop) is drained: weight 0 in the spec",
        "198.51.100.1:30080 (web) was unchecked, is drained: by hand, in the kernel's set",
        "198.51.100.1:30080 (web) is no destination any more",
        "ruleset lb is not loaded",
        "watching 7 destinations; Ctrl-C ends this",
        "198.51.100.3 (shop) is drained: weight 0 in the spec",
    ]


def test_watch_ends_with_ctrl_c(host: Host) -> None:
    program = rulesets.ROOT / "roles-templates/role/files/ctl.py"
    (host.run / "balancer.json").write_text("{")
    command = [sys.executable, str(program), "lb", "--run", str(host.run), "--state", str(host.state), "watch"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(one for one in sys.path if one)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert b"is no JSON" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert process.stderr.read() == b""


# -- the command line


@pytest.mark.parametrize("arguments", [[], ["stop"], ["drain"], ["status", "--yaml"]])
def test_usage(host: Host, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        host.ctl(*arguments)
    assert ended.value.code == 2


@pytest.fixture
def network() -> Iterator[None]:
    with rulesets.network_namespace():
        yield


@pytest.mark.usefixtures("network")
def test_with_a_real_kernel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    host = Host(tmp_path, Kernel(), capsys)
    assert "ruleset lb is not loaded" in host.ctl("status", fails=1)
    file = tmp_path / "rules"
    file.write_text(rulesets.printed(SPECS, "nftables-rules"))
    rulesets.run("nft", "-f", file)
    assert host.of(ONE)["connections"] == 0
    host.ctl("drain", "fd00::1", "198.51.100.1:30080")
    assert host.verdict(SIX) == ("drained", "by pomaloba-ctl")
    rulesets.run("nft", "add", "element", "inet", "pomaloba-lb", "down-ip", "{ 198.51.100.1 . 0 }")
    assert host.verdict(ONE) == ("drained", "by hand, in the kernel's set")
    host.ctl("undrain", "198.51.100.1", "[fd00::1]:81")
    assert host.verdict(ONE)[0] == host.verdict(WEB, "web")[0] == "unchecked"
    assert host.verdict(SIX) == ("drained", "by pomaloba-ctl")
