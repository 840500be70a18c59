"""The bundled plugin mute: its usage texts, its limits and its options."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from tests.chats import load_plugin, make_services
from tornado_chat import Call, CommandRefused, Mute, Role, User
from tornado_chat.errors import ConfigError
from tornado_chat.plugin_set import PluginSet

BOB = User(2, "bob", Role.MOD)
NOW = datetime(2026, 1, 2, tzinfo=UTC)


class RecordingSanctions:
    """Carries out every mute, and keeps (uname, seconds, reason)."""

    def __init__(self) -> None:
        self.muted: list[tuple[str, int, str]] = []

    async def mute(self, actor: User, uname: str, seconds: int, reason: str = "") -> Mute:
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
    ("name", "usage"), [("mute", "/mute <user> [duration] [reason]"), ("unmute", "/unmute <user>")]
)
def test_the_usage_says_what_to_type(name: str, usage: str) -> None:
    assert load()[0].moderation.commands[name].command.usage == usage


def test_both_commands_are_for_moderators_and_above() -> None:
    commands = load()[0].moderation.commands
    assert {name: installed.command.role for name, installed in commands.items()} == {
        "mute": Role.MOD,
        "unmute": Role.MOD,
    }


@pytest.mark.parametrize(
    ("name", "typed"),
    [("mute", ""), ("mute", "foo ten"), ("mute", "foo -5"), ("mute", "foo 1.5"), ("unmute", ""), ("unmute", "foo x")],
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
    with pytest.raises(CommandRefused, match="at most 43200 min"):
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
