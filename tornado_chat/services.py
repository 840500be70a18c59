"""What one app gives its plugins to work with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tornado_chat.actions import Actions
from tornado_chat.app_part import Ground
from tornado_chat.bans import Bans
from tornado_chat.commands import InstalledCommand
from tornado_chat.http import HttpClient
from tornado_chat.modes import Modes
from tornado_chat.people import People
from tornado_chat.sanctions import Sanctions
from tornado_chat.supervision import Supervisor


@dataclass(slots=True, kw_only=True)
class Services:
    """For one set of plugins; `commands` is filled once all of them are loaded."""

    ground: Ground
    sanctions: Sanctions
    bans: Bans
    modes: Modes
    actions: Actions
    people: People
    supervisor: Supervisor
    make_http: Callable[[], HttpClient]
    recheck: Callable[[], int]
    hide_actor: bool = False
    commands: Mapping[str, InstalledCommand] = field(default_factory=dict)
