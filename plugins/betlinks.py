"""Bets that are named in a message, such as #123456 or bet:123456, get the address of their page behind them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta

from tornado_chat import Draft, Filter, Pass, PluginApi, PluginOptions, Replace, Verdict, hookimpl

LONGEST = 350  # UTF-16 units of a message
# Alone or behind a bracket: "https://x/#123456" is an address already, and "a#123456" something else.
_BET = re.compile(r"(?<![^\s(\[{,;])(#|[Bb][Ee][Tt]:)([0-9]{1,19})(?![\w#:/@-])")


class Options(PluginOptions):
    """Keys of [plugin.betlinks]."""

    template: Annotated[str, Meta(pattern=r"\Ahttps?://[^\s{}]*\{id\}[^\s{}]*\Z", max_length=200)]
    """The address of a bet's page, with {id} for its number."""
    digits: Annotated[int, Meta(ge=1, le=19)] = 6
    """How many digits make a bet of a #; with fewer it is something else, such as "#1"."""
    most: Annotated[int, Meta(ge=1, le=20)] = 3
    """Bets of one message that get an address."""


@hookimpl
def register_filters(api: PluginApi) -> Iterable[Filter]:
    options: Options = api.options

    async def check(draft: Draft) -> Verdict:
        text = draft.text
        left, room = options.most, LONGEST - _units(text)
        pieces, end = [], 0
        for match in _BET.finditer(text):
            mark, number = match.groups()
            link = f" ({options.template.replace('{id}', number)})"
            if (mark == "#" and len(number) < options.digits) or text.startswith(link, match.end()):
                continue
            if not left or _units(link) > room:
                break
            left, room = left - 1, room - _units(link)
            pieces += [text[end : match.end()], link]
            end = match.end()
        return Replace("".join([*pieces, text[end:]])) if pieces else Pass()

    yield Filter(check)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
