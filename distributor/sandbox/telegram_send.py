"""The Bot API's sending methods: messages, files, albums, copies.

Every message that a bot posts goes through `post`, which notes the effect and lets the other bots of a channel see it
(a channel post is an update for them; a group's bot messages are not). Touches the world's memory only.
"""

from __future__ import annotations

from typing import Any

from distributor.sandbox.faults import Fault
from distributor.sandbox.telegram_errors import Refused, bad_request, forbidden, too_many_requests
from distributor.sandbox.telegram_markup import read_markup
from distributor.sandbox.telegram_media import KINDS, attached
from distributor.sandbox.telegram_params import Params
from distributor.sandbox.telegram_rates import Rates
from distributor.sandbox.telegram_text import CAPTION_AT_MOST, TEXT_AT_MOST, read_text
from distributor.sandbox.telegram_updates import Updates
from distributor.sandbox.telegram_world import JSON, BotAccount, Chat, Message, World

CHAT_WORDS = {"channel": "channel chat", "group": "group chat", "supergroup": "supergroup chat"}
PASSED_ON = (
    "link_preview_options",
    "has_spoiler",
    "show_caption_above_media",
    "protect_content",
    "disable_notification",
)


class Sending:
    """The sending methods over one world."""

    def __init__(self, world: World, updates: Updates, limits: bool) -> None:
        self.world = world
        self.updates = updates
        self._rates = {bot_id: Rates(world.record.clock) for bot_id in world.bots} if limits else {}

    def open_chat(self, bot: BotAccount, params: Params, name: str = "chat_id") -> Chat:
        """The chat a call is for, if the bot may write there; Refused in the server's words if not."""
        given = params.values.get(name)
        if given in (None, ""):
            raise bad_request(f"{name} is empty")
        chat = self.world.find(bot, given if isinstance(given, int | str) else str(given))
        if chat.migrated_to is not None:
            raise Refused(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                {"migrate_to_chat_id": chat.migrated_to},
            )
        if chat.type == "private":
            if chat.blocked:
                raise forbidden("bot was blocked by the user")
            if not chat.started:
                raise forbidden("bot can't initiate conversation with a user")
            return chat
        status = chat.statuses.get(bot.id, "left")
        if status == "kicked":
            raise forbidden(f"bot was kicked from the {CHAT_WORDS[chat.type]}")
        if status == "left":
            raise forbidden(f"bot is not a member of the {CHAT_WORDS[chat.type]}")
        if chat.type == "channel" and status == "member":
            raise bad_request("need administrator rights in the channel chat")
        return chat

    def keep_rate(self, bot: BotAccount, chat: Chat, items: int = 1) -> None:
        """Refuses with 429 where the bot writes faster than Telegram lets it (only when limits are on)."""
        rates = self._rates.get(bot.id)
        wait = rates.retry_after(chat.id, items, group=chat.type != "private") if rates is not None else 0
        if wait:
            raise too_many_requests(wait)

    def caption(self, params: Params, source: JSON | None = None) -> tuple[str, list[JSON]]:
        """Caption and entities of a call or of one InputMedia."""
        from_call = source is None
        given = params.values if source is None else source
        entities = params.structure("caption_entities") if from_call else given.get("caption_entities")
        return read_text(
            str(given.get("caption") or ""), entities, given.get("parse_mode"), at_most=CAPTION_AT_MOST, caption=True
        )

    def post(self, bot: BotAccount, chat: Chat, params: Params, **content: Any) -> Message:
        """Puts a bot's message into a chat. Notes no effect: the caller does, once for an album."""
        extra = {name: value for name in PASSED_ON if (value := params.structure(name)) not in (None, False, "false")}
        message = Message(
            chat.next_id(), chat, None if chat.type == "channel" else bot.to_json(), int(self.world.record.clock()),
            reply_markup=read_markup(params), reply_to=self._reply(chat, params), extra={**extra, "by_bot": bot.id},
            **content,
        )  # fmt: skip
        chat.messages[message.message_id] = message
        if chat.type == "channel":
            for other in chat.bots_inside(self.world.bots):
                if other.id != bot.id:
                    self.updates.push(other, "channel_post", self.world.message_json(other, message))
        return message

    def _reply(self, chat: Chat, params: Params) -> int | None:
        wanted = params.structure("reply_parameters")
        number = wanted.get("message_id") if isinstance(wanted, dict) else params.integer("reply_to_message_id")
        if not number:
            return None
        if int(number) not in chat.messages:
            if isinstance(wanted, dict) and wanted.get("allow_sending_without_reply"):
                return None
            raise bad_request("message to be replied not found")
        return int(number)

    async def send_message(self, bot: BotAccount, params: Params) -> JSON:
        """sendMessage."""
        chat = self.open_chat(bot, params)
        text, entities = read_text(
            params.text("text"), params.structure("entities"), params.text("parse_mode"),
            at_most=TEXT_AT_MOST, caption=False,
        )  # fmt: skip
        read_markup(params)
        self.keep_rate(bot, chat)
        message = self.post(bot, chat, params, text=text, entities=entities)
        return self._sent(bot, [message], "message", text=text)

    async def send_file(self, bot: BotAccount, params: Params, kind: str) -> JSON:
        """sendPhoto, sendVideo, sendDocument, sendAnimation."""
        chat = self.open_chat(bot, params)
        caption, entities = self.caption(params)
        file = await attached(self.world, bot, params, kind)
        read_markup(params)
        self.keep_rate(bot, chat)
        message = self.post(bot, chat, params, attached=file, caption=caption, caption_entities=entities)
        return self._sent(bot, [message], "message", text=caption, media=[kind])

    async def send_album(self, bot: BotAccount, params: Params, fault: Fault | None) -> list[JSON]:
        """sendMediaGroup. Under a "partial_album" fault the first items are posted and the call fails all the same."""
        chat = self.open_chat(bot, params)
        items = params.structure("media")
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise bad_request("expected an Array of InputMedia")
        self._check_album(items)
        read = [
            (self.caption(params, item), await attached(self.world, bot, params, item["type"], item)) for item in items
        ]
        self.keep_rate(bot, chat, len(items))
        posted = int(fault.options.get("posted", 1)) if fault is not None else len(read)
        album = f"{13_000_000_000 + self.world.record.number()}"
        messages = [
            self.post(bot, chat, params, attached=file, caption=caption, caption_entities=entities, album=album)
            for (caption, entities), file in read[:posted]
        ]
        if messages:
            text = next((message.caption for message in messages if message.caption), "")
            self._sent(bot, messages, "album", text=text, media=[file.kind for _, file in read[:posted]])
        if fault is not None:
            raise bad_request(
                f'failed to send message #{posted + 1} with the error message "Internal Server Error: upload failed"'
            )
        return [self.world.message_json(bot, message) for message in messages]

    @staticmethod
    def _check_album(items: list[JSON]) -> None:
        if not items:
            raise bad_request("there are no messages to send")
        if len(items) > 10:
            raise bad_request("too many messages to send as an album")
        if len(items) < 2:
            raise bad_request("an album must have 2-10 items")
        kinds = [str(item.get("type")) for item in items]
        for kind in kinds:
            if kind not in KINDS or kind == "animation":
                raise bad_request(f'type "{kind}" can\'t be used in sendMediaGroup')
        if "document" in kinds and set(kinds) != {"document"}:
            raise bad_request("document can't be mixed with other media types")

    async def copy_message(self, bot: BotAccount, params: Params) -> JSON:
        """copyMessage."""
        chat = self.open_chat(bot, params)
        source = self.open_chat(bot, params, "from_chat_id").messages.get(params.integer("message_id"))
        if source is None:
            raise bad_request("message to copy not found")
        content: dict[str, Any] = {"text": source.text, "entities": source.entities, "attached": source.attached}
        if source.attached is not None:
            caption, entities = source.caption, source.caption_entities
            if "caption" in params.values:
                caption, entities = self.caption(params)
            content |= {"caption": caption, "caption_entities": entities}
        read_markup(params)
        self.keep_rate(bot, chat)
        message = self.post(bot, chat, params, **content)
        self._sent(bot, [message], "message", text=source.text or message.caption)
        return {"message_id": message.message_id}

    def _sent(self, bot: BotAccount, messages: list[Message], kind: str, **details: Any) -> JSON:
        first = messages[0]
        self.world.record.effect(
            "telegram", kind, chat_id=first.chat.id, message_id=first.message_id,
            message_ids=[message.message_id for message in messages], bot_id=bot.id, **details,
        )  # fmt: skip
        return self.world.message_json(bot, first)
