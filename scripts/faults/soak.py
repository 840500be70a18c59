"""A long, ordinary day in an hour: python -m scripts.faults.soak [--minutes 60]

People read, talk, come, go, lose their connection and are muted; now and then somebody sends nonsense. When all have
left, the server must be where it was before: tasks, descriptors, threads, sessions and memory.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import signal
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from scripts.faults.client import Client, Ledger, Poster
from scripts.faults.fuzz_sockets import made_up, one
from scripts.faults.stage import Server

READERS = 300
TALKERS = ("alice", "eve", "carol")
TURNOVER = 0.5  # of a second, in which one reader loses the connection, another leaves and a new one comes
WARM_UP = 30.0  # seconds of the same, before the first look
GROWTH = 1.10  # of the memory at the first look: what an allocator doesn't give back
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Look:
    """What the server uses while nobody is there."""

    sessions: int
    tasks: int
    descriptors: int
    threads: int
    memory: float  # MB

    def back_at(self, before: Look) -> bool:
        """Tell whether this is where it was."""
        counts = self.sessions == 0 and self.tasks <= before.tasks
        # The database driver and the identity's threads come and go by one or two.
        kernel = self.descriptors <= before.descriptors + 2 and self.threads <= before.threads + 2
        return counts and kernel and self.memory <= before.memory * GROWTH


class Crowd:
    """Everybody, until they are told to go."""

    def __init__(self, server: Server, dice: random.Random) -> None:
        self.ledger = Ledger()
        self._server = server
        self._dice = dice
        self._readers = [self._reader() for _ in range(READERS)]
        self._talkers = [Poster(server.port, name, self.ledger, lanes=2, pause=0.1) for name in TALKERS]
        self._moderator = Poster(server.port, "bob", self.ledger, lanes=0, pause=0.1)
        self.came = READERS
        self.nonsense = 0

    def _reader(self) -> Client:
        return Client(self._server.port, "reader")

    async def stay(self, seconds: float) -> None:
        """Live for so long, then go, all of them."""
        everybody = [*self._readers, *self._talkers, self._moderator]
        for client in everybody:
            client.start()
        for talker in self._talkers:
            talker.talk()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await asyncio.gather(asyncio.sleep(TURNOVER), self._turn())
        await asyncio.gather(*(client.stop() for client in [*self._readers, *self._talkers, self._moderator]))

    async def _turn(self) -> None:
        lost, leaver = self._dice.sample(range(len(self._readers)), 2)
        if self._readers[lost].connection is not None:
            self._readers[lost].connection.reset()
        await self._readers[leaver].stop()
        self._readers[leaver] = self._reader()
        self._readers[leaver].start()
        self.came += 1
        await self._moderator.say(f"/{self._dice.choice(['mute', 'unmute'])} someone{self._dice.randrange(20)} 1s")
        self.nonsense += 1
        await one(self._server.port, made_up(self._dice), self._dice)


async def look(server: Server) -> Look:
    """Look, once the last session has gone."""
    async with asyncio.timeout(PATIENCE):
        while True:
            page = await asyncio.to_thread(_metrics, server.port)
            sessions = int(float(re.findall(r"^tornado_chat_connections (\S+)", page, re.MULTILINE)[0]))
            tasks = int(float(re.findall(r"^tornado_chat_tasks (\S+)", page, re.MULTILINE)[0]))
            if sessions == 0:
                break
            await asyncio.sleep(0.5)
    process = Path(f"/proc/{server.pid}")
    status = (process / "status").read_text("ascii")
    memory = int(re.findall(r"^VmRSS:\s+(\d+)", status, re.MULTILINE)[0]) / 1024
    threads = int(re.findall(r"^Threads:\s+(\d+)", status, re.MULTILINE)[0])
    return Look(sessions, tasks, len(list((process / "fd").iterdir())), threads, memory)


def _metrics(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


async def soak(minutes: float) -> bool:
    """Do it, print what there was, and tell whether all came back."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), "embedded", "tornado_chat", rate=1000.0, burst=1000)
        await server.start()
        dice = random.Random(1)
        print("| after | people who came | messages acked | sessions | tasks | descriptors | threads | memory |")
        print("|---|---|---|---|---|---|---|---|")
        looks = []
        for name, seconds in (("the warm-up", WARM_UP), (f"{minutes:g} minutes", minutes * 60)):
            crowd = Crowd(server, dice)
            await crowd.stay(seconds)
            looks.append(seen := await look(server))
            counts = f"{seen.sessions} | {seen.tasks} | {seen.descriptors} | {seen.threads} | {seen.memory:.1f} MB"
            print(f"| {name} | {crowd.came:,} | {len(crowd.ledger.acked):,} | {counts} |", flush=True)
        status = await server.end(signal.SIGTERM)
        clean = status == 0 and "Traceback" not in server.log and "never retrieved" not in server.log
        if not clean:
            print(server.log[-2000:], file=sys.stderr)
        return clean and looks[1].back_at(looks[0])


def main() -> int:
    """Return 0 where everything came back to where it was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    return 0 if asyncio.run(soak(parser.parse_args().minutes)) else 1


if __name__ == "__main__":
    sys.exit(main())
