"""What `auth` answers of a room is at any time what would be made of the room from scratch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tornado_chat.events import message_payload, mode_payload, mute_payload, user_payload
from tornado_chat.models import Message, Mode, Mute, Role, User, fold
from tornado_chat.room import Occupant, Room

START = datetime(2026, 1, 2, tzinfo=UTC)
HISTORY, LIMIT = 3, 4
NAMES = ["kate", "Kate", "bob", "__proto__", 'a"b', "ß", "ＫＡＴＥ", "zoë", "\u2028", "eve"]
names = st.sampled_from(NAMES)
roles = st.sampled_from(list(Role))


class RoomMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.room = Room(HISTORY, LIMIT)
        self.now = START
        self.here: dict[str, list[Any]] = {}  # [user, sockets]
        self.occupants: dict[str, Occupant] = {}
        self.said: list[Message] = []
        self.mutes: dict[str, Mute] = {}
        self.modes: dict[str, Mode] = {}
        self.big = False

    @rule(uname=names, role=roles)
    def enter(self, uname: str, role: Role) -> None:
        user = User(len(uname), uname, role)
        self.occupants[uname], before = self.room.enter(user)
        assert before == self.here.get(uname, [None])[0]
        entry = self.here.setdefault(uname, [user, 0])
        entry[0] = user
        entry[1] += 1
        self.big = self.big or len(self.here) > LIMIT

    @rule(uname=names)
    def leave(self, uname: str) -> None:
        if uname not in self.here:
            return
        self.here[uname][1] -= 1
        last = self.here[uname][1] == 0
        assert self.room.leave(self.occupants[uname]) is last
        if last:
            del self.here[uname]
        self.big = self.big and len(self.here) > LIMIT * 9 // 10

    @rule(uname=names, role=roles, text=st.text(min_size=1, max_size=5).filter(str.isprintable))
    def say(self, uname: str, role: Role, text: str) -> None:
        message = Message(2, len(self.said) + 1, self.now, User(1, uname, role), text)
        self.said.append(message)
        self.room.remember([message])

    @rule(uname=names, minutes=st.integers(1, 5))
    def mute(self, uname: str, minutes: int) -> None:
        expires = self.now + timedelta(minutes=minutes)
        mute = Mute(2, uname, minutes, expires, "bob", Role.MOD, "", self.now)
        self.mutes[fold(uname)] = mute
        self.room.set_mute(mute)

    @rule(uname=names)
    def unmute(self, uname: str) -> None:
        mute = self.mutes.pop(fold(uname), None)
        if mute is not None:
            assert self.room.drop_mute(mute)

    @rule(name=st.sampled_from(["slow", "lock"]), minutes=st.integers(0, 5))
    def turn_on(self, name: str, minutes: int) -> None:
        until = self.now + timedelta(minutes=minutes) if minutes else None
        self.modes[name] = Mode(name, minutes, self.now, until, "bob", "why")
        self.room.set_mode(self.modes[name])

    @rule(name=st.sampled_from(["slow", "lock"]))
    def turn_off(self, name: str) -> None:
        mode = self.modes.pop(name, None)
        if mode is not None:
            assert self.room.drop_mode(mode)
            assert not self.room.drop_mode(mode)

    @rule(seconds=st.integers(1, 200))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @invariant()
    def it_is_what_it_would_be_from_scratch(self) -> None:
        users = [user for user, _ in self.here.values() if not self.big or user.role is not Role.MEMBER]
        muted = {mute.uname.lower(): mute_payload(mute) for mute in self.mutes.values() if mute.expires_at > self.now}
        expected: dict[str, Any] = {
            "users": {user.uname: user_payload(user) for user in users},
            "history": [message_payload(message) for message in self.said[-HISTORY:]],
            "muteList": muted,
            "modes": {
                mode.name: mode_payload(mode) for mode in self.modes.values() if not mode.until or mode.until > self.now
            },
        } | ({"user_count": len(self.here)} if self.big else {})
        assert msgspec.json.decode(self.room.snapshot(self.now)) == expected
        assert self.room.big is self.big
        for uname in NAMES:
            known = [user for user, _ in self.here.values() if user.key == fold(uname)]
            if known:
                assert self.room.known(uname)[1] is max((user.role for user in known), key=lambda role: role.rank)


TestRoom = RoomMachine.TestCase
TestRoom.settings = settings(max_examples=60, stateful_step_count=40, deadline=None, derandomize=True)


def test_a_part_is_encoded_again_only_when_it_changed() -> None:
    room = Room(HISTORY, LIMIT)
    for number in range(LIMIT + 3):
        room.enter(User(number, f"user{number}", Role.MEMBER))
    room.remember([Message(2, 1, START, User(1, "kate", Role.MEMBER), "hi")])
    room.snapshot(START)
    parts = room._snapshot
    history, mutes, staff = parts._history_part, parts._mutes_part, parts._staff_part
    room.enter(User(99, "one more", Role.MEMBER))
    room.snapshot(START)
    assert (parts._history_part is history, parts._mutes_part is mutes, parts._staff_part is staff) == (True,) * 3
    room.enter(User(100, "a moderator", Role.MOD))
    room.snapshot(START)
    assert parts._staff_part is not staff
    assert parts._history_part is history
