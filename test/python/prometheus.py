"""Prometheus' own judge of metrics and alert rules, which npm test unpacks (scripts/support/promtool.mjs)."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNPACKED = ROOT / ".cache/prometheus/root/usr/bin/promtool"


def promtool(args: Sequence[str], given: str = "") -> str:
    """What promtool says if it is not content; nothing if it is, and has no advice either."""
    program = UNPACKED if UNPACKED.exists() else shutil.which("promtool")
    if program is None:
        missing = "needs promtool: run npm test, which unpacks Debian's package prometheus"
        # In CI every test has to run.
        if os.environ.get("CI", "") not in ("", "0", "false"):
            pytest.fail(missing)
        pytest.skip(missing)
    done = subprocess.run([program, *args], input=given, capture_output=True, text=True, cwd=ROOT, check=False)
    return done.stdout + done.stderr if done.returncode != 0 else done.stderr
