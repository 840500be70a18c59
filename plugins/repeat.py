"""Refuses the same again: a user who says nearly the same once more, and users who all say the same long text."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, NamedTuple

from msgspec import Meta
from rapidfuzz import fuzz

from tornado_chat import (
    Action,
    AlertStaff,
    Draft,
    Filter,
    Gate,
    Held,
    Listener,
    MuteSender,
    Pass,
    PluginApi,
    PluginOptions,
    Posted,
    Reject,
    Role,
    Strike,
    User,
    Verdict,
    duration_text,
    hookimpl,
    normalise,
)

SHORT = 10  # fewer letters and digits than this: an exclamation, an answer, a greeting
LONG = 20  # as many or more: a sentence, which nobody else says by chance
VERY_LONG = 40  # below, "welcome to the stream, Alice" and "welcome to the stream, Bob" aren't nearly the same
NEARLY = 90.0  # percent: how similar texts must be that are neither short nor very long
UNDER_WAY = 5.0  # seconds; the database isn't waited for longer
LONGEST = 400  # characters that are compared; some are written as many when they are folded
OF_ONE = 20  # texts that are remembered of one user
OF_ALL = 100  # long texts that are remembered of all together
# Laughter and stretched words: hahahaha is ha, and GOOOOAL is GOAL.
_RUN = re.compile(r"(.{1,4}?)\1{2,}")


class Options(PluginOptions):
    """Keys of [plugin.repeat]."""

    times: Annotated[int, Meta(ge=2, le=OF_ONE)] = 3
    """From which time on a user is refused who says nearly the same."""
    window: Annotated[float, Meta(gt=0, le=3600)] = 300.0
    """Seconds in which these are counted."""
    short_times: Annotated[int, Meta(ge=2, le=OF_ONE)] = 5
    """The same for texts of a few letters, such as "lol", which must be the same."""
    short_window: Annotated[float, Meta(gt=0, le=3600)] = 30.0
    """Seconds in which those are counted."""
    similarity: Annotated[float, Meta(ge=0.5, le=1)] = 0.75
    """How similar two long texts must be to be nearly the same; 1: the same letters."""
    users: Annotated[int, Meta(ge=0, le=OF_ALL)] = 3
    """From which user on those are refused who say nearly the same long text; 0: none are."""
    users_window: Annotated[float, Meta(gt=0, le=3600)] = 60.0
    """Seconds in which these users are counted."""
    strikes: Annotated[int, Meta(ge=0, le=1000)] = 3
    """How many refusals within `window` get a user muted; 0: never."""
    mute_seconds: Annotated[int, Meta(ge=1, le=30 * 86_400)] = 300
    """For how long."""


class Form(NamedTuple):
    """A text made ready to be compared."""

    text: str  # its letters and digits; of a long text the letters alone
    words: str  # of a long text the words in alphabetical order, else empty
    digits: str
    weight: int  # how many letters and digits there are


@dataclass(slots=True)
class Said:
    """A text that a user says. Until it is `stored` it counts for a moment only, since it may not be."""

    at: float
    key: str
    form: Form
    stored: bool

    def counts(self, now: float, window: float) -> bool:
        """Tell whether it was said within `window` seconds."""
        return now - self.at < (window if self.stored else min(window, UNDER_WAY))


class Memory:
    """What was said lately in one app, by whom, and who was refused."""

    def __init__(self, api: PluginApi) -> None:
        self._api = api
        self._options: Options = api.options
        self._of: dict[str, deque[Said]] = {}  # self._of[folded uname], oldest first
        self._long: deque[Said] = deque(maxlen=OF_ALL)  # long texts of all, oldest first
        self._refused: dict[str, deque[float]] = {}  # self._refused[folded uname] = when, oldest first
        self._last = ("", Form("", "", "", 0))
        self._seeded = False
        self._sweep_at = 1000

    def judge(self, draft: Draft) -> Verdict:
        """Say whether this was said too often."""
        if not self._seeded:
            self._seed()
        form = self._form(draft.text)
        key, now = draft.user.key, self._api.monotonic()
        if self._repeats(key, form, now):
            told = "You have said that already"
        elif self._chorus(key, form, now):
            self._long.append(Said(now, key, form, stored=True))  # so that it goes on for as long as they try
            told = "Others have just said the same"
        else:
            return Pass()
        actions = self._punish(key, draft.user.uname, now)
        if actions:
            told += f". You are muted for {duration_text(self._options.mute_seconds)}."
        return Reject(told, code="REPEATED", actions=actions)

    def queue(self, draft: Draft) -> None:
        """Note that this is about to be stored."""
        self._add(Said(self._api.monotonic(), draft.user.key, self._form(draft.text), stored=False))

    def store(self, user: User, text: str) -> None:
        """Note that this was stored, or held."""
        form = self._form(text)
        for said in reversed(self._of.get(user.key, ())):
            if not said.stored and said.form == form:
                said.stored = True
                return

    def _add(self, said: Said) -> None:
        self._of.setdefault(said.key, deque(maxlen=OF_ONE)).append(said)
        if said.form.words and self._options.users:
            self._long.append(said)
        if len(self._of) > self._sweep_at:
            self._sweep()

    def _form(self, text: str) -> Form:
        if self._last[0] != text:
            self._last = (text, _form(text))
        return self._last[1]

    def _repeats(self, key: str, form: Form, now: float) -> bool:
        options = self._options
        longest = max(options.window, options.short_window)
        lately = (said for said in self._of.get(key, ()) if said.counts(now, longest))
        same = [said for said in lately if self._similar(form, said.form)]
        often = 1 + sum(said.counts(now, options.window) for said in same)
        if form.words:
            return often >= options.times
        quickly = 1 + sum(said.counts(now, options.short_window) for said in same)
        if form.weight < SHORT:
            return quickly >= options.short_times
        return quickly >= options.times or often >= options.short_times

    def _chorus(self, key: str, form: Form, now: float) -> bool:
        options = self._options
        if not options.users or not form.words:
            return False
        lately = (said for said in self._long if said.key != key and said.counts(now, options.users_window))
        users = {said.key for said in lately if self._similar(form, said.form)}
        return len(users) + 1 >= options.users

    def _similar(self, one: Form, other: Form) -> bool:
        if one.weight < SHORT or other.weight < SHORT:
            return one.text == other.text
        if not (one.words and other.words):
            # "My guess is 42" isn't "My guess is 43".
            return one.digits == other.digits and fuzz.ratio(one.text, other.text, score_cutoff=NEARLY) > 0
        least = 100 * self._options.similarity
        if min(one.weight, other.weight) < VERY_LONG:
            least = max(least, NEARLY)
        return (
            fuzz.ratio(one.text, other.text, score_cutoff=least) > 0
            or fuzz.ratio(one.words, other.words, score_cutoff=least) > 0
        )

    def _punish(self, key: str, uname: str, now: float) -> tuple[Action, ...]:
        options = self._options
        if not options.strikes:
            return ()
        refused = self._refused.setdefault(key, deque(maxlen=options.strikes))
        refused.append(now)
        if len(self._refused) > self._sweep_at:
            self._sweep()
        if len(refused) < options.strikes or now - refused[0] >= options.window:
            return ()
        del self._refused[key]
        lasts = duration_text(options.mute_seconds)
        return (
            MuteSender(options.mute_seconds, "repeating"),
            Strike("repeating"),
            AlertStaff(f"{uname} said the same again and again, and is muted for {lasts}"),
        )

    def _seed(self) -> None:
        """Remember what was said before a restart."""
        self._seeded = True
        now, monotonic = self._api.now(), self._api.monotonic()
        for message in self._api.history:
            age = (now - message.at).total_seconds()
            if not message.plugin and message.user.role is Role.MEMBER and 0 <= age < self._options.window:
                self._add(Said(monotonic - age, message.user.key, _form(message.text), stored=True))

    def _sweep(self) -> None:
        """Forget what is too old. Done when it has doubled, so it costs next to nothing for each message."""
        oldest = self._api.monotonic() - max(self._options.window, self._options.short_window)
        self._of = {key: said for key, said in self._of.items() if said[-1].at > oldest}
        self._refused = {key: refused for key, refused in self._refused.items() if refused[-1] > oldest}
        self._sweep_at = max(1000, 2 * len(self._of), 2 * len(self._refused))


@hookimpl
def register_filters(api: PluginApi) -> Iterable[Filter]:
    memory: Memory = api.state(Memory)

    async def check(draft: Draft) -> Verdict:
        return Pass() if draft.user.role is not Role.MEMBER else memory.judge(draft)

    yield Filter(check)


@hookimpl
def register_gates(api: PluginApi) -> Iterable[Gate]:
    memory: Memory = api.state(Memory)

    def accept(draft: Draft) -> Pass | Reject:
        if draft.user.role is not Role.MEMBER:
            return Pass()
        verdict = memory.judge(draft)  # another tab, or another user, may have been quicker
        if isinstance(verdict, Reject):
            return verdict
        memory.queue(draft)
        return Pass()

    yield Gate(accept=accept)


@hookimpl
def register_listeners(api: PluginApi) -> Iterable[Listener]:
    memory: Memory = api.state(Memory)

    async def posted(happening: Posted) -> None:
        if not happening.message.plugin:
            memory.store(happening.message.user, happening.message.text)

    async def held(happening: Held) -> None:
        memory.store(happening.user, happening.text)

    yield Listener(Posted, posted)
    yield Listener(Held, held)


def _form(text: str) -> Form:
    folded = normalise(text)
    words = [word for word in folded.words if any(map(str.isalnum, word))]  # an emoji is a word too
    plain = _RUN.sub(r"\1", "".join(words or folded.text.split())[:LONGEST])  # without words it's signs and emoji
    digits = "".join(filter(str.isdigit, plain))
    letters = "".join(char for char in plain if not char.isdigit())
    if _weight(letters) >= LONG:
        plain = letters
        words = ["".join(char for char in word if not char.isdigit()) for word in words]
    weight = _weight(plain)
    return Form(plain, " ".join(sorted(words))[:LONGEST] if weight >= LONG else "", digits, weight)


def _weight(text: str) -> int:
    """Return how many letters there are. Chinese, Japanese and Korean ones say as much as two others."""
    return len(text) + sum(char >= "\u2e80" for char in text)
