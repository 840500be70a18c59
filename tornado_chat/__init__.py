"""What a plugin imports. Everything else in this package may change without notice."""

from tornado_chat.commands import (
    Call,
    ChoiceParam,
    Command,
    DurationParam,
    MessageIdParam,
    NumberParam,
    Param,
    RestParam,
    UserParam,
)
from tornado_chat.confusables import mixes_scripts, name_skeleton, scripts_of, skeleton
from tornado_chat.errors import CommandRefused, HttpError, IdentityUnavailable, PluginLimit, StoreUnavailable
from tornado_chat.filters import Filter
from tornado_chat.folding import graphemes
from tornado_chat.gates import Gate, Visitor
from tornado_chat.happenings import (
    Deleted,
    Happening,
    Held,
    Joined,
    Left,
    Muted,
    Posted,
    Rejected,
    Suspended,
    Unmuted,
)
from tornado_chat.hookspecs import hookimpl
from tornado_chat.http import HttpClient, HttpResponse
from tornado_chat.identity import App, IdentityProvider
from tornado_chat.listeners import Listener
from tornado_chat.matching import Forms, Normalised, Reading, normalise, search_forms
from tornado_chat.models import Draft, HeldMessage, Message, Mute, Role, User, is_uname
from tornado_chat.plugin_api import PluginApi, PluginOptions
from tornado_chat.routes import Route
from tornado_chat.storage import PluginStorage
from tornado_chat.text import duration_text
from tornado_chat.verdicts import (
    Action,
    AlertStaff,
    Hold,
    MuteSender,
    Pass,
    PurgeSender,
    Reject,
    Replace,
    Shadow,
    Verdict,
)
from tornado_chat.version import VERSION

__all__ = [
    "VERSION",
    "Action",
    "AlertStaff",
    "App",
    "Call",
    "ChoiceParam",
    "Command",
    "CommandRefused",
    "Deleted",
    "Draft",
    "DurationParam",
    "Filter",
    "Forms",
    "Gate",
    "Happening",
    "Held",
    "HeldMessage",
    "Hold",
    "HttpClient",
    "HttpError",
    "HttpResponse",
    "IdentityProvider",
    "IdentityUnavailable",
    "Joined",
    "Left",
    "Listener",
    "Message",
    "MessageIdParam",
    "Mute",
    "MuteSender",
    "Muted",
    "Normalised",
    "NumberParam",
    "Param",
    "Pass",
    "PluginApi",
    "PluginLimit",
    "PluginOptions",
    "PluginStorage",
    "Posted",
    "PurgeSender",
    "Reading",
    "Reject",
    "Rejected",
    "Replace",
    "RestParam",
    "Role",
    "Route",
    "Shadow",
    "StoreUnavailable",
    "Suspended",
    "Unmuted",
    "User",
    "UserParam",
    "Verdict",
    "Visitor",
    "duration_text",
    "graphemes",
    "hookimpl",
    "is_uname",
    "mixes_scripts",
    "name_skeleton",
    "normalise",
    "scripts_of",
    "search_forms",
    "skeleton",
]
