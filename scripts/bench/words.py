"""What a wordlist of 10,000 words costs: a message, and when it is loaded.

    .venv/bin/python scripts/bench/words.py

The list is made up, the same in every run: words, phrases and all wildcards, a tenth of them Cyrillic. The messages
pass, so that every reading of them is looked through. Rounds time each kind of message in turn; the median of the
rounds is printed, in microseconds a message, and before it how many readings the message has.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bundled import load

from tornado_chat import Draft, Pass, Role, User, normalise
from tornado_chat.text import js_length

USER = User(1, "alice", Role.MEMBER)
MARKS = [chr(point) for point in range(0x300, 0x370)]
FORMS = ["{}", "{}", "{}", "{}", "{}", "{}", "{}*", "*{}", "*{}*", "{} {}"]


def cut(text: str) -> str:
    """Return so much of a text, again and again, as a message may have."""
    text = (text * 350)[:350]
    while js_length(text) > 350:
        text = text[:-1]
    return text


def messages() -> dict[str, str]:
    rng = random.Random(1)  # noqa: S311
    ordinary = "an ordinary message, as people write them all day, you know"
    russian = "обычное сообщение, как люди пишут их весь день, не так ли"
    return {
        "ordinary, 60 characters": ordinary,
        "ordinary, 350 characters": cut(f"{ordinary} "),
        "with a price and a time": "it was $15 at 12:30 on the 3rd, 20% off, i got 2 of them for 45s",
        "Russian, 60 characters": russian,
        "Russian, 350 characters": cut(f"{russian} "),
        "Hindi, 350 characters": cut("यह एक साधारण संदेश है और लोग लिखते हैं "),
        "Japanese, 350 characters": cut("これは普通のメッセージです。みんなが毎日書きます、Tシャツ"),
        "emoji, 350 units": cut("👩‍💻😀🇺🇸 hi "),
        "one long word": "a" + "bc" * 170,
        "one letter": "a" * 350,
        "marks only": "\u0301" * 350,
        "marks on letters": cut("".join(char + "".join(rng.sample(MARKS, 9)) for char in "qwertyuiopasdfghjkl")),
        "zero-width": cut("q\u200bw\u200de\u2060"),
        "leet": cut("q4w 3xz z0q 1kk "),
        "single letters": cut("q z w x j "),
        "single letters and dots": cut("q.z.w.x.j "),
        "repeated letters": cut("qaaaz wooox "),
        "Latin and Cyrillic in a word": cut("qо zе wа "),
        "Greek that looks Latin": cut("ανο ρχυ "),
        "ligatures": cut("㌖㎏ﷺ"),
        "everything": cut("q4о waaax z.j.q ｅｘ 𝓺𝔀 "),
    }


def word_list(count: int) -> list[str]:
    rng = random.Random(2)  # noqa: S311

    def word(vowels: str, consonants: str) -> str:
        return "".join(rng.choice(consonants) + rng.choice(vowels) for _ in range(rng.randint(2, 5))) + consonants[0]

    found: dict[str, None] = {}
    while len(found) < count:
        letters = ("аиоу", "бгдклпрт") if len(found) % 10 == 0 else ("aeiou", "bdfgklmnprstv")
        found[rng.choice(FORMS).format(word(*letters), word(*letters))] = None
    return list(found)


async def measure(check: Callable[[Draft], Awaitable[Any]], rounds: int, count: int) -> dict[str, float]:
    drafts = {name: Draft(2, USER, text, text) for name, text in messages().items()}
    times: dict[str, list[float]] = {name: [] for name in drafts}
    for _ in range(rounds):
        for name, draft in drafts.items():
            if await check(draft) != Pass():
                raise SystemExit(f"{name}: the list has a word of it")
            begun = time.perf_counter()
            for _ in range(count):
                await check(draft)
            times[name].append((time.perf_counter() - begun) / count)
    return {name: statistics.median(found) * 1e6 for name, found in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--words", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--messages", type=int, default=200, help="in each round; default 200")
    options = parser.parse_args()
    words = word_list(options.words)
    loads = []
    for _ in range(5):
        begun = time.perf_counter()
        check = load("wordlist", {"words": words}).moderation.filters[0].filter.check
        loads.append(time.perf_counter() - begun)
    print(f"{options.words} words are loaded in {statistics.median(loads) * 1e3:.0f} ms")
    print(f"{'message':32} {'readings':>8} {'us a message':>12}")
    texts = messages()
    for name, microseconds in asyncio.run(measure(check, options.rounds, options.messages)).items():
        print(f"{name:32} {len(list(normalise(texts[name]).readings())):8} {microseconds:12.1f}")


if __name__ == "__main__":
    main()
