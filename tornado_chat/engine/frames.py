"""WebSocket frames (RFC 6455), the server's side, without extensions."""

from __future__ import annotations

from collections.abc import Iterator

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
CONTINUATION = 0x0

NORMAL, GOING_AWAY, PROTOCOL_ERROR, UNSUPPORTED, INVALID_TEXT, POLICY, TOO_BIG, TRY_AGAIN = (
    1000,
    1001,
    1002,
    1003,
    1007,
    1008,
    1009,
    1013,
)

FIN = 0x80
MASKED = 0x80
MAX_CONTROL = 125  # bytes
MAX_FRAGMENTS = 64  # of one message; no client of ours makes any


class BadFrame(ValueError):
    """What came breaks the protocol; `code` is the close code that says how."""

    def __init__(self, code: int, what: str) -> None:
        super().__init__(what)
        self.code = code


def text_frame(data: bytes) -> bytes:
    """Return `data`, which is UTF-8, as one unmasked text frame."""
    return _frame(TEXT, data)


def pong_frame(data: bytes) -> bytes:
    """Return the answer to a ping that carried `data`."""
    return _frame(PONG, data)


def close_frame(code: int, reason: str) -> bytes:
    """Return a close frame; `reason` is cut to what fits."""
    return _frame(CLOSE, code.to_bytes(2) + reason.encode()[: MAX_CONTROL - 2].decode(errors="ignore").encode())


def _frame(opcode: int, data: bytes) -> bytes:
    size = len(data)
    if size < 126:
        return bytes((FIN | opcode, size)) + data
    if size < 0x10000:
        return bytes((FIN | opcode, 126)) + size.to_bytes(2) + data
    return bytes((FIN | opcode, 127)) + size.to_bytes(8) + data


class FrameParser:
    """Takes a client's bytes in any pieces. `max_size` bounds a message, and so what is ever held, in bytes."""

    __slots__ = ("_begun", "_fragments", "_max_size", "_opcode", "_unread")

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._unread = b""  # the beginning of a frame
        self._begun: bytearray | None = None  # the beginning of a fragmented message
        self._opcode = CONTINUATION
        self._fragments = 0

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield (opcode, data) for each message and each control frame that `data` completes. Raises BadFrame.

        A fragment that completes nothing is yielded as (CONTINUATION, b""), so that it can be counted.
        """
        data = self._unread + data if self._unread else data
        self._unread = b""
        at = 0
        while (end := self._frame_end(data, at)) is not None:
            yield self._take(data[at:end])
            at = end
        self._unread = data[at:]

    def _frame_end(self, data: bytes, at: int) -> int | None:
        """Return where the frame at `at` ends, or None while it isn't complete; check its header."""
        if len(data) - at < 2:
            return None
        opcode, size = data[at] & 0x0F, data[at + 1] & 0x7F
        self._check(data[at], data[at + 1], opcode, size)
        header = 6  # two bytes and the mask
        if size >= 126:
            wide = 2 if size == 126 else 8
            if len(data) - at < 2 + wide:
                return None
            size = int.from_bytes(data[at + 2 : at + 2 + wide])
            if size < (126 if wide == 2 else 0x10000):
                raise BadFrame(PROTOCOL_ERROR, "length not in its shortest form")
            header += wide
        if size + (len(self._begun) if self._begun is not None and opcode == CONTINUATION else 0) > self._max_size:
            raise BadFrame(TOO_BIG, "message too big")
        end = at + header + size
        return end if end <= len(data) else None

    def _check(self, first: int, second: int, opcode: int, size: int) -> None:
        if first & 0x70:
            raise BadFrame(PROTOCOL_ERROR, "reserved bits")
        if not second & MASKED:
            raise BadFrame(PROTOCOL_ERROR, "unmasked frame")
        if opcode in (CLOSE, PING, PONG):
            if not first & FIN or size > MAX_CONTROL:
                raise BadFrame(PROTOCOL_ERROR, "control frame too long or in fragments")
        elif opcode == CONTINUATION:
            if self._begun is None:
                raise BadFrame(PROTOCOL_ERROR, "continuation of nothing")
        elif opcode not in (TEXT, BINARY):
            raise BadFrame(PROTOCOL_ERROR, "unknown opcode")
        elif self._begun is not None:
            raise BadFrame(PROTOCOL_ERROR, "message within a message")

    def _take(self, frame: bytes) -> tuple[int, bytes]:
        opcode = frame[0] & 0x0F
        data = _payload(frame)
        if opcode in (CLOSE, PING, PONG):
            return opcode, data
        if opcode == CONTINUATION and self._begun is not None:
            self._begun += data
            self._fragments += 1
            if self._fragments > MAX_FRAGMENTS:
                raise BadFrame(POLICY, "too many fragments")
            if not frame[0] & FIN:
                return CONTINUATION, b""
            opcode, data, self._begun = self._opcode, bytes(self._begun), None
        elif not frame[0] & FIN:
            self._begun, self._opcode, self._fragments = bytearray(data), opcode, 1
            return CONTINUATION, b""
        return opcode, data


def _payload(frame: bytes) -> bytes:
    begin = {126: 8, 127: 14}.get(frame[1] & 0x7F, 6)
    data, mask = frame[begin:], frame[begin - 4 : begin]
    size = len(data)
    # One XOR of two long integers; a loop over the bytes takes a hundred times as long.
    key = int.from_bytes((mask * (size // 4 + 1))[:size])
    return (int.from_bytes(data) ^ key).to_bytes(size)
