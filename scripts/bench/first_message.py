"""How soon a visitor reads the first message, and is connected, on lines of several kinds.

A server with 300 messages, Chromium's own emulation of a line (it delays each answer, not each packet), the chatbox's
page with nothing in the cache. Prints the milliseconds since the navigation began: smallest, median and largest.

    .venv/bin/python -m scripts.bench.first_message --rounds 7
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, async_playwright

from tornado_chat.cli import DEMO_APP, demo_config
from tornado_chat.models import Role, User
from tornado_chat.server import Server
from tornado_chat.store import Posting

# name: (ms that each answer is delayed, bytes a second)
LINES = {"slow 4G": (150, 200_000), "slow 3G": (562, 180_000), "none": (0, 0)}
MESSAGES = 300

WATCH = """new MutationObserver(() => {
    if (!window.read && document.querySelector(".row.message")) window.read = performance.now();
    if (!window.joined && document.querySelector(".guest:not([hidden])")) window.joined = performance.now();
}).observe(document, { childList: true, subtree: true, attributes: true });"""


async def filled(folder: Path) -> Server:
    """Start a server that has a history."""
    first = await started(folder)
    alice, now = User(1, "alice", Role.MEMBER), datetime.now(UTC)
    postings = [Posting(alice, f"message {number}, of an ordinary length", now) for number in range(MESSAGES)]
    await first._store.append(DEMO_APP, postings, 5.0)
    await first.stop()
    return await started(folder)


async def started(folder: Path) -> Server:
    """Start a server, and wait for its database."""
    server = Server(demo_config(0, folder), demo=True)
    await server.start()
    while (await server.health()).database != "up":  # noqa: ASYNC110 - as a load balancer asks
        await asyncio.sleep(0.05)
    return server


async def visit(browser: Browser, url: str, delay: float, rate: float) -> tuple[float, float]:
    """Open the page once; return the ms until the first message is there, and until the visitor is in."""
    context = await browser.new_context()
    page = await context.new_page()
    if delay:
        session = await context.new_cdp_session(page)
        line: dict[str, Any] = {"latency": delay, "downloadThroughput": rate, "uploadThroughput": rate}
        line["offline"] = False
        await session.send("Network.enable")
        await session.send("Network.emulateNetworkConditions", line)
    await page.add_init_script(WATCH)
    await page.goto(url)
    await page.wait_for_function("() => window.read && window.joined")
    read, joined = await page.evaluate("[window.read, window.joined]")
    await context.close()
    return read, joined


async def main(rounds: int) -> None:
    """Measure, and print a line for each kind of line."""
    with tempfile.TemporaryDirectory() as folder:
        server = await filled(Path(folder))
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-background-networking"]
            )
            for name, (delay, rate) in LINES.items():
                times = [
                    await visit(browser, f"http://127.0.0.1:{server.port}/chat/{DEMO_APP}", delay, rate)
                    for _ in range(rounds)
                ]
                for what, values in zip(("first message", "connected"), zip(*times, strict=True), strict=True):
                    low, middle, high = min(values), statistics.median(values), max(values)
                    print(f"{name:10} {what:14} {low:6.0f} {middle:6.0f} {high:6.0f} ms")
            await browser.close()
        await server.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    asyncio.run(main(parser.parse_args().rounds))
