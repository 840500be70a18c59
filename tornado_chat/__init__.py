"""What a plugin imports. Everything else in this package may change without notice."""

from tornado_chat.commands import Call, Command, Say
from tornado_chat.confusables import mixes_scripts, name_skeleton, scripts_of, skeleton
from tornado_chat.errors import (
    CommandRefused,
    HttpError,
    IdentityUnavailable,
    PluginLimit,
    RankRefused,
    StoreUnavailable,
)
from tornado_chat.events import held_payload, iso
from tornado_chat.filters import Filter
from tornado_chat.folding import graphemes
from tornado_chat.gates import Gate, Visitor
from tornado_chat.happenings import (
    Alerted,
    Banned,
    Deleted,
    Happening,
    Held,
    Joined,
    Left,
    ModeChanged,
    Muted,
    Posted,
    Recorded,
    Rejected,
    Struck,
    Suspended,
    TabOpened,
    Unbanned,
    Unmuted,
)
from tornado_chat.hookspecs import hookimpl
from tornado_chat.hosts import canonical_host, is_public_suffix, readable_host
from tornado_chat.http import HttpClient, HttpResponse
from tornado_chat.identity import App, IdentityProvider, parse_level, parse_time
from tornado_chat.links import Link, find_links
from tornado_chat.listeners import Listener
from tornado_chat.matching import Forms, Normalised, Reading, normalise, search_forms
from tornado_chat.models import (
    AuditEntry,
    Ban,
    Draft,
    HeldMessage,
    Message,
    Mode,
    Mute,
    Person,
    Role,
    User,
    fold,
    is_uname,
)
from tornado_chat.networks import parse_network
from tornado_chat.params import ChoiceParam, DurationParam, MessageIdParam, NumberParam, Param, RestParam, UserParam
from tornado_chat.plugin_api import PluginApi, PluginOptions
from tornado_chat.replies import Reply, list_reply
from tornado_chat.routes import Route
from tornado_chat.secret import Secret
from tornado_chat.signing import signed_headers
from tornado_chat.storage import PluginStorage, name_key
from tornado_chat.text import because, duration_text, listing, one_line, paged, span_text
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
    Strike,
    Verdict,
)
from tornado_chat.version import VERSION
from tornado_chat.wallets import has_wallet

__all__ = [
    "VERSION",
    "Action",
    "AlertStaff",
    "Alerted",
    "App",
    "AuditEntry",
    "Ban",
    "Banned",
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
    "Link",
    "Listener",
    "Message",
    "MessageIdParam",
    "Mode",
    "ModeChanged",
    "Mute",
    "MuteSender",
    "Muted",
    "Normalised",
    "NumberParam",
    "Param",
    "Pass",
    "Person",
    "PluginApi",
    "PluginLimit",
    "PluginOptions",
    "PluginStorage",
    "Posted",
    "PurgeSender",
    "RankRefused",
    "Reading",
    "Recorded",
    "Reject",
    "Rejected",
    "Replace",
    "Reply",
    "RestParam",
    "Role",
    "Route",
    "Say",
    "Secret",
    "Shadow",
    "StoreUnavailable",
    "Strike",
    "Struck",
    "Suspended",
    "TabOpened",
    "Unbanned",
    "Unmuted",
    "User",
    "UserParam",
    "Verdict",
    "Visitor",
    "because",
    "canonical_host",
    "duration_text",
    "find_links",
    "fold",
    "graphemes",
    "has_wallet",
    "held_payload",
    "hookimpl",
    "is_public_suffix",
    "is_uname",
    "iso",
    "list_reply",
    "listing",
    "mixes_scripts",
    "name_key",
    "name_skeleton",
    "normalise",
    "one_line",
    "paged",
    "parse_level",
    "parse_network",
    "parse_time",
    "readable_host",
    "scripts_of",
    "search_forms",
    "signed_headers",
    "skeleton",
    "span_text",
]
