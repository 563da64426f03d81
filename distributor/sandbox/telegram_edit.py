"""The Bot API's editing methods: texts, captions, media, buttons, deletion.

A bot edits its own messages and, as administrator, a channel's, however old they are; it deletes none that is older
than 48 hours, in a channel as elsewhere and whatever its rights (TDLib, can_delete_channel_message). An edit that
changes nothing is refused in the server's words. Touches the world's memory only.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from distributor.sandbox.telegram_errors import bad_request
from distributor.sandbox.telegram_markup import read_markup
from distributor.sandbox.telegram_media import KINDS, attached
from distributor.sandbox.telegram_params import Params
from distributor.sandbox.telegram_send import Sending
from distributor.sandbox.telegram_text import TEXT_AT_MOST, read_text
from distributor.sandbox.telegram_world import JSON, BotAccount, Chat, Message

DELETABLE_FOR = 48 * 3600
ALBUM_KINDS = ("photo", "video")  # what an item of an album of pictures may become
NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current content "
    "and reply markup of the message"
)


class Editing:
    """The editing methods, over the same chats as `Sending`."""

    def __init__(self, sending: Sending) -> None:
        self.sending = sending
        self.world = sending.world
        self.updates = sending.updates

    def _find(self, bot: BotAccount, params: Params) -> tuple[Chat, Message]:
        chat = self.sending.open_chat(bot, params)
        message = chat.messages.get(params.integer("message_id"))
        if message is None:
            raise bad_request("message to edit not found")
        if message.by_bot != bot.id and chat.type != "channel":
            raise bad_request("message can't be edited")
        return chat, message

    def _change(self, bot: BotAccount, chat: Chat, message: Message, params: Params, what: str, **content: Any) -> JSON:
        """Applies an edit. Like the server it drops the buttons when the call brings none."""
        markup = read_markup(params)
        new = {**content, "reply_markup": markup}
        if all(getattr(message, name) == value for name, value in new.items()):
            raise bad_request(NOT_MODIFIED)
        self.sending.keep_rate(bot, chat)
        for name, value in new.items():
            setattr(message, name, value)
        if content:
            message.edit_date = int(self.world.record.clock())
        self.world.record.effect(
            "telegram", "edit", chat_id=chat.id, message_id=message.message_id, bot_id=bot.id, what=what,
            text=message.text or message.caption,
        )  # fmt: skip
        if chat.type == "channel":
            for other in chat.bots_inside(self.world.bots):
                if other.id != bot.id:
                    self.updates.push(other, "edited_channel_post", self.world.message_json(other, message))
        return self.world.message_json(bot, message)

    async def edit_text(self, bot: BotAccount, params: Params) -> JSON:
        """editMessageText."""
        chat, message = self._find(bot, params)
        if message.text is None:
            raise bad_request("there is no text in the message to edit")
        text, entities = read_text(
            params.text("text"), params.structure("entities"), params.text("parse_mode"),
            at_most=TEXT_AT_MOST, caption=False,
        )  # fmt: skip
        preview = params.structure("link_preview_options")
        extra = {name: value for name, value in message.extra.items() if name != "link_preview_options"}
        extra |= {"link_preview_options": preview} if preview else {}
        return self._change(bot, chat, message, params, "text", text=text, entities=entities, extra=extra)

    async def edit_caption(self, bot: BotAccount, params: Params) -> JSON:
        """editMessageCaption."""
        chat, message = self._find(bot, params)
        if message.attached is None:
            raise bad_request("there is no caption in the message to edit")
        caption, entities = self.sending.caption(params)
        return self._change(bot, chat, message, params, "caption", caption=caption, caption_entities=entities)

    async def edit_media(self, bot: BotAccount, params: Params) -> JSON:
        """editMessageMedia: also turns a text into a message with a file. An item of an album stays in it, and becomes
        only what may be there."""
        chat, message = self._find(bot, params)
        source = params.structure("media")
        if not isinstance(source, dict) or source.get("type") not in KINDS:
            raise bad_request("can't parse InputMedia: unsupported type")
        kind = str(source["type"])
        caption, entities = self.sending.caption(params, source)
        file = await attached(self.world, bot, params, kind, source)
        self._keep_album(message, file.kind)
        if message.attached is not None and message.attached.file.sha256 == file.file.sha256:
            file = replace(message.attached, kind=kind)  # the same picture again is no change
        return self._change(
            bot, chat, message, params, "media",
            text=None, entities=[], attached=file, caption=caption, caption_entities=entities,
        )  # fmt: skip

    @staticmethod
    def _keep_album(message: Message, kind: str) -> None:
        if message.album is None or message.attached is None:
            return
        if kind == "animation":
            raise bad_request("message content type can't be used in an album")
        if (kind in ALBUM_KINDS) != (message.attached.kind in ALBUM_KINDS):
            raise bad_request("can't change media type in the album")

    async def edit_buttons(self, bot: BotAccount, params: Params) -> JSON:
        """editMessageReplyMarkup."""
        chat, message = self._find(bot, params)
        return self._change(bot, chat, message, params, "buttons")

    async def delete(self, bot: BotAccount, params: Params) -> bool:
        """deleteMessage: within 48 hours. A channel's own posts need no right but that to post."""
        chat = self.sending.open_chat(bot, params)
        message = chat.messages.get(params.integer("message_id"))
        if message is None:
            raise bad_request("message to delete not found")
        old = self.world.record.clock() - message.date >= DELETABLE_FOR
        others = message.by_bot != bot.id and chat.statuses.get(bot.id) != "administrator"
        if others or old:
            raise bad_request("message can't be deleted for everyone")
        del chat.messages[message.message_id]
        self.world.record.effect("telegram", "delete", chat_id=chat.id, message_id=message.message_id, bot_id=bot.id)
        return True
