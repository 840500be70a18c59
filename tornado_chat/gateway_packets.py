"""Socket.IO packets as this chat takes them: strict JSON, and nothing binary."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import msgspec
from socketio.packet import ACK, CONNECT, DISCONNECT, EVENT, Packet

_BEYOND = re.compile(r"[^\x00-\x7f]+")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class BadPacket(ValueError):
    """What came is not a Socket.IO packet that this chat takes."""


class StrictJson:
    """JSON as the standard has it, for python-socketio: no NaN, no number without bounds."""

    @staticmethod
    def dumps(value: Any, **_: Any) -> str:
        return msgspec.json.encode(value).decode()

    @staticmethod
    def loads(text: str) -> Any:
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            # JavaScript sends half an emoji as an escape. It is refused where it stands, with a word on what is wrong.
            if not _SURROGATE.search(text):
                raise
            return json.loads(text, parse_constant=_refuse, parse_float=_finite)


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _finite(number: str) -> float:
    value = float(number)
    return value if math.isfinite(value) else _refuse(number)


class StrictPacket(Packet):  # type: ignore[misc] # python-socketio has no types
    """A Socket.IO packet; refuses binary ones, unknown types and events that are no array with a name first."""

    json = StrictJson
    uses_binary_events = False

    def decode(self, encoded_packet: str) -> int:
        try:
            attachments: int = super().decode(encoded_packet)
        except (ValueError, RecursionError) as error:
            raise BadPacket(type(error).__name__) from None
        if self.packet_type not in (CONNECT, DISCONNECT, EVENT, ACK) or attachments:
            raise BadPacket("packet type")
        if self.packet_type == EVENT and not (
            isinstance(self.data, list) and self.data and isinstance(self.data[0], str | int)
        ):
            raise BadPacket("event without a name")
        if self.packet_type == ACK and not isinstance(self.data, list):
            raise BadPacket("ack without an array")
        return 0


def ascii_json(text: str) -> str:
    """Return a Socket.IO packet in ASCII; what is beyond can only be in its JSON, where an escape means the same."""
    return _BEYOND.sub(lambda match: json.dumps(match[0])[1:-1], text)
