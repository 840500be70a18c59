"""Whatever a user can set, call, hear or be told is documented, and the documents' snippets run."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client import generate_latest

import tornado_chat
from tests.chats import load_plugin
from tests.manual_clock import START
from tests.test_layers import LAYERS
from tornado_chat import cli, config, config_tables, errors, events, hookspecs
from tornado_chat.filters import FilterPolicy
from tornado_chat.happenings import HAPPENINGS
from tornado_chat.metrics import PluginMetrics
from tornado_chat.models import HeldMessage, Message, Mode, Mute, Role, User
from tornado_chat.plugins import discover
from tornado_chat.secret import Secret
from tornado_chat.testing import ChatFixture, Person
from tornado_chat.verdicts import fault_of
from tornado_chat.web import AppReading, Bound, DatabaseReading, Health, Reading
from tornado_chat.web.metrics import registry_of

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
CONF = (ROOT / "conf" / "README.md").read_text("utf-8")
PLUGINS = (ROOT / "plugins" / "README.md").read_text("utf-8")
HOOKS = [name for name in vars(hookspecs) if name.startswith("register_")]
BUNDLED = [path.stem for path in (ROOT / "plugins").glob("[!_]*.py")]
DOCUMENTS = [path for path in ROOT.rglob("*.md") if not {".venv", "node_modules"} & set(path.parts)]


def snippets(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def keys(table: type[msgspec.Struct], prefix: str = "") -> list[str]:
    """Return every key of a configuration file as it is written, tables resolved."""
    found = []
    for field in msgspec.structs.fields(table):
        kinds = [field.type, *getattr(field.type, "__args__", ())]
        inner = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, config_tables.Table)), None)
        path = f"{prefix}{field.name}"
        found += keys(inner, f"{path}.") or [path] if inner else [path]
    return found


def test_every_setting_is_documented() -> None:
    settings = keys(config_tables.ServerFile) + keys(config_tables.AppFile)
    assert len(settings) > 15
    assert [key for key in settings if f"| `{key}` |" not in CONF] == []


def test_every_default_is_documented_as_it_is() -> None:
    tables = config_tables
    for table, prefix in ((tables.ServerTable, "server."), (tables.MongodbTable, "mongodb."), (tables.AppFile, "")):
        for field in msgspec.structs.fields(table):
            if isinstance(field.default, str | int | float):
                written = json.dumps(field.default)
                assert f"| `{prefix}{field.name}` | `{written}` |" in CONF


def test_no_document_names_a_setting_that_does_not_exist() -> None:
    settings = set(keys(config_tables.ServerFile) + keys(config_tables.AppFile))
    assert set(re.findall(r"^\| `([a-z_.]+)` \|", CONF, re.MULTILINE)) == settings


def _required(function: Any) -> list[str]:
    parameters = inspect.signature(function).parameters.values()
    return [parameter.name for parameter in parameters if parameter.default is parameter.empty]


def test_every_event_is_documented() -> None:
    user = User(1, "x", Role.MEMBER)
    samples = {
        "message": Message(2, 1, START, user, "x"),
        "user": user,
        "count": 1,
        "here": [user],
        "mute": Mute(2, "x", 1, START, "b", Role.MOD, "", START),
        "message_id": 1,
        "uname": "x",
        "ids": [1],
        "held": HeldMessage(1, START, START, user, "x", "y", ""),
        "staff": frozenset(),
        "by": "x",
        "approved": True,
        "text": "x",
        "soonest": 1,
        "latest": 2,
        "mode": Mode("slow", 1, START, None, "b"),
        "plugin": "x",
        "name": "x",
        "data": None,
        "on": True,
    }
    made = [
        function(**{name: samples[name] for name in _required(function)}).name
        for name, function in inspect.getmembers(events, inspect.isfunction)
        if inspect.signature(function).return_annotation == "Event"
    ]
    assert len(made) == 17
    for name in [*made, events.SYSTEM_MESSAGE, events.CLIENT_ERROR]:
        assert re.search(rf"^\|[^|]*`{name}`", README, re.MULTILINE), name


@pytest.mark.parametrize("ack", list(errors.Ack))
def test_every_ack_is_documented(ack: str) -> None:
    assert f"`{ack}`" in README


@pytest.mark.parametrize("text", list(errors.ClientError))
def test_every_client_error_is_documented(text: str) -> None:
    assert re.search(rf"^\| `+ ?{re.escape(text)} ?`+( and its name)? \|", README, re.MULTILINE)


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented_and_used_by_a_bundled_plugin_and_tested(hook: str) -> None:
    assert f"### {hook}(api)" in PLUGINS
    assert any(f"def {hook}(" in (ROOT / "plugins" / f"{name}.py").read_text("utf-8") for name in BUNDLED)
    assert f"def {hook}(" in (ROOT / "tests" / "test_plugin_hooks.py").read_text("utf-8")
    assert getattr(hookspecs, hook).__doc__


def test_every_member_of_the_plugin_api_is_documented() -> None:
    members = [name for name in vars(tornado_chat.PluginApi) if not name.startswith("_")]
    assert [name for name in members if f"api.{name}" not in PLUGINS] == []


def test_every_public_name_is_documented() -> None:
    names = set(tornado_chat.__all__) - {"VERSION", "Verdict", "Action", "PluginStorage"}
    assert [name for name in sorted(names) if name not in PLUGINS] == []


@pytest.mark.parametrize("name", BUNDLED)
def test_every_bundled_plugin_and_its_options_are_documented(name: str) -> None:
    section = PLUGINS.partition(f"### {name}\n")[2].partition("\n##")[0]
    assert section
    options = getattr(discover([])[name].load(), "Options", None)
    for field in msgspec.structs.fields(options) if options else ():
        default = list(field.default) if isinstance(field.default, tuple) else field.default
        shown = "none, required" if default is msgspec.NODEFAULT else f"`{json.dumps(default, default=Secret.reveal)}`"
        assert f"| `{field.name}` | {shown} |" in section


def test_the_table_of_bundled_plugins_has_each_once_with_its_commands_and_whether_it_is_a_default() -> None:
    rows = re.findall(r"^\| \[(\w+)\]\(#\1\) \| [^|]+ \| (✓?) ?\| ?([^|]*?) ?\|$", PLUGINS, re.MULTILINE)
    assert sorted(name for name, _, _ in rows) == sorted(BUNDLED)
    assert {name for name, default, _ in rows if default} == set(config_tables.DEFAULT_PLUGINS)
    required = {"tip": {"url": "https://www.example.com/tips", "secret": "s" * 32}}
    for name, _, commands in rows:
        made = set()
        if hasattr(discover([])[name].load(), "register_commands"):
            loaded = load_plugin(name, **required.get(name, {}))
            made = {installed.command.name for installed in loaded.moderation.commands.values()}
        assert set(re.findall(r"`/(\w+)`", commands)) == made, name


def test_sections_of_bundled_plugins_are_in_the_order_of_their_names() -> None:
    sections = re.findall(r"^### (.*)$", PLUGINS.partition("\n## The bundled ones\n")[2], re.MULTILINE)
    assert sections == sorted(BUNDLED)


def test_the_plugin_page_says_nothing_twice() -> None:
    prose = [line for line in PLUGINS.splitlines() if len(line) > 60 and line[0] not in "| "]
    assert [line for line in prose if prose.count(line) > 1] == []


def test_every_example_of_a_plugins_options_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    examples = re.findall(r"^```toml (\w+)\n(.*?)^```", PLUGINS, re.MULTILINE | re.DOTALL)
    without_options = {"reload", "review"}
    assert {*BUNDLED} - without_options - {name for name, _ in examples} == set()
    (tmp_path / "apps").mkdir()
    (tmp_path / "server.toml").write_text("[identity.demo]\n")
    for app_id, (name, code) in enumerate(examples, 1):
        app = re.sub(r"^id = \d+$", "", code, flags=re.MULTILINE)
        for key, value in (("plugins", json.dumps([name])), ("identity", '"demo"'), ("id", str(app_id))):
            app = app if f"\n{key} = " in f"\n{app}" else f"{key} = {value}\n{app}"
        (tmp_path / "apps" / f"{app_id}.toml").write_text(app, "utf-8")
    for secret in re.findall(r'\{env = "(\w+)"\}', PLUGINS):
        monkeypatch.setenv(secret, "s" * 32)
    assert cli.main(["check", "--conf", str(tmp_path)]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("name", BUNDLED)
def test_every_bundled_plugin_and_its_options_are_tested(name: str) -> None:
    tests = (ROOT / "tests" / f"test_plugin_{name}.py").read_text("utf-8")
    options = getattr(discover([])[name].load(), "Options", None)
    assert [key for key in (options.__struct_fields__ if options else ()) if key not in tests] == []


@pytest.mark.parametrize("kind", HAPPENINGS)
def test_every_happening_and_what_it_has_is_documented(kind: type[msgspec.Struct]) -> None:
    (row,) = re.findall(rf"^\| [^|]*`{kind.__name__}`[^|]* \| (.*) \|$", PLUGINS, re.MULTILINE)
    assert [key for key in kind.__struct_fields__ if f"`{key}`" not in row] == []


@pytest.mark.parametrize("name", ["get", "put", "delete", "items"])
def test_every_method_of_the_storage_is_documented(name: str) -> None:
    assert f"await api.storage.{name}(" in PLUGINS
    assert [each for each in vars(tornado_chat.PluginStorage) if not each.startswith("_")] == [
        "get",
        "put",
        "delete",
        "items",
    ]


def test_everything_of_the_testing_module_is_documented() -> None:
    members = [f"chat.{name}" for name, value in vars(ChatFixture).items() if name[0] != "_" and callable(value)]
    members += [f"alice.{name}" for name in vars(Person) if not name.startswith("_")]
    assert [name for name in members if name not in PLUGINS and name not in {"chat.close", "chat.settle"}] == []


def test_every_metric_is_documented(tmp_path: Path) -> None:
    counted = PluginMetrics("x")
    app = AppReading({}, {}, {}, 0, {"x": counted})
    bounds, database = {"unstored": Bound(0, 1, 0)}, DatabaseReading(True, 0, 0)
    page = generate_latest(registry_of(lambda: Reading(0, 1, bounds, database, {}, {}, {}, {2: app}))).decode()
    names = set(re.findall(r"^# TYPE (\w+)", page, re.MULTILINE))
    assert len(names) >= 9
    assert [name for name in sorted(names) if f"`{name}" not in README + PLUGINS + CONF] == []


@pytest.mark.gen_test
async def test_the_plugin_pages_verdict_is_one(chat: ChatFixture) -> None:
    (code,) = snippets(PLUGINS, "python verdict")
    assert fault_of(eval(code, vars(tornado_chat))) is None


def test_the_plugin_pages_test_passes(tmp_path: Path) -> None:
    (plugin,) = snippets(PLUGINS, "python")
    (test,) = snippets(PLUGINS, "python test")
    (tmp_path / "greet.py").write_text(plugin)
    (tmp_path / "test_greet.py").write_text(test)
    (tmp_path / "setup.cfg").write_text("[tool:pytest]\naddopts = -p tornado_chat.testing\npythonpath = .\n")
    run = [sys.executable, "-m", "pytest", "-q"]
    tested = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (tested.returncode, "1 passed" in tested.stdout) == (0, True), tested.stdout


def test_every_key_of_the_filter_policy_is_documented() -> None:
    assert [key for key in FilterPolicy.__struct_fields__ if f"| `{key}` |" not in PLUGINS] == []


@pytest.mark.parametrize("command", ["serve", "demo", "check", "plugins", "try", "new-plugin"])
def test_every_command_of_the_command_line_is_documented(command: str) -> None:
    assert f"tornado-chat {command}" in README + PLUGINS + CONF + (ROOT / "scripts" / "README.md").read_text("utf-8")


def test_every_script_is_documented() -> None:
    page = (ROOT / "scripts" / "README.md").read_text("utf-8")
    scripts = [path.name for path in (ROOT / "scripts").iterdir() if path.is_file() and path.suffix != ".md"]
    assert [name for name in scripts if f"| `{name}` |" not in page] == []


def test_healthz_counts_what_the_documents_say() -> None:
    assert {field.name for field in msgspec.structs.fields(Health)} == {
        "database",
        "connections",
        "plugin_failures",
        "closes",
        "refusals",
    }
    assert "counted in `/healthz`" in PLUGINS


def test_links_lead_somewhere() -> None:
    broken = [
        f"{path.name}: {link}"
        for path in DOCUMENTS
        for link in re.findall(r"\]\(([^)#]+)\)", path.read_text("utf-8"))
        if not link.startswith("http") and not (path.parent / link).exists()
    ]
    assert broken == []
    assert len(DOCUMENTS) >= 6


@pytest.mark.gen_test
async def test_readmes_plugin_works(serve: Any, connect: Any, make_config: Any, tmp_path: Path) -> None:
    (source,) = snippets(README, "python")
    (tmp_path / "conf" / "plugins.d").mkdir(parents=True)
    (tmp_path / "conf" / "plugins.d" / "shout.py").write_text(source)
    settings = make_config(app='plugins = ["mute", "shout"]', plugins='[plugins]\npath = ["plugins.d"]')
    alice = await connect(await serve(settings), token="token-alice")
    await alice.say("WHY DOES NOBODY ANSWER")
    assert (await alice.next("new_message"))["text"] == "why does nobody answer"
    await alice.say("OK")
    assert (await alice.next("new_message"))["text"] == "OK"


@pytest.mark.gen_test
async def test_the_plugin_pages_plugin_works_with_its_settings(
    serve: Any, connect: Any, make_config: Any, tmp_path: Path
) -> None:
    (source,) = snippets(PLUGINS, "python")
    server_toml, app_toml = snippets(PLUGINS, "toml")
    (tmp_path / "conf" / "plugins.d").mkdir(parents=True)
    (tmp_path / "conf" / "plugins.d" / "greet.py").write_text(source)
    settings = make_config(app=app_toml.replace("id = 2\n", ""), plugins=server_toml)
    server = await serve(settings)
    alice = await connect(server, token="alice")
    assert await alice.say("/greet alice and welcome") is None
    assert await alice.next("system_message") == "Good evening, alice! and welcome"
    await alice.say("/greet eve")
    assert await alice.next("system_message") == "eve is not here"
    await alice.say("/greet")
    assert await alice.next("system_message") == "Usage: /greet <user> [more]"


def test_readmes_configuration_is_one(tmp_path: Path) -> None:
    server_toml, app_toml = snippets(README, "toml")
    (tmp_path / "apps").mkdir()
    (tmp_path / "server.toml").write_text(server_toml)
    (tmp_path / "apps" / "2.toml").write_text(app_toml)
    environ = {"MONGODB_URI": "mongodb://db.example.com", "APP_SECRET": "s"}
    loaded = config.load_config(tmp_path, environ)
    assert loaded.mongodb.uri.reveal() == "mongodb://db.example.com"
    assert list(loaded.apps) == [2]


@pytest.mark.gen_test(timeout=60)
async def test_readmes_page_works(node: str, serve: Any, make_config: Any) -> None:
    server = await serve(make_config())
    _tag, page = snippets(README, "html")
    script = re.findall(r"<script>\n(.*?)</script>", page, re.DOTALL)[0]
    runner = """
      const { io } = require("socket.io-client");
      const log = (...line) => { console.log(...line); if (line[0] === "donald: Hello, world!") process.exit(0); };
      require("node:vm").runInNewContext(process.argv[1], {
        io: () => io(process.argv[2]), token: process.argv[3], console: { log, warn: log },
      });
    """
    seed_token = "5fef422fb4e79a1785868b87abb3d3932ea5621c23ab2e9b13ee2167f12542cb"
    process = await asyncio.create_subprocess_exec(
        node,
        "-e",
        runner,
        script,
        f"http://127.0.0.1:{server.port}",
        seed_token,
        cwd=ROOT / "tests" / "node",
        stdout=subprocess.PIPE,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    assert output.decode().splitlines() == ["0 messages, 1 users", "donald: Hello, world!"]


def test_all_that_a_tag_may_say_and_a_site_may_call_is_documented() -> None:
    box = ROOT / "tornado_chat" / "web" / "box"
    source = (box / "embed_settings.ts").read_text("utf-8")
    keys = set(re.findall(r'\b(?:dataset\.|one\("|checked\(")(\w+)', source)) | {
        "theme",
        "accent",
        "background",
        "text",
    }
    assert len(keys) >= 14
    names = {"data-" + re.sub("[A-Z]", lambda match: "-" + match[0].lower(), key) for key in keys}
    assert [name for name in sorted(names) if f"`{name}`" not in README] == []
    api = (box / "embed.ts").read_text("utf-8").partition("class Api {")[2].partition("\n}\n")[0]
    methods = set(re.findall(r"^  (\w+)\(", api, re.MULTILINE)) - {"add"}
    assert {"open", "login", "push"} <= methods
    assert [name for name in sorted(methods) if f"`{name}(" not in README] == []
    (events,) = re.findall(r"EVENTS = \[(.*?)\]", (box / "embed_box.ts").read_text("utf-8"))
    table = README.partition("| event of `TornadoChat` |")[2].partition("\n\n")[0]
    assert set(re.findall(r'"(\w+)"', events)) == {
        name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])
    }


def test_every_module_is_in_the_circle_where_the_layer_test_has_it() -> None:
    page = (ROOT / "tornado_chat" / "README.md").read_text("utf-8")
    core, adapters, root = re.findall(r"^[123]\. (.*?)(?=^[123]\. |^What must)", page, re.MULTILINE | re.DOTALL)
    for circle, modules in zip((core, adapters, root), LAYERS, strict=True):
        named = modules - {"__init__", "__main__", "web", "engine"}
        assert set(re.findall(r"`(\w+)\.py`", circle)) == named
