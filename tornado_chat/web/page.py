"""The chatbox's page: a document, and the data that its script reads. Whatever is put into either is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import msgspec

from tornado_chat.version import VERSION
from tornado_chat.web.catalogues import Catalogue

# What could end a data block, or begin something in it. As JSON has them in strings only, all may be written as \uXXXX.
_ESCAPES = {character.encode(): b"\\u%04x" % ord(character) for character in "<>&\u2028\u2029"}

_DOCUMENT = """<!doctype html>
<html lang="{lang}" dir="{dir}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{style}">
<script type="application/json" id="page">{data}</script>
<script src="{script}" defer></script>
</head>
<body>
<noscript>{noscript}</noscript>
</body>
</html>
"""


class PageApp(msgspec.Struct, frozen=True):
    """What a page is told of an app. An empty title is for the page to choose; an empty URL is none."""

    id: int
    title: str
    login_url: str
    origins: Sequence[str]


def data_block(value: object) -> str:
    """Return JSON that can stand in a `<script type="application/json">`, whatever its texts are."""
    encoded = msgspec.json.encode(value)
    for raw, escaped in _ESCAPES.items():
        encoded = encoded.replace(raw, escaped)
    return encoded.decode()


def render(
    view: str,
    apps: Sequence[PageApp],
    catalogue: Catalogue,
    addresses: Mapping[str, str],
    *,
    demo_users: Sequence[Mapping[str, str]] | None = None,
    snapshot: Mapping[str, Any] | None = None,
) -> bytes:
    """Return the page of a `view` (chat or moderate). `addresses` are those of its files."""
    data = {
        "apps": apps,
        "lang": catalogue.lang,
        "dir": catalogue.direction,
        "texts": catalogue.encoded,
        "version": VERSION,
        "demo_users": demo_users,
        "snapshot": snapshot,
    }
    fallback = catalogue.texts["page.moderate" if view == "moderate" else "box.title"]
    # A title with half of a surrogate pair can't be in a TOML file, nor in a catalogue.
    return _DOCUMENT.format(
        lang=escape(catalogue.lang),
        dir=catalogue.direction,
        title=escape(", ".join(app.title for app in apps if app.title) or fallback),
        style=escape(addresses[f"{view}.css"]),
        script=escape(addresses[f"{view}.js"]),
        data=data_block(data),
        noscript=escape(catalogue.texts["page.noscript"]),
    ).encode()
