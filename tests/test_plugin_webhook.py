"""The webhook, against a real server: what is sent, how it is signed, and when it is tried again."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from tornado.httpserver import HTTPServer
from tornado.locks import Condition
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

import tornado_chat_plugins.webhook as webhook
from tests.chats import load_plugin, make_chat, make_services
from tests.inline import filtering
from tornado_chat import HttpError, Joined, Mute, Muted, PluginApi, Reject, Role, Strike, User
from tornado_chat.addresses import Reach
from tornado_chat.errors import ConfigError
from tornado_chat.http_client import RequestsHttpClient
from tornado_chat.manual_clock import NEW_YEAR
from tornado_chat.testing import ChatFixture

PAGE = (Path(__file__).parent.parent / "plugins" / "README.md").read_text("utf-8")
SECRET = "s3cret"
EVE = User(5, "eve", Role.MEMBER)


class Receiver(RequestHandler):
    """Keeps what it is sent, and answers with the next of `statuses`, then 204."""

    def initialize(self, got: list[Any], statuses: list[int], came: Condition) -> None:
        self.got, self.statuses, self.came = got, statuses, came

    def post(self) -> None:
        self.got.append((dict(self.request.headers), self.request.body))
        self.set_status(self.statuses.pop(0) if self.statuses else 204)
        self.came.notify_all()


class Site:
    def __init__(self) -> None:
        self.got: list[Any] = []
        self.statuses: list[int] = []
        self.came = Condition()
        kept = {"got": self.got, "statuses": self.statuses, "came": self.came}
        self.server = HTTPServer(Application([("/hook", Receiver, kept)]))
        sockets = bind_sockets(0, "127.0.0.1")
        self.server.add_sockets(sockets)
        self.url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}/hook"


@pytest.fixture
def site(io_loop: Any, run: Callable[[Awaitable[Any]], Any]) -> Iterator[Site]:
    site = Site()
    yield site
    site.server.stop()
    run(site.server.close_all_connections())


class Sender:
    """A hook of the plugin with its real api and client, whose pauses are only noted."""

    def __init__(self, url: str, **options: Any) -> None:
        loaded = load_plugin("webhook", make_services(), url=url, **options)
        self.api: PluginApi = loaded.apis["webhook"]
        self.pauses: list[float] = []
        self.hook = webhook.Hook(self.api, self._pause)

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    @property
    def counted(self) -> dict[str, float]:
        return dict(self.api._metrics.counters)


@pytest.mark.gen_test
async def test_a_happening_is_sent_and_signed(site: Site) -> None:
    sender = Sender(site.url, secret=SECRET)
    mute = Mute(2, "eve", 10, NEW_YEAR, "bob", Role.MOD, "sp\u00e4m", NEW_YEAR)
    await sender.hook.send("muted", Muted(mute))
    ((headers, body),) = site.got
    sent = json.loads(body)
    assert (sent["event"], sent["app_id"]) == ("muted", 2)
    assert sent["data"]["mute"]["uname"] == "eve"
    assert sent["data"]["mute"]["reason"] == "sp\u00e4m"
    assert headers["X-Tornado-Chat-Event"] == "muted"
    assert headers["Content-Type"] == "application/json"
    assert sender.counted == {"sent": 1}
    (code,) = re.findall(r"^```python webhook\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    scope: dict[str, Any] = {}
    exec(code, scope)
    scope["time"] = type("time", (), {"time": lambda: int(headers["X-Tornado-Chat-Timestamp"]) + 10})
    check = scope["is_from_the_chat"]
    assert check(headers, body, SECRET)
    assert not check(headers, body + b" ", SECRET)
    assert not check(headers, body, "other")
    scope["time"] = time
    assert not check({**headers, "X-Tornado-Chat-Timestamp": "1"}, body, SECRET)
    await sender.api._close()


@pytest.mark.gen_test
async def test_without_a_secret_nothing_is_signed(site: Site) -> None:
    sender = Sender(site.url)
    await sender.hook.send("joined", Joined(EVE))
    assert "X-Tornado-Chat-Signature" not in site.got[0][0]
    await sender.api._close()


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("statuses", "pauses", "counted"),
    [
        ([500], [1.0], {"sent": 1}),
        ([503, 429], [1.0, 2.0], {"sent": 1}),
        ([408, 500, 500], [1.0, 2.0, 4.0], {"sent": 1}),
        ([500, 500, 500, 500], [1.0, 2.0, 4.0], {"failed": 1}),
        ([302, 302, 302, 302], [1.0, 2.0, 4.0], {"failed": 1}),
        ([400], [], {"failed": 1}),
        ([500, 404], [1.0], {"failed": 1}),
    ],
)
async def test_what_fails_is_tried_again_unless_it_would_fail_again(
    site: Site, statuses: list[int], pauses: list[float], counted: dict[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    sender = Sender(site.url, tries=4, secret=SECRET)
    site.statuses += statuses
    await sender.hook.send("joined", Joined(EVE))
    assert sender.pauses == pauses
    assert sender.counted == counted
    assert len({headers["X-Tornado-Chat-Delivery"] for headers, _ in site.got}) == 1
    assert ("could not be sent" in caplog.text) == ("failed" in counted)
    assert SECRET not in caplog.text
    await sender.api._close()


@pytest.mark.gen_test
async def test_a_server_that_is_not_there_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    sender = Sender("http://127.0.0.1:9/hook?key=s3cret", tries=2)
    await sender.hook.send("joined", Joined(EVE))
    assert sender.counted == {"failed": 1}
    assert "POST http://127.0.0.1:9/hook: ConnectionBroke" in caplog.text or "ConnectionError" in caplog.text
    assert "s3cret" not in caplog.text
    await sender.api._close()


@pytest.mark.gen_test
async def test_in_a_chat_it_tells_what_it_is_asked_to(chat: ChatFixture) -> None:
    url = "https://example.com/hook"
    chat.http.answer(url)
    await chat.open("mute", "webhook", options={"webhook": {"url": url, "events": ["joined", "posted", "muted"]}})
    bob = await chat.join("bob", role="mod")
    await bob.say("hello")
    await bob.say("/mute eve")
    await bob.say("/unmute eve")
    assert [json.loads(body)["event"] for _, _, body in chat.http.requests] == ["joined", "posted", "muted"]
    chat.http.answers[url] = HttpError("away")
    assert (await bob.say("hello again")).ack is None


@pytest.mark.gen_test
async def test_bans_modes_strikes_alerts_and_the_audit_log_are_told(chat: ChatFixture) -> None:
    url = "https://example.com/hook"
    chat.http.answer(url)
    events = ["banned", "unbanned", "mode_changed", "struck", "alerted", "recorded"]
    judge = filtering(Reject("no", actions=(Strike("begging"),)))
    await chat.open(judge, "webhook", options={"webhook": {"url": url, "events": events, "secret": SECRET}})
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    assert eve.user is not None
    assert bob.user is not None
    api = chat.api("webhook")
    await eve.say("a coin?")
    await api.turn_on(bob.user, "slow", 5)
    await api.alert("look")
    await api.ban(bob.user, "eve", 60, "enough")
    await api.unban(bob.user, "eve")
    await chat.settle()
    sent = [json.loads(body) for _, _, body in chat.http.requests]
    found = {each["event"]: each["data"] for each in sent if each["event"] != "recorded"}
    assert (found["struck"]["user"]["uname"], found["struck"]["plugin"], found["struck"]["reason"]) == (
        "eve",
        "judge",
        "begging",
    )
    assert (found["mode_changed"]["mode"]["name"], found["mode_changed"]["on"], found["mode_changed"]["by"]) == (
        "slow",
        True,
        "bob",
    )
    assert found["alerted"] == {"plugin": "webhook", "text": "look"}
    assert (found["banned"]["ban"]["target"], found["banned"]["ban"]["reason"]) == ("eve", "enough")
    assert found["unbanned"] == {"target": "eve", "by": "bob"}
    recorded = [each["data"]["entry"]["action"] for each in sent if each["event"] == "recorded"]
    assert recorded == ["slow on", "ban", "unban"]


@pytest.mark.gen_test
async def test_alerts_are_sent_unless_one_says_otherwise(chat: ChatFixture) -> None:
    url = "https://example.com/hook"
    chat.http.answer(url)
    await chat.open("webhook", options={"webhook": {"url": url}})
    await chat.api("webhook").alert("look")
    await chat.settle()
    assert [json.loads(body)["event"] for _, _, body in chat.http.requests] == ["alerted"]


@pytest.mark.gen_test
async def test_what_is_not_on_the_public_internet_is_not_sent_to(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    services = make_chat().services(lambda: RequestsHttpClient(reach=Reach([])))
    api = load_plugin("webhook", services, url=site.url, tries=1).apis["webhook"]
    await webhook.Hook(api).send("joined", Joined(EVE))
    assert site.got == []
    assert "plugins may not ask 127.0.0.1; to let them, add it to plugins.reach" in caplog.text
    await api._close()


def test_every_event_that_may_be_named_is_one() -> None:
    assert set(webhook.KINDS) == set(get_args(webhook.Kind))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "plugin.webhook.url: missing"),
        ({"url": "ftp://x"}, "plugin.webhook.url: expected a URL such as"),
        ({"url": "http://x", "events": ["mutde"]}, "is none of: posted, rejected, held"),
        ({"url": "http://x", "tries": 9}, "plugin.webhook.tries"),
        ({"url": "http://x", "timeout": 11}, "plugin.webhook.timeout"),
    ],
)
def test_options_that_do_not_fit_are_named(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_plugin("webhook", **options)
    assert told in str(caught.value)


@pytest.mark.gen_test
async def test_the_client_is_the_real_one(site: Site) -> None:
    sender = Sender(site.url)
    assert isinstance(sender.api.http, RequestsHttpClient)
    assert sender.api.http is sender.api.http
    await sender.api._close()
