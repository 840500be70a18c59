"""What each hook may register, and how what can't be used is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chats import make_services
from tests.test_plugins import Folder
from tornado_chat import Posted
from tornado_chat.errors import ConfigError
from tornado_chat.plugins import discover, load_plugins

APP_FILE = "conf/apps/2.toml"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "plugins.d")


HOOKS = """
    from tornado.web import RequestHandler
    from tornado_chat import App, Gate, Listener, Posted, Route

    async def answer(thing):
        return Pass()

    class Page(RequestHandler):
        pass

    class Users:
        async def app(self, app_id): return App(app_id, "", frozenset())
        async def user(self, app, token): return None
        async def close(self): pass

    @hookimpl
    def register_commands(api):
        yield Command("answer", answer)

    @hookimpl
    def register_filters(api):
        yield Filter(answer)

    @hookimpl
    def register_gates(api):
        yield Gate(join=answer)

    @hookimpl
    def register_listeners(api):
        yield Listener(Posted, answer)

    @hookimpl
    def register_routes(api):
        yield Route("page", Page)

    @hookimpl
    def register_identity(api):
        return Users()
"""


def test_every_hook_registers(folder: Folder) -> None:
    folder.write("all", HOOKS)
    loaded = load_plugins(APP_FILE, ["all"], {}, discover([folder.path]), make_services(), identity="all")
    assert list(loaded.moderation.commands) == ["answer"]
    assert [str(installed.part) for installed in loaded.moderation.filters] == ["filter of plugin all"]
    assert [gate.part.plugin for gate in loaded.moderation._join] == ["all"]
    assert loaded.audience.listens(Posted)
    assert [installed.pattern.pattern for installed in loaded.routes["all"]] == ["page"]
    assert loaded.identity is not None


def test_a_gate_takes_the_keys_of_the_policy(folder: Folder) -> None:
    folder.write("all", HOOKS)
    options = {"all": {"dry_run": True}}
    loaded = load_plugins(APP_FILE, ["all"], options, discover([folder.path]), make_services(), identity="all")
    assert loaded.moderation._join[0].policy.dry_run


def test_users_that_nobody_asks_for_are_an_error(folder: Folder) -> None:
    folder.write("all", HOOKS)
    assert folder.error("all") == f"{APP_FILE}: identity: plugin all knows users; to ask it, write identity = 'all'"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("return None", "register_identity gave None, whose `app` is no `async def`"),
        ("return object", "register_identity gave <class 'object'>, whose `app` is no `async def`"),
        ("raise ValueError('no file')", "register_identity raised ValueError: no file"),
    ],
)
def test_an_identity_that_cannot_be_used_is_named(folder: Folder, body: str, error: str) -> None:
    folder.write("who", f"@hookimpl\ndef register_identity(api):\n    {body}\n")
    with pytest.raises(ConfigError) as caught:
        load_plugins(APP_FILE, ["who"], {}, discover([folder.path]), make_services(), identity="who")
    assert str(caught.value) == f"{APP_FILE}: plugin who: {error}"


def test_an_identity_of_a_plugin_without_the_hook_is_named(folder: Folder) -> None:
    with pytest.raises(ConfigError) as caught:
        load_plugins(APP_FILE, ["mute"], {}, discover([]), make_services(), identity="mute")
    assert str(caught.value) == f"{APP_FILE}: identity: plugin mute has no register_identity"


@pytest.mark.parametrize(
    ("item", "error"),
    [
        ("Route('/page', RequestHandler)", "the path '/page' of a Route must not begin with a slash"),
        ("Route('(', RequestHandler)", "the path '(' of a Route is no regular expression"),
        ("Route('page', int)", "the handler of route 'page': <class 'int'> is no RequestHandler"),
        ("Route('page', WebSocketHandler)", "WebSocketHandler is a WebSocketHandler, which no route can have"),
    ],
)
def test_a_route_that_cannot_be_used_is_named(folder: Folder, item: str, error: str) -> None:
    folder.write(
        "page",
        "from tornado.web import RequestHandler\nfrom tornado.websocket import WebSocketHandler\n"
        f"from tornado_chat import Route\n@hookimpl\ndef register_routes(api):\n    return [{item}]\n",
    )
    assert error in folder.error("page")


@pytest.mark.parametrize(
    ("item", "error"),
    [
        ("Gate()", "a Gate needs `join`, `speak` or `accept`"),
        ("Gate(speak=print)", "`speak` of a Gate must be an `async def`"),
        ("Listener(int, print)", "`kind` of a Listener must be one of: Posted, Rejected,"),
        ("Listener(Posted, print)", "`run` of a Listener must be an `async def`"),
        ("Command('a', run, aliases='b')", "`aliases` of the command /a must be a list of names"),
        ("Command('a', run, aliases=['A B'])", "command name 'A B' must be a-z"),
        ("Command('a', run, aliases=['a'])", "the command /a has a name twice"),
        ("Command('a', run, cooldown=-1)", "`cooldown` of the command /a must be 0 to 86400 seconds"),
        ("Command('a', run, params=[ChoiceParam('x')])", "the argument x of the command /a has no choices"),
    ],
)
def test_what_cannot_be_made_is_named_with_its_plugin(folder: Folder, item: str, error: str) -> None:
    folder.write(
        "broken",
        "from tornado_chat import ChoiceParam, Gate, Listener, Posted\nasync def run(call): pass\n"
        f"@hookimpl\ndef register_commands(api):\n    return [{item}]\n",
    )
    told = folder.error("broken")
    assert told.startswith(f"{APP_FILE}: plugin broken: register_commands raised ")
    assert error in told


def test_an_alias_that_another_plugin_has_as_a_name_names_both(folder: Folder) -> None:
    folder.write(
        "quiet",
        "async def run(call): pass\n@hookimpl\ndef register_commands(api):\n"
        "    return [Command('quiet', run, aliases=['mute'])]\n",
    )
    assert folder.error("mute", "quiet") == f"{APP_FILE}: plugins mute and quiet both have the command /mute"


def test_a_hook_that_gives_without_end_stops_the_start(folder: Folder) -> None:
    folder.write(
        "many",
        "async def run(call): pass\n@hookimpl\ndef register_commands(api):\n    while True: yield Command('a', run)\n",
    )
    assert folder.error("many").endswith("register_commands gave more than 1000 items")


def test_a_hook_that_is_a_coroutine_is_named(folder: Folder) -> None:
    folder.write("late", "@hookimpl\nasync def register_filters(api):\n    return []\n")
    assert "its register_filters is an `async def`; it must be a plain one" in folder.error("late")
