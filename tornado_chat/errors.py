"""Every exception that crosses a module, and every fixed string that a client can be sent, in one table."""

from __future__ import annotations

from enum import StrEnum


class ChatError(Exception):
    """The base of all errors that this package raises on purpose."""


class ConfigError(ChatError):
    """The configuration can't be used. The message names the file, the key and what was expected."""


class StoreUnavailable(ChatError):
    """The database didn't do it, or didn't answer in time. The operation's fate may be unknown."""


class StoreAway(StoreUnavailable):
    """The database is known to be away, which was logged; it wasn't asked."""


class StoreBusy(StoreUnavailable):
    """As much is looked up in the database as may be at a time, or it took too long; it isn't away."""


class IdentityUnavailable(ChatError):
    """The site's API didn't give an answer that can be trusted; nothing is known about the user or app."""


class ChatFull(ChatError):
    """An app has as many connections as it may have."""


class HttpError(ChatError):
    """An HTTP request had no usable answer. The message holds no query, no body and no credentials."""


class PluginLimit(ChatError):
    """A plugin wants more than it may have: too many texts, keys, tasks or requests at a time."""


class CommandRefused(ChatError):
    """A slash command can't be carried out. The message is shown to the one who typed it."""


class RankRefused(CommandRefused):
    """The actor doesn't stand above whom, or whose doing, the command is about. Such tries go into the audit log."""


class Ack(StrEnum):
    """First argument of an ack, where it isn't null."""

    USER_REQUIRED = "USER_REQUIRED"
    USER_MUTED = "USER_MUTED"
    MESSAGE_REJECTED = "MESSAGE_REJECTED"
    MESSAGE_HELD = "MESSAGE_HELD"
    COMMAND_REFUSED = "COMMAND_REFUSED"
    JOIN_REFUSED = "JOIN_REFUSED"
    BANNED = "BANNED"
    RATE_LIMITED = "RATE_LIMITED"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    CLIENT_ERROR = "CLIENT_ERROR"


class ClientError(StrEnum):
    """Texts of the `client_error` event: the client disobeyed the API. The first seven are the seed's own words."""

    AUTH_PAYLOAD = "must send data object with `auth` event"
    AUTH_APP_ID = "must send app_id integer with `auth` event"
    AUTH_CALLBACK = "must provide callback to `auth` event"
    AUTH_NO_APP = "no app found with the app_id you sent to `auth` event"
    MESSAGE_TYPE = "`new_message` requires string as first argument"
    MESSAGE_LENGTH = "`new_message` text must be 1-350 chars"
    MESSAGE_CALLBACK = "`new_message` requires a callback"
    MESSAGE_CID = "`new_message` cid must be 1-64 characters of A-Z a-z 0-9 _ . : -"
    MESSAGE_UNICODE = "`new_message` text must be valid Unicode"
    MESSAGE_BEFORE_AUTH = "must `auth` before `new_message`"
    AUTH_SINCE = "`since` of `auth` must be the id of a message"
    AUTH_TWICE = "must send `auth` event only once per connection"
    AUTH_ORIGIN = "the app you sent to `auth` event does not allow this page's origin"
    RATE_LIMITED = "too many events; send fewer, or you will be disconnected"
    REPORT = "must send the id of a message with `report` event"
    REPORT_BEFORE_AUTH = "must `auth` before `report`"
    COMMAND = 'must send a command, such as "/help", of 1-350 characters with `command` event'
    COMMAND_CALLBACK = "must provide callback to `command` event"
    COMMAND_BEFORE_AUTH = "must `auth` before `command`"
    HISTORY = "must send the id of a message as `before`, and 1 to 100 as `limit`, with `history_before` event"
    HISTORY_CALLBACK = "must provide callback to `history_before` event"
    HISTORY_BEFORE_AUTH = "must `auth` before `history_before`"
    COMMANDS_CALLBACK = "must provide callback to `commands` event"
    COMMANDS_BEFORE_AUTH = "must `auth` before `commands`"
    UNKNOWN_EVENT = "unknown event"


MAX_TEXT = 350
"""Longest message, in UTF-16 code units after trimming (seed)."""

NOT_AUTHORIZED = "You are not authorized to do that"
NOT_MUTED = "User not in mutelist"
NOT_BANNED = "User not in banlist"
