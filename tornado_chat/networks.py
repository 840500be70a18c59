"""Things by network: which of them covers an address, found without looking at each."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Generic, TypeVar

T = TypeVar("T")

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

ONE_HOST = 64  # bits of an IPv6 address that its owner doesn't choose
LOCAL = tuple(ip_network(text) for text in ("127.0.0.0/8", "::1/128", "0.0.0.0/8", "::/128"))


def parse_address(text: str) -> Address | None:
    """Return an IP address, an IPv4 one where it is written as IPv6; None for what is none, as of a Unix socket."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def parse_network(text: str) -> Network | None:
    """Return the network of `203.0.113.7`, `203.0.113.0/24`, `2001:db8::1` (its /64) or `2001:db8::/32`; else None."""
    address, slash, length = text.partition("/")
    parsed = parse_address(address)
    if parsed is None or "%" in text or (slash and not (length.isascii() and length.isdecimal())):
        return None
    if not slash:
        length = "32" if parsed.version == 4 else str(ONE_HOST)
    elif str(parsed) != address and ":" in address and parsed.version == 4:
        return None  # a prefix of an IPv4 address that is written as IPv6 isn't worth the confusion
    try:
        return ip_network(f"{parsed}/{length}", strict=False)
    except ValueError:
        return None


def is_local(network: Network) -> bool:
    """Tell whether a network has addresses of this very machine."""
    return any(network.version == local.version and network.overlaps(local) for local in LOCAL)


class ByNetwork(Generic[T]):
    """Values by network. Finding one takes as many steps as there are lengths of prefixes, however many there are."""

    def __init__(self) -> None:
        self._values: dict[tuple[int, int], dict[int, T]] = {}  # self._values[version, prefix length][first bits]

    def put(self, network: Network, value: T) -> None:
        """Add a value, instead of what the network had."""
        self._values.setdefault((network.version, network.prefixlen), {})[_bits(network)] = value

    def drop(self, network: Network) -> None:
        """Remove the value of a network, where it has one."""
        key = (network.version, network.prefixlen)
        values = self._values.get(key, {})
        values.pop(_bits(network), None)
        if not values:
            self._values.pop(key, None)

    def covering(self, address: Address) -> Iterator[T]:
        """Yield the value of each network that an address is in."""
        number = int(address)
        for (version, length), values in self._values.items():
            if version == address.version and (bits := number >> (address.max_prefixlen - length)) in values:
                yield values[bits]


def _bits(network: Network) -> int:
    return int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
