"""Which pages may connect: patterns, their wildcards, and origins that only look right."""

from __future__ import annotations

import pytest

from tornado_chat.origins import Origins


@pytest.mark.parametrize(
    ("pattern", "origin"),
    [
        ("https://good.example", "https://good.example"),
        ("http://good.example:8080", "http://good.example:8080"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://*.good.example", "https://dice.good.example"),
        ("https://*.good.example", "https://a.b-1.good.example"),
        ("https://*.good.example:8443", "https://dice.good.example:8443"),
        ("http://localhost:*", "http://localhost:3000"),
        ("http://localhost:*", "http://localhost"),
        ("http://[::1]:*", "http://[::1]:3000"),
        ("https://*.good.example:*", "https://dice.good.example:1"),
        ("*", "https://evil.example"),
        ("*", "null"),
    ],
)
def test_an_origin_that_fits_is_allowed(pattern: str, origin: str) -> None:
    assert Origins([pattern]).allow(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "https://good.example.evil",
        "https://good.example.evil.com",
        "https://evil-good.example",
        "https://evil.com/good.example",
        "https://evil.com#good.example",
        "https://good.example@evil.com",
        "https://goodxexample",
        "https://dice.good.example",
        "http://good.example",
        "https://good.example:8443",
        "https://good.example:443@evil.com",
        "https://good.example/",
        "https://good.example\n",
        " https://good.example",
        "https://good.example, https://evil.com",
        "https://\u0261ood.example",
        "good.example",
        "null",
        "",
    ],
    ids=ascii,
)
def test_an_origin_that_only_looks_right_is_refused(origin: str) -> None:
    assert not Origins(["https://good.example"]).allow(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "https://good.example",
        "https://.good.example",
        "https://..good.example",
        "https://evilgood.example",
        "https://dicexgood.example",
        "https://dice.good.example.evil",
        "https://evil.com/.good.example",
        "https://evil.com?.good.example",
        "https://evil.com\\.good.example",
        "https://user@dice.good.example",
        "https://dice.good.example:8443",
        "http://dice.good.example",
        "https://dice.good.example\n",
        "null",
    ],
    ids=ascii,
)
def test_a_wildcard_stands_for_subdomains_and_nothing_else(origin: str) -> None:
    assert not Origins(["https://*.good.example"]).allow(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:",
        "http://localhost:123456",
        "http://localhost:80a",
        "http://localhost:٣",
        "http://localhost.evil:80",
        "http://localhost:80@evil.com",
        "http://localhost:80\n",
        "https://localhost:80",
    ],
    ids=ascii,
)
def test_a_port_wildcard_stands_for_a_port_and_nothing_else(origin: str) -> None:
    assert not Origins(["http://localhost:*"]).allow(origin)


@pytest.mark.parametrize("origin", ["https://a.example", "https://x.b.example"])
def test_one_pattern_of_several_is_enough(origin: str) -> None:
    assert Origins(["https://a.example", "https://*.b.example"]).allow(origin)


@pytest.mark.parametrize("origin", ["https://good.example", "null", ""])
def test_no_patterns_allow_no_page(origin: str) -> None:
    assert not Origins([]).allow(origin)


@pytest.mark.parametrize(
    "pattern",
    [
        "https://good.example/",
        "https://good.example/chat",
        "https://good.example?x",
        "https://good.example\n",
        "good.example",
        "ftp://good.example",
        "//good.example",
        "https://",
        "https://*",
        "https://*good.example",
        "https://good.*",
        "https://*.*.good.example",
        "https://good.example:",
        "https://good.example:8*",
        "https://user@good.example",
        "https://Good.example",
        "HTTPS://good.example",
        "https://gööd.example",
        "null",
        "",
        " *",
    ],
    ids=ascii,
)
def test_a_pattern_that_is_none_is_refused_by_name(pattern: str) -> None:
    with pytest.raises(ValueError) as caught:
        Origins(["https://fine.example", pattern])
    assert repr(pattern) in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "origin"),
    [
        ("https://good.example:443", "https://good.example"),
        ("http://good.example:80", "http://good.example"),
        ("https://*.good.example:443", "https://dice.good.example"),
    ],
)
def test_a_schemes_own_port_may_be_written_out_although_browsers_leave_it_out(pattern: str, origin: str) -> None:
    assert Origins([pattern]).allow(origin)
