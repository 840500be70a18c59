"""Finds addresses of crypto wallets in text."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from tornado_chat.confusables import ignorable

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_ETHER = re.compile(r"(?<![0-9A-Za-z])0x[0-9a-fA-F]{40}(?![0-9A-Za-z])")
_SEGWIT = re.compile(r"(?<![0-9A-Za-z])(bc|ltc)1([02-9ac-hj-np-z]{38,87})(?![0-9A-Za-z])", re.IGNORECASE)
_PIECES = re.compile(r"[0-9A-Za-z]+")


def has_wallet(text: str) -> bool:
    """Tell whether a text has an address of Bitcoin, Litecoin, Dogecoin, Tron (checksums are checked) or Ethereum."""
    plain = ignorable().sub("", text)
    if not plain.isascii():
        plain = unicodedata.normalize("NFKC", plain)
    if _ETHER.search(plain) is not None:
        return True
    if any(_is_segwit(found[1].lower(), found[2].lower()) for found in _SEGWIT.finditer(plain)):
        return True
    pieces = _PIECES.findall(plain)
    for start, piece in enumerate(pieces):
        if piece[0] not in "123ADLMTX9":
            continue
        joined = ""
        for part in pieces[start : start + 12]:  # it may be spaced out
            joined += part
            if len(joined) > 35:
                break
            if len(joined) >= 26 and _is_base58(joined):
                return True
    return False


def _is_base58(text: str) -> bool:
    """Tell whether a text is 21 bytes and their checksum, as Bitcoin writes addresses."""
    number = 0
    for char in text:
        digit = _BASE58.find(char)
        if digit < 0:
            return False
        number = number * 58 + digit
    if number >> 200:
        return False
    data = number.to_bytes(25)
    return hashlib.sha256(hashlib.sha256(data[:21]).digest()).digest()[:4] == data[21:]


def _is_segwit(prefix: str, data: str) -> bool:
    """Tell whether the checksum of an address of BIP 173 or BIP 350 is right."""
    check = 1
    values = [*(ord(char) >> 5 for char in prefix), 0, *(ord(char) & 31 for char in prefix), *map(_BECH32.find, data)]
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> bit & 1 else 0
    return check in {1, 0x2BC830A3}
