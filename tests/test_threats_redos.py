"""THREATS: ReDoS. `(a+)+$` where an operator may write something, against `aaaa...!`."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.client import Client
from tests.hostile import beside_a_witness
from tests.process import Process

PATIENCE = 30.0
EVIL = ["(a+)+$", "(a|aa)+$", "(.*a){20}", "^(([a-z])+.)+$", r"\w+\w+\w+!", "a{1,9999}", ".*"]
AAAA = "a" * 300 + "!"
# A plugin of the operator's that takes regular expressions, as many do.
FILTERING = """
import re
from tornado_chat import *

class Options(PluginOptions):
    patterns: tuple[str, ...]

@hookimpl
def register_filters(api):
    async def check(draft):
        return Reject("no") if any(re.search(each, draft.text) for each in api.options.patterns) else Pass()
    return [Filter(check)]
"""


def write(directory: Path, app: str) -> None:
    """Write files for app 2, which is said to be `app`, and app 3, which has no plugins."""
    for folder in ("apps", "plugins.d"):
        (directory / folder).mkdir(exist_ok=True)
    (directory / "plugins.d" / "filtering.py").write_text(FILTERING)
    (directory / "server.toml").write_text(
        f'[server]\nport = 0\ndata_dir = "{directory}/data"\n[identity.demo]\n[plugins]\npath = ["plugins.d"]\n'
    )
    (directory / "apps" / "2.toml").write_text(f'id = 2\nidentity = "demo"\n{app}')
    (directory / "apps" / "3.toml").write_text('id = 3\nidentity = "demo"\nplugins = []\n')


@pytest.mark.gen_test(timeout=120)
async def test_a_plugins_own_regular_expression_is_cut_off_and_others_are_answered(tmp_path: Path) -> None:
    write(tmp_path, "plugins = [\"filtering\"]\n[plugin.filtering]\npatterns = ['(a+)+$']\n")
    process = await Process.start(tmp_path)
    eve, alice, bob = [await Client.connect(process.port) for _ in range(3)]
    for client, app_id, name in ((eve, 2, "eve"), (alice, 2, "alice"), (bob, 3, "bob")):
        await client.auth(app_id, name)
    for number in range(2):
        blocked = asyncio.ensure_future(eve.say(AAAA))
        answers = [bob.say(f"elsewhere {number}"), alice.say(f"here {number}"), blocked]
        assert await asyncio.wait_for(asyncio.gather(*answers), PATIENCE) == [None, None, "MESSAGE_REJECTED"]
    assert await eve.say("ordinary") is None
    said = [event[1]["text"] for event in alice.heard if event[0] == "new_message"]
    assert said == ["here 0", "here 1", "ordinary"]
    for client in (eve, alice, bob):
        await client.close()
    await process.stop()
    assert process.log.count("app 2: filter of plugin filtering was cut off") == 2
    assert f"plugin filtering is cut off at {tmp_path}/plugins.d/filtering.py line 11" in process.log


@pytest.mark.parametrize("pattern", EVIL)
def test_a_wordlist_takes_no_regular_expression(tmp_path: Path, pattern: str) -> None:
    write(tmp_path, f"plugins = [\"wordlist\"]\n[plugin.wordlist]\nwords = ['fine', '{pattern}']\n")
    command = [sys.executable, "-m", "tornado_chat", "serve", "--conf", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"{tmp_path}/apps/2.toml: plugin.wordlist" in ended.stderr
    assert repr(pattern) in ended.stderr


@pytest.mark.gen_test
async def test_a_running_server_takes_none_either_and_goes_on_with_its_old_list(
    serve: Any, connect: Any, make_config: Any, caplog: pytest.LogCaptureFixture
) -> None:
    app = 'plugins = ["wordlist"]\n[plugin.wordlist]\nwords = '
    config = make_config(app=f'{app}["bbb", "a a a"]', apps=(2,))
    server = await serve(config)
    async with beside_a_witness(server, connect, caplog):
        eve = await connect(server, token="token-eve")
        for pattern in EVIL:
            (config.directory / "apps" / "2.toml").write_text(f"id = 2\n{app}['{pattern}']\n")
            assert not await server.reload()
            assert await eve.say(AAAA) is None
            assert await eve.say("a " * 170 + "!") == "MESSAGE_REJECTED"
        assert caplog.text.count("can't be used") == len(EVIL)
