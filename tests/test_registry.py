"""Which apps there are, which pages may use them, and one chat for each app, however many ask for it at once."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from tornado_chat.config import Config
from tornado_chat.config_tables import AppFile
from tornado_chat.errors import StoreUnavailable
from tornado_chat.identity_demo import DemoIdentity
from tornado_chat.origins import Origins
from tornado_chat.registry import MAX_NOTED, AppTable, Registry, Served, is_own, is_url

DEMO = "[identity.demo]"


class Chat:
    """A chat of which only the loading matters; `fail` makes it fail."""

    def __init__(self, fail: bool) -> None:
        self.fail = fail
        self.owners: frozenset[str] = frozenset()

    async def load(self) -> None:
        await asyncio.sleep(0)
        if self.fail:
            raise StoreUnavailable("away")

    def set_owners(self, owners: frozenset[str]) -> None:
        self.owners = owners


class Chats:
    """Makes chats, and remembers them."""

    def __init__(self) -> None:
        self.made: list[Chat] = []
        self.fail = False

    def __call__(self, app_id: int) -> Any:
        self.made.append(Chat(self.fail))
        return self.made[-1]


def table_of(config: Config) -> AppTable:
    def serve(app_file: AppFile) -> Served:
        return Served(app_file, Origins(app_file.origins), DemoIdentity())

    default = config.default_app
    return AppTable(
        {app_id: serve(app_file) for app_id, (_, app_file) in config.apps.items()},
        None if default is None else serve(default[1]),
    )


@pytest.fixture
def chats() -> Chats:
    return Chats()


@pytest.fixture
def registry(make_config: Any, chats: Chats) -> Registry:
    config = make_config(app='identity = "demo"\norigins = ["https://good.example"]', identity=DEMO)
    return Registry(table_of(config), chats)


@pytest.mark.gen_test
async def test_an_app_that_is_not_configured_is_none(registry: Registry) -> None:
    assert await registry.find(4) is None


@pytest.mark.gen_test
async def test_everyone_who_asks_gets_the_same_chat_loaded_once(registry: Registry, chats: Chats) -> None:
    app = await registry.find(2)
    assert app is not None
    found = await asyncio.gather(*(app.chat() for _ in range(20)))
    assert found == chats.made * 20
    assert chats.made[0].owners == {"carol"}
    assert registry.chats == chats.made


@pytest.mark.gen_test
async def test_a_chat_that_could_not_be_loaded_is_tried_again(registry: Registry, chats: Chats) -> None:
    chats.fail = True
    answers = await asyncio.gather(*(registry.load(2) for _ in range(5)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [StoreUnavailable] * 5
    assert registry.chats == []
    chats.fail = False
    assert await registry.load(2) is chats.made[1]
    assert len(chats.made) == 2


@pytest.mark.gen_test
async def test_one_who_goes_away_takes_the_chat_from_nobody(registry: Registry, chats: Chats) -> None:
    impatient, patient = asyncio.ensure_future(registry.load(2)), asyncio.ensure_future(registry.load(2))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient is chats.made[0]


def test_a_refused_origin_is_logged_once_and_only_so_many(registry: Registry, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    for _ in range(2):
        assert not registry.allows_origin("https://evil.example\n", "chat.example", "1.2.3.4")
    assert len(caplog.records) == 1
    assert "https://evil.example\\n from 1.2.3.4" in caplog.messages[0]
    for number in range(MAX_NOTED * 2):
        registry.allows_origin(f"https://evil{number}.example", "chat.example", "1.2.3.4")
    assert len(caplog.records) == MAX_NOTED


def test_the_servers_own_pages_and_those_of_its_apps_are_let_in(registry: Registry) -> None:
    assert registry.allows_origin("https://good.example", "chat.example", "1.2.3.4")
    assert registry.allows_origin("https://chat.example", "chat.example", "1.2.3.4")
    assert not registry.allows_origin("https://chat.example.evil", "chat.example", "1.2.3.4")


@pytest.mark.parametrize(
    ("origin", "host", "own"),
    [
        ("http://a:4000", "a:4000", True),
        ("https://A", "a", True),
        ("http://a:4000", "a", False),
        ("null", "null", False),
        ("", "", False),
        ("a", "a", False),
    ],
)
def test_own_is_what_the_host_header_names(origin: str, host: str, own: bool) -> None:
    assert is_own(origin, host) is own


@pytest.mark.parametrize(("origin", "url"), [("http://a", True), ("null", True), ("x://[", False)])
def test_what_can_be_taken_apart(origin: str, url: bool) -> None:
    assert is_url(origin) is url
