"""Engine.IO packets, and the payloads that long-polling carries several of them in.

Revision 4 (https://github.com/socketio/engine.io-protocol, `EIO=4`) and revision 3 (`EIO=3`). Text only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tornado_chat.engine.frames import text_frame

OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP = "0123456"
TYPES = frozenset((OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP))

SEPARATOR = "\x1e"  # between the packets of a revision 4 payload
MAX_DIGITS = 7  # of a length in a revision 3 payload

Escape = Callable[[str], str]


class BadPacket(ValueError):
    """What came is no Engine.IO packet or payload."""


class BinaryPacket(BadPacket):
    """What came is a binary packet, and those are not taken."""


class Packet:
    """A packet to send, encoded once however many sockets it goes to. `text` starts with the packet's type."""

    __slots__ = ("_frame", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._frame: bytes | None = None

    @property
    def frame(self) -> bytes:
        """The packet as a WebSocket frame."""
        if self._frame is None:
            self._frame = text_frame(self.text.encode())
        return self._frame


def check_packet(text: str) -> None:
    """Raise BadPacket unless `text` is a packet; BinaryPacket for base64."""
    if text[:1] in TYPES and text:
        return
    if text[:1] == "b":
        raise BinaryPacket("binary packet")
    raise BadPacket("unknown packet type")


def encode_payload(packets: Iterable[str], revision: int, escape: Escape | None = None) -> str:
    """Return the body of a polling answer.

    `escape` makes a text ASCII without changing what it means to the receiver. Revision 3 needs it, since its clients
    don't agree on what a length counts: engine.io-parser 1.x counts and sends the bytes of UTF-8, 2.x counts UTF-16
    code units, and nothing in their requests tells which they are. In ASCII both are the same.
    """
    if revision == 4:
        return SEPARATOR.join(packets)
    texts = [packet if escape is None or packet.isascii() else escape(packet) for packet in packets]
    return "".join(f"{len(text.encode('utf-16-le')) // 2}:{text}" for text in texts)


def decode_payload(body: str, revision: int) -> list[str]:
    """Return the packets in the body of a polling request. Raises BadPacket."""
    texts = body.split(SEPARATOR) if revision == 4 else _split_by_length(body)
    for text in texts:
        check_packet(text)
    return texts


def _split_by_length(body: str) -> list[str]:
    units = body.encode("utf-16-le", "surrogatepass")  # lengths count what JavaScript's strings have
    texts = []
    at = 0
    while at < len(units):
        colon = units.find(b":\0", at, at + 2 * MAX_DIGITS + 2)
        digits = units[at:colon].decode("utf-16-le", "replace") if colon > 0 else ""
        if not (digits.isascii() and digits.isdigit()):
            raise BadPacket("no length")
        begin, at = colon + 2, colon + 2 + 2 * int(digits)
        if begin == at or at > len(units):
            raise BadPacket("wrong length")
        try:
            text = units[begin:at].decode("utf-16-le")
        except UnicodeDecodeError:
            raise BadPacket("half a character") from None
        texts.append(_undo_utf8(text))
    if not texts:
        raise BadPacket("empty payload")
    return texts


def _undo_utf8(text: str) -> str:
    """Return the text that engine.io-parser 1.x encoded twice; one that was encoded once is left as it is."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text
