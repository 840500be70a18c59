#!/usr/bin/env python3
"""Compares this server with the same chat on Socket.IO 4 for Node and on stock python-socketio. README.md tells more.

scripts/venv bench && .venv/bin/python scripts/bench/compare.py
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import sys
from pathlib import Path

import scenarios
from scenarios import Figures, Scenario
from servers import LOAD_CORE, NAMES, Options, run

# name: (what runs, how many clients, heartbeat in seconds: a long one where it would be in the way of comparing bytes)
SCENARIOS: dict[str, tuple[Scenario, int, float]] = {
    "throughput": (scenarios.throughput, 1000, 300.0),
    "latency": (scenarios.latency, 1000, 300.0),
    "connect": (scenarios.connecting, 5000, 300.0),
    "idle": (scenarios.idle, 10_000, 25.0),
    "drop": (scenarios.dropping, 5000, 300.0),
}


def main() -> None:
    """Run the scenarios on the servers, one after another; print a table of each, and draw the throughput."""
    parser = argparse.ArgumentParser(description="Compare servers, side by side.")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"of {', '.join(SCENARIOS)}; default: all")
    parser.add_argument("--peers", default=",".join(NAMES), help=f"of {','.join(NAMES)}")
    parser.add_argument("--clients", type=int, help="instead of each scenario's own number")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=1, help="run each this often, in turn; the median is shown")
    parser.add_argument("--mongodb", default="embedded", help="a mongodb:// URI instead of the embedded database")
    parser.add_argument("--window", type=float, default=0.005, help="server.batch_window of ours")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--plot", type=Path, help="also draw deliveries per second into this file (SVG or PNG)")
    options = parser.parse_args()
    if unknown := set(options.scenarios) - set(SCENARIOS):
        parser.error(f"unknown scenario: {', '.join(unknown)}")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    os.sched_setaffinity(0, {LOAD_CORE})
    figures: dict[str, dict[str, Figures]] = {}
    for name in options.scenarios or SCENARIOS:
        figures[name] = measure(name, options)
        print_table(name, options.clients or SCENARIOS[name][1], figures[name])
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    if options.plot and "throughput" in figures:
        draw(figures["throughput"], options.plot)


def measure(name: str, options: argparse.Namespace) -> dict[str, Figures]:
    """Run one scenario on each server, in turn; return the median figures by server."""
    scenario, clients, heartbeat = SCENARIOS[name]
    found: dict[str, list[Figures]] = {}
    for _ in range(options.rounds):
        for peer in options.peers.split(","):
            with run(peer, Options(heartbeat, options.mongodb, options.window)) as server:
                figures = asyncio.run(scenario(server, options.clients or clients, options.seconds))
            found.setdefault(peer, []).append(figures)
    return {
        peer: {label: sorted(run[label] for run in runs)[len(runs) // 2] for label in runs[0]}
        for peer, runs in found.items()
    }


def print_table(name: str, clients: int, figures: dict[str, Figures]) -> None:
    """Print a Markdown table: a row for each figure, a column for each server, and ours by Node's."""
    ratio = {"ours", "node"} <= figures.keys()
    print(f"\n**{name}**, {clients} clients\n")
    print("| |", " | ".join(figures), "|", "ours : node |" if ratio else "")
    print("|---|", "---|" * (len(figures) + ratio), sep="")
    for label in next(iter(figures.values())):
        cells = [f"{figures[peer][label]:,.{0 if figures[peer][label] >= 100 else 1}f}" for peer in figures]
        if ratio:
            cells.append(f"{figures['ours'][label] / max(figures['node'][label], 1e-9):.2f}")
        print(f"| {label} |", " | ".join(cells), "|")
    sys.stdout.flush()


def draw(figures: dict[str, Figures], path: Path) -> None:
    """Draw deliveries per second and per CPU second of each server."""
    import matplotlib.pyplot as plt  # noqa: PLC0415 - only who draws needs it

    labels = ("deliveries/s", "deliveries per CPU second")
    plot, axes = plt.subplots(figsize=(7, 3))
    for row, label in enumerate(labels):
        bars = axes.barh(
            [place + row * 0.4 for place in range(len(figures))],
            [figures[peer][label] for peer in figures],
            height=0.38,
            label=label,
        )
        axes.bar_label(bars, fmt="{:,.0f}", padding=3)
    axes.set_yticks([place + 0.2 for place in range(len(figures))], list(figures))
    axes.invert_yaxis()
    axes.margins(x=0.2)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    plot.tight_layout()
    plot.savefig(path)


if __name__ == "__main__":
    main()
