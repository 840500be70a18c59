"""A plugin package of somebody else: built, installed with pip, found by its entry point, used by one app of two.

Beside it, a plugin of one file in a folder. And both over a reload and a restart.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient

from tests.client import Client

PATIENCE = 30.0
SERVER = '[server]\nport = 0\ndata_dir = "{data}"\n{server}\n[identity.demo]\n[plugins]\npath = ["plugins.d"]\n'
PARROT = 'id = {id}\nidentity = "demo"\nplugins = ["mute", "parrot", "whisper"]\n[plugin.parrot]\nmark = "{mark}"\n'
WHISPER = (
    "from tornado_chat import Command, hookimpl\n@hookimpl\ndef register_commands(api):\n"
    "    async def run(call): return {said!r}\n    return [Command('whisper', run)]\n"
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that pip has installed the package into."""
    source = tmp_path_factory.mktemp("source") / "parrot"
    shutil.copytree(Path(__file__).parent / "third_party", source)
    target = tmp_path_factory.mktemp("installed")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(source)]
    subprocess.run(install, check=True)
    return target


class House:
    """A configuration folder, and the server that runs on it as a process of its own."""

    def __init__(self, folder: Path, installed: Path, server: str = "") -> None:
        self.folder = folder
        self.environment = os.environ | {"PYTHONPATH": str(installed)}
        for name in ("apps", "plugins.d"):
            (folder / name).mkdir()
        (folder / "server.toml").write_text(SERVER.format(data=folder / "data", server=server))
        (folder / "apps" / "3.toml").write_text('id = 3\nidentity = "demo"\nplugins = ["mute"]\n')
        self.app(2, "!")
        self.whisper("psst")
        self.log: list[str] = []

    def app(self, app_id: int, mark: str) -> None:
        (self.folder / "apps" / f"{app_id}.toml").write_text(PARROT.format(id=app_id, mark=mark))

    def whisper(self, said: str) -> None:
        (self.folder / "plugins.d" / "whisper.py").write_text(WHISPER.format(said=said))

    def run(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "tornado_chat", *arguments, "--conf", str(self.folder)]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True).stdout

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[int]:
        """Run the server; yield its port."""
        command = [sys.executable, "-m", "tornado_chat", "serve", "--conf", str(self.folder)]
        self.process = await asyncio.create_subprocess_exec(
            *command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), PATIENCE)
        assert line.startswith(b"tornado-chat listening on"), await self.process.communicate()
        try:
            yield int(line.rpartition(b":")[2])
        finally:
            self.process.terminate()
            await asyncio.wait_for(self.process.communicate(), PATIENCE)

    async def logged(self, text: str) -> str:
        """Return the next line of the log that has this text."""
        assert self.process.stderr is not None
        while True:
            line = (await asyncio.wait_for(self.process.stderr.readline(), PATIENCE)).decode()
            self.log.append(line)
            assert line, self.log
            if text in line:
                return line

    async def reload(self, text: str = "reloaded:") -> str:
        self.process.send_signal(signal.SIGHUP)
        return await self.logged(text)


@pytest.fixture
def house(tmp_path: Path, installed: Path) -> House:
    return House(tmp_path, installed)


async def enter(port: int, token: str | None, app_id: int = 2) -> Client:
    client = await Client.connect(port)
    await client.auth(app_id, token)
    return client


async def posted(client: Client, text: str) -> str:
    assert await client.say(text) is None
    return str((await client.next("new_message"))["text"])


async def until_heard(client: Client, count: int) -> None:
    """Ask the parrot until it has heard so much: a listener is told after the fact."""
    for _ in range(1000):
        await client.say("/heard")
        if await client.next("system_message") == f"heard {count}":
            return
    raise AssertionError("the parrot hears nothing")


@pytest.mark.gen_test(timeout=90)
async def test_one_app_uses_it_and_another_does_not(house: House) -> None:
    async with house.serve() as port:
        alice, eve, other = await enter(port, "alice"), await enter(port, "eve"), await enter(port, "alice", 3)
        assert await posted(alice, "hello") == "HELLO!"
        assert await eve.say("hello") == "MESSAGE_REJECTED"
        assert await posted(other, "hello") == "hello"
        await until_heard(alice, 1)
        assert await other.say("/heard") is None
        assert await other.next("system_message") == "Unknown command: /heard"
        await alice.say("/whisper")
        assert await alice.next("system_message") == "psst"
        fetch = AsyncHTTPClient().fetch
        assert (await fetch(f"http://127.0.0.1:{port}/plugins/parrot/2/heard")).body == b'{"heard": 1}'
        missing = await fetch(f"http://127.0.0.1:{port}/plugins/parrot/3/heard", raise_error=False)
        assert missing.code == 404
        metrics = (await fetch(f"http://127.0.0.1:{port}/metrics")).body.decode()
        assert 'tornado_chat_plugin_count_total{app="2",name="heard",plugin="parrot"} 1.0' in metrics
        assert 'plugin="parrot",app="3"' not in metrics
    async with house.serve() as port:  # what it keeps survives the server
        alice = await enter(port, "alice")
        await alice.say("/heard")
        assert await alice.next("system_message") == "heard 1"


def test_it_is_listed_with_where_it_is_from_and_who_uses_it(house: House) -> None:
    listed = house.run("plugins")
    assert (
        "parrot\n  from: tornado_chat_parrot.plugin of tornado-chat-parrot 3.1.4\n  used by apps: 2\n  version: 3.1.4\n"
        "  hooks: register_commands, register_filters, register_gates, register_listeners, register_routes\n"
    ) in listed
    assert '    mark: text = "!"' in listed
    assert f"whisper\n  from: {house.folder}/plugins.d/whisper.py\n  used by apps: 2\n" in listed


@pytest.mark.gen_test(timeout=90)
async def test_sighup_takes_changes_over_and_drops_no_connection(house: House) -> None:
    async with house.serve() as port:
        alice, other = await enter(port, "alice"), await enter(port, "bob", 3)
        assert await posted(alice, "hello") == "HELLO!"
        house.app(2, "?")
        house.app(3, "...")
        house.whisper("pst")
        await house.reload()
        assert await posted(alice, "hello") == "HELLO?"
        assert await posted(other, "hello") == "HELLO..."
        await alice.say("/whisper")
        assert await alice.next("system_message") == "pst"
        await until_heard(alice, 2)
        assert not alice.closed.is_set()
        assert not other.closed.is_set()
        assert [name for name in alice.names() if name in {"user_left", "user_joined"}] == []


@pytest.mark.gen_test(timeout=90)
async def test_what_cannot_be_used_changes_nothing_and_is_said(house: House) -> None:
    async with house.serve() as port:
        alice = await enter(port, "alice")
        for broken, told in (
            (lambda: house.app(2, '"\n[plugin.parrot'), "2.toml"),
            (lambda: _append(house, "def register_nothing(api): pass\n"), "its register_nothing is not marked"),
            (lambda: _append(house, "import nowhere\n"), "No module named 'nowhere'"),
            (lambda: _append(house, "import sys; sys.exit(3)\n"), "SystemExit"),
        ):
            broken()
            line = await house.reload("the configuration stays as it was")
            assert told in line
            assert await posted(alice, "hello") == "HELLO!"
            await alice.say("/whisper")
            assert await alice.next("system_message") == "psst"
        house.app(2, "?")
        house.whisper("at last")
        await house.reload()
        assert await posted(alice, "hello") == "HELLO?"


def _append(house: House, line: str) -> None:
    house.app(2, "!")
    house.whisper("psst")
    with (house.folder / "plugins.d" / "whisper.py").open("a") as file:
        file.write(line)


@pytest.mark.gen_test(timeout=90)
async def test_what_only_counts_from_the_next_start_is_said(house: House) -> None:
    async with house.serve():
        text = (house.folder / "server.toml").read_text()
        (house.folder / "server.toml").write_text(text.replace("port = 0", "port = 0\nheartbeat = 7.0"))
        assert "server.heartbeat has changed; that counts from the next start on" in await house.reload("has changed")


@pytest.mark.gen_test(timeout=90)
async def test_an_app_may_come_and_go(house: House) -> None:
    async with house.serve() as port:
        other = await enter(port, "bob", 3)
        house.app(4, "!")
        (house.folder / "apps" / "3.toml").unlink()
        await house.reload("app 3 has no file any more")
        await house.logged("reloaded:")
        alice = await enter(port, "alice", 4)
        assert await posted(alice, "hello") == "HELLO!"
        assert await posted(other, "hello") == "hello"
        late = await Client.connect(port)
        late.send('420["auth",{"app_id":3}]')
        assert await late.next("client_error") == "no app found with the app_id you sent to `auth` event"


@pytest.mark.gen_test(timeout=90)
async def test_a_watched_folder_is_read_when_it_changes(tmp_path: Path, installed: Path) -> None:
    house = House(tmp_path, installed, "watch = true")
    async with house.serve() as port:
        alice = await enter(port, "alice")
        assert await posted(alice, "hello") == "HELLO!"
        house.app(2, "?")
        await house.logged("reloaded:")
        assert await posted(alice, "hello") == "HELLO?"
        house.whisper("seen")
        await house.logged("reloaded:")
        await alice.say("/whisper")
        assert await alice.next("system_message") == "seen"
    assert house.process.returncode == 0


@pytest.mark.gen_test(timeout=90)
async def test_reloads_under_load_lose_and_double_nothing(house: House) -> None:
    """Ten people talk while the plugins are exchanged again and again; everybody hears everything once, in order."""
    async with house.serve() as port:
        people: list[Any] = [await enter(port, "alice") for _ in range(10)]

        async def talk(number: int) -> list[Any]:
            return [await people[number].say(f"{number}/{count}") for count in range(20)]

        talking = [asyncio.ensure_future(talk(number)) for number in range(10)]
        for round_ in range(5):
            house.app(2, "!?"[round_ % 2])
            await house.reload()
        acks = [ack for told in await asyncio.gather(*talking) for ack in told]
        assert acks == [None] * 200
        for person in people:
            await person.settle()
            texts = [event[1]["text"].rstrip("!?") for event in person.heard if event[0] == "new_message"]
            ids = [event[1]["id"] for event in person.heard if event[0] == "new_message"]
            assert ids == list(range(1, 201))
            assert sorted(texts) == sorted(f"{number}/{count}" for number in range(10) for count in range(20))
