"""The chatbox's pages and files, as plain HTTP has them."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPResponse

from tests.inline import having
from tornado_chat import Gate, Pass, Reject, Role, Visitor
from tornado_chat.config import load_config
from tornado_chat.testing import ChatFixture
from tornado_chat.web.assets import BOX, accepts_gzip
from tornado_chat.web.catalogues import Catalogues
from tornado_chat.web.page import PageApp, data_block, render
from tornado_chat.web.pages import MAX_APPS, parse_apps
from tornado_chat.web.policy import page_policy

HOSTILE = "</script><script>alert(1)</script><!-- &amp; \u2028\u2029 \"'>{data}{title}"
TAGS = ("html", "head", "meta", "title", "link", "script", "body", "noscript")
BLOCK = re.compile(rb'<script type="application/json" id="page">(.*?)</script>', re.DOTALL)


async def get(server: Any, path: str, **options: Any) -> HTTPResponse:
    options.setdefault("decompress_response", False)
    return await AsyncHTTPClient().fetch(f"http://127.0.0.1:{server.port}{path}", raise_error=False, **options)


def data_of(answer: HTTPResponse) -> dict[str, Any]:
    """Return what the page's script is told."""
    assert answer.code == 200, answer.body
    (block,) = BLOCK.findall(answer.body)
    return json.loads(block)


def policy_of(answer: HTTPResponse) -> dict[str, str]:
    policy = answer.headers["Content-Security-Policy"]
    return {name: rest for name, _, rest in (part.strip().partition(" ") for part in policy.split(";"))}


@pytest.mark.gen_test
async def test_the_chats_page_has_what_its_script_needs(serve: Any, make_config: Any, connect: Any) -> None:
    app = 'origins = ["https://a.example"]\n[box]\ntitle = "Tea"\nlogin_url = "https://a.example/login"'
    server = await serve(make_config(app=app))
    alice = await connect(server, token="token-alice")
    for number in range(60):
        assert await alice.say(f"message {number}") is None
    answer = await get(server, "/chat/2")
    data = data_of(answer)
    assert (data["lang"], data["dir"], data["demo_users"]) == ("en", "ltr", None)
    assert data["apps"] == [
        {"id": 2, "title": "Tea", "login_url": "https://a.example/login", "origins": ["https://a.example"]}
    ]
    assert data["texts"]["composer.send"] == "Send"
    guest = await connect(server, token=None)
    room = guest.data["room"]
    assert [message["text"] for message in room["history"]] == [f"message {number}" for number in range(60)]
    times = [message.pop("at") for message in data["snapshot"]["room"]["history"]]
    assert times == [guest.times[number] for number in range(11, 61)]
    assert data["snapshot"]["room"] == room | {"history": room["history"][-50:]}
    assert data["snapshot"].keys() == {*guest.data, "now"}
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert b"<title>Tea</title>" in answer.body


@pytest.mark.gen_test
async def test_no_script_or_style_but_the_servers_files_may_run_and_the_apps_pages_may_show_it(
    serve: Any, make_config: Any
) -> None:
    app = 'origins = ["https://a.example", "https://*.b.example:8443", "http://localhost:*", "http://[::1]:3000"]'
    server = await serve(make_config(app=app))
    policy = policy_of(await get(server, "/chat/2"))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": "'self' data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
        "frame-ancestors": "'self' https://a.example https://*.b.example:8443 http://localhost:*",
    }
    assert policy_of(await get(server, "/moderate/2")) == policy | {"frame-ancestors": "'none'"}
    for path, ancestors in (("/chat/7", "*"), ("/chat/x", "*"), ("/moderate/7", "'none'")):
        assert policy_of(await get(server, path)) == {"default-src": "'none'", "frame-ancestors": ancestors}


@pytest.mark.parametrize(
    ("patterns", "said"),
    [
        ((), "'self'"),
        (("*",), "'self' *"),
        (("https://a..b", "https://.a", "http://[::1]:*", "https://a."), "'self'"),
        (("http://127.0.0.1:*", "https://a.example:443"), "'self' http://127.0.0.1:* https://a.example:443"),
    ],
)
def test_what_a_policy_can_not_say_is_left_out(patterns: tuple[str, ...], said: str) -> None:
    assert page_policy(patterns).endswith(f"; frame-ancestors {said}")


@pytest.mark.gen_test
async def test_texts_of_users_and_settings_end_nothing_and_begin_nothing(
    serve: Any, make_config: Any, connect: Any
) -> None:
    config = make_config(app=f"[box]\ntitle = {json.dumps(HOSTILE.replace(chr(0x2028) + chr(0x2029), ''))}")
    server = await serve(config)
    alice = await connect(server, token="token-alice")
    assert await alice.say(HOSTILE) is None
    answer = await get(server, "/chat/2")
    data = data_of(answer)
    assert data["snapshot"]["room"]["history"][0]["text"] == HOSTILE
    assert data["apps"][0]["title"] == HOSTILE.replace("\u2028\u2029", "")
    (block,) = BLOCK.findall(answer.body)
    assert [each for each in ("<", ">", "&", "\u2028", "\u2029") if each in block.decode()] == []
    outside = BLOCK.sub(b"", answer.body).decode()
    assert ",".join(re.findall(r"<(\w+)", outside)) == "html,head,meta,meta,title,link,link,script,body,noscript"
    (title,) = re.findall(r"<title>([^<]*)</title>", outside)
    assert unescape(title) == data["apps"][0]["title"]


def test_no_text_of_a_catalogue_or_an_address_is_markup(tmp_path: Path) -> None:
    texts = {"box.title": HOSTILE, "page.noscript": HOSTILE, "page.moderate": HOSTILE}
    (tmp_path / "en.json").write_text(json.dumps(texts), "utf-8")
    catalogue = Catalogues(tmp_path).choose("", "")
    addresses = dict.fromkeys(("chat.css", "chat.js", "moderate.css", "moderate.js"), '"><b>')
    for view in ("chat", "moderate"):
        page = render(view, [PageApp(2, "", "", [])], catalogue, addresses).decode()
        tags = re.findall(r"<(/?\w+|!)", re.sub(r'(?s)<script type="application.*?</script>', "", page))
        assert tags[0] == "!"
        assert {tag.strip("/") for tag in tags[1:]} == {*TAGS}
    assert json.loads(data_block({HOSTILE: [HOSTILE]})) == {HOSTILE: [HOSTILE]}


@pytest.mark.gen_test
async def test_the_moderators_page_has_several_apps_each_once(serve: Any, make_config: Any) -> None:
    server = await serve(make_config())
    data = data_of(await get(server, "/moderate/3,2,3"))
    assert ([app["id"] for app in data["apps"]], data["snapshot"]) == ([3, 2], None)
    answer = await get(server, "/moderate/2,7,9")
    assert (answer.code, answer.body) == (404, b"there is no app 7, 9 here\n")


@pytest.mark.parametrize(
    ("path", "apps"),
    [
        ("2", [2]),
        ("2,3", [2, 3]),
        ("9007199254740991", [2**53 - 1]),
        ("9007199254740992", None),
        (",".join(["2", *map(str, range(1, MAX_APPS + 1))]), [2, 1, *range(3, MAX_APPS + 1)]),
        (",".join(map(str, range(1, MAX_APPS + 2))), None),
        *[(path, None) for path in ("", "0", "02", "-1", "+1", "1.0", "1e3", " 2", "2 ", "2,", ",2", "٢", "²", "2\n")],
        *[(path, None) for path in ("2/", "2/3", "assets/", "__proto__", "2" * 17, "2," * 1000 + "2")],
    ],
)
def test_a_list_of_apps_is_nothing_else(path: str, apps: list[int] | None) -> None:
    assert parse_apps(path, MAX_APPS) == apps


@pytest.mark.gen_test
async def test_what_is_no_page_is_told_in_plain_text(serve: Any, make_config: Any) -> None:
    server = await serve(make_config())
    for path in ("/chat/7", "/chat/x", "/chat/", "/chat/2,3", "/moderate/", "/chat/%ff", "/chat/%3Cb%3E", "/chat/2%0a"):
        answer = await get(server, path)
        assert answer.code in {400, 404}
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert b"<" not in answer.body
    for path in ("/chat/2", "/embed.js", "/chat/assets/x.js"):
        answer = await get(server, path, method="POST", body=b"")
        assert (answer.code, answer.headers["Content-Type"]) == (405, "text/plain; charset=utf-8")


@pytest.mark.gen_test
async def test_head_is_get_without_the_body(serve: Any, make_config: Any) -> None:
    server = await serve(make_config())
    for path in ("/chat/2", "/moderate/2", "/embed.js", "/chat/7", "/chat/assets/none.js"):
        whole, head = await get(server, path), await get(server, path, method="HEAD")
        assert (head.code, head.body) == (whole.code, b"")
        for name in ("Content-Length", "Content-Type", "Content-Security-Policy", "Etag"):
            assert head.headers.get(name) == whole.headers.get(name)


@pytest.mark.gen_test
async def test_the_pages_files_are_kept_for_ever_and_packed_for_who_can_unpack(serve: Any, make_config: Any) -> None:
    server = await serve(make_config())
    page = (await get(server, "/chat/2")).body.decode()
    addresses = re.findall(r'(?:src|href)="(/chat/assets/[^"]+)"', page)
    assert [re.sub(r"\.[0-9a-f]{16}\.", ".", address) for address in addresses] == [
        "/chat/assets/chat.css",
        "/chat/assets/chat.js",
    ]
    for address in addresses:
        name = re.sub(r"\.[0-9a-f]{16}\.", ".", address.rpartition("/")[2])
        plain = await get(server, address)
        packed = await get(server, address, headers={"Accept-Encoding": "br, gzip"})
        assert plain.body == gzip.decompress(packed.body) == (BOX / name).read_bytes()
        assert packed.headers["Content-Encoding"] == "gzip"
        assert "Content-Encoding" not in plain.headers
        assert plain.headers["Etag"] != packed.headers["Etag"]
        for answer in (plain, packed):
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert answer.headers["Vary"] == "Accept-Encoding"
        assert plain.headers["Content-Type"].startswith("text/css" if name == "chat.css" else "text/javascript")
    for path in ("chat.js", addresses[1].rpartition("/")[2].replace(".js", ".css"), "../../client.py", "%2e%2e/x"):
        assert (await get(server, f"/chat/assets/{path}")).code in {400, 404}


@pytest.mark.gen_test
async def test_embed_js_is_asked_for_again_after_a_while(serve: Any, make_config: Any) -> None:
    server = await serve(make_config())
    first = await get(server, "/embed.js", headers={"Accept-Encoding": "gzip"})
    assert first.headers["Cache-Control"] == "public, max-age=300"
    assert gzip.decompress(first.body) == (BOX / "embed.js").read_bytes()
    headers = {"If-None-Match": first.headers["Etag"]}
    again = await get(server, "/embed.js", headers=headers | {"Accept-Encoding": "gzip"})
    assert (again.code, again.body) == (304, b"")
    assert (await get(server, "/embed.js", headers=headers)).code == 200


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("gzip", True),
        ("br;q=1.0, GZIP;q=0.8, *;q=0.1", True),
        ("*", True),
        ("x-gzip", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("gzip;q=x", False),
        ("gzipped", False),
        ("," * 5000, False),
    ],
)
def test_gzip_is_sent_to_who_says_so(header: str, wanted: bool) -> None:
    assert accepts_gzip(header) is wanted


@pytest.mark.gen_test
async def test_a_page_is_packed_too(serve: Any, make_config: Any) -> None:
    server = await serve(make_config())
    answer = await get(server, "/chat/2", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert BLOCK.search(gzip.decompress(answer.body))


@pytest.mark.gen_test
async def test_the_default_files_apps_are_those_that_the_site_knows(
    serve: Any, make_config: Any, connect: Any, api: Any
) -> None:
    folder = make_config(apps=(2,)).directory
    (folder / "apps" / "default.toml").write_text('plugins = ["mute"]\n')
    server = await serve(load_config(folder))
    api.mood = "error500"
    assert data_of(await get(server, "/chat/2"))["snapshot"] is not None  # nobody has to be asked
    answer = await get(server, "/chat/3")
    assert (answer.code, answer.headers["Retry-After"]) == (503, "5")
    assert policy_of(answer) == {"default-src": "'none'", "frame-ancestors": "*"}
    assert b"can't be told" in answer.body
    assert (await get(server, "/moderate/2,3")).code == 503
    api.mood = "ok"
    server = await serve(load_config(folder))  # one whose breaker is whole
    assert (await get(server, "/chat/7")).code == 404
    for _ in range(2):
        assert data_of(await get(server, "/chat/3"))["snapshot"] is None  # nobody is there, and no room is made
    assert [chat.app_id for chat in server._registry.chats] == [2]
    alice = await connect(server, token="token-alice", app_id=3)
    assert await alice.say("hello") is None
    (message,) = data_of(await get(server, "/chat/3"))["snapshot"]["room"]["history"]
    assert message["text"] == "hello"
    assert api.calls["/v1/apps/7"] == 1


@pytest.mark.gen_test
async def test_a_site_that_does_not_answer_is_not_waited_for(
    serve: Any, make_config: Any, api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tornado_chat.web.pages.LOOKUP_SECONDS", 0.05)
    folder = make_config(apps=(2,)).directory
    (folder / "apps" / "default.toml").write_text('plugins = ["mute"]\n')
    server = await serve(load_config(folder))
    api.mood = "slow"
    assert (await get(server, "/chat/3")).code == 503


@pytest.mark.gen_test
async def test_who_is_banned_is_given_no_messages(serve: Any, make_config: Any, connect: Any) -> None:
    server = await serve(
        make_config(app='plugins = ["mute", "ban"]', server='trusted_proxies = ["127.0.0.1"]'),
    )
    bob = await connect(server, token="token-bob", headers={"X-Forwarded-For": "203.0.113.1"})
    assert await bob.say("hello") is None
    assert await bob.say("/ban 203.0.113.7") is None
    for address, given in (("203.0.113.7", False), ("203.0.113.8", True), ("1.2.3.4, 203.0.113.7", False)):
        answer = await get(server, "/chat/2", headers={"X-Forwarded-For": address})
        assert (data_of(answer)["snapshot"] is not None) is given


@pytest.mark.gen_test
async def test_whom_a_gate_keeps_out_is_given_no_messages(chat: ChatFixture) -> None:
    asked: list[Visitor] = []

    async def join(visitor: Visitor) -> Pass | Reject:
        asked.append(visitor)
        return Reject("members only") if visitor.user is None and visitor.address == "192.0.2.1" else Pass()

    await chat.open(having(Gate(join=join)))
    alice = await chat.join("alice")
    await alice.say("hello")
    assert await chat.chat.preview("192.0.2.1", 50) is None
    shown = await chat.chat.preview("192.0.2.2", 50)
    assert shown is not None
    assert asked[-2:] == [Visitor(None, "192.0.2.1"), Visitor(None, "192.0.2.2")]


@pytest.mark.gen_test
async def test_a_gate_that_takes_its_time_costs_the_messages_and_not_the_page(
    serve: Any, make_config: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tornado_chat.web.pages.PREVIEW_SECONDS", 0.05)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "sleepy.py").write_text(
        "import asyncio\nfrom tornado_chat import Gate, hookimpl\n\n@hookimpl\ndef register_gates(api):\n"
        "    async def join(visitor):\n        await asyncio.Event().wait()\n    return [Gate(join=join)]\n"
    )
    plugins = f'[plugins]\npath = ["{tmp_path / "more"}"]'
    server = await serve(make_config(app='plugins = ["sleepy"]\n[plugin.sleepy]\ntimeout_ms = 10000', plugins=plugins))
    assert data_of(await get(server, "/chat/2"))["snapshot"] is None
    (chat,) = [chat for chat in server._registry.chats if chat.app_id == 2]
    assert chat.plugins.supervisor.in_flight == 0
    assert chat.plugins.supervisor.failures == {}


@pytest.mark.gen_test
async def test_shadowed_messages_are_in_no_page_and_do_not_take_others_places(chat: ChatFixture) -> None:
    await chat.open("shadow", "mute")
    bob, eve, alice = await chat.join("bob", Role.MOD), await chat.join("eve"), await chat.join("alice")
    for number in range(3):
        await alice.say(f"seen {number}")
    await bob.say("/shadow eve")
    for number in range(3):
        await eve.say(f"unseen {number}")
    shown = await chat.chat.preview("", 2)
    assert shown is not None
    history = json.loads(bytes(shown["room"]))["history"]
    assert [message["text"] for message in history] == ["seen 1", "seen 2"]


@pytest.mark.gen_test
async def test_the_page_speaks_the_visitors_language(serve: Any, make_config: Any) -> None:
    server = await serve(make_config())
    for path, accepted, lang in (
        ("/chat/2", "de-AT,de;q=0.9,en;q=0.8", "de"),
        ("/chat/2", "fr, xx, de;q=0.1", "de"),
        ("/chat/2?lang=en", "de", "en"),
        ("/chat/2?lang=xx", "de", "de"),
        ("/chat/2?lang=%ff%00", "", "en"),
        ("/moderate/2?lang=de-CH&lang=en", "", "de"),
    ):
        answer = await get(server, path, headers={"Accept-Language": accepted})
        data = data_of(answer)
        assert (data["lang"], answer.headers["Content-Language"]) == (lang, lang)
        assert f'<html lang="{lang}" dir="ltr">'.encode() in answer.body
        assert data["texts"]["composer.send"] == ("Senden" if lang == "de" else "Send")


@pytest.mark.parametrize(
    ("asked", "accepted", "lang"),
    [
        ("", "", "en"),
        ("DE", "", "de"),
        ("de_AT", "", "en"),
        ("", "*", "en"),
        ("", "de;q=0, en", "en"),
        ("", "de;q=0", "en"),
        ("", "en;q=0.1, de;q=0.2", "de"),
        ("", "en;q=0.5, de;q=0.5", "en"),
        ("", "de;q=9", "en"),
        ("", "de;q=1.0000, de;q=nan, de;q=1e9, de ; q = 0.3", "de"),
        ("", "he-IL", "he"),
        ("", ",".join(["xx"] * 40 + ["de"]), "en"),
        ("", "\x00, \xff, -, --, de--AT, " + "x" * 5000, "en"),
        ("", ";" * 10_000, "en"),
        ("../../secret", "../en", "en"),
    ],
)
def test_a_language_is_chosen_whatever_is_sent(asked: str, accepted: str, lang: str, tmp_path: Path) -> None:
    for each in ("en", "de", "he"):
        (tmp_path / f"{each}.json").write_text('{"a": "b"}' if each == "en" else "{}")
    chosen = Catalogues(tmp_path).choose(asked, accepted)
    assert (chosen.lang, chosen.direction) == (lang, "rtl" if lang == "he" else "ltr")
    assert chosen.texts == {"a": "b"}  # what it doesn't have is there in English


@pytest.mark.gen_test
async def test_a_new_title_is_shown_after_a_reload(serve: Any, make_config: Any) -> None:
    config = make_config(apps=(2,))
    server = await serve(config)
    data = data_of(await get(server, "/chat/2"))
    assert (data["apps"][0]["title"], data["apps"][0]["login_url"]) == ("", "")
    more = '[box]\ntitle = "Tea"\nlogin_url = "https://a.example/"\n'
    make_config(apps=(2,), app=f'origins = ["https://b.example"]\n{more}')
    assert await server.reload()
    answer = await get(server, "/chat/2")
    assert data_of(answer)["apps"][0] == {
        "id": 2,
        "title": "Tea",
        "login_url": "https://a.example/",
        "origins": ["https://b.example"],
    }
    assert policy_of(answer)["frame-ancestors"] == "'self' https://b.example"


@pytest.mark.gen_test
async def test_demo_users_are_told_where_they_are_the_apps_users(serve: Any, make_config: Any) -> None:
    folder = make_config(identity="[identity.demo]\n", app='identity = "demo"').directory
    data = data_of(await get(await serve(load_config(folder)), "/chat/2"))
    assert {"token": "bob", "uname": "bob", "role": "mod"} in data["demo_users"]


@pytest.mark.gen_test
async def test_many_requests_at_once_are_answered_and_leave_nothing_behind(serve: Any, make_config: Any) -> None:
    server = await serve(make_config())
    await get(server, "/chat/2")
    tasks = len(asyncio.all_tasks())
    answers = await asyncio.gather(*(get(server, f"/chat/{number % 4 + 1}") for number in range(100)))
    assert {answer.code for answer in answers} == {200, 404}
    assert len(asyncio.all_tasks()) <= tasks
    assert len(server._registry.chats) == 2


@pytest.mark.gen_test
@pytest.mark.parametrize("lang", ["en", "de"])
@pytest.mark.parametrize("view", ["chat", "moderate"])
async def test_all_that_the_chatbox_is_has_less_than_forty_kilobytes(
    serve: Any, make_config: Any, view: str, lang: str
) -> None:
    server = await serve(make_config())
    page = await get(server, f"/{view}/2?lang={lang}")
    files = re.findall(rb'(?:src|href)="([^"]+)"', page.body) + [b"/embed.js"] * (view == "chat")
    sizes = {"page": len(gzip.compress(page.body, 9))}
    for name in files:
        if name.startswith(b"/"):
            sizes[name.decode()] = len(gzip.compress((await get(server, name.decode())).body, 9))
    assert len(sizes) == (4 if view == "chat" else 3)
    assert sum(sizes.values()) < 40_000, sizes
