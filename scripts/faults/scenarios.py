"""What is broken, and how often: `FAULTS`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from scripts.faults.check import Verdict
from scripts.faults.scene import Scene, Setting, staged
from scripts.faults.wire import Connection

MOST_SHORT = 300  # readers, where a test has little time
Break = Callable[[Scene, "Amount"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Amount:
    """How much of a fault there is: how often, for how long (seconds), and in how many clients."""

    times: int
    seconds: float = 1.0
    clients: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One line of the table. `short` is what the tests run."""

    name: str
    setting: Setting
    once: Break
    full: Amount
    short: Amount

    async def run(self, *, short: bool) -> Verdict:
        """Break it so often, letting the room come to itself in between, and judge."""
        amount = self.short if short else self.full
        verdict = Verdict(self.name, amount.times)
        setting = replace(self.setting, readers=min(self.setting.readers, MOST_SHORT)) if short else self.setting
        async with staged(setting, verdict) as scene:
            for _ in range(amount.times):
                await self.once(scene, amount)
                await scene.well()
        return verdict


# -- the server


async def kill_server(scene: Scene, _: Amount) -> None:
    await scene.server.end(signal.SIGKILL)
    await scene.server.start()


async def stop_server(scene: Scene, _: Amount) -> None:
    status = await scene.server.end(signal.SIGTERM)
    assert status == 0, f"SIGTERM: the server ended with status {status}"
    await scene.server.start()


async def restart_in_place(scene: Scene, _: Amount) -> None:
    before = [client.connects for client in scene.clients]
    scene.server.send(signal.SIGUSR2)
    while any(client.connects == count for client, count in zip(scene.clients, before, strict=True)):
        await asyncio.sleep(0.05)


async def freeze_server(scene: Scene, amount: Amount) -> None:
    await _freeze(scene.server.pid, amount.seconds)


async def jump(scene: Scene, _: Amount) -> None:
    scene.server.send(signal.SIGUSR1)


async def _freeze(pid: int, seconds: float) -> None:
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        os.kill(pid, signal.SIGCONT)


# -- the database


async def kill_mongod(scene: Scene, _: Amount) -> None:
    assert scene.mongod is not None
    await scene.mongod.end(signal.SIGKILL)
    await scene.mongod.start()


async def freeze_mongod(scene: Scene, amount: Amount) -> None:
    assert scene.mongod is not None
    await _freeze(scene.mongod.pid, amount.seconds)


async def step_down(scene: Scene, _: Amount) -> None:
    assert scene.replicas is not None
    await scene.replicas.step_down()


async def kill_primary(scene: Scene, _: Amount) -> None:
    assert scene.replicas is not None
    primary = await scene.replicas.primary()
    await primary.end(signal.SIGKILL)
    await scene.well()  # the other two go on without it
    await primary.start()


async def kill_embedded(scene: Scene, _: Amount) -> None:
    while not (child := scene.server.child()):
        await asyncio.sleep(0.02)
    os.kill(child, signal.SIGKILL)


async def fill_disk(scene: Scene, amount: Amount) -> None:
    """No file of the database may grow any more: what a full disk is, without needing a disk of our own."""
    child = scene.server.child()
    before = resource.prlimit(child, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    await asyncio.sleep(amount.seconds)
    resource.prlimit(child, resource.RLIMIT_FSIZE, before)


# -- the network


async def delay_clients(scene: Scene, amount: Amount) -> None:
    assert scene.client_network is not None
    scene.client_network.delay = 0.3
    await asyncio.sleep(amount.seconds)
    scene.client_network.pass_again()


async def drop_clients(scene: Scene, amount: Amount) -> None:
    assert scene.client_network is not None
    scene.client_network.drops = True
    await asyncio.sleep(amount.seconds)
    scene.client_network.pass_again()


async def cut_clients(scene: Scene, _: Amount) -> None:
    assert scene.client_network is not None
    scene.client_network.cut()


async def garble_clients(scene: Scene, amount: Amount) -> None:
    assert scene.client_network is not None
    scene.client_network.garbles = 0.02
    await asyncio.sleep(amount.seconds)
    scene.client_network.pass_again()


async def delay_database(scene: Scene, amount: Amount) -> None:
    assert scene.database_network is not None
    scene.database_network.delay = 0.3
    await asyncio.sleep(amount.seconds)
    scene.database_network.pass_again()


async def drop_database(scene: Scene, amount: Amount) -> None:
    assert scene.database_network is not None
    scene.database_network.drops = True
    await asyncio.sleep(amount.seconds)
    scene.database_network.pass_again()


async def cut_database(scene: Scene, _: Amount) -> None:
    assert scene.database_network is not None
    scene.database_network.cut()


# -- the clients


async def deafen_readers(scene: Scene, amount: Amount) -> None:
    for reader in scene.readers:
        (await reader.here()).deafen(True)
    await asyncio.sleep(amount.seconds)
    for reader in scene.readers:  # those who were cut find that out now, and come back
        if reader.connection is not None:
            reader.connection.deafen(False)


async def flood(scene: Scene, amount: Amount) -> None:
    async def one() -> None:
        with contextlib.suppress(OSError):
            connection = await Connection.open(scene.server.port, lambda name, args: None, patience=10.0)
            for _ in range(1000):
                connection.send('42["new_message","' + "x" * 300 + '"]')
            await asyncio.wait_for(connection.closed.wait(), 30)

    await asyncio.gather(*(one() for _ in range(amount.clients)))


async def herd(scene: Scene, _: Amount) -> None:
    """All readers lose the connection in the same moment, and come back, while others talk."""
    before = [reader.connects for reader in scene.readers]
    for reader in scene.readers:
        if reader.connection is not None:
            reader.connection.reset()
    async with asyncio.timeout(120):
        while any(reader.connects == count for reader, count in zip(scene.readers, before, strict=True)):
            await asyncio.sleep(0.1)


async def kick(scene: Scene, amount: Amount) -> None:
    for client in scene.clients:
        if client.connection is not None:
            client.connection.reset()
    await asyncio.sleep(amount.seconds)


EMBEDDED, MONGOD = Setting(), Setting(database="mongod")
CLIENTS, DATABASE = Setting(proxied="clients"), Setting(database="mongod", proxied="database")
ONE = Amount(1, 0.5)
FAULTS = (
    Fault(name="`kill -9` of the server", setting=EMBEDDED, once=kill_server, full=Amount(100), short=Amount(2)),
    Fault(name="SIGTERM of the server, and a start", setting=EMBEDDED, once=stop_server, full=Amount(20), short=ONE),
    Fault(name="SIGUSR2: a restart in place", setting=EMBEDDED, once=restart_in_place, full=Amount(20), short=ONE),
    Fault(name="SIGSTOP of the server", setting=MONGOD, once=freeze_server, full=Amount(5, 3.0), short=ONE),
    Fault(
        name="the clock jumps an hour",
        setting=Setting(module="scripts.faults.skewed"),
        once=jump,
        full=Amount(20),
        short=Amount(3),
    ),
    Fault(name="`kill -9` of mongod", setting=MONGOD, once=kill_mongod, full=Amount(20), short=ONE),
    Fault(
        name="SIGSTOP of mongod for 15 s",
        setting=MONGOD,
        once=freeze_mongod,
        full=Amount(3, 15.0),
        short=Amount(1, 4.0),
    ),
    Fault(
        name="step-down of a primary of three",
        setting=Setting(database="replicas"),
        once=step_down,
        full=Amount(10),
        short=ONE,
    ),
    Fault(
        name="`kill -9` of a primary of three",
        setting=Setting(database="replicas"),
        once=kill_primary,
        full=Amount(5),
        short=ONE,
    ),
    Fault(name="`kill -9` of the embedded database", setting=EMBEDDED, once=kill_embedded, full=Amount(20), short=ONE),
    Fault(name="a full disk for 3 s", setting=EMBEDDED, once=fill_disk, full=Amount(10, 3.0), short=Amount(1, 1.0)),
    Fault(name="database network: 0.3 s late", setting=DATABASE, once=delay_database, full=Amount(5, 3.0), short=ONE),
    Fault(name="database network: swallows", setting=DATABASE, once=drop_database, full=Amount(5, 5.0), short=ONE),
    Fault(name="database network: cut", setting=DATABASE, once=cut_database, full=Amount(20), short=ONE),
    Fault(name="client network: 0.3 s late", setting=CLIENTS, once=delay_clients, full=Amount(5, 3.0), short=ONE),
    Fault(name="client network: swallows", setting=CLIENTS, once=drop_clients, full=Amount(5, 3.0), short=ONE),
    Fault(name="client network: cut", setting=CLIENTS, once=cut_clients, full=Amount(30), short=Amount(3)),
    Fault(name="client network: garbles", setting=CLIENTS, once=garble_clients, full=Amount(10, 3.0), short=ONE),
    Fault(
        name="readers who don't read for 10 s",
        setting=Setting(padding=300, buffer=4096, more="client_buffer = 65536\nstall = 2.0"),
        once=deafen_readers,
        full=Amount(5, 10.0),
        short=Amount(1, 4.0),
    ),
    Fault(
        name="floods: 20 clients, 1,000 messages each at once",
        setting=Setting(rate=500.0, burst=500),
        once=flood,
        full=Amount(10, clients=20),
        short=Amount(1, clients=5),
    ),
    Fault(name="all clients killed every second", setting=EMBEDDED, once=kick, full=Amount(60), short=Amount(3, 0.3)),
    Fault(name="5,000 come back at once", setting=Setting(readers=5000), once=herd, full=Amount(3), short=ONE),
)
