"""Addresses of wallets: by their checksums, in one piece or in many."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.work import steps
from tornado_chat import has_wallet

GENESIS = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"
SEGWIT = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"  # BIP 173
TAPROOT = "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"  # BIP 350
ETHER = "0x52908400098527886E0F7030069857D2E4169EE7"  # EIP 55
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58(version: int, payload: bytes) -> str:
    data = bytes([version]) + payload
    data += hashlib.sha256(hashlib.sha256(data).digest()).digest()[:4]
    number, text = int.from_bytes(data), ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


@pytest.mark.parametrize(
    "text",
    [
        GENESIS,
        SEGWIT,
        SEGWIT.upper(),
        TAPROOT,
        ETHER,
        ETHER.lower(),
        f"send it to {GENESIS}, thanks",
        f"to:{SEGWIT}!!",
        "1 A1zP1eP5 QGefi2DM PTfTL5SL mv7DivfNa",
        "1A1zP1eP5-QGefi2DMPTfTL5SL-mv7DivfNa",
        "bc1qw508d6qejxtdg4\u200by5r3zarvary0c5xw7kv8f3t4",
        "ｂｃ１ｑｗ５０８ｄ６ｑｅｊｘｔｄｇ４ｙ５ｒ３ｚａｒｖａｒｙ０ｃ５ｘｗ７ｋｖ８ｆ３ｔ４",
        *(
            base58(version, hashlib.sha256(bytes([version])).digest()[:20])
            for version in (0, 5, 0x1E, 0x30, 0x32, 0x41)
        ),
    ],
)
def test_it_has_a_wallet(text: str) -> None:
    assert has_wallet(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        GENESIS[:-1] + "b",
        GENESIS.lower(),
        SEGWIT[:-1] + "5",
        SEGWIT[:20] + SEGWIT[21:],
        TAPROOT.replace("5jj0", "5jj1"),
        ETHER[:-1],
        ETHER + "0",
        "0x" + "ab" * 32,
        "the address format confuses me: 1..., 3..., bc1q, bc1p?",
        "1111111111111111111111111111111111",
        "3 goals and 2 assists for Lund in 11 matches, 1 card",
        "d41d8cd98f00b204e9800998ecf8427e da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLz",
    ],
)
def test_it_has_none(text: str) -> None:
    assert not has_wallet(text)


@given(st.text(max_size=350) | st.text("13bc0xqpzAa \u200b", max_size=350))
def test_no_text_breaks_it(text: str) -> None:
    assert has_wallet(text) in {True, False}


@pytest.mark.parametrize("part", ["1", "1 ", "1 A", "bc1", "0x", "Aa1", "1A1zP1eP5 "])
def test_the_work_is_linear(part: str) -> None:
    text = part * 1400
    one = steps(lambda: has_wallet(text[:350]))
    assert steps(lambda: has_wallet(text[:1400])) < 5 * one + 200
