"""Links: which may be posted, which may not, and who is too new here to post any other."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Annotated, Literal
from urllib.parse import unquote

from msgspec import Meta

from tornado_chat import (
    AlertStaff,
    Draft,
    Filter,
    Hold,
    Link,
    Pass,
    PluginApi,
    PluginOptions,
    Reject,
    Role,
    Shadow,
    Strike,
    Verdict,
    canonical_host,
    find_links,
    hookimpl,
    is_public_suffix,
    name_skeleton,
    readable_host,
)

PASS = Pass()
# They show where they lead only to who follows them.
SHORTENERS = (
    "adf.ly adfoc.us bc.vc bit.do bit.ly bitly.com bl.ink buff.ly clck.ru cutt.ly cutt.us dlvr.it gg.gg goo.gl goo.su "
    "is.gd j.mp kutt.it linkvertise.com n9.cl ouo.io ow.ly qr.ae rb.gy rebrand.ly s.id sh.st short.gy shorte.st "
    "shorturl.at shrtco.de snip.ly soo.gd su.pr surl.li t.co t.ly t1p.de tiny.cc tiny.pl tinyurl.com tr.im u.to "
    "urlz.fr v.gd v.ht vk.cc x.co x.gd y2u.be zpr.io zws.im"
)
# Short names of well-known sites that are words, or nearly: recognised without a path.
KNOWN = "amzn.to discord.gg dsc.gg fb.me m.me redd.it t.me telegram.me wa.me youtu.be"
_RULE = re.compile(r"(?:https?://)?(?:\*?\.)?([^/\s*]+)(/[^\s]*)?")


class Options(PluginOptions):
    """Keys of [plugin.links]."""

    allow: tuple[str, ...] = ()
    """Hosts that everybody may link to, with all names under them; with a path, only what begins so."""
    block: tuple[str, ...] = ()
    """Hosts that nobody may link to, likewise."""
    block_shorteners: bool = True
    """Whether the built-in list of URL shorteners is blocked."""
    shorteners: tuple[str, ...] = ()
    """More shorteners."""
    block_lookalikes: bool = True
    """Whether hosts are blocked that look like one of `allow`."""
    role: Role = Role.MEMBER
    """The lowest role that may link to what isn't in `allow`."""
    newcomers: Literal["reject", "hold", "shadow", "flag", "allow"] = "reject"
    """What becomes of a link of somebody new, where it isn't in `allow`."""
    min_messages: Annotated[int, Meta(ge=0, le=1_000_000)] = 3
    """Messages that somebody must have said before to be new no more."""
    min_minutes: Annotated[int, Meta(ge=0, le=525_600)] = 10
    """Minutes since they were first seen here."""
    action: Literal["reject", "hold", "shadow", "flag"] = "reject"
    """What becomes of a link that is blocked, or not for the sender's role."""
    message: str = "That link is not allowed here"
    """What the sender is told then."""
    newcomer_message: str = "You are new here: links are for later, when you have been here for a while"
    """What somebody new is told."""

    def __post_init__(self) -> None:
        for key in ("allow", "block", "shorteners"):
            for index, rule in enumerate(getattr(self, key)):
                host, _ = _parse(f"{key}[{index}]", rule)
                if key == "allow" and is_public_suffix(host):
                    raise ValueError(f"{key}[{index}]: {rule!r} would allow every site under {host}")


class Rules:
    """What is allowed and blocked. The more specific rule counts: a longer host, then a longer path, then `block`."""

    def __init__(self, options: Options) -> None:
        self._rules: dict[str, list[tuple[str, bool]]] = {}  # self._rules[host] = [(path, whether it is allowed)]
        for rules, allowed in ((options.block, False), (options.allow, True)):
            for rule in rules:
                host, path = _parse("", rule)
                self._rules.setdefault(host, []).append((path, allowed))
        for rule in (*options.shorteners, *(SHORTENERS.split() if options.block_shorteners else ())):
            host, _ = _parse("", rule)
            if not any(path == "" for path, _ in self._rules.get(host, ())):
                self._rules.setdefault(host, []).append(("", False))
        for found in self._rules.values():
            found.sort(key=lambda rule: len(rule[0]), reverse=True)  # stable: `block` stays before `allow`
        allowed_hosts = [host for host, found in self._rules.items() if any(allowed for _, allowed in found)]
        self._skeletons = {name_skeleton(readable_host(host)) for host in allowed_hosts if options.block_lookalikes}
        self._allowed = {readable_host(host): host.count(".") for host in allowed_hosts}
        self._sizes = frozenset(self._allowed.values())
        self.known = frozenset((*self._rules, *KNOWN.split()))

    def allows(self, link: Link) -> bool | None:
        """Tell whether a link is allowed or blocked; None where no rule is about it."""
        path = _plain(link.path)
        for host in _parents(link.host):
            for prefix, allowed in self._rules.get(host, ()):
                if path == prefix or path.startswith(f"{prefix}/") or not prefix:
                    return allowed
        return False if self._skeletons and self._imitates(link) else None

    def _imitates(self, link: Link) -> bool:
        parents = [host for host in _parents(readable_host(link.host)) if host.count(".") in self._sizes]
        return any(host not in self._allowed and name_skeleton(host) in self._skeletons for host in parents)


@hookimpl
def register_filters(api: PluginApi) -> Iterable[Filter]:
    options: Options = api.options
    rules = Rules(options)
    find_links("example.com")  # reads the list of public suffixes now: 20 ms, once for the server

    async def check(draft: Draft) -> Verdict:
        if draft.user.role.rank >= max(options.role.rank, Role.MOD.rank):
            return PASS
        links = find_links(draft.text, rules.known)
        if not links:
            return PASS
        judged = [(link, rules.allows(link)) for link in links]
        if blocked := [link for link, allowed in judged if allowed is False]:
            api.count("blocked")
            return _verdict(options.action, options.message, draft, blocked, "a blocked link")
        other = [link for link, allowed in judged if allowed is None]
        if other and draft.user.role.rank < options.role.rank:
            api.count("blocked")
            return _verdict(options.action, options.message, draft, other, "a link")
        if other and draft.user.role is Role.MEMBER and is_new(draft):
            api.count("of_newcomers")
            return _verdict(options.newcomers, options.newcomer_message, draft, other, "")
        return PASS

    def is_new(draft: Draft) -> bool:
        person = draft.person
        if options.newcomers == "allow" or person is None:
            return False
        early = api.now() - person.first_seen < timedelta(minutes=options.min_minutes)
        return early or person.said < options.min_messages

    yield Filter(check)


def _verdict(action: str, message: str, draft: Draft, links: Sequence[Link], strike: str) -> Verdict:
    """Return what becomes of a message with these links; `strike`: it counts against its sender, for this reason."""
    hosts = ", ".join(dict.fromkeys(link.shown for link in links))
    strikes = (Strike(strike),) if strike else ()
    match action:
        case "hold":
            return Hold(f"it links to {hosts}", strikes)
        case "shadow":
            return Shadow(strikes)
        case "flag":
            return Pass((AlertStaff(f"{draft.user.uname} links to {hosts}: {' '.join(draft.text.split())}"),))
    return Reject(message, actions=strikes)


def _parse(where: str, rule: str) -> tuple[str, str]:
    """Return the canonical host and the path of a rule. Raises ValueError."""
    found = _RULE.fullmatch(rule)
    host = canonical_host(found[1]) if found is not None else None
    if found is None or host is None:
        raise ValueError(f'{where}: {rule!r} is no host such as "example.com", nor a host with a path')
    return host, _plain((found[2] or "").rstrip("/"))


def _plain(path: str) -> str:
    """Return a path in the form in which paths are compared: decoded, without query, dots or an end of `/`."""
    path = re.split(r"[?#]", path, maxsplit=1)[0]
    if path in {"", "/"}:
        return ""
    decoded = unquote(unquote(path)).lower().replace("\\", "/").lstrip("/")
    return posixpath.normpath(f"/{decoded}").rstrip("/")


def _parents(host: str) -> list[str]:
    """Return a host and all that it is under: a.b.com, b.com, com."""
    labels = host.split(".")
    return [".".join(labels[start:]) for start in range(len(labels))]
