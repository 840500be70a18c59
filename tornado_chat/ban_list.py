"""The bans of one app in memory: which of them keeps somebody out. No I/O."""

from __future__ import annotations

from datetime import datetime

from tornado_chat.models import Ban, User, fold
from tornado_chat.networks import ByNetwork, parse_address, parse_network


class BanList:
    """Bans by folded uname and by network. One that is over counts no more, and is dropped by `current`."""

    def __init__(self) -> None:
        self._bans: dict[str, Ban] = {}  # self._bans[ban.key], in the order they were made
        self._networks: ByNetwork[Ban] = ByNetwork()

    def put(self, ban: Ban) -> None:
        """Add a ban, instead of one of the same target."""
        self._bans.pop(ban.key, None)
        self._bans[ban.key] = ban
        if ban.network and (network := parse_network(ban.target)) is not None:
            self._networks.put(network, ban)

    def drop(self, ban: Ban) -> None:
        """Remove this very ban, where it is there."""
        if self._bans.get(ban.key) is not ban:
            return
        del self._bans[ban.key]
        if ban.network and (network := parse_network(ban.target)) is not None:
            self._networks.drop(network)

    def get(self, key: str, now: datetime) -> Ban | None:
        """Return the ban of a key (see Ban.key) that holds."""
        ban = self._bans.get(key)
        return ban if ban is not None and ban.holds(now) else None

    def of_name(self, uname: str, now: datetime) -> Ban | None:
        """Return the ban of a name, in any case, that holds."""
        return self.get(fold(uname), now)

    def of_network(self, network: str, now: datetime) -> Ban | None:
        """Return the ban of exactly this network that holds."""
        return self.get(f" {network}", now)

    def binding(self, user: User | None, address: str, now: datetime) -> Ban | None:
        """Return a ban that keeps this one (None: a guest), who comes from there, out now."""
        found = [self.of_name(user.uname, now)] if user is not None else []
        if (parsed := parse_address(address)) is not None:
            found += [ban for ban in self._networks.covering(parsed) if ban.holds(now)]
        return next((ban for ban in found if ban is not None and ban.binds(user)), None)

    def current(self, now: datetime) -> list[Ban]:
        """Return the bans that hold, in the order they were made."""
        for ban in [ban for ban in self._bans.values() if not ban.holds(now)]:
            self.drop(ban)
        return list(self._bans.values())

    def __len__(self) -> int:
        return len(self._bans)
