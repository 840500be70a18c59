"""Fixtures. Real parts: a database, an HTTP API, sockets. What is faked is named so.

io_loop         pytest-tornado's, without what Tornado deprecated; a test with @pytest.mark.gen_test runs on it
clock           a ManualClock: time moves when a test says so
embedded_uri    the embedded database, one for the session
mongod_uri      a real mongod, one for the session; skips without one, fails where CI=true
database        a name that no other test uses
store           a MongoStore on the embedded database, open
api             a FakeMoneypot on a real port; api_url is its address
make_config     makes a Config as files would: make_config(app={...}, mongodb={...}, identity={...})
serve           starts a Server in this loop: server = await serve(make_config()); stopped after the test
connect         connects a raw Socket.IO client: client = await connect(server, token="token-alice")
chat            a ChatFixture, what plugin authors test with: await chat.open(...), await chat.join("alice")
poller          begins a bare Engine.IO session by polling: await poller(server)
bundle          makes a module for Node or a page of a source of the chatbox: bundle("socket.ts") is its path
box_client      that of the chatbox's own Socket.IO client
box             starts that in Node: client = await box(port); fake is a server that does nothing by itself
node, chromium, php  paths of what runs the official client, the page and a snippet; skip or fail like mongod_uri
"""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import socket
import subprocess
import sys
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.netutil import bind_sockets

from tests.box_driver import Box, Fake
from tests.client import Client
from tests.engine_client import EngineClient
from tests.manual_clock import ManualClock
from tornado_chat.config import Config, load_config
from tornado_chat.server import Server
from tornado_chat.store_mongo import MongoStore
from tornado_chat.testing import ChatFixture

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from fake_moneypot import SECRET, FakeMoneypot  # noqa: E402

START_PATIENCE = 30.0


def pytest_sessionfinish() -> None:
    # A failure that nobody retrieved is logged, with a traceback, when it is collected. Where that is in the middle of
    # an import, as of what pytest imports to say how it went, Python 3.11 fails the import.
    gc.collect()


def missing(what: str) -> None:
    """A part that the tests need isn't here: say so, and fail where it must be (CI)."""
    text = f"{what}; run the tests with scripts/test, which gets it"
    if os.environ.get("CI") == "true":
        pytest.fail(text)
    pytest.skip(text)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return once something listens on `port`; the connection attempt itself is what is waited on."""
    for _ in range(int(START_PATIENCE / 0.05)):
        assert process.poll() is None, f"ended with status {process.returncode}"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            try:
                process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
        else:
            return
    raise AssertionError(f"nothing listens on {port}")


@pytest.fixture
def io_loop() -> Iterator[IOLoop]:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    io_loop = IOLoop.current()
    yield io_loop
    pending = asyncio.all_tasks(loop)
    for task in pending:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    io_loop.close(all_fds=False)
    asyncio.set_event_loop(None)


@pytest.fixture
def run(io_loop: IOLoop) -> Callable[[Awaitable[Any]], Any]:
    """Run an awaitable to its end on the test's loop, from a fixture that is no coroutine itself."""
    return lambda awaitable: io_loop.run_sync(lambda: awaitable, timeout=START_PATIENCE)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(scope="session")
def embedded_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    data = tmp_path_factory.mktemp("embedded")
    process = subprocess.Popen(
        [sys.executable, "-m", "tornado_chat.mongo_embedded", str(data), str(port)], stdin=subprocess.PIPE
    )
    wait_for_port(port, process)
    yield f"mongodb://127.0.0.1:{port}/?directConnection=true"
    process.communicate(timeout=START_PATIENCE)


@pytest.fixture(scope="session")
def mongod_command() -> list[str]:
    """How a mongod is started; the caller adds --dbpath and --port."""
    command = [sys.executable, str(ROOT / "scripts" / "mongod")]
    if subprocess.run([*command, "fetch"], capture_output=True, check=False).returncode:
        missing("there is no mongod")
    return command


@pytest.fixture(scope="session")
def mongod_uri(mongod_command: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if given := os.environ.get("TORNADO_CHAT_TEST_MONGODB"):
        yield given
        return
    with running_mongod(mongod_command, tmp_path_factory.mktemp("mongod"), free_port()) as process:
        yield f"mongodb://127.0.0.1:{process.port}/?directConnection=true"


class running_mongod:  # noqa: N801 - used as a function: with running_mongod(...) as process
    """Runs a mongod for the length of a `with`; it may be killed meanwhile."""

    def __init__(self, command: list[str], data: Path, port: int) -> None:
        self._command = [*command, "--dbpath", str(data), "--port", str(port), "--bind_ip", "127.0.0.1", "--quiet"]
        self.port = port
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        wait_for_port(self.port, self.process)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> running_mongod:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


@pytest.fixture
def database() -> str:
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def store(
    embedded_uri: str, database: str, run: Callable[[Awaitable[Any]], Any], io_loop: IOLoop
) -> Iterator[MongoStore]:
    store = MongoStore(embedded_uri, database, timeout=5.0, retention_days=90)
    run(store.open())
    yield store
    run(store.close())


@pytest.fixture
def api() -> FakeMoneypot:
    return FakeMoneypot()


@pytest.fixture
def api_url(io_loop: IOLoop, api: FakeMoneypot, run: Callable[[Awaitable[Any]], Any]) -> Iterator[str]:
    server = HTTPServer(api.application())
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    yield f"http://127.0.0.1:{sockets[0].getsockname()[1]}/v1"
    api.released.set()
    server.stop()
    run(server.close_all_connections())


@pytest.fixture
def make_config(tmp_path: Path, embedded_uri: str, database: str, api_url: str) -> Callable[..., Config]:
    """Writes real files and reads them: conf/server.toml, and conf/apps/2.toml and 3.toml with the same settings."""

    def make(
        *,
        app: str = "",
        mongodb: str | None = None,
        timeout: float = 5.0,
        identity: str | None = None,
        apps: tuple[int, ...] = (2, 3),
        plugins: str = "",
        server: str = "",
    ) -> Config:
        # Without those that judge what is said: most tests say the same things fast, and are about something else.
        app = app if "plugins = " in app else f'plugins = ["mute", "help", "reload"]\n{app}'
        folder = tmp_path / "conf"
        (folder / "apps").mkdir(parents=True, exist_ok=True)
        identity = identity or f'[identity.moneypot]\napi = "{api_url}"\napp_secret = "{SECRET}"\ntimeout = 2.0\n'
        # Tests move the clock by hours in one step, in which nobody can be asked again.
        identity += "grace = 604800.0\n" if "moneypot" in identity and "grace" not in identity else ""
        (folder / "server.toml").write_text(
            f'[server]\nport = 0\n{server}\n[mongodb]\nuri = "{mongodb or embedded_uri}"\ndatabase = "{database}"\n'
            f"timeout = {timeout}\n{identity}\n{plugins}\n"
        )
        for app_id in apps:
            (folder / "apps" / f"{app_id}.toml").write_text(f"id = {app_id}\n{app}\n")
        return load_config(folder)

    return make


@pytest.fixture
def serve(io_loop: IOLoop, run: Callable[[Awaitable[Any]], Any]) -> Iterator[Callable[..., Awaitable[Server]]]:
    servers: list[Server] = []

    async def start(config: Config, **options: Any) -> Server:
        server = Server(config, **options)
        servers.append(server)
        await server.start()
        return server

    yield start
    for server in servers:
        run(server.stop())


@pytest.fixture
def connect(io_loop: IOLoop, run: Callable[[Awaitable[Any]], Any]) -> Iterator[Callable[..., Awaitable[Client]]]:
    """connect(server) opens a socket; with token= (None: a guest) it also sends `auth` and keeps its data."""
    clients: list[Client] = []
    nobody = object()

    async def open_client(server: Server, *, token: Any = nobody, app_id: int = 2, **options: Any) -> Client:
        client = await Client.connect(server.port, **options)
        clients.append(client)
        if token is not nobody:
            await client.auth(app_id, token)
        return client

    yield open_client
    for client in clients:
        run(client.close())


@pytest.fixture(scope="session")
def node() -> str:
    path = shutil.which("node")
    if path is None:
        missing("there is no node")
    if not (ROOT / "tests" / "node" / "node_modules" / "socket.io-client").is_dir():
        missing("tests/node has no socket.io-client")
    return str(path)


@pytest.fixture(scope="session")
def bundle(node: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    if shutil.which("npm") is None:
        missing("there is no npm")
    folder = tmp_path_factory.mktemp("box")

    def build(name: str) -> Path:
        built = folder / f"{name}.mjs"
        subprocess.run([ROOT / "scripts" / "box", "module", name, built], check=True)
        return built

    return build


@pytest.fixture(scope="session")
def box_client(bundle: Callable[[str], Path]) -> Path:
    return bundle("socket.ts")


@pytest.fixture
def box(
    io_loop: IOLoop, run: Callable[[Awaitable[Any]], Any], node: str, box_client: Path
) -> Iterator[Callable[..., Awaitable[Box]]]:
    """box(port) starts a client that is told to connect; whatever it throws fails the test."""
    started: list[Box] = []

    async def start(port: int, *, connects: bool = True, bundle: Path = box_client, **options: Any) -> Box:
        started.append(await Box.start(node, bundle, port, **options))
        if connects:
            started[-1].do("connect")
        return started[-1]

    yield start
    for each in started:
        run(each.close())
        assert each.told_of("trouble") == each.expected


@pytest.fixture
def fake(io_loop: IOLoop, run: Callable[[Awaitable[Any]], Any]) -> Iterator[Fake]:
    made = Fake()
    yield made
    run(made.stop())


@pytest.fixture(scope="session")
def chromium() -> str:
    path = shutil.which("chromium")
    if path is None:
        missing("there is no chromium")
    return str(path)


@pytest.fixture(scope="session")
def php() -> str:
    path = shutil.which("php")
    if path is None:
        missing("there is no php")
    return str(path)


@pytest.fixture
def poller(io_loop: IOLoop) -> Iterator[Callable[..., Awaitable[EngineClient]]]:
    """poller(server) begins a session by polling."""
    pollers: list[EngineClient] = []

    async def make(server: Any) -> EngineClient:
        pollers.append(EngineClient(server.port, 4, "socket.io"))
        await pollers[-1].open()
        return pollers[-1]

    yield make
    for made in pollers:
        made.close()


@pytest.fixture
def chat(io_loop: IOLoop, run: Callable[[Awaitable[Any]], Any]) -> Iterator[ChatFixture]:
    """The chat that plugin authors test with; see tornado_chat.testing."""
    fixture = ChatFixture()
    yield fixture
    run(fixture.close())
