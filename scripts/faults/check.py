"""Compares what every client was told with what is stored."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from scripts.faults.client import Client, Ledger

LANE = re.compile(r"(\S+/\d+)/(\d+)\b")


@dataclass(slots=True)
class Verdict:
    """One line of the table. `findings` says what is behind the counts."""

    fault: str
    times: int
    acked: int = 0
    lost: int = 0
    doubled: int = 0
    disordered: int = 0
    reloads: int = 0
    worst_ack: float = 0.0
    worst_stall: float = 0.0
    findings: list[str] = field(default_factory=list)

    HEAD = (
        "| fault | how often | acked | lost | doubled | out of order | reloads | worst ack time | worst stall |\n"
        "|---|---|---|---|---|---|---|---|---|"
    )

    @property
    def good(self) -> bool:
        """Whether the promise was kept."""
        return not (self.lost or self.doubled or self.disordered or self.findings) and self.acked > 0

    def __str__(self) -> str:
        counts = f"{self.times} | {self.acked:,} | {self.lost} | {self.doubled} | {self.disordered} | {self.reloads}"
        return f"| {self.fault} | {counts} | {self.worst_ack:.2f} s | {self.worst_stall:.2f} s |"


def judge(
    verdict: Verdict, ledger: Ledger, clients: Sequence[Client], stored: Sequence[tuple[int, str]], log: str
) -> Verdict:
    """Fill in a verdict. `stored` is (id, text) of every message, in order; `log` what the server said."""
    texts = Counter(text for _, text in stored)
    verdict.acked = len(ledger.acked)
    _count(verdict, "lost", [text for text, _, _ in ledger.acked if not texts[text]], "acked and not stored")
    _count(verdict, "doubled", [text for text, count in texts.items() if count > 1], "stored more than once")
    _count(verdict, "doubled", [n for n, count in Counter(n for n, _ in stored).items() if count > 1], "id used twice")
    _count(verdict, "disordered", _out_of_place(stored), "stored before what its sender said earlier")
    for client in clients:
        _judge_client(verdict, client, stored)
    verdict.findings += ledger.refused
    if "Traceback" in log or "never retrieved" in log:
        verdict.findings.append("the server's log: " + log[max(log.find("Traceback"), 300) - 300 :][:2000])
    verdict.worst_ack = max((seconds for _, seconds, _ in ledger.acked), default=0.0)
    times = sorted(at for _, _, at in ledger.acked)
    verdict.worst_stall = max((after - before for before, after in itertools.pairwise(times)), default=0.0)
    return verdict


def _judge_client(verdict: Verdict, client: Client, stored: Sequence[tuple[int, str]]) -> None:
    shown = client.transcript
    verdict.doubled += shown.doubled
    verdict.disordered += shown.disordered
    verdict.findings += [f"{client.name}: {fault}" for fault in shown.faults]
    verdict.reloads += shown.reloads
    due = [row for row in stored if row[0] >= shown.start]
    _count(verdict, "lost", sorted(set(due) - set(shown.rows)), f"{client.name} was never shown")
    _count(verdict, "lost", sorted(set(shown.rows) - set(due)), f"{client.name} was shown and nobody stored")


def _out_of_place(stored: Sequence[tuple[int, str]]) -> list[str]:
    latest: dict[str, int] = {}
    found = []
    for _, text in stored:
        if match := LANE.match(text):
            lane, number = match.group(1), int(match.group(2))
            if number < latest.get(lane, 0):
                found.append(text)
            latest[lane] = max(number, latest.get(lane, 0))
    return found


def _count(verdict: Verdict, what: str, found: Sequence[object], why: str) -> None:
    setattr(verdict, what, getattr(verdict, what) + len(found))
    if found:
        verdict.findings.append(f"{why}: {len(found)}, such as {found[0]}")
