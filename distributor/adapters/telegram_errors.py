"""Every refusal and failure of the Bot API, and what it comes to: one row each.

Pure. The rows' words are compared with the answer's `description`, in small letters; where a row names no document,
the words are those of the server's source (tdlib/telegram-bot-api, Client.cpp).

Albums: the server checks a call completely (parameters, entities, file ids, the chat and the right to write) before
it sends anything, and answers such a refusal in its own words. What fails later fails item by item, while other
items are posted: the answer then is 'failed to send message #N with the error message …', or an error with no more
than 'Group send failed', and brings no ids. So of an album's refusals only those that a row marks as found before
sending are final; every other one is Unknown. 429 and 401 are answered before sending; with a staging chat the
publishing call holds file ids only, and no upload of an item is left that could fail alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, TelegramError

from distributor.adapters.telegram_failures import MaybeDone, NotWritten, Throttled, TooLarge
from distributor.core.outcome import Deferred, Outcome, Rejected, Scope, Unknown
from distributor.core.rendering import Placed


class Reach(Enum):
    """What a refusal speaks of."""

    CHAT = "the chat, or the bot's right to write there"
    CONTENT = "what was sent: a repeat would end the same way"
    FILE = "a file id that no longer serves: upload it again"


@dataclass(frozen=True, slots=True)
class Row:
    """One refusal: the words that tell it, our stable code, and what it speaks of. Found before anything is sent."""

    words: str
    code: str
    reach: Reach


# 403, "Forbidden: …" (Bot API, "Making requests"; the words from Client.cpp, check_chat_access).
FORBIDDEN: tuple[Row, ...] = (
    Row("bot was blocked by the user", "blocked", Reach.CHAT),
    Row("bot was kicked", "removed", Reach.CHAT),
    Row("is not a member", "removed", Reach.CHAT),
    Row("user is deactivated", "deactivated", Reach.CHAT),
    Row("the group chat was deleted", "deleted", Reach.CHAT),
    Row("can't initiate conversation", "not_started", Reach.CHAT),
    Row("can't send messages to bots", "is_a_bot", Reach.CHAT),
)

# 400, "Bad Request: …"
REFUSED: tuple[Row, ...] = (
    Row("chat not found", "chat_not_found", Reach.CHAT),  # never existed, or the bot never saw it
    Row("chat_id is empty", "chat_not_found", Reach.CHAT),
    Row("peer_id_invalid", "chat_not_found", Reach.CHAT),
    Row("group chat was deactivated", "deleted", Reach.CHAT),
    Row("need administrator rights", "no_right", Reach.CHAT),  # a channel where the bot is a mere member
    Row("not enough rights", "no_right", Reach.CHAT),  # restricted: texts or media of this kind
    Row("have no rights", "no_right", Reach.CHAT),
    Row("chat_write_forbidden", "no_right", Reach.CHAT),
    Row("chat_admin_required", "no_right", Reach.CHAT),
    Row("chat_restricted", "no_right", Reach.CHAT),
    Row("channel_private", "removed", Reach.CHAT),
    Row("user_banned_in_channel", "banned", Reach.CHAT),  # the bot itself was limited for spam
    Row("topic_closed", "no_right", Reach.CHAT),
    Row("can't parse", "unreadable", Reach.CONTENT),  # entities, InputMedia, reply parameters
    Row("entity begin", "entities", Reach.CONTENT),  # "entity begins in a middle of a UTF-16 symbol", and so on
    Row("receive an entity", "entities", Reach.CONTENT),
    Row("utf-8", "encoding", Reach.CONTENT),
    Row("message is too long", "text_too_long", Reach.CONTENT),
    Row("caption is too long", "caption_too_long", Reach.CONTENT),
    Row("caption_too_long", "caption_too_long", Reach.CONTENT),
    Row("text is empty", "empty", Reach.CONTENT),
    Row("text must be non-empty", "empty", Reach.CONTENT),
    Row("file must be non-empty", "empty_file", Reach.CONTENT),
    Row("is too big", "too_large", Reach.CONTENT),  # "file of size … is too big for a photo; …"
    Row("photo_invalid_dimensions", "photo_dimensions", Reach.CONTENT),  # sum over 10000 or ratio over 20
    Row("image_process_failed", "photo_unreadable", Reach.CONTENT),
    Row("photo_ext_invalid", "photo_unreadable", Reach.CONTENT),
    Row("photo_save_file_invalid", "photo_unreadable", Reach.CONTENT),
    Row("too many messages to send as an album", "too_many_media", Reach.CONTENT),
    Row("album must have", "album_size", Reach.CONTENT),
    Row("there are no messages to send", "empty", Reach.CONTENT),
    Row("can't be used in sendmediagroup", "album_kind", Reach.CONTENT),
    Row("can't be mixed", "album_kind", Reach.CONTENT),
    Row("wrong file identifier", "stale_file", Reach.FILE),
    Row("wrong remote file identifier", "stale_file", Reach.FILE),
    Row("can't use file of type", "stale_file", Reach.FILE),
)


class Change(Enum):
    """What became of a message that was to be edited or deleted. Both may be asked again without a second effect."""

    DONE = "it is as it should be"
    GONE = "somebody else deleted it"
    REFUSED = "Telegram does not let us"


# 400 to editMessageText, -Caption, -Media and deleteMessage (Client.cpp, fail_query_with_error and check_message;
# TDLib, edit_message_media). A bot may edit its own posts for ever, and delete none that is older than two days, with
# whatever rights, in a channel too (TDLib, can_delete_channel_message).
UNCHANGED = ("message is not modified", "message_not_modified")
NOT_THERE = ("message to edit not found", "message to delete not found", "message_id_invalid")
UNCHANGEABLE = (
    "message can't be edited",
    "message media can't be edited",
    "message_edit_time_expired",
    "message_author_required",
    "no text in the message",  # it shows something else than we know of
    "no caption in the message",
    "media type in the album",
    "can't be used in an album",
    "the specified type in the album",
    "message can't be deleted",
    "message_delete_forbidden",
)

_ITEM = re.compile(r"failed to send message #(\d+)")
_PARTIAL = ("failed to send message #", "group send failed")


@dataclass(frozen=True, slots=True)
class Call:
    """What was asked when the error came.

    `step` is the irrevocable step, or '' for a repeatable call, which never ends Unknown. `own`: the chat is the
    office's, so that an administrator must act; otherwise a subscriber's, whose address is suspended.
    """

    step: str
    own: bool
    items: Sequence[Placed] = ()
    what: str = "the message"

    @property
    def album(self) -> bool:
        """True for sendMediaGroup, whose refusals may come after some items were posted."""
        return bool(self.step) and len(self.items) > 1


def outcome_of(error: TelegramError, call: Call) -> Outcome:
    """What an error of the transport or a refusal of the Bot API comes to."""
    said = error.message
    match error:
        case Throttled():  # 429; the limit may be the chat's or the bot's, and Telegram does not say which
            wait = error.retry_after.total_seconds()
            return Deferred("throttled", f"Telegram asks to wait {wait:g} s", wait, throttled=True, scope=Scope.LANE)
        case ChatMigrated():  # ResponseParameters.migrate_to_chat_id: the group became a supergroup
            moved = f"the group became the supergroup {error.new_chat_id}"
            return Deferred("moved", moved, retry_after=0, address=str(error.new_chat_id))
        case NotWritten():
            return Deferred("connection", said)
        case InvalidToken():  # 401: revoked or wrong; 404: not a token at all
            return Deferred("credential", f"Telegram refuses the bot's token: {said}", scope=Scope.LANE)
        case Forbidden():
            return _chat_refused(_row(FORBIDDEN, said), said, call)
        case TooLarge():
            return Rejected("too_large", f"{call.what}: Telegram refuses the upload for its size")
        case BadRequest():
            return _bad_request(said, call)
        case MaybeDone() if call.step:
            return Unknown("no_answer", f"{call.what}: {said}", step=call.step)
        case MaybeDone():
            return Deferred("no_answer", f"{call.what}: {said}")
    if call.step:  # whatever is not known here may have happened
        return Unknown("odd_answer", f"{call.what}: {said}", step=call.step)
    return Deferred("odd_answer", f"{call.what}: {said}")


def is_unchanged(error: TelegramError) -> bool:
    """True where an edit was refused because the message already says so: the edit's aim is reached
    (Bot API, editMessageText: 'message is not modified')."""
    return isinstance(error, BadRequest) and _words_in(UNCHANGED, error)


def change_refused(error: TelegramError) -> Change | None:
    """What a refusal says of the message that was to be edited or deleted; None where it speaks of something else
    (`outcome_of` reads it then). A refusal in words that nobody knows is one of this message: the next best way is
    taken."""
    if not isinstance(error, BadRequest):
        return None
    if _words_in(UNCHANGED, error):
        return Change.DONE
    if _words_in(NOT_THERE, error):
        return Change.GONE
    if _words_in(UNCHANGEABLE, error) or _row(REFUSED, error.message) is None:
        return Change.REFUSED
    return None


def _words_in(table: tuple[str, ...], error: TelegramError) -> bool:
    return any(words in error.message.lower() for words in table)


def _bad_request(said: str, call: Call) -> Outcome:
    if call.album and any(words in said.lower() for words in _PARTIAL):
        return Unknown("album_failed", f"{_blamed(said, call)}: {said}; other items may be posted", step=call.step)
    row = _row(REFUSED, said)
    if row is None and call.album:
        return Unknown("album_failed", f"{call.what}: {said}; some items may be posted", step=call.step)
    if row is None:
        return Rejected("refused", f"{_blamed(said, call)}: {said}")
    if row.reach is Reach.CHAT:
        return _chat_refused(row, said, call)
    if row.reach is Reach.FILE:
        return Deferred(row.code, f"{_blamed(said, call)}: {said}")
    return Rejected(row.code, f"{_blamed(said, call)}: {said}")


def _chat_refused(row: Row | None, said: str, call: Call) -> Outcome:
    """The office's own chat waits for an administrator; a subscriber's chat is suspended."""
    if call.own:
        return Deferred("credential", f"the bot may not post in the channel: {said}", scope=Scope.LANE)
    return Rejected(row.code if row else "forbidden", said, scope=Scope.DESTINATION)


def _row(rows: tuple[Row, ...], said: str) -> Row | None:
    return next((row for row in rows if row.words in said.lower()), None)


def _blamed(said: str, call: Call) -> str:
    """The item that Telegram refused, in words: 'photo 3 of 5 (scene.jpg)'."""
    found = _ITEM.search(said.lower())
    if found and 1 <= int(found[1]) <= len(call.items):
        return item_name(call.items, int(found[1]) - 1)
    if len(call.items) == 1:
        return item_name(call.items, 0)
    if call.items:
        return f"one of {len(call.items)} photos or videos, Telegram does not say which"
    return call.what


def item_name(items: Sequence[Placed], index: int) -> str:
    """An item as a person would call it."""
    item = items[index]
    place = f" {index + 1} of {len(items)}" if len(items) > 1 else ""
    return f"{item.kind.value}{place}" + (f" ({item.name})" if item.name else "")
