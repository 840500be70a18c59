"""The fuzzer of scripts/faults, in short: 20,000 inputs find nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_20_000_inputs_find_nothing() -> None:
    fuzz = [sys.executable, "-m", "scripts.faults.fuzz", "--inputs", "20000", "--sockets", "500"]
    run = subprocess.run(fuzz, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    assert "19,500 inputs" in run.stdout
    assert "left behind: nothing" in run.stdout
    assert "| over sockets, beside a control client | 500 | | 0 |" in run.stdout
    targets = [
        "frames",
        "polling_bodies",
        "socketio_packets",
        "requests",
        "texts_and_names",
        "addresses_and_origins",
        "session",
    ]
    assert [name for name in targets if f"| {name} |" not in run.stdout] == []
