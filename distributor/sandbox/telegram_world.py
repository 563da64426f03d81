"""Telegram's world: people, bots, chats, messages, files, and how a bot sees them.

Memory only. A message is stored once and shown to each bot with that bot's own file ids (a file_id belongs to one
bot). Knows nothing of HTTP, and sends nothing anywhere by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from distributor.sandbox.effects import Record
from distributor.sandbox.files import Files, StoredFile
from distributor.sandbox.telegram_errors import bad_request

JSON = dict[str, Any]


@dataclass(frozen=True)
class Person:
    """Someone with a Telegram account. `started`: has already opened the private chat with the bots."""

    id: int
    first_name: str
    last_name: str = ""
    username: str = ""
    language_code: str = "ka"
    started: bool = True

    def to_json(self) -> JSON:
        """The Bot API's User."""
        user: JSON = {"id": self.id, "is_bot": False, "first_name": self.first_name}
        return user | {
            name: value for name in ("last_name", "username", "language_code") if (value := getattr(self, name))
        }


@dataclass
class BotAccount:
    """A bot. Its id is the number before the colon of its token."""

    token: str
    username: str
    first_name: str
    commands: list[JSON] = field(default_factory=list)

    @property
    def id(self) -> int:
        """The account's id."""
        return int(self.token.split(":")[0])

    def to_json(self) -> JSON:
        """The Bot API's User as others see it."""
        return {"id": self.id, "is_bot": True, "first_name": self.first_name, "username": self.username}


@dataclass(frozen=True)
class Attached:
    """A file inside a message: how it was sent (photo, video, document, animation) and the stored bytes."""

    kind: str
    file: StoredFile
    cover: StoredFile | None = None


@dataclass
class Message:
    """One message in one chat. `sender` is a person's or bot's User, None for a channel's post."""

    message_id: int
    chat: Chat
    sender: JSON | None
    date: int
    text: str | None = None
    entities: list[JSON] = field(default_factory=list)
    attached: Attached | None = None
    caption: str = ""
    caption_entities: list[JSON] = field(default_factory=list)
    album: str | None = None
    reply_markup: JSON | None = None
    reply_to: int | None = None
    edit_date: int | None = None
    extra: JSON = field(default_factory=dict)

    @property
    def by_bot(self) -> int | None:
        """The id of the bot that sent it."""
        return self.extra.get("by_bot")


@dataclass
class Chat:
    """A chat. `statuses`: user id → creator, administrator, member, left or kicked. Private: one bot, one person."""

    id: int
    type: str
    title: str = ""
    username: str = ""
    person: Person | None = None
    statuses: dict[int, str] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    last_message_id: int = 0
    migrated_to: int | None = None
    blocked: bool = False
    started: bool = False

    def to_json(self) -> JSON:
        """The Bot API's Chat."""
        chat: JSON = {"id": self.id, "type": self.type}
        if self.person is not None:
            shown = self.person.to_json()
            return chat | {name: shown[name] for name in ("first_name", "last_name", "username") if name in shown}
        return chat | {name: value for name in ("title", "username") if (value := getattr(self, name))}

    def next_id(self) -> int:
        """Takes the next message id of this chat."""
        self.last_message_id += 1
        return self.last_message_id

    def bots_inside(self, bots: dict[int, BotAccount]) -> list[BotAccount]:
        """The bots that are members."""
        inside = ("creator", "administrator", "member")
        return [bot for bot in bots.values() if self.statuses.get(bot.id) in inside]


class World:
    """All of it together, with the way a bot sees a message."""

    def __init__(self, record: Record, files: Files, people: list[Person], bots: list[BotAccount]) -> None:
        self.record = record
        self.files = files
        self.people = {person.id: person for person in people}
        self.bots = {bot.id: bot for bot in bots}
        self.chats: dict[int, Chat] = {}
        self.private: dict[tuple[int, int], Chat] = {}
        for bot in bots:
            for person in people:
                self.private[bot.id, person.id] = Chat(person.id, "private", person=person, started=person.started)

    def add_chat(self, chat: Chat) -> Chat:
        """Puts a group or channel into the world; every bot joins as administrator unless a status is set."""
        for bot in self.bots.values():
            chat.statuses.setdefault(bot.id, "administrator")
        self.chats[chat.id] = chat
        return chat

    def find(self, bot: BotAccount, chat_id: int | str) -> Chat:
        """The chat that `bot` means by an id or @username; Refused where there is none."""
        if isinstance(chat_id, str) and chat_id.startswith("@"):
            for chat in self.chats.values():
                if chat.username and chat.username.lower() == chat_id[1:].lower():
                    return chat
            raise bad_request("chat not found")
        try:
            number = int(chat_id)
        except ValueError as wrong:
            raise bad_request("chat not found") from wrong
        found = self.private.get((bot.id, number)) or self.chats.get(number)
        if found is None:
            raise bad_request("chat not found")
        return found

    def file_id(self, bot: BotAccount, kind: str, number: int, small: bool = False) -> str:
        """A file's id for one bot; `small` is a picture's reduced size."""
        return f"{kind}{'s' if small else ''}-{number}-bot{bot.id}"

    def file_of(self, bot: BotAccount, file_id: str) -> tuple[str, StoredFile, bool] | None:
        """Kind, file and whether the reduced size is meant; None for an id that is not this bot's."""
        kind, _, rest = file_id.partition("-")
        number, _, owner = rest.partition("-")
        file = self.files.stored.get(int(number)) if number.isdigit() else None
        if file is None or owner != f"bot{bot.id}":
            return None
        small = kind.endswith("s")
        return kind.removesuffix("s"), file, small

    def sizes(self, bot: BotAccount, kind: str, file: StoredFile) -> list[JSON]:
        """The PhotoSize list of a picture, smallest first, as Telegram gives it."""
        look, sizes = file.look, list[JSON]()
        if max(look.width, look.height) > 320:
            scale = 320 / max(look.width, look.height)
            sizes.append({
                "file_id": self.file_id(bot, kind, file.number, small=True), "file_unique_id": f"u{file.number}s",
                "width": max(1, round(look.width * scale)), "height": max(1, round(look.height * scale)),
            })  # fmt: skip
        sizes.append({
            "file_id": self.file_id(bot, kind, file.number), "file_unique_id": f"u{file.number}",
            "width": look.width, "height": look.height, "file_size": len(file.data),
        })  # fmt: skip
        return sizes

    def media_json(self, bot: BotAccount, attached: Attached) -> JSON:
        """The part of a Message that shows its file."""
        kind, file = attached.kind, attached.file
        if kind == "photo":
            return {"photo": self.sizes(bot, "photo", file)}
        shown: JSON = {
            "file_id": self.file_id(bot, kind, file.number), "file_unique_id": f"u{file.number}",
            "file_name": file.name or kind, "mime_type": file.look.mime, "file_size": len(file.data),
        }  # fmt: skip
        if kind == "document":
            return {"document": shown}
        look = file.look
        moving = shown | {"width": look.width, "height": look.height, "duration": round(look.seconds)}
        return {"animation": moving, "document": shown} if kind == "animation" else {kind: moving}

    def message_json(self, bot: BotAccount, message: Message, *, reply: bool = True) -> JSON:
        """The Bot API's Message as `bot` sees it."""
        shown: JSON = {"message_id": message.message_id, "date": message.date, "chat": message.chat.to_json()}
        if message.sender is not None:
            shown["from"] = message.sender
        else:
            shown["sender_chat"] = message.chat.to_json()
        if message.attached is not None:
            shown |= self.media_json(bot, message.attached)
        optional: JSON = {
            "text": message.text, "entities": message.entities, "caption": message.caption,
            "caption_entities": message.caption_entities, "media_group_id": message.album,
            "reply_markup": message.reply_markup if "inline_keyboard" in (message.reply_markup or {}) else None,
            "edit_date": message.edit_date, "link_preview_options": message.extra.get("link_preview_options"),
            "has_media_spoiler": message.extra.get("has_spoiler"),
            "show_caption_above_media": message.extra.get("show_caption_above_media"),
            "has_protected_content": message.extra.get("protect_content"),
        }  # fmt: skip
        shown |= {name: value for name, value in optional.items() if value}
        shown |= message.extra.get("service", {})
        if reply and message.reply_to in message.chat.messages:
            shown["reply_to_message"] = self.message_json(bot, message.chat.messages[message.reply_to], reply=False)
        return shown
