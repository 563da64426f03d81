"""The table of Bot API methods, and those that neither send nor edit.

`METHODS` maps each name to what runs and to the parameters that the sandbox reads; other parameters are ignored, as
by the real server. The self-check compares this table with Telegram's own description.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from distributor.sandbox.telegram_edit import Editing
from distributor.sandbox.telegram_errors import bad_request, forbidden
from distributor.sandbox.telegram_media import DOWNLOAD_AT_MOST
from distributor.sandbox.telegram_params import Params
from distributor.sandbox.telegram_send import CHAT_WORDS, Sending
from distributor.sandbox.telegram_world import JSON, BotAccount, Chat

Method = Callable[[BotAccount, Params], Awaitable[Any]]

_SEND = "chat_id disable_notification protect_content reply_parameters reply_markup"
_CAPTION = "caption parse_mode caption_entities show_caption_above_media"
_EDIT = "chat_id message_id reply_markup"
PARAMETERS: Mapping[str, frozenset[str]] = {
    name: frozenset(words.split())
    for name, words in {
        "getMe": "",
        "getUpdates": "offset limit timeout allowed_updates",
        "setWebhook": "url allowed_updates drop_pending_updates secret_token max_connections",
        "deleteWebhook": "drop_pending_updates",
        "getWebhookInfo": "",
        "sendMessage": f"{_SEND} text parse_mode entities link_preview_options",
        "sendPhoto": f"{_SEND} {_CAPTION} photo has_spoiler",
        "sendVideo": f"{_SEND} {_CAPTION} video cover thumbnail has_spoiler",
        "sendDocument": f"{_SEND} caption parse_mode caption_entities document thumbnail",
        "sendAnimation": f"{_SEND} {_CAPTION} animation thumbnail has_spoiler",
        "sendMediaGroup": "chat_id disable_notification protect_content reply_parameters media",
        "copyMessage": f"{_SEND} {_CAPTION} from_chat_id message_id",
        "editMessageText": f"{_EDIT} text parse_mode entities link_preview_options",
        "editMessageCaption": f"{_EDIT} caption parse_mode caption_entities",
        "editMessageMedia": f"{_EDIT} media",
        "editMessageReplyMarkup": _EDIT,
        "deleteMessage": "chat_id message_id",
        "answerCallbackQuery": "callback_query_id text show_alert url cache_time",
        "getFile": "file_id",
        "getChat": "chat_id",
        "getChatMember": "chat_id user_id",
        "getChatAdministrators": "chat_id",
        "setMyCommands": "commands",
        "getMyCommands": "",
        "deleteMyCommands": "",
        "sendChatAction": "chat_id action",
    }.items()
}
ALL_RIGHTS = (
    "can_be_edited", "can_manage_chat", "can_delete_messages", "can_manage_video_chats", "can_restrict_members",
    "can_promote_members", "can_change_info", "can_invite_users", "can_post_stories", "can_edit_stories",
    "can_delete_stories",
)  # fmt: skip


class Methods:
    """Runs a method by its name. `answers` holds every answer to a callback query, in order."""

    def __init__(self, sending: Sending) -> None:
        self.sending = sending
        self.world = sending.world
        self.updates = sending.updates
        self.answers: list[JSON] = []
        self.queries: dict[str, JSON] = {}
        editing = Editing(sending)
        self.table: dict[str, Method] = {
            "getMe": self._get_me,
            "getUpdates": self._get_updates,
            "setWebhook": self._set_webhook,
            "deleteWebhook": self._delete_webhook,
            "getWebhookInfo": self._webhook_info,
            "sendMessage": sending.send_message,
            **{
                f"send{kind.capitalize()}": self._file_sender(kind)
                for kind in ("photo", "video", "document", "animation")
            },
            "copyMessage": sending.copy_message,
            "editMessageText": editing.edit_text,
            "editMessageCaption": editing.edit_caption,
            "editMessageMedia": editing.edit_media,
            "editMessageReplyMarkup": editing.edit_buttons,
            "deleteMessage": editing.delete,
            "answerCallbackQuery": self._answer,
            "getFile": self._get_file,
            "getChat": self._get_chat,
            "getChatMember": self._get_member,
            "getChatAdministrators": self._get_administrators,
            "setMyCommands": self._set_commands,
            "getMyCommands": self._get_commands,
            "deleteMyCommands": self._delete_commands,
            "sendChatAction": self._chat_action,
        }

    def _file_sender(self, kind: str) -> Method:
        async def send(bot: BotAccount, params: Params) -> JSON:
            return await self.sending.send_file(bot, params, kind)

        return send

    async def _get_me(self, bot: BotAccount, params: Params) -> JSON:
        return bot.to_json() | {
            "can_join_groups": True, "can_read_all_group_messages": True, "supports_inline_queries": False,
            "can_connect_to_business": False, "has_main_web_app": False,
        }  # fmt: skip

    async def _get_updates(self, bot: BotAccount, params: Params) -> list[JSON]:
        return await self.updates.poll(
            bot, params.integer("offset"), params.integer("limit", 100), float(params.integer("timeout")),
            params.texts("allowed_updates"),
        )  # fmt: skip

    async def _set_webhook(self, bot: BotAccount, params: Params) -> bool:
        self.updates.set_webhook(
            bot, params.text("url"), params.text("secret_token"), params.texts("allowed_updates"),
            params.flag("drop_pending_updates"),
        )  # fmt: skip
        return True

    async def _delete_webhook(self, bot: BotAccount, params: Params) -> bool:
        self.updates.set_webhook(bot, "", "", None, params.flag("drop_pending_updates"))
        return True

    async def _webhook_info(self, bot: BotAccount, params: Params) -> JSON:
        return self.updates.webhook_info(bot)

    async def _answer(self, bot: BotAccount, params: Params) -> bool:
        query = self.queries.get(params.text("callback_query_id"))
        if query is None or query["bot_id"] != bot.id:
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        text = params.text("text")
        if len(text) > 200:
            raise bad_request("MESSAGE_TOO_LONG")
        self.answers.append({
            **query, "text": text, "show_alert": params.flag("show_alert"), "url": params.text("url"),
        })  # fmt: skip
        self.world.record.changed.fire()
        return True

    async def _get_file(self, bot: BotAccount, params: Params) -> JSON:
        file_id = params.text("file_id")
        known = self.world.file_of(bot, file_id)
        if known is None:
            raise bad_request("wrong file_id or the file is temporarily unavailable")
        kind, file, small = known
        if len(file.data) > DOWNLOAD_AT_MOST:
            raise bad_request("file is too big")
        ending = file.name.rpartition(".")[2] if "." in file.name else file.look.mime.rpartition("/")[2]
        path = f"{kind}s/{'small' if small else 'file'}_{file.number}.{ending}"
        shown: JSON = {"file_id": file_id, "file_unique_id": f"u{file.number}{'s' if small else ''}", "file_path": path}
        return shown if small else shown | {"file_size": len(file.data)}

    def _readable(self, bot: BotAccount, params: Params) -> Chat:
        """The chat, if the bot may look at it: who is outside may only where it is public, who was removed nowhere."""
        chat = self.world.find(bot, params.text("chat_id"))
        status = "member" if chat.type == "private" else chat.statuses.get(bot.id, "left")
        if status == "kicked":
            raise forbidden(f"bot was kicked from the {CHAT_WORDS[chat.type]}")
        if status == "left" and not chat.username:
            raise forbidden(f"bot is not a member of the {CHAT_WORDS[chat.type]}")
        return chat

    async def _get_chat(self, bot: BotAccount, params: Params) -> JSON:
        chat = self._readable(bot, params)
        gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
        full = chat.to_json() | {
            "accent_color_id": 1, "max_reaction_count": 11, "accepted_gift_types": dict.fromkeys(gifts, False),
        }  # fmt: skip
        return full | ({"active_usernames": [chat.username]} if chat.username else {})

    def _member(self, chat: Chat, user_id: int) -> JSON:
        person = self.world.people.get(user_id)
        account = self.world.bots.get(user_id)
        user = person.to_json() if person else account.to_json() if account else None
        if user is None:
            raise bad_request("PARTICIPANT_ID_INVALID")
        status = "member" if chat.type == "private" else chat.statuses.get(user_id, "left")
        member: JSON = {"status": status, "user": user}
        if status == "creator":
            return member | {"is_anonymous": False}
        if status == "administrator":
            rights = dict.fromkeys(ALL_RIGHTS, True) | {"is_anonymous": False, "can_be_edited": False}
            return (
                member
                | rights
                | ({"can_post_messages": True, "can_edit_messages": True} if chat.type == "channel" else {})
            )
        return member | ({"until_date": 0} if status == "kicked" else {})

    async def _get_member(self, bot: BotAccount, params: Params) -> JSON:
        return self._member(self._readable(bot, params), params.integer("user_id"))

    async def _get_administrators(self, bot: BotAccount, params: Params) -> list[JSON]:
        chat = self._readable(bot, params)
        if chat.type == "private":
            raise bad_request("there are no administrators in the private chat")
        return [
            self._member(chat, who) for who, status in chat.statuses.items() if status in ("creator", "administrator")
        ]

    async def _set_commands(self, bot: BotAccount, params: Params) -> bool:
        commands = params.structure("commands")
        if not isinstance(commands, list) or len(commands) > 100:
            raise bad_request("can't parse commands")
        if not all(str(command.get("command", "")).isascii() and command.get("description") for command in commands):
            raise bad_request("BOT_COMMAND_INVALID")
        bot.commands = commands
        return True

    async def _get_commands(self, bot: BotAccount, params: Params) -> list[JSON]:
        return bot.commands

    async def _delete_commands(self, bot: BotAccount, params: Params) -> bool:
        bot.commands = []
        return True

    async def _chat_action(self, bot: BotAccount, params: Params) -> bool:
        self.sending.open_chat(bot, params)
        return True
