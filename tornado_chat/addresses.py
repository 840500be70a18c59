"""Whom a request comes from, when it may have come through proxies."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

# Where the last four bytes of an IPv6 address are an IPv4 address: mapped, compatible, translated (RFC 2765, 6052).
_HOLDING_V4 = [IPv6Network("::/96"), IPv6Network("::ffff:0:0/96"), IPv6Network("::ffff:0:0:0/96")]
_HOLDING_V4.append(IPv6Network("64:ff9b::/96"))
# What Python, or some versions of it, takes for global: RFC 8215, 3879 and 6890; and Azure's service for its machines.
_LOCAL = [ip_network(text) for text in ("64:ff9b:1::/48", "fec0::/10", "192.0.0.0/24", "168.63.129.16/32")]


class Reach:
    """What plugins may ask over HTTP: public addresses, and the networks (CIDR) that the operator names.

    Else a plugin that is handed an address by a user could be made to ask what only this machine can. Raises ValueError
    for what is no network.
    """

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks: list[IPv4Network | IPv6Network] = [ip_network(network) for network in networks]

    def allows(self, address: str) -> bool:
        """Tell whether a plugin may connect to an IP address."""
        parsed = ip_address(address.partition("%")[0])
        real = _real(parsed)
        if any(one in network for network in self._networks for one in (parsed, real)):
            return True
        return real.is_global and not real.is_multicast and not any(real in network for network in _LOCAL)


def _real(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 address stands for, where it does."""
    if isinstance(address, IPv4Address):
        return address
    if address.sixtofour is not None:
        return address.sixtofour
    if any(address in network for network in _HOLDING_V4):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


class TrustedProxies:
    """The site's own proxies: addresses and networks (CIDR). Raises ValueError for what is neither."""

    def __init__(self, proxies: Iterable[str]) -> None:
        self._networks: list[IPv4Network | IPv6Network] = [ip_network(proxy) for proxy in proxies]

    def client(self, peer: str, forwarded_for: str) -> str:
        """Return the address of the client behind a connection from `peer`.

        `forwarded_for` is the X-Forwarded-For header, empty where there is none. It is believed as far as trusted
        proxies have written it: from its end to the first address that is none of theirs.
        """
        client = peer
        for hop in reversed([hop.strip() for hop in forwarded_for.split(",") if hop.strip()]):
            if not self.trusts(client):
                return client
            try:
                client = str(ip_address(hop))
            except ValueError:
                return client
        return client

    def overlaps(self, network: IPv4Network | IPv6Network) -> bool:
        """Tell whether any of the proxies is in a network."""
        return any(network.version == own.version and network.overlaps(own) for own in self._networks)

    def trusts(self, address: str) -> bool:
        """Tell whether an address is one of the proxies."""
        try:
            parsed = ip_address(address)
        except ValueError:
            return False  # a Unix socket has no address
        return any(parsed in network for network in self._networks)
