"""Feeds everything that parses with what a coverage-guided fuzzer (atheris) makes up, and with bytes over real sockets.

    python -m scripts.faults.fuzz --inputs 1000000 --sockets 20000

A finding is an exception that isn't the parser's documented one, a traceback in the log, a session or task left behind,
or a control client that was disturbed. The input is then printed, and the exit status is not 0.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import gc
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["tornado_chat"]):
    from scripts.faults import fuzz_chat, fuzz_parsers

from scripts.faults.fuzz_sockets import fuzz_sockets

TARGETS: tuple[Callable[[atheris.FuzzedDataProvider], bool], ...] = (*fuzz_parsers.TARGETS, fuzz_chat.session)
# A whole session costs as much as twenty calls of a parser.
CHAT_SHARE = 4  # of 16 inputs


class Campaign:
    """Counts what was tried, and reports at the end: atheris never returns."""

    def __init__(self, inputs: int) -> None:
        self._left = inputs
        self._tried: collections.Counter[str] = collections.Counter()
        self._refused: collections.Counter[str] = collections.Counter()
        self._began = time.monotonic()

    def one(self, data: bytes) -> None:
        """Try one input."""
        if not data:
            return
        pick = data[0]
        target = TARGETS[-1] if pick % 16 < CHAT_SHARE else TARGETS[pick % (len(TARGETS) - 1)]
        self._tried[target.__name__] += 1
        self._refused[target.__name__] += target(atheris.FuzzedDataProvider(data[1:]))
        self._left -= 1
        if self._left == 0:
            self._report()

    def _report(self) -> None:
        left_over = fuzz_chat.close()
        gc.collect()
        print("| target | inputs | refused as documented | findings |\n|---|---|---|---|")
        for name, count in sorted(self._tried.items()):
            print(f"| {name} | {count:,} | {self._refused[name]:,} | 0 |")
        seconds = time.monotonic() - self._began
        print(
            f"\n{sum(self._tried.values()):,} inputs in {seconds:.0f} s; left behind: {left_over or 'nothing'}",
            flush=True,
        )
        os._exit(1 if left_over else 0)


def main() -> int:
    """Fuzz the sockets, then, in the same process, the parsers and the chat."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--sockets", type=int, default=20_000, help="of these, sent over real sockets")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.sockets:
        findings = asyncio.run(fuzz_sockets(options.sockets, options.seed))
        print(f"| over sockets, beside a control client | {options.sockets:,} | | {len(findings)} |", flush=True)
        if findings:
            print("\n".join(findings[:20]), file=sys.stderr)
            return 1
    campaign = Campaign(options.inputs - options.sockets)
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(fuzz_parsers.SEEDS):
            for pick in range(16):
                (Path(folder) / f"{number}-{pick}").write_bytes(bytes([pick]) + seed)
        arguments = [sys.argv[0]]
        arguments += [
            f"-seed={options.seed}",
            "-max_len=2048",
            f"-artifact_prefix={tempfile.gettempdir()}/",
            "-print_final_stats=0",
            "-verbosity=0",
            folder,
        ]
        atheris.Setup(arguments, campaign.one)
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
