"""One app's lobby: who is here, what was said, who is muted, and the snapshot of it all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from tornado_chat.models import Message, Mute, Role, User
from tornado_chat.room import MAX_DELETIONS, Room
from tornado_chat.store import Deletion

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)
KATE = User(1, "Kate", Role.MEMBER)
BOB = User(2, "bob", Role.MOD)
EMPTY: dict[str, object] = {"users": {}, "history": [], "muteList": {}, "modes": {}}
JAVASCRIPT_NAMES = ["__proto__", "constructor", "toString", "hasOwnProperty", "$where", "a.b"]


@pytest.fixture
def room() -> Room:
    return Room(history=3)


def shown(room: Room, now: datetime) -> Any:
    return msgspec.json.decode(room.snapshot(now))


def message(number: int, user: User = KATE) -> Message:
    return Message(2, number, NOW, user, f"text {number}")


def mute(uname: str, *, minutes: int = 10, by_role: Role = Role.MOD) -> Mute:
    return Mute(
        app_id=2,
        uname=uname,
        mins=minutes,
        expires_at=NOW + timedelta(minutes=minutes),
        by="bob",
        by_role=by_role,
        reason="",
        at=NOW,
    )


def test_an_empty_room_has_nothing_to_show(room: Room) -> None:
    assert shown(room, NOW) == EMPTY


def test_the_first_socket_of_a_user_is_told_from_the_second(room: Room) -> None:
    assert room.enter(KATE)[1] is None
    assert room.enter(KATE)[1] == KATE


def test_two_sockets_of_a_user_share_one_occupant(room: Room) -> None:
    assert room.enter(KATE)[0] is room.enter(KATE)[0]


def test_a_user_is_here_until_the_last_socket_leaves(room: Room) -> None:
    occupant, _ = room.enter(KATE)
    room.enter(KATE)
    assert room.leave(occupant) is False
    assert room.users == [KATE]
    assert room.leave(occupant) is True
    assert room.users == []


def test_who_comes_back_is_new_again(room: Room) -> None:
    room.leave(room.enter(KATE)[0])
    assert room.enter(KATE)[1] is None


def test_an_old_token_brings_no_old_role_back(room: Room) -> None:
    promoted = User(KATE.id, KATE.uname, Role.MOD)
    room.enter(KATE, token="old")
    occupant, before = room.enter(promoted, token="new")
    assert (before, occupant.user) == (KATE, promoted)
    assert room.enter(KATE, token="old")[1] == occupant.user == promoted
    room.enter(KATE, token="new")  # the site says so now
    assert occupant.user == KATE
    room.enter(promoted, token="newest")
    room.enter(KATE, token="new")
    assert shown(room, NOW)["users"][KATE.uname]["role"] == "mod"
    for _ in range(6):
        room.leave(occupant)
    assert room.enter(KATE, token="old")[0].user == KATE


def test_users_are_listed_in_the_order_they_came(room: Room) -> None:
    room.enter(KATE)
    room.enter(BOB)
    room.enter(KATE)
    assert room.users == [KATE, BOB]


def test_a_new_role_reaches_the_tabs_that_were_open_before(room: Room) -> None:
    occupant, _ = room.enter(KATE)
    promoted = msgspec.structs.replace(KATE, role=Role.MOD)
    room.enter(promoted)
    assert occupant.user == promoted
    assert room.users == [promoted]


def test_names_that_differ_only_in_case_are_listed_apart(room: Room) -> None:
    room.enter(KATE)
    room.enter(User(3, "kate", Role.MEMBER))
    assert list(shown(room, NOW)["users"]) == ["Kate", "kate"]


@pytest.mark.parametrize("uname", JAVASCRIPT_NAMES)
def test_a_name_that_javascript_objects_have_is_an_ordinary_one(room: Room, uname: str) -> None:
    user = User(7, uname, Role.MEMBER)
    assert room.mute_binding(user, NOW) is None
    assert room.known(uname) == (uname, Role.MEMBER)
    occupant, before = room.enter(user)
    assert before is None
    assert shown(room, NOW)["users"] == {uname: {"id": 7, "uname": uname, "role": "member"}}
    assert room.leave(occupant)
    assert shown(room, NOW) == EMPTY


def test_rooms_share_nothing(room: Room) -> None:
    # The original has one map of users for all apps, so that nobody is announced in a second one.
    other = Room(history=3)
    room.enter(KATE)
    room.remember([message(1)])
    room.set_mute(mute("foo"))
    assert shown(other, NOW) == EMPTY
    assert other.enter(KATE)[1] is None


def test_history_is_oldest_first_and_the_oldest_fall_out(room: Room) -> None:
    room.remember([message(1), message(2)])
    room.remember([message(3), message(4)])
    assert [shown["id"] for shown in shown(room, NOW)["history"]] == [2, 3, 4]


def test_more_messages_than_the_history_holds_leave_the_latest(room: Room) -> None:
    room.remember(message(number) for number in range(1, 100))
    assert [shown["id"] for shown in shown(room, NOW)["history"]] == [97, 98, 99]


def test_the_snapshot_is_what_the_seed_says(room: Room) -> None:
    room.enter(KATE)
    room.remember([message(1, BOB)])
    room.set_mute(mute("Foo", minutes=30))
    assert shown(room, NOW) == {
        "users": {"Kate": {"id": 1, "uname": "Kate", "role": "member"}},
        "history": [
            {"id": 1, "at": "2026-01-02T03:04:05.678Z", "user": {"uname": "bob", "role": "mod"}, "text": "text 1"}
        ],
        "muteList": {"foo": {"uname": "Foo", "mins": 30, "expires_at": "2026-01-02T03:34:05.678Z"}},
        "modes": {},
    }


def test_a_snapshot_does_not_change_with_the_room(room: Room) -> None:
    snapshot = shown(room, NOW)
    room.enter(KATE)
    room.remember([message(1)])
    assert snapshot == EMPTY


def test_a_mute_that_has_run_out_is_not_in_the_snapshot(room: Room) -> None:
    room.set_mute(mute("foo", minutes=10))
    assert shown(room, NOW + timedelta(minutes=10))["muteList"] == {}


@pytest.mark.parametrize("uname", ["kate", "Kate", "KATE"])
def test_a_mute_binds_until_the_moment_it_ends(room: Room, uname: str) -> None:
    made = mute("KaTe", minutes=10)
    room.set_mute(made)
    user = User(1, uname, Role.MEMBER)
    assert room.mute_binding(user, made.expires_at - timedelta(milliseconds=1)) is made
    assert room.mute_binding(user, made.expires_at) is None


def test_a_mute_binds_nobody_else(room: Room) -> None:
    room.set_mute(mute("foo"))
    assert room.mute_binding(KATE, NOW) is None


def test_a_mute_does_not_bind_whom_its_maker_does_not_outrank(room: Room) -> None:
    room.set_mute(mute("bob", by_role=Role.MOD))
    assert room.mute_binding(BOB, NOW) is None


def test_a_mute_is_found_in_any_case(room: Room) -> None:
    made = mute("Kate")
    room.set_mute(made)
    assert room.mute_of("KATE") is made
    assert room.mute_of("bob") is None


def test_a_second_mute_of_a_name_replaces_the_first(room: Room) -> None:
    room.set_mute(mute("Kate", minutes=10))
    longer = mute("kate", minutes=20)
    room.set_mute(longer)
    assert room.mutes == [longer]


def test_mutes_are_listed_in_the_order_they_were_made(room: Room) -> None:
    made = [mute("b"), mute("a"), mute("c")]
    for one in made:
        room.set_mute(one)
    assert room.mutes == made


def test_a_mute_is_dropped_once(room: Room) -> None:
    made = mute("foo")
    room.set_mute(made)
    assert room.drop_mute(made) is True
    assert room.drop_mute(made) is False
    assert room.mutes == []


def test_a_mute_that_was_replaced_meanwhile_cannot_be_dropped(room: Room) -> None:
    # Equal to the letter: it is the very mute that counts, not what it says.
    old, new = mute("foo"), mute("foo")
    room.set_mute(old)
    room.set_mute(new)
    assert room.drop_mute(old) is False
    assert room.mute_of("foo") is new


def test_an_unknown_name_is_a_members_as_typed(room: Room) -> None:
    assert room.known("NoBody") == ("NoBody", Role.MEMBER)


def test_a_name_is_spelled_as_whoever_is_here_spells_it(room: Room) -> None:
    room.enter(KATE)
    assert room.known("kATE") == ("Kate", Role.MEMBER)


def test_who_left_is_known_by_the_last_message(room: Room) -> None:
    room.remember([message(1, User(2, "bob", Role.ADMIN)), message(2, BOB), message(3)])
    assert room.known("BOB") == ("bob", Role.MOD)


def test_who_is_here_counts_more_than_what_they_were_when_they_spoke(room: Room) -> None:
    room.remember([message(1, User(2, "bob", Role.ADMIN))])
    room.enter(BOB)
    assert room.known("bob") == ("bob", Role.MOD)


def test_the_highest_role_under_a_name_protects_all_who_share_it(room: Room) -> None:
    room.enter(User(3, "Bob", Role.MEMBER))
    room.enter(BOB)
    assert room.known("bob")[1] is Role.MOD


def test_an_owner_is_known_without_being_here(room: Room) -> None:
    room.owners = frozenset({"Carol"})
    assert room.known("carol")[1] is Role.OWNER


def test_an_owner_who_is_an_admin_stays_one(room: Room) -> None:
    room.owners = frozenset({"carol"})
    room.enter(User(4, "carol", Role.ADMIN))
    assert room.known("carol") == ("carol", Role.ADMIN)


def test_deletions_are_remembered_up_to_a_number_and_who_missed_one_reloads(room: Room) -> None:
    for number in range(1, MAX_DELETIONS + 3):
        room.remember([message(number)])
        room.forget({number})
    assert len(room._deletions) == MAX_DELETIONS
    assert [room.covers(since) for since in (0, 2, 3, room.newest)] == [False, False, True, True]
    last = room.newest
    room.remember([message(last + 1)])
    room.restore([], [Deletion(1, 1)] * (MAX_DELETIONS + 1))
    assert not room.covers(last + 1)
    room.remember([message(number) for number in range(last + 2, last + 5)])
    assert [room.covers(since) for since in (last + 1, last + 2)] == [False, True]
