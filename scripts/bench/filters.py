"""What filters cost: the pipeline with none, and with ten that pass, side by side in one run.

    .venv/bin/python scripts/bench/filters.py

Three kinds of filter: one that answers at once, one that waits a turn of the event loop, and one that is bundled
(wordlist). Beside them, what it would cost to give each filter a task and a timer, as it was done before. Every round
times each of them in turn, and the median of the rounds is printed, in microseconds a message.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

from bundled import load

from tornado_chat import Draft, Filter, Pass, Role, User, Verdict
from tornado_chat.filters import FilterPolicy, InstalledFilter
from tornado_chat.moderation import Moderation
from tornado_chat.supervision import Supervisor

USER = User(1, "alice", Role.MEMBER)
TEXT = "an ordinary message, as people write them all day"
WORDS = ["darn", "heck", "shoot", "fudge"]


async def passing(draft: Draft) -> Verdict:
    return Pass()


async def waiting(draft: Draft) -> Verdict:
    await asyncio.sleep(0)
    return Pass()


def pipeline(*checks: Callable[[Draft], Awaitable[Verdict]]) -> Moderation:
    supervisor = Supervisor(2, lambda part, seconds, why: None)
    filters = [InstalledFilter(supervisor.part("bench", "filter"), Filter(check), FilterPolicy()) for check in checks]  # type: ignore[arg-type]
    return Moderation(2, {}, filters, monotonic=time.monotonic)


def wordlists(count: int) -> Moderation:
    loaded = [load("wordlist", {"words": WORDS}) for _ in range(count)]
    filters = [installed for plugins in loaded for installed in plugins.moderation.filters]
    return Moderation(2, {}, filters, monotonic=time.monotonic)


async def with_tasks(count: int) -> None:
    """Ten passing filters, each in a task of its own with a timer, as the pipeline did it before."""
    draft = Draft(2, USER, TEXT, TEXT)
    for _ in range(count):
        for _ in range(10):
            task = asyncio.ensure_future(passing(draft))
            await asyncio.wait({task}, timeout=0.5)
            task.result()


async def screen(moderation: Moderation, count: int) -> None:
    for _ in range(count):
        await moderation.screen(USER, TEXT)


async def measure(rounds: int, count: int) -> dict[str, float]:
    pipelines = {
        "no filter": pipeline(),
        "10 that pass": pipeline(*[passing] * 10),
        "10 that wait a turn and pass": pipeline(*[waiting] * 10),
        "10 wordlists that pass": wordlists(10),
    }
    times: dict[str, list[float]] = {name: [] for name in [*pipelines, "10 that pass, a task each"]}
    for _ in range(rounds):
        for name, moderation in pipelines.items():
            begun = time.perf_counter()
            await screen(moderation, count)
            times[name].append((time.perf_counter() - begun) / count)
        begun = time.perf_counter()
        await with_tasks(count)
        times["10 that pass, a task each"].append((time.perf_counter() - begun) / count)
    return {name: statistics.median(found) * 1e6 for name, found in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--messages", type=int, default=1000, help="in each round; default 1000")
    options = parser.parse_args()
    found = asyncio.run(measure(options.rounds, options.messages))
    nothing = found["no filter"]
    print(f"{'pipeline':32} {'us a message':>12} {'added':>8}")
    for name, microseconds in found.items():
        print(f"{name:32} {microseconds:12.1f} {microseconds - nothing:8.1f}")


if __name__ == "__main__":
    main()
