"""What a plugin imports. Everything else in this package may change without notice."""

from tornado_chat.commands import Call, Command, DurationParam, Param, RestParam, UserParam
from tornado_chat.errors import CommandRefused, StoreUnavailable
from tornado_chat.filters import Filter
from tornado_chat.hookspecs import hookimpl
from tornado_chat.models import Draft, Mute, Role, User
from tornado_chat.plugin_api import PluginApi, PluginOptions
from tornado_chat.text import duration_text
from tornado_chat.verdicts import Pass, Reject, Replace, Verdict
from tornado_chat.version import VERSION

__all__ = [
    "VERSION",
    "Call",
    "Command",
    "CommandRefused",
    "Draft",
    "DurationParam",
    "Filter",
    "Mute",
    "Param",
    "Pass",
    "PluginApi",
    "PluginOptions",
    "Reject",
    "Replace",
    "RestParam",
    "Role",
    "StoreUnavailable",
    "User",
    "UserParam",
    "Verdict",
    "duration_text",
    "hookimpl",
]
