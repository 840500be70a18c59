"""A room with people who talk and people who read, while something is broken."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scripts.faults.check import Verdict, judge
from scripts.faults.client import Client, Ledger, Poster
from scripts.faults.proxy import Proxy
from scripts.faults.stage import Mongod, ReplicaSet, Server, rows

TALKERS = ("alice", "bob", "eve")
LANES = 4
GAP = 0.002  # seconds between an ack and the next message of the same lane
READERS = 5
ENOUGH = 100  # acks between two faults: the room is well
PATIENCE = 120.0  # seconds in which it must be well again


@dataclass(slots=True)
class Scene:
    """Everything that a fault may want to break."""

    server: Server
    ledger: Ledger
    mongod: Mongod | None = None
    replicas: ReplicaSet | None = None
    client_network: Proxy | None = None
    database_network: Proxy | None = None
    talkers: list[Poster] = field(default_factory=list)
    readers: list[Client] = field(default_factory=list)

    @property
    def clients(self) -> list[Client]:
        """All of them."""
        return [*self.talkers, *self.readers]

    async def well(self, acks: int = ENOUGH) -> None:
        """Return when all who talk were acked again, and so many messages together."""
        lanes = set().union(*(talker.lanes for talker in self.talkers))
        async with asyncio.timeout(PATIENCE):
            await self.ledger.each(lanes, acks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a scene is made of: `database` is embedded, mongod or replicas; `proxied` is "", clients or database."""

    database: str = "embedded"
    proxied: str = ""
    module: str = "tornado_chat"
    readers: int = READERS
    padding: int = 0
    buffer: int = 0  # of the readers' sockets
    rate: float = 100_000.0
    burst: int = 100_000
    more: str = ""


@asynccontextmanager
async def staged(setting: Setting, verdict: Verdict) -> AsyncIterator[Scene]:
    """Build a scene, let everybody talk, and judge what is left of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scene = await _build(setting, folder)
        try:
            await _play(scene, setting)
            yield scene
            await _finish(scene, verdict)
            uri = "embedded" if setting.database == "embedded" else (scene.mongod or scene.replicas).uri  # type: ignore[union-attr]
            judge(verdict, scene.ledger, scene.clients, await rows(uri, scene.server.data), scene.server.log)
        finally:
            await _clear(scene)


async def _build(setting: Setting, folder: Path) -> Scene:
    mongod = Mongod(folder) if setting.database == "mongod" else None
    replicas = ReplicaSet(folder) if setting.database == "replicas" else None
    database_network = client_network = None
    uri = "embedded"
    if mongod is not None:
        await mongod.start()
        uri = mongod.uri
        if setting.proxied == "database":
            database_network = Proxy(mongod.port)
            await database_network.start()
            uri = f"mongodb://127.0.0.1:{database_network.port}/?directConnection=true"
    if replicas is not None:
        await replicas.start()
        uri = replicas.uri
    server = Server(folder, uri, setting.module, rate=setting.rate, burst=setting.burst, more=setting.more)
    await server.start()
    if setting.proxied == "clients":
        client_network = Proxy(server.port)
        await client_network.start()
    return Scene(server, Ledger(), mongod, replicas, client_network, database_network)


async def _play(scene: Scene, setting: Setting) -> None:
    port = scene.client_network.port if scene.client_network is not None else scene.server.port
    scene.talkers = [
        Poster(port, name, scene.ledger, lanes=LANES, pause=GAP, padding=setting.padding) for name in TALKERS
    ]
    scene.readers = [Client(port, f"reader {number}", buffer=setting.buffer) for number in range(setting.readers)]
    for client in scene.clients:
        client.start()
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(client.here() for client in scene.clients))
    for talker in scene.talkers:
        talker.talk()
    await scene.well()


async def _finish(scene: Scene, verdict: Verdict) -> None:
    """Let all that was begun be acked, and everybody see the end; then stop the server as an operator would."""
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(talker.hush() for talker in scene.talkers))
        await scene.talkers[0].say("the end")
        await asyncio.gather(*(client.transcript.shows("the end") for client in scene.clients))
        await asyncio.gather(*(client.stop() for client in scene.clients))
    if (status := await scene.server.end(signal.SIGTERM)) != 0:
        verdict.findings.append(f"the server ended with status {status}")


async def _clear(scene: Scene) -> None:
    await asyncio.gather(*(client.stop() for client in scene.clients), return_exceptions=True)
    await scene.server.end(signal.SIGKILL)
    for network in (scene.client_network, scene.database_network):
        if network is not None:
            await network.stop()
    if scene.mongod is not None:
        await scene.mongod.end(signal.SIGKILL)
    if scene.replicas is not None:
        await scene.replicas.end()
