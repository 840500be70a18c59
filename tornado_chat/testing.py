"""For the tests of plugins: a real chat in the test's own process, and people who talk in it.

    # setup.cfg
    [tool:pytest]
    addopts = -p tornado_chat.testing

A test that is an `async def` and takes the fixture `chat` then runs by itself. What is real: the room, the pipeline,
the plugins, their isolation. What isn't: time stands still until `chat.advance`, the database is in memory
(`chat.store`, with `chat.store.away = True` for a fault), and HTTP requests go to `chat.http`, which answers what the
test has told it.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import msgspec
import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from tornado_chat.bus import DirectBus, Wanted
from tornado_chat.chat import Chat, Seat
from tornado_chat.commands import is_command
from tornado_chat.errors import MAX_TEXT, HttpError
from tornado_chat.events import SYSTEM_MESSAGE, Event
from tornado_chat.gates import Visitor
from tornado_chat.http import HttpResponse
from tornado_chat.manual_clock import ManualClock
from tornado_chat.models import Role, User
from tornado_chat.moderation import Answer
from tornado_chat.plugin_api import PluginApi
from tornado_chat.plugins import Found, discover, load_plugins
from tornado_chat.store_memory import MemoryStore
from tornado_chat.text import js_length, js_trim
from tornado_chat.web import PluginRouter
from tornado_chat.web.plugin_routes import PREFIX

APP_ID = 2
TEST_SECONDS = 30.0
ROUNDS = 20  # turns of the loop in which what was started comes to rest, or waits for what doesn't come by itself


class JoinRefused(Exception):
    """A gate didn't let somebody in. `code` and `notice` are what they were told."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.ack}: {answer.notice}")
        self.code = answer.ack
        self.notice = answer.notice


@dataclass
class FakeHttp:
    """Other sites' HTTP. `requests` has (method, url, what was sent); `answers[url]` is given back, or raised."""

    answers: dict[str, HttpResponse | Exception] = field(default_factory=dict)
    requests: list[tuple[str, str, Any]] = field(default_factory=list)

    def answer(self, url: str, *, status: int = 200, json: Any = None) -> None:
        """Answer every request to `url` with this from now on."""
        self.answers[url] = HttpResponse(status, {"content-type": "application/json"}, msgspec.json.encode(json))

    async def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 5.0,
    ) -> HttpResponse:
        return self._ask("GET", url, params)

    async def post(
        self,
        url: str,
        *,
        json: Any = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 5.0,
    ) -> HttpResponse:
        return self._ask("POST", url, json if body is None else body)

    async def close(self) -> None:
        """Nothing to give back."""

    def _ask(self, method: str, url: str, sent: Any) -> HttpResponse:
        self.requests.append((method, url, sent))
        answer = self.answers.get(url, HttpError(f"{method} {url}: nothing answers; use chat.http.answer(url, ...)"))
        if isinstance(answer, Exception):
            raise answer
        return answer


class Ran(NamedTuple):
    """What the callback of `command` gets: `code` is None where it was done."""

    code: str | None
    text: str | None
    data: Any


class Person:
    """Somebody in the chat, with one socket. `events` has all that they were told, as (name, payload)."""

    def __init__(self, fixture: ChatFixture, seat: Seat, user: User | None) -> None:
        self._fixture = fixture
        self._seat = seat
        self.user = user
        self.events: list[tuple[str, Any]] = []

    async def say(self, text: str, *, cid: str = "") -> Answer:
        """Say something, or type a command; return (ack, notice) as a named pair: `answer.ack` is None when posted."""
        text = js_trim(text)
        if not 1 <= js_length(text) <= MAX_TEXT:
            raise ValueError(f"a message has 1 to {MAX_TEXT} characters")
        answer = await self._fixture.chat.post(self._seat, text, cid)
        if answer.notice is not None:
            self.events.append((SYSTEM_MESSAGE, answer.notice))
        await self._fixture.settle()
        return answer

    async def run(self, command: str, *, cid: str = "") -> Ran:
        """Run a command as a program does, with the event `command`; return (code, text, data) as a named triple.

        `code` is None where it was done. Raises ValueError for what the event doesn't take.
        """
        command = js_trim(command)
        if not is_command(command) or js_length(command) > MAX_TEXT:
            raise ValueError(f"a command begins with a slash and has at most {MAX_TEXT} characters")
        answer = await self._fixture.chat.post(self._seat, command, cid)
        await self._fixture.settle()
        error = answer.ack or ("COMMAND_REFUSED" if answer.refused else None)
        return Ran(error, answer.notice, None if answer.data is None else msgspec.json.decode(answer.data))

    @property
    def messages(self) -> list[str]:
        """What this one was shown since they came, as "alice: hello"."""
        return [
            f"{payload['user']['uname']}: {payload['text']}" for name, payload in self.events if name == "new_message"
        ]

    @property
    def notices(self) -> list[str]:
        """What this one was told by the chat itself, and as answers to commands."""
        return [payload for name, payload in self.events if name == SYSTEM_MESSAGE]

    @property
    def room(self) -> dict[str, Any]:
        """What this one would be shown of the room on coming in now: `users`, `history`, `muteList`."""
        room: dict[str, Any] = msgspec.json.decode(self._fixture.chat.snapshot(self._seat)["room"])
        return room

    async def leave(self) -> None:
        """Go."""
        self._fixture.people.remove(self)
        await self._fixture.chat.leave(self._seat)
        await self._fixture.settle()


class ChatFixture:
    """The chat of app 2. `open` it with the plugins under test, then let people join."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore()
        self.http = FakeHttp()
        self.people: list[Person] = []
        self.hide_actor = False
        self._bus = DirectBus()
        self._bus.connect(self._deliver, self._disconnect, self._disconnect_where)
        self._servers: list[HTTPServer] = []
        self._user_ids: dict[str, int] = {}
        self._loaded = False
        self.loop: asyncio.AbstractEventLoop | None = None
        self.chat = self._make_chat()

    async def open(
        self, *plugins: str | ModuleType | Path, options: Mapping[str, Mapping[str, Any]] | None = None
    ) -> None:
        """Load plugins, in this order, and start the app; called again, it loads them anew and nobody has to leave.

        A plugin is a module, the path of a file, or the name of an installed or bundled one. `options` has the tables
        of the app's file, by plugin: {"greet": {"greeting": "Hello"}}. Raises ConfigError as the server's start does.
        """
        catalog = discover([])
        names = []
        for plugin in plugins:
            found = _found(plugin, catalog)
            catalog[found.name] = found
            names.append(found.name)
        services = self.chat.services(lambda: self.http, hide_actor=self.hide_actor)
        loaded = load_plugins("the test", names, options or {}, catalog, services)
        await self.chat.equip(loaded).close()
        if not self._loaded:
            await self.chat.load()
            self._loaded = True

    async def join(
        self,
        uname: str | None,
        role: str = "member",
        *,
        address: str = "127.0.0.1",
        level: int | None = None,
        created_at: datetime | None = None,
    ) -> Person:
        """Let somebody come in; None is a guest. Raises JoinRefused where a ban or a gate doesn't let them."""
        user = None
        if uname is not None:
            number = self._user_ids.setdefault(uname, len(self._user_ids) + 1)
            user = User(number, uname, Role(role), level, created_at)
        refused = await self.chat.admit(Visitor(user, address))
        if refused is not None:
            raise JoinRefused(refused)
        seat = await self.chat.join(user, address=address)
        person = Person(self, seat, user)
        self.people.append(person)
        await self.settle()
        return person

    async def advance(self, seconds: float) -> None:
        """Move the time, step by step, and let all that becomes due come to its end."""
        end = self.clock.monotonic() + seconds
        while (step := self.clock.due_before(end - self.clock.monotonic())) is not None:
            self.clock.advance(step)
            await self.settle()
        self.clock.advance(end - self.clock.monotonic())
        await self.settle()

    async def settle(self) -> None:
        """Let listeners and periodic tasks do what they were told to."""
        for _ in range(ROUNDS):
            await asyncio.sleep(0)

    async def restart(self) -> None:
        """End the app and make it anew on the same store, as a restart of the server does; `open` it again then."""
        self.people.clear()
        await self.chat.close()
        self.chat = self._make_chat()

    def api(self, plugin: str) -> PluginApi:
        """Return what a plugin was handed: its `storage`, `users` and so on."""
        return self.chat.plugins.apis[plugin]

    async def fetch(self, path: str, *, method: str = "GET", headers: Mapping[str, str] | None = None) -> HttpResponse:
        """Ask a route of a plugin over real HTTP: `await chat.fetch("/plugins/feed/2/messages")`."""
        router = PluginRouter(lambda app_id: self.chat.plugins.routes if app_id == APP_ID else {})
        router.application = Application([(PREFIX, router)])
        server = HTTPServer(router.application)
        sockets = bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        self._servers.append(server)
        answer = await AsyncHTTPClient(force_instance=True).fetch(
            f"http://127.0.0.1:{sockets[0].getsockname()[1]}{path}",
            method=method,
            headers=dict(headers or {}),
            allow_nonstandard_methods=True,
            raise_error=False,
        )
        return HttpResponse(answer.code, {name.lower(): value for name, value in answer.headers.items()}, answer.body)

    async def close(self) -> None:
        """End the app."""
        for server in self._servers:
            server.stop()
            await server.close_all_connections()
        await self.chat.close()

    def _make_chat(self) -> Chat:
        self._loaded = False
        return Chat(
            APP_ID,
            store=self.store,
            bus=self._bus,
            clock=self.clock,
            history=250,
            presence_limit=1000,
            timeout=3.0,
        )

    async def _deliver(self, _app_id: int, event: Event) -> None:
        for person in self.people:
            if event.to is None or (person.user is not None and person.user.uname in event.to):
                person.events.append((event.name, event.payload))

    async def _disconnect(self, _app_id: int, uname: str) -> None:
        for person in [person for person in self.people if person.user is not None and person.user.uname == uname]:
            await person.leave()

    async def _disconnect_where(self, _app_id: int, wanted: Wanted, text: str) -> None:
        for person in list(self.people):
            if wanted(None if person.user is None else person.user.uname, person._seat.address):
                person.events.append((SYSTEM_MESSAGE, text))
                await person.leave()


def _found(plugin: str | ModuleType | Path, catalog: Mapping[str, Found]) -> Found:
    if isinstance(plugin, ModuleType):
        name = plugin.__name__.rpartition(".")[2]
        return Found(name, "the test", lambda: plugin, plugin.__name__)
    if isinstance(plugin, Path):
        return discover([plugin.parent])[plugin.stem]
    return catalog[plugin]


@pytest.fixture
def chat() -> Iterator[ChatFixture]:
    """A chat without plugins yet; tests that take it are coroutines."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    fixture = ChatFixture()
    fixture.loop = loop
    yield fixture
    loop.run_until_complete(fixture.close())
    for task in asyncio.all_tasks(loop):
        task.cancel()
        loop.run_until_complete(asyncio.wait({task}))
    loop.close()
    asyncio.set_event_loop(None)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a coroutine that takes `chat` in the loop that `chat` was made for."""
    if "chat" not in pyfuncitem.fixturenames or not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    fixture = arguments["chat"]
    assert isinstance(fixture, ChatFixture)  # noqa: S101
    assert fixture.loop is not None  # noqa: S101
    fixture.loop.run_until_complete(asyncio.wait_for(pyfuncitem.obj(**arguments), TEST_SECONDS))
    return True
