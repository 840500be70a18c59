"""All that a plugin may touch of the server."""

from __future__ import annotations

import logging
from typing import Any

import msgspec

from tornado_chat.models import Mute, User
from tornado_chat.room import Room
from tornado_chat.sanctions import Sanctions


class PluginOptions(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The base of a plugin's `Options`: the keys of its table in an app's file, with types and defaults."""


class PluginApi:
    """One plugin in one app."""

    def __init__(self, plugin: str, app_id: int, options: Any, room: Room, sanctions: Sanctions) -> None:
        self._plugin = plugin
        self._app_id = app_id
        self._options = options
        self._room = room
        self._sanctions = sanctions
        self._log = logging.getLogger(f"tornado_chat.plugin.{plugin}")

    @property
    def app_id(self) -> int:
        """The app that this registration is for."""
        return self._app_id

    @property
    def options(self) -> Any:
        """The plugin's options in this app: an instance of its `Options`, None for a plugin that declares none."""
        return self._options

    @property
    def log(self) -> logging.Logger:
        """A logger that carries the plugin's name."""
        return self._log

    @property
    def users(self) -> list[User]:
        """Who is in the lobby now, with their roles, in the order they came."""
        return self._room.users

    async def mute(self, actor: User, uname: str, seconds: int, reason: str = "") -> Mute:
        """Mute a name, here or not, for `seconds` (1 or more), and tell the room.

        Raises CommandRefused (with a text for the actor) where the actor doesn't outrank the target, StoreUnavailable
        where it couldn't be stored; then nothing has changed.
        """
        return await self._sanctions.mute(actor, uname, seconds, reason)

    async def unmute(self, actor: User, uname: str) -> Mute:
        """Lift the mute of a name, tell the room, and return the mute.

        Raises as `mute` does, and CommandRefused where the name has none.
        """
        return await self._sanctions.unmute(actor, uname)
