"""The command line, as processes: what it prints, its exit status, and what is left when it ends."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient

from tests.client import Client
from tests.test_mongo_embedded import gone

COMMAND = [sys.executable, "-m", "tornado_chat"]
EXAMPLE = Path(__file__).parent.parent / "conf"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"APP_SECRET": "s3cret"}
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False, env=environment
    )


@asynccontextmanager
async def demo(data: Path, port: int = 0) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """Run `tornado-chat demo`; yield the process and its port. It is killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "demo", "--port", str(port), "--data", str(data), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
        assert line.startswith("tornado-chat listening on http://127.0.0.1:")
        yield process, int(line.rpartition(":")[2])
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
    return [int(child) for child in listed.split()]


@pytest.mark.gen_test(timeout=90)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
async def test_the_demo_keeps_history_and_mutes_and_takes_its_child_along(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with demo(tmp_path / "data") as (process, port):
        bob = await Client.connect(port)
        await bob.auth(2, "bob")
        assert await bob.say("remember me") is None
        assert await bob.say("/mute eve 10") is None
        (child,) = children(process.pid)
        process.send_signal(number)
        await asyncio.gather(gone(child), process.wait())
        assert process.returncode == (-number if number is signal.SIGKILL else 0)
        await asyncio.wait_for(bob.closed.wait(), 10)
    async with demo(tmp_path / "data") as (_, port):
        guest = await Client.connect(port)
        await guest.auth()
        assert [message["text"] for message in guest.data["room"]["history"]] == ["remember me"]
        assert list(guest.data["room"]["muteList"]) == ["eve"]
        await guest.close()


@pytest.mark.gen_test(timeout=60)
async def test_the_demo_says_where_to_point_the_browser(tmp_path: Path) -> None:
    async with demo(tmp_path) as (process, port):
        assert process.stderr is not None
        hint = b""
        while b"Open http" not in hint:
            hint = await asyncio.wait_for(process.stderr.readline(), 10)
        assert f"Open http://127.0.0.1:{port}/ in a browser" in hint.decode()
        page = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/")
        assert b"<title>tornado-chat demo</title>" in page.body


@pytest.mark.gen_test(timeout=60)
async def test_a_second_demo_on_the_same_folder_is_told_why_not(tmp_path: Path) -> None:
    async with demo(tmp_path):
        second = await asyncio.to_thread(run, "demo", "--port", "0", "--data", tmp_path)
    assert second.returncode == 1
    assert f"data directory {tmp_path} is in use by another tornado-chat" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = run("demo", "--port", str(port), "--data", tmp_path)
    assert answer.returncode == 1
    assert f"port {port}" in answer.stderr
    assert "--port" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.gen_test(timeout=60)
async def test_serve_serves_the_example_configuration(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        "serve",
        "--conf",
        str(EXAMPLE),
        "--port",
        "0",
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"APP_SECRET": "s3cret"},
    )
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode().strip()
    answer = await AsyncHTTPClient().fetch(line.removeprefix("tornado-chat listening on ") + "/healthz")
    assert json.loads(answer.body)["status"] == "ok"
    process.terminate()
    _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert (tmp_path / "data").is_dir()
    assert "s3cret" not in errors.decode()


def test_check_says_that_the_example_is_good() -> None:
    answer = run("check", "--conf", EXAMPLE)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout == f"{EXAMPLE}: good; apps: 2, any other\n"


@pytest.mark.parametrize(
    ("app", "problem"),
    [
        ("id = 2\nhistroy = 5\n", "apps/2.toml: histroy: unknown key; did you mean history?"),
        ("id = 2\nhistory = 'x'\n", "apps/2.toml: history: expected `int`, got `str`"),
        ("id = 3\n", "apps/2.toml: id: expected 2, the file's name, got 3"),
        ("id = 2\nplugins = ['mutt']\n", "apps/2.toml: plugin mutt: not found"),
        (
            "id = 2\n[plugin.mute]\nmax_min = 5\n",
            "apps/2.toml: plugin.mute.max_min: unknown key; did you mean max_mins?",
        ),
        ("id = 2\nplugins = ['wordlist']\n[plugin.wordlist]\nwords = ['c++']\n", "apps/2.toml: plugin.wordlist: "),
        ("id = \n", "apps/2.toml: Invalid value (at line 1, column 6)"),
    ],
)
@pytest.mark.parametrize("command", ["check", "serve"])
def test_a_bad_configuration_is_told_with_file_and_key_and_status_2(
    tmp_path: Path, command: str, app: str, problem: str
) -> None:
    (tmp_path / "apps").mkdir()
    (tmp_path / "server.toml").write_text(
        '[identity.moneypot]\napi = "http://x/v1"\napp_secret = {env = "APP_SECRET"}\n'
    )
    (tmp_path / "apps" / "2.toml").write_text(app)
    answer = run(command, "--conf", tmp_path)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert problem in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_folder_without_a_configuration_is_told_what_is_missing(tmp_path: Path) -> None:
    answer = run("serve", "--conf", tmp_path)
    assert answer.returncode == 2
    assert f"{tmp_path}/server.toml: no such file" in answer.stderr


def test_plugins_lists_what_is_found_and_who_uses_it() -> None:
    answer = run("plugins", "--conf", EXAMPLE)
    assert answer.returncode == 0
    blocks = dict(block.split("\n", 1) for block in re.split(r"\n(?=\w)", answer.stdout.strip()))
    assert blocks["mute"].splitlines() == [
        "  from: tornado_chat_plugins.mute of tornado-chat 0.1.0",
        "  used by apps: 2, default",
        "  version: 0.1.0",
        "  hooks: register_commands",
        "  options:",
        "    default_mins: int, 1 to 525600 = 10",
        "    max_mins: int, 1 to 525600 = 43200",
    ]
    assert '    on_error: "reject" or "allow" or "hold" = "reject"' in blocks["flood"]
    assert "    keys: list of Key, at least 1 required" in blocks["signed"]
    assert blocks["review"].endswith("  hooks: register_commands\n  options: -")


def test_plugins_says_of_one_that_is_broken_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "apps").mkdir()
    (tmp_path / "plugins.d").mkdir()
    (tmp_path / "server.toml").write_text('[identity.demo]\n[plugins]\npath = ["plugins.d"]\n')
    (tmp_path / "apps" / "2.toml").write_text('id = 2\nidentity = "demo"\n')
    (tmp_path / "plugins.d" / "broken.py").write_text("import nowhere_to_be_found\n")
    (tmp_path / "plugins.d" / "fine.py").write_text("__version__ = '1.2'\n")
    answer = run("plugins", "--conf", tmp_path)
    assert answer.returncode == 0
    assert (
        f"broken\n  from: {tmp_path}/plugins.d/broken.py\n  used by apps: -\n  can't be loaded: Module" in answer.stdout
    )
    assert "  version: 1.2\n  hooks: -\n  options: -" in answer.stdout


def test_try_shows_what_each_filter_says(tmp_path: Path) -> None:
    (tmp_path / "apps").mkdir()
    (tmp_path / "plugins.d").mkdir()
    (tmp_path / "server.toml").write_text('[identity.demo]\n[plugins]\npath = ["plugins.d"]\n')
    (tmp_path / "apps" / "2.toml").write_text(
        'id = 2\nidentity = "demo"\nplugins = ["wordlist", "flood", "odd"]\n[plugin.wordlist]\nwords = ["darn"]\n'
        'action = "replace"\n[plugin.odd]\non_error = "hold"\n'
    )
    (tmp_path / "plugins.d" / "odd.py").write_text(
        "from tornado_chat import *\n@hookimpl\ndef register_filters(api):\n    async def check(draft):\n"
        "        return {'a': Pass(actions=(AlertStaff('x'),)), 'b': Shadow(), 'c': Reject('no', code='NO')}"
        ".get(draft.text, 7 if draft.user.role == 'mod' else Pass())\n    return [Filter(check)]\n"
    )

    def lines(*arguments: Any) -> list[str]:
        answer = run("try", "--conf", tmp_path, "--app", 2, *arguments)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout.splitlines()

    assert lines("oh darn it") == [
        "wordlist: Replace(text='oh \u25a0\u25a0\u25a0\u25a0 it')",
        "flood: Pass()",
        "odd: Pass()",
        "=> shown to everybody: oh \u25a0\u25a0\u25a0\u25a0 it",
    ]
    assert lines("a")[-2:] == ["odd wants beside: AlertStaff(text='x')", "=> shown to everybody: a"]
    assert lines("b")[-1] == "=> shown to its sender and staff: b"
    assert lines("c")[-1] == "=> refused by odd with NO: no"
    assert lines("/mute a") == ["=> a command, or an unknown one: no filter is asked"]
    assert lines("--role", "mod", "hello")[-2:] == [
        "odd: answered a int, which is no verdict",
        "=> held for a moderator by odd: it could not be checked",
    ]
    for wrong, told in (
        (("--app", 9, "x"), "app 9 has no file"),
        (("--app", 2, " "), "a message has 1 to 350 characters"),
    ):
        answer = run("try", "--conf", tmp_path, *wrong)
        assert answer.returncode == 2
        assert told in answer.stderr


def test_try_is_for_a_newcomer_or_a_regular_and_asks_the_gates(tmp_path: Path) -> None:
    (tmp_path / "apps").mkdir()
    (tmp_path / "server.toml").write_text('[identity.demo]\n[plugins]\npath = ["."]\n')
    (tmp_path / "apps" / "2.toml").write_text('id = 2\nidentity = "demo"\nplugins = ["links", "lid"]\n')
    (tmp_path / "lid.py").write_text(
        "from tornado_chat import *\n@hookimpl\ndef register_gates(api):\n"
        "    def accept(draft): return Reject('Shut', code='LID') if 'lid' in draft.text else Pass()\n"
        "    return [Gate(accept=accept)]\n"
    )

    def last(*arguments: Any) -> str:
        answer = run("try", "--conf", tmp_path, "--app", 2, *arguments)
        return answer.stdout.splitlines()[-1]

    assert last("see example.com/x").startswith("=> refused by links with MESSAGE_REJECTED: You are new here")
    assert last("--said", 3, "see example.com/x") == "=> shown to everybody: see example.com/x"
    assert last("a lid") == "=> refused by lid with LID: Shut"


def test_a_new_plugins_tests_pass_at_once(tmp_path: Path) -> None:
    answer = run("new-plugin", "no-shouting", "--into", tmp_path)
    assert answer.returncode == 0, answer.stderr
    folder = tmp_path / "no-shouting"
    assert {Path(line) for line in answer.stdout.split()} == {path for path in folder.rglob("*") if path.is_file()}
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error::ResourceWarning"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (tested.returncode, "2 passed" in tested.stdout) == (0, True), tested.stdout
    built = subprocess.run([sys.executable, "-m", "build", "--wheel"], cwd=folder, capture_output=True, check=False)
    assert built.returncode == 0, built.stderr
    (wheel,) = (folder / "dist").glob("tornado_chat_no_shouting-0.1.0-*.whl")
    declared = zipfile.ZipFile(wheel).read("tornado_chat_no_shouting-0.1.0.dist-info/entry_points.txt").decode()
    assert declared == "[tornado_chat.plugins]\nno-shouting = no_shouting\n"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("No-Shouting", "can't be a plugin's name: write a-z, 0-9, - and _, a letter first"),
        ("../x", "can't be a plugin's name: write a-z, 0-9, - and _, a letter first"),
        ("json", "can't be a plugin's name: Python has a module json"),
        ("class", "can't be a plugin's name"),
        ("mute", "there is a plugin 'mute' already"),
        ("taken", "is there already; choose another name, or another folder with --into"),
    ],
)
def test_a_new_plugin_that_cannot_be_written_says_why(tmp_path: Path, name: str, told: str) -> None:
    (tmp_path / "taken").mkdir()
    answer = run("new-plugin", name, "--into", tmp_path)
    assert answer.returncode == 2
    assert told in answer.stderr
    assert list(tmp_path.rglob("*.py")) == []


@pytest.mark.parametrize("arguments", [[], ["dance"], ["serve"], ["demo", "--port", "x"], ["demo", "--port", "65536"]])
def test_wrong_words_get_the_usage_and_status_2(arguments: list[Any]) -> None:
    answer = run(*arguments)
    assert answer.returncode == 2
    assert answer.stderr.startswith("usage: tornado-chat")
    assert "Traceback" not in answer.stderr


@pytest.mark.gen_test(timeout=60)
async def test_the_plugin_pages_way_to_a_running_plugin(tmp_path: Path) -> None:
    """What plugins/README.md says, word for word: files, command, page."""
    page = (Path(__file__).parent.parent / "plugins" / "README.md").read_text("utf-8")
    (plugin,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    for folder in ("apps", "plugins.d"):
        (tmp_path / "conf" / folder).mkdir(parents=True)
    (tmp_path / "conf" / "plugins.d" / "greet.py").write_text(plugin)
    for toml in re.findall(r"^```toml\n# (conf/\S+)\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        (tmp_path / toml[0]).write_text(toml[1])
    command = re.findall(r"`tornado-chat (serve --conf conf --page)`", page)[0].split()
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *command, "--port", "0", cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 30)
    port = int(line.rpartition(b":")[2])
    fetched = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/")
    assert b"<html" in fetched.body
    alice = await Client.connect(port)
    await alice.auth(2, "alice")
    await alice.say("/greet alice")
    assert await alice.next("system_message") == "Good evening, alice!"
    process.terminate()
    await asyncio.wait_for(process.communicate(), 30)
