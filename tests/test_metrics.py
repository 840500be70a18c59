"""/metrics: what Prometheus reads of the server and of plugins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tornado.httpclient import AsyncHTTPClient

PLUGIN = """
from tornado_chat import Filter, Pass, hookimpl

@hookimpl
def register_filters(api):
    async def check(draft):
        if draft.text == "boom":
            raise KeyError
        with api.timed("check"):
            api.count("checked")
        return Pass()
    return [Filter(check)]
"""


async def read(server: Any) -> dict[tuple[str, str], float]:
    """Return each sample by its name and labels."""
    answer = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{server.port}/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }


@pytest.mark.gen_test
async def test_what_happens_is_counted(serve: Any, connect: Any, make_config: Any, tmp_path: Path) -> None:
    (tmp_path / "conf" / "more").mkdir(parents=True)
    (tmp_path / "conf" / "more" / "judge.py").write_text(PLUGIN)
    server = await serve(make_config(app='plugins = ["judge"]', plugins='[plugins]\npath = ["more"]'))
    alice = await connect(server, token="token-alice")
    for text in ("hello", "again", *["boom"] * 6):
        await alice.say(text)
    found = await read(server)
    labels = "app=2,plugin=judge"
    assert found["tornado_chat_connections", ""] == 1
    assert found["tornado_chat_plugin_failures_total", labels] == 6
    assert found["tornado_chat_plugin_suspensions_total", labels] == 1
    assert found["tornado_chat_plugin_count_total", "app=2,name=checked,plugin=judge"] == 2
    assert found["tornado_chat_plugin_seconds_count", "app=2,name=check,plugin=judge"] == 2
    assert 0 < found["tornado_chat_plugin_seconds_sum", "app=2,name=check,plugin=judge"] < 1
    assert found["tornado_chat_plugin_dropped_total", "app=2"] == 0


@pytest.mark.gen_test
async def test_reloads_are_counted_and_two_servers_are_apart(serve: Any, make_config: Any) -> None:
    config = make_config()
    first, second = await serve(config), await serve(config)
    assert await first.reload()
    app_file = config.directory / "apps" / "2.toml"
    app_file.write_text("id = 2\nplugins = ['nowhere']\n")
    assert not await first.reload()
    found = await read(first)
    assert found["tornado_chat_reloads_total", "result=done"] == 1
    assert found["tornado_chat_reloads_total", "result=failed"] == 1
    assert ("tornado_chat_reloads_total", "result=done") not in await read(second)
