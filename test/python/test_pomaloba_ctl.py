"""pomaloba-ctl itself: which ruleset's program it runs, and with which words."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

WRAPPER = Path(__file__).parents[2] / "roles-templates/role/files/pomaloba-ctl"
PROGRAM = "import sys; print('|'.join(sys.argv))\n"


def run(directory: Path, *words: str) -> tuple[int, str, str]:
    """Runs it where the rulesets are in this directory, as the role has them in /etc/pomaloba."""
    text = WRAPPER.read_text(encoding="utf-8")
    assert text.count("/etc/pomaloba") == 2
    script = text.replace("/etc/pomaloba", str(directory))
    done = subprocess.run(["sh", "-c", script, "pomaloba-ctl", *words], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def rulesets(directory: Path, *names: str) -> None:
    for name in names:
        (directory / name).mkdir()
        (directory / name / "ctl.py").write_text(PROGRAM, encoding="utf-8")


def test_the_only_ruleset_needs_no_name(tmp_path: Path) -> None:
    rulesets(tmp_path, "lb")
    (tmp_path / "of-an-old-version").mkdir()
    assert run(tmp_path, "drain", "10.0.1.2", "a b", "") == (0, f"{tmp_path}/lb/ctl.py|lb|drain|10.0.1.2|a b|", "")
    assert run(tmp_path) == (0, f"{tmp_path}/lb/ctl.py|lb", "")


@pytest.mark.parametrize("words", [["--ruleset", "b.2", "status", "--json"], ["status", "--ruleset=b.2", "--json"]])
def test_one_of_several_by_its_name(tmp_path: Path, words: list[str]) -> None:
    rulesets(tmp_path, "lb", "b.2")
    assert run(tmp_path, *words) == (0, f"{tmp_path}/b.2/ctl.py|b.2|status|--json", "")


def test_several_without_a_name(tmp_path: Path) -> None:
    rulesets(tmp_path, "lb", "b.2")
    said = "pomaloba-ctl: there are several rulesets; say which by --ruleset NAME: b.2 lb"
    assert run(tmp_path, "status") == (2, "", said)


@pytest.mark.parametrize("name", ["no", "../lb", "", "lb/", "b", "-x", "*", "lb\nlb"])
def test_a_name_that_is_none(tmp_path: Path, name: str) -> None:
    rulesets(tmp_path, "lb", "bb")
    code, out, error = run(tmp_path, "status", "--ruleset", name)
    assert (code, out) == (2, "")
    assert error.startswith("pomaloba-ctl: ")
    assert name in error


def test_no_ruleset(tmp_path: Path) -> None:
    assert run(tmp_path, "status") == (2, "", "pomaloba-ctl: no ruleset is on this host")
    assert run(tmp_path / "missing", "status") == (2, "", "pomaloba-ctl: no ruleset is on this host")
    assert run(tmp_path, "--ruleset") == (2, "", "pomaloba-ctl: --ruleset takes a name")
