"""The bundled plugin mute: its usage texts, its limits and its options."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from tests.chats import load_plugin, make_services
from tornado_chat import Call, CommandRefused, Mute, Role, User
from tornado_chat.errors import ConfigError
from tornado_chat.plugin_set import PluginSet
from tornado_chat.testing import ChatFixture

BOB = User(2, "bob", Role.MOD)
NOW = datetime(2026, 1, 2, tzinfo=UTC)


class RecordingSanctions:
    """Carries out every mute, and keeps (uname, seconds, reason)."""

    def __init__(self) -> None:
        self.muted: list[tuple[str, int, str]] = []

    async def mute(self, actor: User, uname: str, seconds: int, reason: str = "", plugin: str = "") -> Mute:
        self.muted.append((uname, seconds, reason))
        return Mute(
            app_id=2,
            uname=uname,
            mins=seconds // 60,
            expires_at=NOW + timedelta(seconds=seconds),
            by=actor.uname,
            by_role=actor.role,
            reason=reason,
            at=NOW,
        )


def load(**options: Any) -> tuple[PluginSet, RecordingSanctions]:
    services = make_services()
    sanctions = RecordingSanctions()
    services.sanctions = cast(Any, sanctions)
    return load_plugin("mute", services, **options), sanctions


async def run_mute(typed: str, **options: Any) -> tuple[str | None, RecordingSanctions]:
    """Run `/mute` with the words in `typed`; return what the caller is told, and the api with what was asked of it."""
    loaded, api = load(**options)
    command = loaded.moderation.commands["mute"].command
    return await command.run(Call(BOB, command.parse(typed.split()))), api


@pytest.mark.parametrize(
    ("name", "usage"),
    [("mute", "/mute <user> [duration] [reason]"), ("unmute", "/unmute <user>"), ("mutes", "/mutes [page]")],
)
def test_the_usage_says_what_to_type(name: str, usage: str) -> None:
    assert load()[0].moderation.commands[name].command.usage == usage


def test_the_commands_are_for_moderators_and_above() -> None:
    commands = load()[0].moderation.commands
    assert {name: installed.command.role for name, installed in commands.items()} == {
        "mute": Role.MOD,
        "unmute": Role.MOD,
        "mutes": Role.MOD,
    }


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("mute", ""),
        ("mute", "foo ten"),
        ("mute", "foo -5"),
        ("mute", "foo 1.5"),
        ("unmute", ""),
        ("unmute", "foo x"),
        ("mutes", "0"),
    ],
)
def test_a_malformed_command_gets_the_usage(name: str, typed: str) -> None:
    command = load()[0].moderation.commands[name].command
    with pytest.raises(CommandRefused, match="Usage: /"):
        command.parse(typed.split())


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("typed", "mute", "told"),
    [
        ("foo", ("foo", 600, ""), "foo was muted for 10 min"),
        ("foo 10", ("foo", 600, ""), "foo was muted for 10 min"),
        ("foo 30 mins", ("foo", 1800, ""), "foo was muted for 30 min"),
        ("foo 30s", ("foo", 30, ""), "foo was muted for 30 s"),
        ("foo 90s being rude", ("foo", 90, "being rude"), "foo was muted for 1 min 30 s"),
        ("foo 30d", ("foo", 2_592_000, ""), "foo was muted for 43200 min"),
    ],
)
async def test_a_mute_is_asked_for_and_told(typed: str, mute: tuple[str, int, str], told: str) -> None:
    answer, api = await run_mute(typed)
    assert (answer, api.muted) == (told, [mute])


@pytest.mark.gen_test
async def test_the_default_duration_is_an_option() -> None:
    answer, _ = await run_mute("foo", default_mins=5)
    assert answer == "foo was muted for 5 min"


@pytest.mark.gen_test
@pytest.mark.parametrize("typed", ["foo 43201", "foo 30d1s", "foo 999999999999", "foo 999999999999d"])
async def test_a_mute_above_the_maximum_is_refused_with_the_maximum(typed: str) -> None:
    with pytest.raises(CommandRefused, match="at most 30 d"):
        await run_mute(typed)


@pytest.mark.gen_test
async def test_the_maximum_is_an_option_and_may_be_given() -> None:
    answer, _ = await run_mute("foo 20", max_mins=20)
    assert answer == "foo was muted for 20 min"
    with pytest.raises(CommandRefused, match="at most 20 min"):
        await run_mute("foo 21", max_mins=20)


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"default_mins": 0}, "default_mins"),
        ({"default_mins": 1.5}, "default_mins"),
        ({"default_mins": "10"}, "default_mins"),
        ({"max_mins": 525_601}, "max_mins"),
        ({"max_mins": -1}, "max_mins"),
        ({"default_mins": 20, "max_mins": 10}, "default_mins"),
        ({"max_mins": 9}, "default_mins"),
        ({"timeout_ms": 100}, "timeout_ms"),
        ({"defualt_mins": 5}, "did you mean default_mins?"),
    ],
)
def test_an_option_that_does_not_fit_is_named(options: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(**options)
    assert str(caught.value).startswith("apps/2.toml: plugin.mute")
    assert key in str(caught.value)


@pytest.mark.gen_test
async def test_staff_see_who_is_muted_for_how_long_by_whom_and_why(chat: ChatFixture) -> None:
    await chat.open("mute")
    eve, bob = await chat.join("Eve"), await chat.join("bob", role="mod")
    assert (await bob.say("/mutes")).notice == "Nobody is muted"
    await bob.say("/mute eve 10 being rude")
    await bob.say('/mute "\N{OGHAM LETTER BEITH} b" 2d \u202ereason')
    await chat.advance(30)
    for _ in range(2):
        assert (await bob.say("/mutes")).notice == (
            "\N{OGHAM LETTER BEITH} b: another 1 d 23 h, by bob: \\u202ereason\n"
            "Eve: another 9 min 30 s, by bob: being rude"
        )
        await chat.restart()
        await chat.open("mute")
        eve, bob = await chat.join("Eve"), await chat.join("bob", role="mod")
    assert (await eve.say("/mutes")).notice == "You are not authorized to do that"
    await chat.advance(600)
    assert len((await bob.say("/mutes")).notice.split("\n")) == 1  # type: ignore[union-attr]


@pytest.mark.gen_test
async def test_a_long_list_has_pages(chat: ChatFixture) -> None:
    await chat.open("mute")
    bob = await chat.join("bob", role="mod")
    for number in range(21):
        await bob.say(f"/mute u{number}")
    pages = [(await bob.say(line)).notice for line in ("/mutes", "/mutes 2", "/mutes 1000")]
    assert pages[0].split("\n")[-2:] == ["u1: another 10 min, by bob", "page 1 of 2"]  # type: ignore[union-attr]
    assert pages[1:] == ["u0: another 10 min, by bob\npage 2 of 2"] * 2


@pytest.mark.gen_test
@pytest.mark.parametrize("line", ["/mute kate", "/mute bob", "/mute carol 5 x", "/mute dave", "/unmute kate"])
async def test_nobody_mutes_a_peer_a_superior_or_himself(chat: ChatFixture, line: str) -> None:
    await chat.open("mute")
    bob, _, carol, dave = [
        await chat.join(name, role=role)
        for name, role in (("bob", "mod"), ("kate", "mod"), ("carol", "owner"), ("dave", "admin"))
    ]
    await dave.say("/mute kate")
    notice = (await bob.say(line)).notice
    assert notice is not None
    assert notice.startswith("You are not authorized to do that: ")
    assert (await carol.say("/mute kate 5")).notice == "You are not authorized to do that: an admin muted kate"
