"""Finding plugins and loading them for an app: what they register, and how each error names file, plugin and key."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.chats import make_services
from tornado_chat import Draft, Replace, Role, User
from tornado_chat.errors import ConfigError
from tornado_chat.filters import FilterPolicy
from tornado_chat.plugin_set import PluginSet
from tornado_chat.plugins import discover, load_plugins

APP_FILE = "conf/apps/2.toml"
KATE = User(1, "Kate", Role.MEMBER)

COMMAND = """
    async def run(call):
        return "done"

    @hookimpl
    def register_commands(api):
        yield Command(name="hello", run=run)
"""
FILTER = """
    class Options(PluginOptions):
        suffix: str = "!"

    @hookimpl
    def register_filters(api):
        async def check(draft):
            seen.append(draft.text)
            return Replace(f"{draft.text}{api.options.suffix} {len(seen)}")
        seen = []
        yield Filter(check)
"""


class Folder:
    """A folder of plugin files, and what an app makes of them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()

    def write(self, name: str, source: str) -> Path:
        path = self.path / f"{name}.py"
        imports = "from tornado_chat import Command, Filter, Pass, PluginOptions, Replace, hookimpl\n"
        path.write_text(imports + textwrap.dedent(source), "utf-8")
        return path

    def load(self, *names: str, options: Mapping[str, Mapping[str, Any]] | None = None) -> PluginSet:
        return load_plugins(APP_FILE, names, options or {}, discover([self.path]), make_services())

    def error(self, *names: str, options: Mapping[str, Mapping[str, Any]] | None = None) -> str:
        with pytest.raises(ConfigError) as caught:
            self.load(*names, options=options)
        return str(caught.value)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "plugins.d")


def hooks(loaded: PluginSet) -> tuple[list[str], list[str]]:
    moderation = loaded.moderation
    return list(moderation.commands), [installed.part.plugin for installed in moderation.filters]


def test_a_file_in_a_folder_is_a_plugin_of_its_name(folder: Folder) -> None:
    path = folder.write("greet", COMMAND)
    found = discover([folder.path])["greet"]
    assert (found.name, found.origin) == ("greet", str(path))


@pytest.mark.parametrize("name", ["mute", "wordlist"])
def test_the_bundled_plugins_are_found_as_entry_points(name: str) -> None:
    assert discover([])[name].origin.startswith(f"tornado_chat_plugins.{name} of tornado-chat ")


def test_what_begins_with_an_underscore_or_is_no_python_is_no_plugin(folder: Folder) -> None:
    for name in ("_helper.py", "__init__.py", "notes.txt", "greet.pyc"):
        (folder.path / name).write_text("")
    assert set(discover([folder.path])) == set(discover([]))


def test_finding_a_plugin_does_not_import_it(folder: Folder) -> None:
    folder.write("broken", "raise RuntimeError")
    assert "broken" in discover([folder.path])


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        discover([tmp_path / "nowhere"])
    assert str(caught.value) == f"server.toml: plugins.path: {tmp_path / 'nowhere'} is not a folder"


def test_two_plugins_of_one_name_are_both_named(folder: Folder) -> None:
    path = folder.write("mute", COMMAND)
    with pytest.raises(ConfigError) as caught:
        discover([folder.path])
    error = str(caught.value)
    assert error.startswith("two plugins are named 'mute': ")
    assert str(path) in error
    assert "tornado_chat_plugins.mute" in error


def test_two_folders_with_a_file_of_one_name_are_an_error(folder: Folder, tmp_path: Path) -> None:
    other = Folder(tmp_path / "more")
    paths = [folder.write("greet", COMMAND), other.write("greet", COMMAND)]
    with pytest.raises(ConfigError) as caught:
        discover([folder.path, other.path])
    assert all(str(path) in str(caught.value) for path in paths)


def test_a_command_is_registered(folder: Folder) -> None:
    folder.write("greet", COMMAND)
    assert hooks(folder.load("greet")) == (["hello"], [])


def test_an_app_has_only_the_plugins_that_it_names(folder: Folder) -> None:
    folder.write("greet", COMMAND)
    folder.write("broken", "raise RuntimeError")
    assert hooks(folder.load("mute")) == (["mute", "unmute", "mutes"], [])
    assert hooks(folder.load()) == ([], [])


def test_a_plugin_may_register_nothing(folder: Folder) -> None:
    folder.write("idle", "@hookimpl\ndef register_commands(api):\n    return []\n")
    folder.write("empty", "")
    assert hooks(folder.load("idle", "empty")) == ([], [])


@pytest.mark.parametrize("order", [("a", "b", "wordlist"), ("wordlist", "b", "a"), ("b", "wordlist", "a")])
def test_filters_are_in_the_order_of_the_config(folder: Folder, order: tuple[str, ...]) -> None:
    folder.write("a", FILTER)
    folder.write("b", FILTER)
    assert hooks(folder.load(*order, options={"wordlist": {"words": ["darn"]}}))[1] == list(order)


def test_filters_of_one_plugin_keep_their_order(folder: Folder) -> None:
    source = "async def one(draft): ...\nasync def two(draft): ...\n"
    source += "@hookimpl\ndef register_filters(api):\n    return [Filter(one), Filter(two)]\n"
    folder.write("two", source)
    assert [installed.filter.check.__name__ for installed in folder.load("two").moderation.filters] == ["one", "two"]  # type: ignore[attr-defined]


def test_an_unknown_name_is_told_with_those_that_there_are(folder: Folder) -> None:
    folder.write("greet", COMMAND)
    error = folder.error("mute", "great")
    assert error.startswith(f"{APP_FILE}: plugin great: not found")
    assert error.endswith(f" are: {', '.join(sorted([*discover([]), 'greet']))}")


@pytest.mark.parametrize("hook", ["register_filter", "register_comands", "on_message"])
def test_a_misspelt_hook_is_named_with_those_that_there_are(folder: Folder, hook: str) -> None:
    folder.write("greet", f"@hookimpl\ndef {hook}(api):\n    return []\n")
    error = folder.error("greet")
    assert error.startswith(f"{APP_FILE}: plugin greet: ")
    assert hook in error
    assert "register_commands, register_filters" in error


@pytest.mark.parametrize("arguments", ["app", "api, app"])
def test_a_hook_with_wrong_arguments_is_named(folder: Folder, arguments: str) -> None:
    folder.write("greet", f"@hookimpl\ndef register_filters({arguments}):\n    return []\n")
    error = folder.error("greet")
    assert error.startswith(f"{APP_FILE}: plugin greet: ")
    assert "register_filters" in error


def test_a_command_that_two_plugins_have_names_both(folder: Folder) -> None:
    folder.write("greet", COMMAND)
    folder.write("welcome", COMMAND)
    assert folder.error("greet", "welcome") == f"{APP_FILE}: plugins greet and welcome both have the command /hello"


def test_a_command_that_one_plugin_has_twice_is_an_error(folder: Folder) -> None:
    folder.write("greet", COMMAND + '        yield Command(name="hello", run=run)\n')
    assert "/hello" in folder.error("greet")


@pytest.mark.parametrize(
    ("source", "options", "key"),
    [
        (FILTER, {"sufix": "?"}, "sufix"),
        (FILTER, {"suffix": 1}, "suffix"),
        (FILTER, {"timeout_ms": 0}, "timeout_ms"),
        (FILTER, {"timeout_ms": "500"}, "timeout_ms"),
        (FILTER, {"on_error": "ignore"}, "on_error"),
        (FILTER, {"dry_run": 1}, "dry_run"),
        (FILTER, {"exempt_roles": ["king"]}, "exempt_roles[0]"),
        (COMMAND, {"anything": 1}, "anything"),
        (COMMAND, {"timeout_ms": 500}, "timeout_ms"),
        (COMMAND + "    class Options(PluginOptions):\n        who: str\n", {}, "who"),
        (COMMAND + "    class Options(PluginOptions):\n        who: str\n", {"who": "x", "dry_run": True}, "dry_run"),
    ],
)
def test_an_option_that_does_not_fit_is_named_by_its_path(
    folder: Folder, source: str, options: dict[str, Any], key: str
) -> None:
    folder.write("greet", source)
    assert folder.error("greet", options={"greet": options}).startswith(f"{APP_FILE}: plugin.greet.{key}: ")


def test_an_unknown_option_is_told_with_the_one_that_was_meant(folder: Folder) -> None:
    folder.write("greet", FILTER)
    assert "did you mean suffix?" in folder.error("greet", options={"greet": {"sufix": "?"}})


def test_a_misspelt_key_of_the_policy_is_told_with_the_one_that_was_meant(folder: Folder) -> None:
    folder.write("greet", FILTER)
    assert "did you mean timeout_ms?" in folder.error("greet", options={"greet": {"timeout": 500}})


@pytest.mark.parametrize(
    "options",
    [
        "    def __post_init__(self):\n        raise ValueError('no good')",
        "    def __post_init__(self):\n        import re\n        re.compile('(no good')",
        "    def __post_init__(self):\n        {}['no good']",
    ],
    ids=["ValueError", "re.error", "KeyError"],
)
def test_options_that_a_plugin_refuses_are_an_error_of_the_file(folder: Folder, options: str) -> None:
    folder.write("greet", f"class Options(PluginOptions):\n    word: str = ''\n{options}\n")
    assert folder.error("greet").startswith(f"{APP_FILE}: plugin.greet")


def test_the_policy_of_a_filter_is_in_its_plugins_table(folder: Folder) -> None:
    folder.write("greet", FILTER)
    table = {"suffix": "?", "timeout_ms": 50, "on_error": "allow", "dry_run": True, "exempt_roles": ["mod", "admin"]}
    (installed,) = folder.load("greet", options={"greet": table}).moderation.filters
    assert installed.policy == FilterPolicy(
        timeout_ms=50, on_error="allow", dry_run=True, exempt_roles=frozenset({Role.MOD, Role.ADMIN})
    )


def test_a_filter_without_a_table_rejects_what_it_fails_on_after_half_a_second(folder: Folder) -> None:
    folder.write("greet", FILTER)
    (installed,) = folder.load("greet").moderation.filters
    assert installed.policy == FilterPolicy(timeout_ms=500, on_error="reject", dry_run=False, exempt_roles=frozenset())


def test_loading_leaves_the_apps_table_as_it_was(folder: Folder) -> None:
    folder.write("greet", FILTER)
    table = {"suffix": "?", "timeout_ms": 50}
    folder.load("greet", options={"greet": table})
    assert table == {"suffix": "?", "timeout_ms": 50}


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise RuntimeError('no good')", "RuntimeError: no good"),
        ("def", "SyntaxError: "),
    ],
)
def test_a_plugin_that_fails_on_import_is_named_with_its_file(folder: Folder, source: str, error: str) -> None:
    path = folder.write("greet", source)
    assert folder.error("greet").startswith(f"{APP_FILE}: plugin greet ({path}): {error}")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("raise RuntimeError('no good')", "raised RuntimeError: no good"),
        ("yield from [1 / 0]", "raised ZeroDivisionError: "),
        ("return 7", "raised TypeError: "),
        ("return None", "returned None; it must return a list"),
        (
            "yield Command(name='hello', run=len)",
            "raised ValueError: `run` of the command /hello must be an `async def`",
        ),
        ("yield Command(name='Hello', run=len)", "raised ValueError: command name 'Hello'"),
        ("return ['hello']", "gave 'hello', which is no Command"),
        ("yield Filter(len)", "raised ValueError: `check` of a Filter must be an `async def`"),
        ("yield None", "gave None, which is no Command"),
        ("yield Command", "gave <class "),
    ],
)
def test_a_hook_that_fails_or_gives_something_else_is_named(folder: Folder, body: str, error: str) -> None:
    folder.write("greet", f"@hookimpl\ndef register_commands(api):\n    {body}\n")
    assert folder.error("greet").startswith(f"{APP_FILE}: plugin greet: register_commands {error}")


def test_a_filter_hook_that_gives_a_bare_function_is_named(folder: Folder) -> None:
    folder.write("greet", "@hookimpl\ndef register_filters(api):\n    return [len]\n")
    assert folder.error("greet").startswith(f"{APP_FILE}: plugin greet: register_filters gave <built-in function len>")


@pytest.mark.gen_test
async def test_two_apps_share_neither_options_nor_state(folder: Folder) -> None:
    folder.write("greet", FILTER)
    one = folder.load("greet", options={"greet": {"suffix": "?"}}).moderation.filters[0].filter
    other = folder.load("greet").moderation.filters[0].filter
    draft = Draft(2, KATE, "hi", "hi")
    answers = [await one.check(draft), await one.check(draft), await other.check(draft)]
    assert answers == [Replace("hi? 1"), Replace("hi? 2"), Replace("hi! 1")]


@pytest.mark.gen_test
async def test_two_apps_of_a_bundled_plugin_have_their_own_words(folder: Folder) -> None:
    tables: Iterable[dict[str, Any]] = ({"words": ["darn"], "action": "replace"}, {"words": ["heck"]})
    filters = [folder.load("wordlist", options={"wordlist": table}).moderation.filters[0].filter for table in tables]
    draft = Draft(2, KATE, "darn", "darn")
    assert [type(await one.check(draft)).__name__ for one in filters] == ["Replace", "Pass"]


def test_a_plugin_is_handed_its_options_and_its_app(folder: Folder) -> None:
    folder.write(
        "greet",
        """
        class Options(PluginOptions):
            word: str = "hi"

        @hookimpl
        def register_commands(api):
            async def run(call): ...
            yield Command(name=f"{api.options.word}-{api.app_id}", run=run)
        """,
    )
    assert hooks(folder.load("greet", options={"greet": {"word": "ho"}}))[0] == ["ho-2"]
    assert hooks(folder.load("greet"))[0] == ["hi-2"]


def test_a_plugin_without_options_is_handed_none(folder: Folder) -> None:
    folder.write("greet", "@hookimpl\ndef register_commands(api):\n    assert api.options is None\n    return []\n")
    assert hooks(folder.load("greet")) == ([], [])


def test_a_plugin_file_may_define_dataclasses_and_annotated_structs(folder: Folder) -> None:
    # Both look up their module in sys.modules, where a file that is no installed module isn't by itself.
    path = folder.write("greet", "")
    path.write_text(
        textwrap.dedent(
            """
            from __future__ import annotations

            import dataclasses

            import msgspec

            from tornado_chat import Command, PluginOptions, hookimpl

            @dataclasses.dataclass
            class Point:
                x: int

            class Inner(msgspec.Struct):
                name: str

            class Options(PluginOptions):
                inner: Inner

            @hookimpl
            def register_commands(api):
                async def run(call): ...
                yield Command(name=api.options.inner.name, run=run)
            """
        )
    )
    assert hooks(folder.load("greet", options={"greet": {"inner": {"name": "hello"}}}))[0] == ["hello"]


def test_a_hook_without_its_mark_is_named(folder: Folder) -> None:
    folder.write("quiet", "def register_commands(api):\n    return []\n")
    assert folder.error("quiet") == f"{APP_FILE}: plugin quiet: its register_commands is not marked with @hookimpl"


def test_a_hook_that_returns_nothing_is_named(folder: Folder) -> None:
    folder.write("quiet", "@hookimpl\ndef register_filters(api):\n    pass\n")
    assert "register_filters returned None; it must return a list" in folder.error("quiet")


def test_a_file_is_run_once_however_many_apps_load_it(folder: Folder) -> None:
    folder.write("counted", "import builtins\nbuiltins.runs = getattr(builtins, 'runs', 0) + 1\n")
    catalog = discover([folder.path])
    assert [catalog["counted"].load().builtins.runs for _ in range(3)] == [1, 1, 1]
