"""What the filters that read a message's text cost: links with 1,000 rules, noise, mentions and scam.

    .venv/bin/python scripts/bench/texts.py

The sender is no newcomer, and every message passes, so that all of it is looked at. Rounds time each filter with each
kind of message in turn; the median of the rounds is printed, in microseconds a message.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from bundled import load

from tornado_chat import Draft, Pass, Person, Role, User
from tornado_chat.text import js_length

Check = Callable[[Draft], Awaitable[Any]]
USER = User(1, "alice", Role.MEMBER)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
PERSON = Person("alice", LONG_AGO, LONG_AGO, 5000)
PLUGINS = ("links", "noise", "mentions", "scam")


def cut(text: str) -> str:
    """Return so much of a text, again and again, as a message may have."""
    text = (text * 350)[:350]
    while js_length(text) > 350:
        text = text[:-1]
    return text


def messages() -> dict[str, str]:
    ordinary = "an ordinary message, as people write them all day. You know"
    russian = "обычное сообщение, как люди пишут их весь день. Не так ли"
    return {
        "ordinary, 60 characters": ordinary,
        "ordinary, 350 characters": cut(f"{ordinary}. "),
        "with a link": "has anyone read https://docs.example.org/guide/filters?page=2 yet",
        "with two bare names and a file": "it's on example.org or lists.example.net, see setup.py",
        "a link under an allowed host": "see https://docs.good17.example/x",
        "350 characters of names": cut("a.example b.example/x "),
        "350 characters of dots": cut("a.b . c d.e . f g.h . i j.k . l "),
        "a long link": cut("https://docs.example.org/a?to=/b&c=%2F%2Fd.example&"),
        "names that are called": "@bob @carol what do you think?",
        "Russian, 350 characters": cut(f"{russian}. "),
        "Vietnamese, 350 characters": cut("Nghiêng nghiêng, ngả ngả, ngửa nghiêng ngoài ngõ. "),
        "Japanese, 350 characters": cut("これは普通のメッセージです。みんなが毎日書きます、"),
        "emoji": "👩‍💻😀🇺🇸 hi " * 6,
    }


async def measure(checks: dict[str, Check], rounds: int, count: int) -> dict[str, dict[str, float]]:
    drafts = {name: Draft(2, USER, text, text, PERSON) for name, text in messages().items()}
    times: dict[str, dict[str, list[float]]] = {name: {plugin: [] for plugin in checks} for name in drafts}
    for _ in range(rounds):
        for name, draft in drafts.items():
            for plugin, check in checks.items():
                if await check(draft) != Pass():
                    raise SystemExit(f"{name}: {plugin} doesn't let it pass")
                begun = time.perf_counter()
                for _ in range(count):
                    await check(draft)
                times[name][plugin].append((time.perf_counter() - begun) / count)
    return {
        name: {plugin: statistics.median(found) * 1e6 for plugin, found in each.items()} for name, each in times.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rules", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--messages", type=int, default=200, help="in each round; default 200")
    options = parser.parse_args()
    rules = {
        "allow": [f"good{number}.example" for number in range(options.rules // 2)],
        "block": [f"evil{number}.example/path" for number in range(options.rules // 2)],
    }
    checks = {}
    for plugin in PLUGINS:
        loaded = load(plugin, rules if plugin == "links" else {})
        checks[plugin] = loaded.moderation.filters[0].filter.check
    print(f"{'message':32}" + "".join(f"{plugin:>10}" for plugin in PLUGINS))
    for name, found in asyncio.run(measure(checks, options.rounds, options.messages)).items():
        print(f"{name:32}" + "".join(f"{found[plugin]:10.1f}" for plugin in PLUGINS))


if __name__ == "__main__":
    main()
