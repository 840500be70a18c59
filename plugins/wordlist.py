"""Words that an app doesn't want: rejects the message, or covers them with ■."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from tornado_chat import Draft, Filter, Pass, PluginApi, PluginOptions, Reject, Replace, Verdict, hookimpl

_WORD = re.compile(r"\w+")
_SEPARATORS = re.compile(r"[\s'’-]*")


class Options(PluginOptions):
    """Keys of [plugin.wordlist]."""

    words: tuple[str, ...] = ()
    """Words and phrases, in any case. They match whole words: `ass` doesn't match `class`."""
    action: Literal["reject", "replace"] = "reject"
    """Refuse the message, or cover each character of the words with ■."""
    message: str = "Your message has a word that is not allowed here"
    """What the sender of a refused message is told."""

    def __post_init__(self) -> None:
        for word in self.words:
            if not _tokens(word) or not _SEPARATORS.fullmatch(_WORD.sub("", word)):
                raise ValueError(
                    f"word {word!r} must be letters and digits, with spaces, hyphens or apostrophes between"
                )


@hookimpl
def register_filters(api: PluginApi) -> Iterable[Filter]:
    options: Options = api.options
    phrases = {_tokens(word) for word in options.words}
    lengths = sorted({len(phrase) for phrase in phrases}, reverse=True)

    def found(text: str) -> Iterator[tuple[int, int]]:
        """Yield (start, end) of each match; the time is linear in the text, whatever the list."""
        spans = [(match.start(), match.end()) for match in _WORD.finditer(text)]
        words = [text[start:end].casefold() for start, end in spans]
        position = 0
        while position < len(words):
            for length in lengths:
                if tuple(words[position : position + length]) in phrases:
                    yield spans[position][0], spans[position + length - 1][1]
                    position += length
                    break
            else:
                position += 1

    async def check(draft: Draft) -> Verdict:
        hits = list(found(draft.text))
        if not hits:
            return Pass()
        if options.action == "reject":
            return Reject(options.message)
        text = draft.text
        for start, end in hits:
            text = text[:start] + re.sub(r"\S", "■", text[start:end]) + text[end:]
        return Replace(text)

    if phrases:
        yield Filter(check)


def _tokens(text: str) -> tuple[str, ...]:
    return tuple(word.casefold() for word in _WORD.findall(text))
