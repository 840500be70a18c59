"""An Engine.IO server made for Tornado. README.md beside this file tells what it does; it knows nothing of a chat."""

from tornado_chat.engine.limits import Limits
from tornado_chat.engine.outbox import Group
from tornado_chat.engine.packets import Packet
from tornado_chat.engine.reasons import CloseReason, Refusal
from tornado_chat.engine.server import Engine

__all__ = ["CloseReason", "Engine", "Group", "Limits", "Packet", "Refusal"]
