"""The payloads of the room's events, key for key as the seed's README has them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tornado_chat.events import (
    Event,
    iso,
    message_payload,
    mute_payload,
    new_message,
    user_joined,
    user_left,
    user_muted,
    user_payload,
    user_unmuted,
)
from tornado_chat.models import Message, Mute, Role, User

START = datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)
KATE = User(69, "Kate", Role.MOD)
HELLO = Message(2, 7, START, KATE, "Hello, <b>world</b>!")
MUTE = Mute(
    app_id=2,
    uname="Foo",
    mins=30,
    expires_at=START + timedelta(minutes=30),
    by="Kate",
    by_role=Role.MOD,
    reason="spam",
    at=START,
)


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2015, 5, 7, 21, 7, 40, 322_000, UTC), "2015-05-07T21:07:40.322Z"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00.000Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 999_999, UTC), "2026-01-02T03:04:05.999Z"),
    ],
)
def test_a_time_is_written_as_javascript_does(at: datetime, text: str) -> None:
    assert iso(at) == text


@pytest.mark.parametrize("role", ["admin", "owner", "mod", "member"])
def test_a_user_is_told_with_id_uname_and_role(role: str) -> None:
    assert user_payload(User(69, "donald", Role(role))) == {"id": 69, "uname": "donald", "role": role}


def test_a_message_has_id_time_user_and_text() -> None:
    user = {"uname": "Kate", "role": "mod"}
    at = "2026-01-02T03:04:05.678Z"
    assert message_payload(HELLO) == {"id": 7, "at": at, "user": user, "text": "Hello, <b>world</b>!"}


def test_a_mute_has_uname_mins_and_the_time_it_ends() -> None:
    assert mute_payload(MUTE) == {"uname": "Foo", "mins": 30, "expires_at": "2026-01-02T03:34:05.678Z"}


@pytest.mark.parametrize(
    ("event", "name", "payload"),
    [
        (new_message(HELLO), "new_message", message_payload(HELLO)),
        (user_joined(KATE), "user_joined", {"id": 69, "uname": "Kate", "role": "mod"}),
        (user_left(KATE), "user_left", {"id": 69, "uname": "Kate", "role": "mod"}),
        (user_muted(MUTE), "user_muted", {"uname": "Foo", "mins": 30, "expires_at": "2026-01-02T03:34:05.678Z"}),
        (user_unmuted(MUTE), "user_unmuted", {"uname": "Foo"}),
    ],
)
def test_an_event_has_the_seeds_name_and_payload(event: Event, name: str, payload: dict[str, object]) -> None:
    assert (event.name, event.payload) == (name, payload)


def test_a_role_goes_over_the_wire_as_a_plain_string() -> None:
    assert type(user_payload(KATE)["role"]) is str
    assert type(message_payload(HELLO)["user"]["role"]) is str
