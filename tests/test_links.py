"""What is a link in a text, however it is written, and what only looks like one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.work import steps
from tornado_chat import Link, canonical_host, find_links, is_public_suffix, readable_host

KNOWN = frozenset({"t.me", "discord.gg", "evil.so"})


def hosts(text: str) -> list[str]:
    return [link.host for link in find_links(text, KNOWN)]


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("http://example.com", "example.com"),
        ("HTTPS://EXAMPLE.COM/Path", "example.com"),
        ("see example.com/path now", "example.com"),
        ("Example.Com", "example.com"),
        ("go example.com.", "example.com"),
        ("(example.com)", "example.com"),
        ("example.com:8080/x", "example.com"),
        ("example.com?ref=me", "example.com"),
        ("site=example.net", "example.net"),
        ("//example.com", "example.com"),
        ("example.com.Then we left", "example.com"),
        ("example.com-join", "example.com"),
        ("example.com_join", "example.com"),
        ("点击example.com领取", "example.com"),
        ("https://example.com领取", "example.com"),
        ("www.example.photography", "www.example.photography"),
        ("sub.deep.example.org", "sub.deep.example.org"),
        ("foo.co.uk", "foo.co.uk"),
        ("ducks77.xyz", "ducks77.xyz"),
        ("lounge.casino", "lounge.casino"),
        ("x.vercel.app", "x.vercel.app"),
        ("lounge.example", "lounge.example"),
        ("http://localhost:3000", "localhost"),
        ("ftp://files.example.org", "files.example.org"),
        ("steam://connect/x", "connect"),
        # without what a browser needs
        ("hxxps://evil.example/x", "evil.example"),
        ("h**p://evil.example", "evil.example"),
        ("h t t p s : / / 192.0.2.7", "192.0.2.7"),
        ("http:\\\\evil.example", "evil.example"),
        ("https:/evil.example", "evil.example"),
        ("evil[.]example", "evil.example"),
        ("evil [dot] so", "evil.so"),
        ("evil (dot) co (dot) uk", "evil.co.uk"),
        ("evil{dot}example", "evil.example"),
        ("hxxp://evil[.]example[.]org/x", "evil.example.org"),
        ("evil dot com", "evil.com"),
        ("www dot evil dot com", "www.evil.com"),
        ("evil . com", "evil.com"),
        ("evil .com", "evil.com"),
        ("evil. com/join", "evil.com"),
        ("visit evil.com . then", "evil.com"),
        ("discord . gg / abc", "discord.gg"),
        # other dots, letters and what can't be seen
        ("example。com", "example.com"),
        ("example．com", "example.com"),
        ("example｡com", "example.com"),
        ("example․com", "example.com"),
        ("example•com", "example.com"),
        ("ｅｘａｍｐｌｅ.com", "example.com"),
        ("ex\u200bample.c\u2060om", "example.com"),
        ("https://exam\u00adple.com", "example.com"),
        ("https://exámple.com", "xn--exmple-qta.com"),
        ("https://еxample.com", "xn--xample-2of.com"),
        ("example.сom", "example.xn--om-nmc"),
        ("https://xn--xample-2of.com", "xn--xample-2of.com"),
        ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
        ("https://%65xample.com/%77in", "example.com"),
        ("https://evil%2Eexample/", "evil.example"),
        # what stands before an @ is a user's name
        ("https://google.com@evil.example/", "evil.example"),
        ("https://login.example.com:443@evil.example/x", "evil.example"),
        ("https://www.example.com%2F@evil.example", "evil.example"),
        ("https://a:b@evil.example/free", "evil.example"),
        ("bob@evil.example/x", "evil.example"),
        # addresses, in all forms that browsers take
        ("http://192.0.2.10/win", "192.0.2.10"),
        ("http://192.0.2.10./x", "192.0.2.10"),
        ("203.0.113.5/free", "203.0.113.5"),
        ("go to 198.51.100.20:3000", "198.51.100.20"),
        ("http://3221225994/", "192.0.2.10"),
        ("http://0xC0000202/", "192.0.2.2"),
        ("http://0300.0.02.012/", "192.0.2.10"),
        ("http://192.0.522/", "192.0.2.10"),
        ("http://[2001:DB8::1]:8080/join", "2001:db8::1"),
        ("http://[::ffff:192.0.2.1]/", "::ffff:c000:201"),
        # known names
        ("t.me", "t.me"),
        ("sub.evil.so", "sub.evil.so"),
    ],
)
def test_it_is_a_link(text: str, host: str) -> None:
    assert hosts(text) == [host]
    assert hosts(f"hello, {text} and so on")[:1] == [host]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ok.So what",
        "hello.I am here",
        "I did.it is done.now",
        "main.py, setup.sh, readme.md, lib.rs",
        "main.py:12",
        "src/main.py/foo",
        "libc.so.6",
        "index.ai",
        "version 1.2.3, v2.0.1-rc.1",
        "e.g. this, i.e. that, a.m., U.S.A., Ph.D.",
        "node.js, asp.net, socket.io, com.example.app",
        "console.log(1) logger.info(2) os.path user.name",
        "3.50 at 12.30, 1.000.000",
        "wait...what hmm..ok . . .",
        "bob@example.com",
        "git@github.com:foo/bar.git",
        "@john.live",
        "Mr.Smith, Dr.Who, St.Gallen",
        "1.e4 e5 2.Nf3 52...Bxb6",
        "192.168.0.1 and 10.0.0.0/8",
        "I use dot net, the dot com bubble",
        "well . you know",
        "我爱你。中国很大",
        "いいね。そうだね",
        "col·lecció",
        "(.)(.) (・ω・) ヽ(.◕ ヮ ◕.)ﾉ",
        "C:\\Users\\me\\foo.zip",
        "http:// https:// www. :/ ://",
        "gg.wp nice.gg tell.me",
        "kate.smith",
        "etc.and so on",
        "file:///etc/hosts",
    ],
)
def test_it_is_no_link(text: str) -> None:
    assert hosts(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("https://example.com/redirect?url=https%3A%2F%2Fevil.example", ["example.com", "evil.example"]),
        ("https://example.com/r?u=%2568ttps%253A%252F%252Fevil.example", ["example.com", "evil.example"]),
        ("https://example.com/out/?to=//evil.example", ["example.com", "evil.example"]),
        ("https://example.com/?to=evil.example", ["example.com", "evil.example"]),
        ("https://example.com/#https://evil.example", ["example.com", "evil.example"]),
        ("https://web.example/2020/http://evil.example/x", ["web.example", "evil.example"]),
        ("https://example.com/wiki/Evil.com", ["example.com"]),
        ("https://example.com/a//b/c.html?file=readme.md", ["example.com"]),
        # programs don't agree where these lead to
        ("https://example.com\\@evil.example", ["example.com", "evil.example"]),
        ("https://example.com#@evil.example", ["example.com", "evil.example"]),
    ],
)
def test_where_a_link_leads_on_to_is_a_link_too(text: str, found: list[str]) -> None:
    assert hosts(text) == found


def test_a_link_has_its_path_in_small_letters_and_a_host_for_people() -> None:
    assert find_links("(see https://Пример.рф/Some/Path?x=1).") == [
        Link("xn--e1afmkfd.xn--p1ai", "/some/path?x=1", "пример.рф")
    ]
    assert find_links("two: a.example, b.example/x!") == [
        Link("a.example", "", "a.example"),
        Link("b.example", "/x", "b.example"),
    ]


def test_hosts_have_one_form() -> None:
    assert canonical_host("ПРИМЕР.рф.") == canonical_host("xn--e1afmkfd.xn--p1ai") == "xn--e1afmkfd.xn--p1ai"
    assert canonical_host("0x7f.1") == "127.0.0.1"
    assert canonical_host("straße.example") != canonical_host("strasse.example")
    assert [canonical_host(text) for text in ("", ".", "a b", "a/b", "[::g]", "@")] == [None] * 6
    assert readable_host("xn--e1afmkfd.xn--p1ai") == "пример.рф"
    assert readable_host("xn--\u0080.example") == "xn--\u0080.example"
    assert readable_host("a.xn--999999999999.b") == "a.xn--999999999999.b"


def test_public_suffixes_come_from_the_list() -> None:
    assert [is_public_suffix(host) for host in ("com", "co.uk", "example.com", "github.io", "lounge.example")] == [
        True,
        True,
        False,
        False,
        False,
    ]


@given(st.text(max_size=350))
def test_no_text_breaks_it(text: str) -> None:
    for link in find_links(text):
        assert link.host
        assert link.host.isascii() or "xn--" in link.host
        readable_host(link.host)
    canonical_host(text)


@given(
    st.lists(
        st.sampled_from(
            ["http://", "a", ".", "com", "@", "[.]", " dot ", "/", ":", "%2e", "[", "]", "0x", "9", "\\", " "]
        )
    ).map("".join)
)
def test_no_mixture_of_the_parts_of_links_breaks_it(text: str) -> None:
    for link in find_links(text[:350]):
        assert canonical_host(link.host if ":" not in link.host else f"[{link.host}]") == link.host


@pytest.mark.parametrize(
    "part",
    [
        "a . ",
        "a.b.",
        "[.]",
        "http://",
        "a dot ",
        ".",
        " ",
        "@a.com",
        "=/a.b//",
        "a.b a.b . ",
        "。a",
        "((((.d",
        "h t t p ",
    ],
)
def test_the_work_is_linear(part: str) -> None:
    text = part * 5000
    one = steps(lambda: find_links(text[:5_000]))
    assert steps(lambda: find_links(text[:20_000])) < 5 * one + 200
