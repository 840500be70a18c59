"""Hosts in one form, as a browser would ask for them, and the list of public suffixes."""

from __future__ import annotations

import functools
import ipaddress
import re
import unicodedata
from urllib.parse import unquote

from publicsuffixlist import PublicSuffixList

from tornado_chat.confusables import ignorable

# Full stops of other scripts, which browsers take for one (UTS #46), and what looks like one.
_DOTS = str.maketrans(dict.fromkeys("\u3002\uff61\u00b7\u2022\u2219\u22c5\u2027\u30fb", "."))
HOST = re.compile(r"[^\s/\\?#@:,;!'\"()<>\[\]{}|*&=+$~^`]+")
LONGEST_SUFFIX = 24  # characters of the last label, in ASCII
# RFC 2606 and RFC 7686: no list of public suffixes has them, yet links in tests and to hidden services do.
_RESERVED = frozenset({"example", "test", "invalid", "localhost", "onion"})


def canonical_host(host: str) -> str | None:
    """Return a host as `Link.host` has it; None where it can't be one. An internationalised name becomes `xn--...`."""
    host = fold_host(unquote(host)).strip(".") if "%" in host else fold_host(host).strip(".")
    if host.startswith("["):
        return ipv6(host)
    if not host or not host.replace(".", "") or HOST.fullmatch(host) is None:
        return None
    address = ipv4(host)
    if address is not None:
        return address
    return host if host.isascii() else ".".join(_encoded(label) for label in host.split("."))


def readable_host(host: str) -> str:
    """Return a canonical host with its `xn--` names written out."""
    if "xn--" not in host:
        return host
    return ".".join(_decoded(label) for label in host.split("."))


def is_public_suffix(host: str) -> bool:
    """Tell whether anybody can register a name under a host: `com` and `co.uk` are such, `example.com` isn't.

    By ICANN's part of publicsuffix.org's list.
    """
    return bool(_suffixes().publicsuffix(host) == host)


@functools.cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False, only_icann=True)


@functools.lru_cache(10_000)
def is_top_level(label: str) -> bool:
    """Tell whether names can end in a label: `com`, `рф`, and those reserved for examples."""
    if label in _RESERVED:
        return True
    return len(label) <= LONGEST_SUFFIX and _suffixes().publicsuffix(f"a.{label}") is not None


def fold_host(text: str) -> str:
    """Return a text in small letters, with what browsers make of what only looks like ASCII, or can't be seen."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", ignorable().sub("", text)).translate(_DOTS).lower()


def _encoded(label: str) -> str:
    return label if label.isascii() else f"xn--{label.encode('punycode').decode('ascii')}"


def _decoded(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except (UnicodeError, ValueError, OverflowError):
        return label


def ipv6(host: str) -> str | None:
    """Return the plain form of an address of IPv6, with brackets or without; None for anything else."""
    try:
        return str(ipaddress.IPv6Address(host.strip("[]")))
    except ValueError:
        return None


def ipv4(host: str, *, dotted: bool = False) -> str | None:
    """Return an address in any form that browsers take: `0300.0.2.1`, `0xc0000201`, `3221225985`; None for a name.

    `dotted`: only where it is four numbers.
    """
    parts = host.split(".")
    if len(parts) > 4 or (dotted and len(parts) != 4):
        return None
    numbers = []
    for part in parts:
        if (number := _number(part)) is None:
            return None
        numbers.append(number)
    *front, last = numbers
    if any(number > 255 for number in front) or last >= 256 ** (5 - len(numbers)):
        return None
    value = sum(number << 8 * (3 - place) for place, number in enumerate(front)) + last
    return str(ipaddress.IPv4Address(value))


def _number(part: str) -> int | None:
    if not part.isascii() or len(part) > 20:
        return None
    try:
        if part.startswith("0x"):
            return int(part[2:] or "0", 16)
        if not part.isdigit():
            return None
        return int(part, 8) if part.startswith("0") and len(part) > 1 else int(part)
    except ValueError:
        return None
