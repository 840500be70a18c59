"""Finds links in text as people and spammers write them: in full, bare, spelled out, in look-alike letters.

Nothing is asked of any site. Every step is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from urllib.parse import unquote

import msgspec

from tornado_chat.confusables import skeleton
from tornado_chat.hosts import HOST, canonical_host, fold_host, ipv4, ipv6, is_top_level, readable_host

_HARD = "\uf8ff"  # [.] and (dot): nobody writes that but for a link
_SOFT = "\uf8fe"  # " dot " and " . ": somebody may
_DOTTED = re.compile(r"\.(?:\w|(?<=[\s\[({<]\.)\s{0,3}[\])}>\w])")
_SPELLED = re.compile(r"[\s\[({<](?:d[o0]t|punkt|point|punto|ponto|точка)[\s\])}>]")
_HARD_DOT = re.compile(r"\s{0,3}[\[({<]\s{0,2}(?:\.|d[o0]t|punkt|point|punto|ponto|точка)\s{0,2}[\])}>]\s{0,3}")
_SOFT_DOT = re.compile(
    r"(?<=[^\W_])\s{1,3}(?:(?:d[o0]t|punkt)\s{1,3}(?!net\b)|\.\s{0,3})(?=[^\W_])"
    r"|(?<=[^\W_])\.\s{1,3}(?=[a-z]{2,6}\s?/)"
)
_APART = re.compile(r"h\s{1,2}t\s{1,2}t\s{1,2}p\s{1,2}(s?)\s{0,2}:\s{0,2}/\s{0,2}/\s{0,2}")
_SCHEME = r"(?:h(?:tt|xx|\*\*)ps?\s{0,2}:\s{0,2}[/\\]+|[a-z][a-z0-9+.-]{1,15}:[/\\]{2}(?![/\\]))"
_ENDS = '\\s<>"“”„«»「」'
_URL = re.compile(rf"{_SCHEME}([^{_ENDS}]+)")
_RUN = re.compile(rf"[\w-]+(?:[.{_HARD}{_SOFT}][\w-]+)+")
_SEPARATOR = re.compile(f"[.{_HARD}{_SOFT}]")
_AFTER = re.compile(rf"\.?(:[0-9]{{1,5}})?([/?#\\][^{_ENDS}]*)?")
_NESTED = re.compile(r"(?:h(?:tt|xx)ps?:[/\\]*|(?<=[=/&?#])[/\\]{2})([^\s/\\?#&]+)|=([\w-]+(?:\.[\w-]+)+)")
_CJK = re.compile("^[\u2e80-\ud7ff]+(?=[a-z0-9])")
_LAST_LABEL = re.compile(r"xn--[a-z0-9-]+|[a-z0-9]+|[^\W\d_]+")
_PUNCTUATION = ".,;:!?'\")]}"


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_TOP = frozenset({"com", "net", "org", "example"})
_SOFT_TLDS = _TOP | _set("biz casino info onion online ru site uk xyz")
_COUNTRIES = _set(
    "ae ai ar bg br cf ch cl cn cz de dk ee eu fi fm fr gq gr hk hr hu io ir jp kr kz lt lv ly mx ng nl nz ph pk pt "
    "ro ru sg sk th tk tr tv tw ua ug uk uy uz vn ws za рф рус укр бел орг"
)
# Without a path, these are rather a word after a forgotten space, a file's name, or a member of something in code.
_WORDS = _set(
    "able app art audio baby bar best bet bid bike bio black blog blue boo book bot box build business buy cafe call "
    "camera camp car card cards care case cash cat center channel chat cheap city click cloud codes coffee community "
    "company compare computer contact cool country credit dad dance data date day deal deals design dev diet digital "
    "direct discount dish docs doctor dog dot download drive earth eat education email energy events exchange expert "
    "exposed express fail faith family fan fans farm fashion fast feedback film final finance financial fire fish fit "
    "fly foo food football forum foundation fox free fun fund fyi game games gap garden gay gift gifts gives giving "
    "glass global gold golf graphics green group guide hair health help here holiday home horse host hot hotel house "
    "how ice inc ink institute insure int invalid java jetzt jobs joy kids kim kitchen land law legal life like link "
    "live living localhost lol love man management map market media meet meme men menu mini mobile mom money monster "
    "moto mov movie music name network new news next now observer one ong open page parts party pay pet phone photo "
    "photos pics pictures pid pin pink pizza place play plus porn post press prime pro prof properties property "
    "protection pub quest racing radio read red rent repair report rest review reviews rich rip rocks room run safe "
    "sale save school science search seat security select services sex shell shoes show singles skin sky smart smile "
    "social software song space spot star store stream studio study style sucks supply support surf systems tab talk "
    "target tax team tech test tips tires today tools top total tours town toys trade training travel trust tube "
    "video vision vote watch weather web win wine work works world wow wtf you zero zip zone"
)
_LIBRARIES = frozenset({"asp.net", "vb.net", "ado.net", "ml.net", "java.net", "java.io", "socket.io"})
_PACKAGES = frozenset({"com", "org", "net", "io", "java", "javax"})  # com.example.app, java.util.io
_NO_NAMES = _set("a an and by for in is like my of on or that the this to use using with your")
_FILES = _set("app data draft file image index lib logo main notes readme setup test untitled")
_NETWORK = re.compile(r"/[0-9]{1,3}\b(?![/?#])")  # 10.0.0.0/8


class Link(msgspec.Struct, frozen=True):
    """A link in a text. `host` is what a browser would ask for: in ASCII, addresses as numbers with dots.

    `path` is what follows, with the query; empty where nothing does. `shown` is the host for people to read.
    """

    host: str
    path: str = ""
    shown: str = ""


def find_links(text: str, known: Container[str] = frozenset()) -> list[Link]:
    """Return the links in a text, those within links too (`?to=https://...`).

    Without a scheme, a name is one where it ends in a public suffix and isn't rather a word, a file or a piece of code:
    `node.js`, `setup.sh`, `ok.so`. Names in `known` always are; `t.me` is one, `tell.me` isn't.
    """
    folded = fold_host(text)
    if "/" not in folded and "\\" not in folded and _DOTTED.search(folded) is None and _SPELLED.search(folded) is None:
        return []
    folded = _APART.sub(r"http\1://", folded)
    folded = _SOFT_DOT.sub(_SOFT, _HARD_DOT.sub(_HARD, folded))
    links: list[Link] = []

    def whole(found: re.Match[str]) -> str:
        links.extend(_parse(found[1]))
        return " "

    rest = _URL.sub(whole, folded)
    for found in _RUN.finditer(rest):
        links.extend(_bare(rest, found, known))
    return links


def _parse(rest: str) -> Iterator[Link]:
    """Yield the link that goes on like this after its scheme, and those that other programs may see in it."""
    seen: set[str] = set()
    # Browsers end the authority at any of these; others don't, and take what is behind an @ for the host.
    for ends in (r"[/\\?#]", "/"):
        authority = re.split(ends, rest, maxsplit=1)[0].replace(_HARD, ".").replace(_SOFT, ".")
        link = _of_authority(authority.rpartition("@")[2], rest[len(authority) :])
        if link is not None and link.host not in seen:
            seen.add(link.host)
            yield link
    yield from _nested(rest, seen)


def _of_authority(authority: str, path: str) -> Link | None:
    if authority.startswith("["):
        address = ipv6(authority.partition("]")[0] + "]")
        return Link(address, _path(path), address) if address else None
    decoded = fold_host(unquote(authority)) if "%" in authority else authority
    found = HOST.match(decoded)
    if found is None:
        return None
    labels = found[0].strip(".").split(".")
    cut = _cut(labels[-1])
    if cut != labels[-1] and is_top_level(cut):
        labels[-1] = cut
    host = canonical_host(".".join(labels))
    return None if host is None else Link(host, _path(path), readable_host(host))


def _nested(rest: str, seen: set[str]) -> Iterator[Link]:
    """Yield the links in a link's path and query, which it may lead on to."""
    _, _, path = rest.replace("?", "/?", 1).partition("/")
    if not path:
        return
    for found in _NESTED.finditer(unquote(unquote(f"/{path}"))):
        labels = (found[1] or found[2]).rpartition("@")[2].partition(":")[0].strip(".").split(".")
        if len(labels) < 2 or not (is_top_level(labels[-1]) or ipv4(".".join(labels))):
            continue
        if found[2] is not None and not _is_plain(labels[-1]):
            continue
        host = canonical_host(".".join(labels))
        if host is not None and host not in seen:
            seen.add(host)
            yield Link(host, "", readable_host(host))


def _bare(text: str, found: re.Match[str], known: Container[str]) -> Iterator[Link]:
    """Yield the link that a run of labels is, if it is one; or those that its parts are."""
    before, after = text[max(found.start() - 2, 0) : found.start()], text[found.end() :]
    run = found[0]
    link = _of_run(run, before, after, known)
    if link is not None or _SOFT not in run:
        if link is not None:
            yield link
        return
    pieces = run.split(_SOFT)
    for number, piece in enumerate(pieces):
        following = after if number == len(pieces) - 1 else " "
        pair = f"{pieces[number - 1]}{_SOFT}{piece}" if number else piece
        link = _of_run(pair, "", following, known) or _of_run(piece, "" if number else before, following, known)
        if link is not None:
            yield link


def _of_run(run: str, before: str, after: str, known: Container[str]) -> Link | None:
    labels = _SEPARATOR.split(run)
    if len(labels) < 2:
        return None
    whole = labels[-1]
    labels[-1] = _cut(whole)
    labels[0] = _CJK.sub("", labels[0])
    tail = _AFTER.match(after)
    port, path = (tail[1], tail[2]) if tail is not None and labels[-1] == whole else (None, None)
    context = _Context(run, before, after, port is not None, path or "")
    if _is_named(labels, context, known):
        host = canonical_host(".".join(labels))
        return None if host is None else Link(host, _path(path or ""), readable_host(host))
    if len(labels) > 2 and labels[-2] in _TOP:  # example.com.Then we went home
        return _of_run(run[: -len(whole) - 1], before, " ", known)
    if (port or (path and _NETWORK.match(path) is None)) and (address := ipv4(".".join(labels), dotted=True)):
        return Link(address, _path(path or ""), address)
    return None


class _Context(msgspec.Struct, frozen=True):
    """What stands around a run of labels."""

    run: str
    before: str
    after: str
    port: bool
    path: str

    @property
    def mail(self) -> bool:
        """Whether it is part of an address of e-mail."""
        if self.after.startswith("@"):
            return self.after[1:2].isalnum()
        return len(self.before) > 1 and self.before[-1] == "@" and self.before[0].isalnum() and not self.path


def _is_named(labels: Sequence[str], context: _Context, known: Container[str]) -> bool:
    """Tell whether labels without a scheme are meant as a link."""
    tld, name = labels[-1], labels[-2]
    if not all(labels) or context.mail:
        return False
    if any(".".join(labels[start:]) in known for start in range(len(labels) - 1)):
        return True
    if not is_top_level(tld):
        # example.сom with a Cyrillic с: no browser finds it, but readers know what is meant.
        tld = _looks_like_top(tld)
        if not tld:
            return False
    if "_" in name or not (tld in _TOP or any(char.isalpha() for char in name)):
        return False
    if _SOFT in context.run:
        return tld in _SOFT_TLDS and name not in _NO_NAMES
    if _HARD in context.run or context.before.endswith("//"):
        return True
    if context.path.startswith(("/", "\\")) and not context.before.endswith("/"):
        return True
    if labels[0] == "www" and len(labels) > 2:
        return True
    if tld in _TOP and labels[0] not in _PACKAGES:
        return ".".join(labels) not in _LIBRARIES
    if context.after.startswith("(") or context.before.endswith("@") or labels[0] in _PACKAGES | _FILES:
        return False
    if ".".join(labels) in _LIBRARIES:
        return False
    return _is_plain(tld) or (tld in {"app", "dev"} and len(labels) > 2)


def _looks_like_top(label: str) -> str:
    """Return which of the best-known ends of names a label of another script looks like; empty for none."""
    if label.isascii() or len(label) > len("example"):
        return ""
    looks = skeleton(label)
    return next((top for top in _TOP if skeleton(top) == looks), "")


def _is_plain(tld: str) -> bool:
    """Tell whether a name that ends so is a link, though nothing else says so."""
    if len(tld) == 2 or not tld.isascii():
        return tld in _COUNTRIES
    return tld not in _WORDS and is_top_level(tld)


def _cut(label: str) -> str:
    """Return a last label without what was written right after it: `com-join`, `com_join`, `com` before Chinese."""
    found = _LAST_LABEL.match(label)
    return found[0] if found is not None else label


def _path(path: str) -> str:
    return path.replace(_HARD, ".").replace(_SOFT, ".").replace("\\", "/").rstrip(_PUNCTUATION)
