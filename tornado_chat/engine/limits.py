"""How much one client, one address and all together may have."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes in bytes, times in seconds. The defaults suit a machine with 1 GB of memory."""

    connections: int = 10_000
    connections_per_address: int = 200  # an IPv6 address counts as its /64
    message: int = 64 * 1024  # a WebSocket message, and the body of a polling request
    client_buffer: int = 1024 * 1024  # what may wait for one client that reads slowly
    stall: float = 5.0  # a client to whom nothing could be sent for so long is closed
    handshake: float = 10.0  # until the application calls establish(), and for an upgrade to be carried out
    upgrades: int = 4  # upgrades that one session may try
    event_rate: float = 20.0  # packets (and WebSocket frames) of one client a second, on average
    event_burst: int = 100  # packets that may come at once
    unread: int = 16  # packets of one client that wait for the application; what comes then stays in the network

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be more than 0")
