"""What a filter may answer. One closed type: anything else is the filter's error."""

from __future__ import annotations

import msgspec


class Pass(msgspec.Struct, frozen=True):
    """The message may go on as it is."""


class Replace(msgspec.Struct, frozen=True):
    """The message goes on with this text instead (1 to 350 UTF-16 units after trimming)."""

    text: str


class Reject(msgspec.Struct, frozen=True):
    """The message stops here. The sender alone sees `message`, and an ack of MESSAGE_REJECTED."""

    message: str


Verdict = Pass | Replace | Reject
