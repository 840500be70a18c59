"""python -m scripts.faults [--short] [--only WORD]: breaks things on purpose, and prints a table of what that did."""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys

from scripts.faults.check import Verdict
from scripts.faults.scenarios import FAULTS

DESCRIPTORS = 30_000  # a herd has two for each of its members, one here and one in the server


def main() -> int:
    """Run the faults whose names have the word in them; return 1 where the promise wasn't kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="as often as the tests do it")
    parser.add_argument("--only", default="", metavar="WORD", help="faults with this in their names")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(DESCRIPTORS, hard), hard))
    good = True
    print(Verdict.HEAD, flush=True)
    for fault in FAULTS:
        if options.only not in fault.name:
            continue
        verdict = asyncio.run(fault.run(short=options.short))
        print(verdict, flush=True)
        for finding in verdict.findings[:10]:
            print(f"  {finding}", file=sys.stderr, flush=True)
        good = good and verdict.good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
