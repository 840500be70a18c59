"""Begging, promises to double coins, questions for passwords, lures into private messages, newcomers' wallets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Annotated, Literal

from msgspec import Meta

from tornado_chat import (
    AlertStaff,
    Draft,
    Filter,
    Hold,
    Pass,
    PluginApi,
    PluginOptions,
    Reject,
    Role,
    Strike,
    Verdict,
    has_wallet,
    hookimpl,
    normalise,
    search_forms,
)

PASS = Pass()
AGAIN = 600.0  # seconds in which somebody who was caught is taken at their word less
SWEEP_AT = 1000
MOST = 350  # words
What = Literal["reject", "hold", "flag", "off"]

# Words that stand for one another in the rules below.
CLASSES = {
    "COINS": "coins btc bitcoin bitcoins eth ethereum ltc litecoin doge dogecoin usdt xrp sats satoshi satoshis crypto",
    "CASH": "coin money cash bucks dollars euros usd eur token tokens",
    "PLEASE": "please pls plz plez pliz plis",
    "GIVE": "give giv send lend loan gift donate spare borrow",
    "ASK": "give send tell share dm pm reply provide submit",
    "SECRET": "password passwords passwort passphrase login mnemonic 2fa otp pin credentials cvv",
    "PHRASE": "seed recovery secret backup",
    "TALK": "dm pm message msg inbox text contact telegram whatsapp write",
    "MESSENGER": "telegram whatsapp signal viber wechat",
    "TWICE": "double doubled twice x2 2x",
    "GEBEN": "regala regale regalar presta prestar prestame dona donar mande envoyer preter donne schenken leihen "
    "spenden киньте кинь кинет дайте дай отправьте одолжите скиньте atabilir atar pozyczy pozyczcie kirim",
    "MONEDAS": "monedas moedas moneta monete monet monety coins coin btc munzen koin монет монеты "
    "монетки bitcoin crypto",
}
# Each rule is words in order. a|b: one of them, ~3: up to three words between, ^a: not followed by, #: a number, <6: in
# a message of fewer words. Behind ! it holds for everybody, behind ? for who was caught a moment ago, else for these
# and for newcomers.
RULES = {
    "begging": """
        ! tip|tips|tipping me ^off|over|that
        ! tip|tips m e
        ! tip|tips for me
        ! help me ~3 tip|tips
        ! rain on me
        ! spare ~2 change|coins|sats
        ! GIVE me ~3 COINS ^address|addresses|price|prices|chart|name|names|wallet|node|link|back
        ! lend|loan me # ^min|mins|minutes|sec|seconds|hour|hours|days
        ! beg|begging for ~1 COINS|CASH
        ! pay|paying|repay|return ~1 back ~1 TWICE
        PLEASE ~3 tip|tips ^how|your|on|about|for|the|him|her|them|jar
        tip|tips ~1 PLEASE <6
        GIVE me ~3 CASH ^back
        need|want|take a|some loan ^of
        need|want ~1 COINS|tips|tip
        send # ~2 get me started
        me da ~2 moedas|coins|btc
        GEBEN ~4 MONEDAS
        MONEDAS ~4 GEBEN
        ? tip|tips
        ? COINS
        ? send|lend|loan|give me
        """,
    "doubling": """
        ! TWICE|doubles|doubling your|ur btc|bitcoin|bitcoins|eth|crypto|ltc
        ! send ~5 get|receive|return ~5 back|TWICE
        ! send ~4 back|comes ~2 TWICE ^as
        ! doubling machine|bot|script
        TWICE|doubles|doubling your|ur|my|mine ~1 COINS|CASH|deposit|investment|balance|mine
        guaranteed #|profit|profits|return|returns|income
        giveaway|airdrop ~8 send
        x2 x2
        """,
    "secrets": """
        ! ASK ~2 your|ur ~3 SECRET
        ! ASK ~2 your|ur PHRASE phrase|words
        ! ASK ~2 your|ur 12|24|twelve words
        ! ASK me ~2 private|secret key
        ! need|want ~1 your|ur SECRET
        ! type your SECRET here
        enter ~2 PHRASE phrase|words
        share ~4 seed
        verify|validate|confirm your wallet
        wallet must be validated|verified
        dm|pm|send me the ~2 code
        """,
    "lures": """
        TALK me
        TALK to me
        dm|pm|inbox for
        hit me up
        MESSENGER ~1 # # #
        MESSENGER ~2 for
        add me on
        """,
}
BAIT = (
    "free coins coin spins bonus win wins winning earn earning profit profits signals guaranteed money btc bitcoin "
    "crypto invest investment method script predicts hacker recover recovered hack double giveaway airdrop loan cash"
)
NO = "never dont don not nobody noone cannot cant won wont without stop"


class Options(PluginOptions):
    """Keys of [plugin.scam]."""

    begging: What = "reject"
    """What becomes of begging, and of asking for loans."""
    doubling: What = "reject"
    """What becomes of promises to double coins."""
    secrets: What = "reject"
    """What becomes of questions for passwords, seed phrases and codes."""
    lures: What = "reject"
    """What becomes of invitations to write in private for something that pays."""
    wallets: What = "reject"
    """What becomes of wallet addresses of newcomers."""
    min_messages: Annotated[int, Meta(ge=0, le=1_000_000)] = 5
    """Messages that somebody must have said before to be new no more."""
    min_minutes: Annotated[int, Meta(ge=0, le=525_600)] = 30
    """Minutes since they were first seen here."""
    message: str = "That looks like begging or a scam, so it was not sent"
    """What the sender of a refused message is told."""


class Rule:
    """Words in order. `grade`: "!" for everybody, "?" for who was caught a moment ago, "" for newcomers too."""

    def __init__(self, line: str, *, squeezed: bool) -> None:
        self.grade = line[0] if line[0] in "!?" else ""
        self.steps: list[tuple[frozenset[str], int]] = []  # (words, how many may come before them)
        self.most = MOST
        self.never_before: frozenset[str] = frozenset()
        gap = 0
        for part in line.removeprefix(self.grade).split():
            if part[0] in "~<":
                gap, self.most = (int(part[1:]), self.most) if part[0] == "~" else (gap, int(part[1:]) - 1)
                continue
            words = _words(part.removeprefix("^"), squeezed=squeezed)
            if part[0] == "^":
                self.never_before = words
            else:
                self.steps.append((words, gap))
                gap = 0

    def matches(self, words: Sequence[str], start: int) -> bool:
        """Tell whether `words` have it from `start`, where the first word is known to fit."""
        if len(words) > self.most:
            return False
        ends = {start + 1}
        for wanted, gap in self.steps[1:]:
            ends = {
                place + 1
                for end in ends
                for place in range(end, min(end + gap + 1, len(words)))
                if words[place] in wanted or ("#" in wanted and words[place].isdigit())
            }
        return any(end >= len(words) or words[end] not in self.never_before for end in ends)


class Rules:
    """The rules of one kind, by the word that each begins with."""

    def __init__(self, text: str, *, squeezed: bool) -> None:
        self._begins: dict[str, list[Rule]] = {}
        self._no = frozenset(NO.split())
        for line in filter(None, map(str.strip, text.splitlines())):
            rule = Rule(line, squeezed=squeezed)
            for word in rule.steps[0][0]:
                self._begins.setdefault(word, []).append(rule)

    def grades(self, words: Sequence[str]) -> Iterator[str]:
        """Yield the grade of each rule that `words` have, unless they say not to do it."""
        for start, word in enumerate(words):
            for rule in self._begins.get(word, ()):
                if rule.matches(words, start) and not self._denied(words[max(start - 6, 0) : start]):
                    yield rule.grade

    def _denied(self, before: Sequence[str]) -> bool:
        return not self._no.isdisjoint(before) or " no one " in f" {' '.join(before)} "


FREE = frozenset({"free", "fre"})  # as it is read, and squeezed


class Detector:
    """Finds what a text is, in every way in which it can be read."""

    def __init__(self) -> None:
        self._rules = {
            squeezed: {kind: Rules(text, squeezed=squeezed) for kind, text in RULES.items()}
            for squeezed in (False, True)
        }
        self._bait = {squeezed: _words("|".join(BAIT.split()), squeezed=squeezed) for squeezed in (False, True)}

    def find(self, text: str) -> dict[str, set[str]]:
        """Return the grades of the rules that hit, by kind."""
        found: dict[str, set[str]] = {}
        for reading in normalise(text).readings():
            words = reading.text.split()
            for kind, rules in self._rules[reading.squeezed].items():
                for grade in rules.grades(words):
                    if kind != "lures":
                        found.setdefault(kind, set()).add(grade)
                    elif bait := len(
                        self._bait[reading.squeezed].intersection(words[:-1] if words[-1] in FREE else words)
                    ):
                        found.setdefault(kind, set()).add("!" if bait > 1 else "")
        return found


class Caught:
    """Who was caught a moment ago."""

    def __init__(self) -> None:
        self._times: dict[str, float] = {}  # self._times[folded uname] = when last
        self._sweep_at = SWEEP_AT

    def lately(self, key: str, now: float) -> bool:
        """Tell whether somebody was."""
        return now - self._times.get(key, float("-inf")) < AGAIN

    def note(self, key: str, now: float) -> None:
        """Note that somebody is caught now."""
        self._times[key] = now
        if len(self._times) > self._sweep_at:
            self._times = {name: when for name, when in self._times.items() if now - when < AGAIN}
            self._sweep_at = max(SWEEP_AT, 2 * len(self._times))


@hookimpl
def register_filters(api: PluginApi) -> Iterable[Filter]:
    options: Options = api.options
    detector = Detector()
    caught = Caught()

    async def check(draft: Draft) -> Verdict:
        if draft.user.role is not Role.MEMBER:
            return PASS
        now, key = api.monotonic(), draft.user.key
        again = caught.lately(key, now)
        kind = kind_of(draft, again=again)
        if not kind:
            return PASS
        caught.note(key, now)
        api.count(kind)
        return _verdict(getattr(options, kind), kind, options.message, draft)

    def kind_of(draft: Draft, *, again: bool) -> str:
        new = again or is_new(draft)
        holding = {"!"} | ({""} if new else set()) | ({"?"} if again else set())
        for kind, grades in detector.find(draft.text).items():
            if getattr(options, kind) != "off" and not holding.isdisjoint(grades):
                return kind
        return "wallets" if new and options.wallets != "off" and has_wallet(draft.text) else ""

    def is_new(draft: Draft) -> bool:
        person = draft.person
        if person is None:
            return False
        early = api.now() - person.first_seen < timedelta(minutes=options.min_minutes)
        return early or person.said < options.min_messages

    yield Filter(check)


def _verdict(action: str, kind: str, message: str, draft: Draft) -> Verdict:
    match action:
        case "hold":
            return Hold(f"it looks like a scam ({kind})", (Strike(kind),))
        case "flag":
            said = " ".join(draft.text.split())
            return Pass((AlertStaff(f"{draft.user.uname} may be up to a scam ({kind}): {said}"),))
    return Reject(message, actions=(Strike(kind),))


def _words(names: str, *, squeezed: bool) -> frozenset[str]:
    """Return the words that `a|b|CLASS` stands for, in the form in which a reading has them."""
    plain = [word for name in names.split("|") for word in CLASSES.get(name, name).split()]
    forms = [search_forms(word) for word in plain if word != "#"]
    return frozenset(form.squeezed if squeezed else form.plain for form in forms) | ({"#"} & set(plain))
