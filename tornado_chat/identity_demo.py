"""Users for trying things out. Their tokens are their names, so anyone who can reach the server can be any of them."""

from __future__ import annotations

from tornado_chat.identity import App
from tornado_chat.models import Role, User, fold

DEMO_USERS = (
    User(1, "alice", Role.MEMBER),
    User(2, "bob", Role.MOD),
    User(3, "carol", Role.OWNER),
    User(4, "dave", Role.ADMIN),
    User(5, "eve", Role.MEMBER),
)

MAX_APP = 100  # each app that somebody enters has a room in memory, and here anybody may enter


class DemoIdentity:
    """Apps 1 to 100 exist; alice, bob, carol, dave and eve log in with their names."""

    def __init__(self) -> None:
        self._users = {fold(user.uname): user for user in DEMO_USERS}

    async def app(self, app_id: int) -> App | None:
        if app_id > MAX_APP:
            return None
        owners = (user.uname for user in DEMO_USERS if user.role is Role.OWNER)
        return App(app_id, f"Demo {app_id}", frozenset(owners))

    async def user(self, app: App, token: str) -> User | None:
        return self._users.get(token)

    async def close(self) -> None:
        """Nothing to give back."""
