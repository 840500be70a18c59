"""A whole server against a model: joins, messages, mutes, deletions, restarts and an absent database, in any order.

`MODEL_EXAMPLES=500` looks for longer.
"""

from __future__ import annotations

import asyncio
import os
import re
import uuid
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from scripts.faults.proxy import Proxy
from tests.client import Client
from tests.test_resume import ERASER
from tornado_chat.config import load_config
from tornado_chat.manual_clock import ManualClock
from tornado_chat.server import Server

T = TypeVar("T")

EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "12"))
STEPS = 25
PATIENCE = 10.0
NAMES = ("alice", "bob", "eve")  # bob is a moderator
SEATS = st.integers(0, 3)


class Seat:
    """A client, and what it has been shown."""

    def __init__(self, client: Client, uname: str | None) -> None:
        self.client = client
        self.uname = uname
        self.shown: list[tuple[int, str]] = []
        self._read = 0
        self.last: tuple[str, str] | None = None  # what it said last, and under which cid

    def begin(self, since: int | None) -> None:
        room = self.client.data["room"]
        history = [(message["id"], message["text"]) for message in room["history"]]
        if since is None or self.client.data["reload"]:
            self.shown = history
        else:
            self.shown = [row for row in self.shown if row[0] not in room["deleted"]] + history

    def look(self) -> None:
        """Take in what was heard since the last look."""
        for event in self.client.heard[self._read :]:
            if event[0] == "new_message":
                self.shown.append((event[1]["id"], event[1]["text"]))
            elif event[0] == "message_deleted":
                self.shown = [row for row in self.shown if row[0] != event[1]["id"]]
        self._read = len(self.client.heard)


class ServerMachine(RuleBasedStateMachine):
    """The model: `said` is (id, text) of every message that is there, `mutes` when each ends."""

    uri = ""
    begun = 0
    folder = Path()

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = ManualClock()
        self.seats: dict[int, Seat] = {}
        self.said: list[tuple[int, str]] = []
        self.mutes: dict[str, Any] = {}
        self.highest = 0
        self.away = False
        self.count = 0
        type(self).begun += 1
        self.run(self._begin())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(asyncio.wait_for(work, PATIENCE))

    async def _begin(self) -> None:
        self.network = Proxy(int(re.findall(r":(\d+)/", self.uri)[0]))
        await self.network.start()
        apps = self.folder / "apps"
        apps.mkdir(exist_ok=True)
        (self.folder / "eraser.py").write_text(ERASER)
        (apps / "2.toml").write_text('id = 2\nidentity = "demo"\nplugins = ["mute", "eraser"]\n')
        (self.folder / "server.toml").write_text(
            f'[server]\nport = 0\n[mongodb]\nuri = "mongodb://127.0.0.1:{self.network.port}/?directConnection=true"\n'
            f'database = "model-{uuid.uuid4().hex}"\ntimeout = 0.4\n[identity.demo]\n[plugins]\npath = ["."]\n'
            "[limits]\nevent_rate = 100000.0\nevent_burst = 100000\n"
        )
        self.config = load_config(self.folder)
        await self._start()

    async def _start(self) -> None:
        self.server = Server(self.config, clock=self.clock)
        await self.server.start()

    # -- what people do

    @rule(seat=SEATS, name=st.sampled_from([*NAMES, None]))
    def join(self, seat: int, name: str | None) -> None:
        if seat in self.seats:
            self.leave(seat)
        self.seats[seat] = Seat(self.run(Client.connect(self.server.port)), name)
        self._auth(self.seats[seat], None)

    @rule(seat=SEATS)
    def come_back(self, seat: int) -> None:
        if seat not in self.seats:
            return
        here = self.seats[seat]
        here.look()
        since = max((number for number, _ in here.shown), default=0)
        self.run(here.client.close())
        here.client = self.run(Client.connect(self.server.port))
        here._read = 0
        self._auth(here, since)

    def _auth(self, seat: Seat, since: int | None) -> None:
        more = {} if since is None else {"since": since}
        assert self.run(seat.client.auth(2, seat.uname, **more))[0] is None
        seat.begin(since)
        room = seat.client.data["room"]
        assert set(room["users"]) == {each.uname for each in self.seats.values() if each.uname}
        assert set(room["muteList"]) == {name for name, end in self.mutes.items() if end > self.clock.now()}

    @rule(seat=SEATS)
    def leave(self, seat: int) -> None:
        if seat not in self.seats:
            return
        gone = self.seats.pop(seat)
        self.run(gone.client.close())
        self.run(self._left())

    async def _left(self) -> None:
        while self.server._gateway.connections > len(self.seats):
            await self.server.health()

    @rule(seat=SEATS, with_cid=st.booleans())
    def post(self, seat: int, with_cid: bool) -> None:
        if seat not in self.seats:
            return
        here = self.seats[seat]
        self.count += 1
        text, cid = f"text {self.count}", f"cid-{self.count}" if with_cid else ""
        ack = self.run(here.client.say(text, cid=cid))
        assert ack == self._expected(here)
        if ack is None:
            here.look()
            number = here.shown[-1][0]
            assert here.shown[-1][1] == text
            assert number > self.highest
            self.highest = number
            self.said.append((number, text))
            here.last = (text, cid) if with_cid else here.last

    def _expected(self, seat: Seat) -> str | None:
        if seat.uname is None:
            return "USER_REQUIRED"
        if self.mutes.get(seat.uname, self.clock.now()) > self.clock.now():
            return "USER_MUTED"
        return "INTERNAL_ERROR" if self.away else None

    @rule(seat=SEATS)
    def say_again(self, seat: int) -> None:
        """What was acked is acked again, whatever has happened since, and said once."""
        here = self.seats.get(seat)
        if here is not None and here.last is not None:
            text, cid = here.last
            assert self.run(here.client.say(text, cid=cid)) is None

    # -- what a moderator does

    def _moderator(self) -> Seat | None:
        return next((seat for seat in self.seats.values() if seat.uname == "bob"), None)

    @rule(victim=st.sampled_from(["alice", "eve", "nobody"]), minutes=st.integers(1, 5))
    def mute(self, victim: str, minutes: int) -> None:
        if (bob := self._moderator()) is None:
            return
        ack = self.run(bob.client.say(f"/mute {victim} {minutes}"))
        assert ack == ("INTERNAL_ERROR" if self.away else None)
        if ack is None:
            self.mutes[victim] = self.clock.now() + timedelta(minutes=minutes)

    @rule(victim=st.sampled_from(["alice", "eve", "nobody"]))
    def unmute(self, victim: str) -> None:
        if (bob := self._moderator()) is None:
            return
        muted = self.mutes.get(victim, self.clock.now()) > self.clock.now()
        ack = self.run(bob.client.say(f"/unmute {victim}"))
        assert ack == ("INTERNAL_ERROR" if self.away and muted else None)
        if ack is None:
            self.mutes.pop(victim, None)

    @rule(pick=st.integers(0, 100))
    def erase(self, pick: int) -> None:
        bob = self._moderator()
        if bob is None or not self.said:
            return
        number, text = self.said[pick % len(self.said)]
        ack = self.run(bob.client.say(f"/erase {number}"))
        assert ack == ("INTERNAL_ERROR" if self.away else None)
        if ack is None:
            self.said.remove((number, text))

    # -- what happens to them

    @rule(seconds=st.integers(1, 300))
    def let_time_pass(self, seconds: int) -> None:
        self.clock.advance(seconds)
        self.mutes = {name: end for name, end in self.mutes.items() if end > self.clock.now()}
        self.run(self._settle())

    @precondition(lambda self: not self.away)
    @rule()
    def restart(self) -> None:
        self.run(self.server.stop())
        self.run(self._start())
        for seat in self.seats.values():
            seat.look()
            self.run(asyncio.wait_for(seat.client.closed.wait(), PATIENCE))
        for number, seat in list(self.seats.items()):
            del self.seats[number]
            since = max((each for each, _ in seat.shown), default=0)
            seat.client = self.run(Client.connect(self.server.port))
            seat._read = 0
            here, self.seats = self.seats, {**self.seats, number: seat}
            assert here is not self.seats
            self._auth_alone(seat, since)

    def _auth_alone(self, seat: Seat, since: int) -> None:
        assert self.run(seat.client.auth(2, seat.uname, since=since))[0] is None
        seat.begin(since)

    @precondition(lambda self: not self.away)
    @rule()
    def the_database_goes(self) -> None:
        self.network.drops = True
        self.away = True

    @precondition(lambda self: self.away)
    @rule()
    def the_database_comes_back(self) -> None:
        self.network.pass_again()
        self.run(self._writable())
        self.away = False

    async def _writable(self) -> None:
        available = self.server._store.availability
        while available._task is not None:
            await asyncio.wait({available._task})
        await self.server._store.ping()

    async def _end(self) -> None:
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()}, return_exceptions=True)

    async def _settle(self) -> None:
        for seat in self.seats.values():
            await seat.client.settle()

    # -- what must hold

    @invariant()
    def everybody_has_seen_the_same(self) -> None:
        self.run(self._settle())
        for seat in self.seats.values():
            seat.look()
            assert seat.shown == self.said

    def teardown(self) -> None:
        self.network.pass_again()
        for seat in self.seats.values():
            self.run(seat.client.close())
        self.run(self.server.stop())
        self.run(self.network.stop())
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(self._end())
        self.loop.close()


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # connections that the network's faults broke
def test_the_server_does_what_the_model_says(embedded_uri: str, tmp_path: Path) -> None:
    class Machine(ServerMachine):
        uri = embedded_uri
        folder = tmp_path

    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=EXAMPLES <= 12,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert Machine.begun >= EXAMPLES
