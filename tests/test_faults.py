"""The promise under every fault of scripts/faults, in short: acked is stored, in its place, and shown once."""

from __future__ import annotations

import asyncio

import pytest

from scripts.faults.scenarios import FAULTS, Fault


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_nothing_acked_is_lost_and_nothing_is_doubled(fault: Fault, mongod_command: list[str]) -> None:
    verdict = asyncio.run(fault.run(short=True))
    assert verdict.findings == []
    assert (verdict.lost, verdict.doubled, verdict.disordered) == (0, 0, 0)
    assert verdict.acked >= 200
    assert verdict.good
