"""A whole server against a model: people come, talk, moderate and go, while servers, answers and the database get lost.

`MODEL_EXAMPLES=500` looks elsewhere and for longer, and makes what it finds as short as it can, which may take minutes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.client import Client
from tests.model_seat import Seat, check_data, ordered
from tests.model_stage import APPS, HISTORY, Stage
from tests.mongo_proxy import Loss
from tests.server_model import USERS, Line, Lobby

EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "12"))
STEPS = 50
LONGEST_OUTAGE = 8  # steps
PHASES = tuple(Phase) if "MODEL_EXAMPLES" in os.environ else (Phase.generate,)
# The same people are in both apps, with two tabs each at times.
AT_FIRST: list[tuple[int, str | None]] = [(2, "bob"), (2, "alice"), (2, "carol"), (3, "alice"), (3, "bob"), (3, None)]

PICK = st.integers(0, 1_000_000)
APP = st.sampled_from(APPS)
NAME = st.sampled_from([*USERS, None])
VICTIM = st.sampled_from([*USERS, "EVE", "nobody"])
LOSS = st.sampled_from([""] * 6 + ["cut", "cut", "cut, away", "cut, away", "swallowed", "swallowed, away"])


def somebody_is_here(machine: ServerMachine) -> bool:
    return any(seat.visitor.here for seat in machine.seats)


class ServerMachine(RuleBasedStateMachine):
    uri = ""
    folder = Path()
    begun = 0

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage(self.uri, self.folder)
        self.lobbies = {app_id: Lobby(HISTORY) for app_id in APPS}
        self.seats: list[Seat] = []
        self.sent: dict[tuple[int, str], list[tuple[str, str]]] = {}  # self.sent[app_id, uname] = [(cid, text)]
        self.away = False
        self.away_for = 0  # steps
        self.loaded = True  # what is stored was read
        self.count = 0
        type(self).begun += 1
        for app_id, name in AT_FIRST:
            self.join(app_id, name)
        self.all_talk_at_once(list(range(len(AT_FIRST))), False)

    # -- who comes and goes

    @precondition(lambda self: len(self.seats) < 9)
    @rule(app_id=APP, name=NAME)
    def join(self, app_id: int, name: str | None) -> None:
        self.seats.append(Seat(app_id, name))
        self._enter(self.seats[-1], resumes=False)

    @precondition(lambda self: self.seats)
    @rule(pick=PICK, lost=st.booleans())
    def come_back(self, pick: int, lost: bool) -> None:
        seat = self._pick(self.seats, pick)
        self._leave(seat)
        self._enter(seat, resumes=not lost)

    @precondition(somebody_is_here)
    @rule(pick=PICK)
    def go_away(self, pick: int) -> None:
        self._leave(self._pick([seat for seat in self.seats if seat.visitor.here], pick))

    @precondition(lambda self: self.seats)
    @rule(pick=PICK)
    def leave(self, pick: int) -> None:
        seat = self._pick(self.seats, pick)
        self._leave(seat)
        self.seats.remove(seat)

    @rule(app_id=APP)
    def look_in_from_every_point(self, app_id: int) -> None:
        lobby = self.lobbies[app_id]
        for since in range(lobby.newest + 2) if self.loaded else ():
            client = self.stage.run(Client.connect(self.stage.server.port))
            assert self.stage.run(client.auth(app_id, since=since))[0] is None
            check_data(client.data, lobby, since)
            self.stage.run(client.close())

    # -- what people say

    @precondition(somebody_is_here)
    @rule(pick=PICK, cid=st.sampled_from(["", "new", "again"]), what=st.booleans(), loss=LOSS)
    def say(self, pick: int, cid: str, what: bool, loss: str) -> None:
        seat = self._pick([seat for seat in self.seats if seat.visitor.here], pick)
        self.count += 1
        text, name = f"text {self.count}", f"cid-{self.count}" if cid == "new" else ""
        mine = self.sent.setdefault((seat.app_id, seat.visitor.uname or ""), [])
        if cid == "again" and mine:
            name, text = self._pick(mine, pick // 7)
        elif name:
            mine.append((name, text))
        self._say(
            seat, text, name, self._arm(loss, *(("insert", "messages") if what else ("findAndModify", "counters")))
        )

    def _say(self, seat: Seat, text: str, cid: str, loss: Loss | None) -> None:
        lobby, visitor = self.lobbies[seat.app_id], seat.visitor
        obstacle = lobby.obstacle(visitor)
        ack = self.stage.run(seat.say(text, cid))
        if visitor.uname and cid and lobby.remembers(visitor, cid):
            assert ack is None
        elif obstacle is not None:
            assert ack == obstacle
        elif self._failed(loss):
            assert ack == "INTERNAL_ERROR"
            if not lobby.has(visitor, cid) or not cid:
                lobby.doubt.said.append(Line(0, visitor.uname or "", text, cid))
        else:
            assert ack is None
            if not cid or not lobby.has(visitor, cid):
                seat.look()
                number, shown = seat.shown[-1]
                assert shown == text
                lobby.post(Line(number, visitor.uname or "", text, cid))
            lobby.answered(visitor, cid)
        self._after(loss)

    @precondition(lambda self: not self.away and somebody_is_here(self))
    @rule(picks=st.lists(PICK, min_size=2, max_size=5), twice=st.booleans())
    def all_talk_at_once(self, picks: list[int], twice: bool) -> None:
        """In whatever order the server takes them: each once, also what is sent `twice` under one name."""
        here = [seat for seat in self.seats if seat.visitor.here]
        sends = []
        for seat in [self._pick(here, pick) for pick in picks]:
            self.count += 1
            cid = f"cid-{self.count}"
            sends += [(seat, f"text {self.count}", cid)] * (2 if twice else 1)
            self.sent.setdefault((seat.app_id, seat.visitor.uname or ""), []).append((cid, f"text {self.count}"))
        acks = self.stage.run(self.stage.together([seat.say(text, cid) for seat, text, cid in sends]))
        assert acks == [self.lobbies[seat.app_id].obstacle(seat.visitor) for seat, _, _ in sends]
        due = {(seat.app_id, text): (seat, cid) for (seat, text, cid), ack in zip(sends, acks, strict=True) if not ack}
        for app_id, lobby in self.lobbies.items():
            witness = next((seat for seat in here if seat.app_id == app_id), None)
            for number, text in self.stage.run(witness.news()) if witness else []:
                seat, cid = due.pop((app_id, text))
                lobby.post(Line(number, seat.visitor.uname or "", text, cid))
                lobby.answered(seat.visitor, cid)
        assert not due

    # -- what moderators do

    @precondition(somebody_is_here)
    @rule(pick=PICK, victim=VICTIM, minutes=st.integers(1, 6), seconds=st.sampled_from([0, 30]), loss=LOSS)
    def mute(self, pick: int, victim: str, minutes: int, seconds: int, loss: str) -> None:
        seat = self._staff(pick)
        lobby, visitor = self.lobbies[seat.app_id], seat.visitor
        length = 60 * (minutes + 7 * visitor.role.rank) + seconds  # so that it tells who laid it on
        armed = self._arm(loss, "update", "mutes")
        allowed = visitor.role.rank > 0 and lobby.may_touch(visitor, victim)
        ack = self.stage.run(seat.say(f"/mute {victim} {length}s"))
        if self._order(seat, ack, allowed, armed):
            lobby.mute(lobby.penalty(visitor, victim, length, self.stage.clock.now()))
        elif allowed:
            penalty = lobby.penalty(visitor, victim, length, self.stage.clock.now())
            lobby.doubt.mutes.setdefault(victim.lower(), []).append(penalty)
        self._after(armed)

    @precondition(somebody_is_here)
    @rule(pick=PICK, victim=PICK, loss=LOSS)
    def unmute(self, pick: int, victim: int, loss: str) -> None:
        seat = self._staff(pick)
        lobby, visitor = self.lobbies[seat.app_id], seat.visitor
        name = self._pick([*lobby.mutes, "nobody"], victim)
        armed = self._arm(loss, "delete", "mutes")
        allowed = visitor.role.rank > 0 and name in lobby.mutes and lobby.may_touch(visitor, name)
        ack = self.stage.run(seat.say(f"/unmute {name}"))
        if self._order(seat, ack, allowed, armed):
            lobby.unmute(name)
        elif allowed:
            lobby.doubt.mutes.setdefault(name, []).append(None)
        self._after(armed)

    @rule(pick=PICK, which=PICK, loss=LOSS)
    def erase(self, pick: int, which: int, loss: str) -> None:
        talkers = [seat for seat in self.seats if seat.visitor.here and self.lobbies[seat.app_id].said]
        if not talkers:
            return
        seat = self._pick(talkers, pick)
        lobby, visitor = self.lobbies[seat.app_id], seat.visitor
        number = self._pick(lobby.said, which).id
        line = lobby.find(number)
        armed = self._arm(loss, "update", "messages")
        allowed = visitor.uname is not None and line is not None and lobby.may_delete(visitor, line)
        attempted = not self.stage.noticed
        ack = self.stage.run(seat.say(f"/erase {number}"))
        if self._order(seat, ack, allowed, armed):
            lobby.delete(number)
        elif allowed and attempted:
            lobby.doubt.deleted.append(number)
        self._after(armed)

    def _order(self, seat: Seat, ack: str | None, allowed: bool, loss: Loss | None) -> bool:
        """Check the answer to a command; return whether it must have been done."""
        if seat.visitor.uname is None:
            assert ack == "USER_REQUIRED"
        elif not allowed:
            # What an earlier command has left is put right first, where there is something.
            assert ack is None or (self.away and ack == "INTERNAL_ERROR")
        elif self._failed(loss):
            assert ack == "INTERNAL_ERROR"
        else:
            assert ack is None
            return True
        return False

    # -- what happens to them

    @rule(seconds=st.integers(1, 3600))
    def let_time_pass(self, seconds: int) -> None:
        self.stage.run(self.stage.advance(seconds))
        for lobby in self.lobbies.values():
            lobby.expire(self.stage.clock.now())

    @precondition(lambda self: self.loaded)
    @rule(abrupt=st.booleans())
    def restart(self, abrupt: bool) -> None:
        self.everybody_has_heard_what_the_model_says()
        clients = [seat.client for seat in self.seats if seat.client and seat.visitor.here]
        self.stage.run(self.stage.restart(clients, abrupt=abrupt, away=self.away))
        for lobby in self.lobbies.values():
            lobby.stop()
        self.loaded = False
        if not self.away:
            self._load()

    def _load(self) -> None:
        for app_id, lobby in self.lobbies.items():
            client = self.stage.run(Client.connect(self.stage.server.port))
            assert self.stage.run(client.auth(app_id))[0] is None
            lobby.start(client.data["room"], self.stage.clock.now())
            self.stage.run(client.close())
        self.loaded = True
        for seat in self.seats:
            if not seat.visitor.here:
                self._enter(seat, resumes=True)

    @precondition(lambda self: not self.away)
    @rule(refuses=st.booleans())
    def the_database_goes(self, refuses: bool) -> None:
        self.stage.network.go(refuses=refuses)
        self.away = True

    @precondition(lambda self: self.away)
    @rule()
    def the_database_comes_back(self) -> None:
        self.stage.run(self.stage.database_back())
        self.away = False
        if self.loaded:
            for lobby in self.lobbies.values():
                lobby.settle()
        else:
            self._load()

    # -- what must hold

    @invariant()
    def no_outage_lasts_for_ever(self) -> None:
        self.away_for = self.away_for + 1 if self.away else 0
        if self.away_for > LONGEST_OUTAGE:
            self.the_database_comes_back()

    @invariant()
    def everybody_has_heard_what_the_model_says(self) -> None:
        if not self.away:
            self.stage.run(self.stage.quiet())
            for lobby in self.lobbies.values():
                lobby.settle()
        for seat in self.seats:
            if seat.client is not None and seat.visitor.here:
                self.stage.run(seat.client.settle())
                assert ordered(seat.look()) == ordered(seat.visitor.due)
                assert seat.shown == [(line.id, line.text) for line in seat.visitor.shown]

    # -- how

    def _enter(self, seat: Seat, *, resumes: bool) -> None:
        client = self.stage.run(Client.connect(self.stage.server.port))
        since = seat.visitor.newest if resumes else None
        more = {"since": since} if resumes else {}
        answer = self.stage.run(client.auth(seat.app_id, seat.visitor.uname, **more))
        if not self.loaded:
            assert answer == ["INTERNAL_ERROR"]
            self.stage.run(client.close())
            return
        assert answer[0] is None
        lobby = self.lobbies[seat.app_id]
        lobby.join(seat.visitor, resumes=resumes)
        check_data(client.data, lobby, since)
        seat.begin(client)

    def _leave(self, seat: Seat) -> None:
        if seat.client is None or not seat.visitor.here:
            return
        self.stage.run(seat.client.settle())
        seat.look()
        self.lobbies[seat.app_id].leave(seat.visitor)
        self.stage.run(seat.client.close())
        self.stage.run(self.stage.gone(sum(each.visitor.here for each in self.seats)))

    def _staff(self, pick: int) -> Seat:
        """Who is above a member, where somebody is."""
        here = [seat for seat in self.seats if seat.visitor.here]
        return self._pick([seat for seat in here if seat.visitor.role.rank] or here, pick)

    def _arm(self, loss: str, command: str, collection: str) -> Loss | None:
        armed = Loss(command, collection, cuts="cut" in loss, stays="away" in loss) if loss and not self.away else None
        self.stage.lose(armed)
        return armed

    def _failed(self, loss: Loss | None) -> bool:
        return self.away or (loss is not None and loss.happened)

    def _after(self, loss: Loss | None) -> None:
        self.stage.lost()
        if loss is not None and loss.happened:
            self.away = True
            if not loss.stays:
                self.the_database_comes_back()

    @staticmethod
    def _pick(among: list[Any], pick: int) -> Any:
        return among[pick % len(among)]

    def teardown(self) -> None:
        for seat in self.seats:
            if seat.client is not None and seat.visitor.here:
                self.stage.run(seat.client.close())
        self.stage.close()


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
            derandomize="MODEL_EXAMPLES" not in os.environ,
            phases=PHASES,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert Machine.begun >= EXAMPLES
