"""What is broken on purpose: the real server and its database, as processes of their own."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from scripts.faults.client import APP
from scripts.faults.transcript import HISTORY

ROOT = Path(__file__).parent.parent.parent
DATABASE = "faults"
PATIENCE = 60.0  # seconds for something to start or to end
SERVER_TOML = """
[server]
port = {port}
data_dir = "{data}"
heartbeat = 2.0
[mongodb]
uri = "{uri}"
database = "{database}"
[identity.demo]
[limits]
connections = 20000
connections_per_address = 20000
connections_per_app = 20000
http_connections = 20000
event_rate = {rate}
event_burst = {burst}
{more}
"""
APP_TOML = 'id = {app}\nidentity = "demo"\nhistory = {history}\nplugins = ["mute"]\n'


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """A program that may be killed and started again."""

    def __init__(self, *command: str, log: Path) -> None:
        self._command = command
        self._log = log
        self.process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.process is not None
        return self.process.pid

    async def start(self) -> None:
        """Start it; what it says goes to the end of its log."""
        with self._log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self._command, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL, stderr=log
            )

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    async def end(self, number: signal.Signals) -> int:
        """End it with a signal, and return its exit status."""
        assert self.process is not None
        if self.process.returncode is None:
            self.send(number)
        return await asyncio.wait_for(self.process.wait(), PATIENCE)

    @property
    def log(self) -> str:
        """All that it said on standard error."""
        return self._log.read_text("utf-8", errors="replace") if self._log.exists() else ""


class Server(Process):
    """tornado-chat, always on the same port. `module` is how it is started."""

    def __init__(self, folder: Path, uri: str, module: str, *, rate: float, burst: int, more: str = "") -> None:
        self.port = free_port()
        self.data = folder / "data"
        conf = folder / "conf"
        (conf / "apps").mkdir(parents=True, exist_ok=True)
        (conf / "server.toml").write_text(
            SERVER_TOML.format(
                port=self.port, data=self.data, uri=uri, database=DATABASE, rate=rate, burst=burst, more=more
            )
        )
        (conf / "apps" / f"{APP}.toml").write_text(APP_TOML.format(app=APP, history=HISTORY))
        super().__init__(sys.executable, "-m", module, "serve", "--conf", str(conf), log=folder / "server.log")

    async def start(self) -> None:
        """Start it, and return once it takes connections."""
        await super().start()
        await listening(self.port)

    def child(self) -> int:
        """Return the process id of the embedded database; 0 while there is none."""
        listed = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text("ascii").split()
        return int(listed[0]) if listed else 0


class Mongod(Process):
    """A mongod, always on the same port."""

    def __init__(self, folder: Path, replica_set: str = "") -> None:
        self.port = free_port()
        data = folder / f"mongod-{self.port}"
        data.mkdir()
        options = ["--replSet", replica_set] if replica_set else []
        options += ["--dbpath", str(data), "--port", str(self.port), "--bind_ip", "127.0.0.1", "--quiet"]
        options += ["--logpath", str(data / "mongod.log"), "--logappend", "--wiredTigerCacheSizeGB", "0.25"]
        super().__init__(sys.executable, str(ROOT / "scripts" / "mongod"), *options, log=folder / "mongod.log")

    @property
    def uri(self) -> str:
        """Where to find it, and no other."""
        return f"mongodb://127.0.0.1:{self.port}/?directConnection=true"

    async def start(self) -> None:
        """Start it, and return once it takes connections."""
        await super().start()
        await listening(self.port)


class ReplicaSet:
    """Three members on three ports."""

    def __init__(self, folder: Path) -> None:
        self.members = [Mongod(folder, "faults") for _ in range(3)]
        hosts = ",".join(f"127.0.0.1:{member.port}" for member in self.members)
        self.uri = f"mongodb://{hosts}/?replicaSet=faults"

    async def start(self) -> None:
        """Start the members, make them a set, and wait for its first primary."""
        await asyncio.gather(*(member.start() for member in self.members))
        members = [{"_id": number, "host": f"127.0.0.1:{each.port}"} for number, each in enumerate(self.members)]
        # A second instead of ten: that a dead primary is missed is MongoDB's part, and it is repeated here.
        config = {"_id": "faults", "members": members, "settings": {"electionTimeoutMillis": 1000}}
        await asyncio.to_thread(command, self.members[0].uri, {"replSetInitiate": config})
        await self.primary()

    async def primary(self) -> Mongod:
        """Return the member that is the primary; wait for one where needed."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for member in self.members:
                    hello = await asyncio.to_thread(command, member.uri, {"hello": 1})
                    if hello.get("isWritablePrimary"):
                        return member
                await asyncio.sleep(0.1)

    async def step_down(self) -> None:
        """Have the primary give up its place for a while."""
        primary = await self.primary()
        await asyncio.to_thread(command, primary.uri, {"replSetStepDown": 5, "secondaryCatchUpPeriodSecs": 2})

    async def end(self) -> None:
        """Kill all."""
        await asyncio.gather(*(member.end(signal.SIGKILL) for member in self.members))


def command(uri: str, what: dict[str, Any]) -> dict[str, Any]:
    """Carry out a command of a database's administrator; an empty answer where that can't be done."""
    client: MongoClient[dict[str, Any]] = MongoClient(uri, serverSelectionTimeoutMS=2000, socketTimeoutMS=10_000)
    try:
        return dict(client.admin.command(what))
    except PyMongoError:
        return {}
    finally:
        client.close()


async def listening(port: int) -> None:
    """Return once something takes connections on a port."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return


async def rows(uri: str, data: Path) -> list[tuple[int, str]]:
    """Return (id, text) of every message that is stored, in order; `data` is the embedded database's folder."""
    if uri != "embedded":
        return await asyncio.to_thread(_read, uri)
    port = free_port()
    with tempfile.TemporaryFile() as log:
        reader = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tornado_chat.mongo_embedded", str(data), str(port)),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stderr=log,
        )
        await listening(port)
        found = await asyncio.to_thread(_read, f"mongodb://127.0.0.1:{port}/?directConnection=true")
        assert reader.stdin is not None
        reader.stdin.close()  # its parent is gone, for all that it knows
        await reader.wait()
    return found


def _read(uri: str) -> list[tuple[int, str]]:
    client: MongoClient[dict[str, Any]] = MongoClient(uri, serverSelectionTimeoutMS=30_000)
    try:
        here = client[DATABASE].messages.find({"app_id": APP, "gone": None}, {"id": True, "text": True})
        return sorted((row["id"], row["text"]) for row in here)
    finally:
        client.close()
