"""Telegram as its users have it: people write, press buttons, and look at chats.

The face of the simulated Telegram for tests, the demo and the page. What a person does becomes updates for the bots
that see it. Never calls a bot's code: bots learn of it by getUpdates or their webhook.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from distributor.sandbox.effects import Record
from distributor.sandbox.files import Files
from distributor.sandbox.telegram_errors import bad_request
from distributor.sandbox.telegram_markup import buttons_of
from distributor.sandbox.telegram_methods import Methods
from distributor.sandbox.telegram_send import Sending
from distributor.sandbox.telegram_text import check_entities, with_found
from distributor.sandbox.telegram_updates import Updates
from distributor.sandbox.telegram_world import JSON, Attached, BotAccount, Chat, Message, Person, World

DESK_TOKEN = "1000001:sandbox-desk-token"  # noqa: S105  # the sandbox's own; it opens nothing else
WITNESS_TOKEN = "1000002:sandbox-witness-token"  # noqa: S105  # the sandbox's own, too
DESK, CHANNEL, STAGING = -100200, -100300, -100400
PEOPLE = (
    Person(501, "ნინო", "ბერიძე", "nino_author"),
    Person(502, "გიორგი", "მაისურაძე", "giorgi_editor"),
    Person(503, "თამარ", "კაპანაძე", "tamar_admin"),
    Person(504, "დავით", "ლომიძე", "davit_stranger", started=False),
)
CAPTION_OF_PEOPLE = 1024


class Telegram:
    """The simulated Telegram. Chats are named by id; a person's private chat with a bot by the person's id."""

    def __init__(
        self, record: Record, files: Files, people: Sequence[Person], bots: Sequence[BotAccount], *, limits: bool
    ) -> None:
        self.api_url = ""
        self.record = record
        self.world = World(record, files, list(people), list(bots))
        self.updates = Updates(record, self.world.bots, limits=limits)
        self.sending = Sending(self.world, self.updates, limits)
        self.methods = Methods(self.sending)
        self.default_bot = bots[0]
        ids = [person.id for person in people]
        inside = {who: "creator" if at == 2 else "member" for at, who in enumerate(ids[:3])}
        away = {bot.id: "left" for bot in bots[1:]}  # further bots are in the channel only: they witness what is posted
        self.world.add_chat(Chat(DESK, "group", "Desk", statuses=inside | away))
        readers = {who: "creator" if at == 2 else "member" for at, who in enumerate(ids)}
        self.world.add_chat(Chat(CHANNEL, "channel", "შინაგან საქმეთა სამინისტრო", "mia_sandbox", statuses=readers))
        owner = dict.fromkeys(ids[2:3], "creator")
        self.world.add_chat(Chat(STAGING, "channel", "Staging", statuses=owner | away))

    @property
    def answers(self) -> list[JSON]:
        """Answers to callback queries in order: callback_query_id, person_id, chat_id, data, text, show_alert."""
        return self.methods.answers

    def bot(self, token: str | None = None) -> BotAccount:
        """The bot with this token, by default the desk's."""
        return next((bot for bot in self.world.bots.values() if bot.token == token), self.default_bot)

    def chat(self, chat_id: int, bot: BotAccount | None = None) -> Chat:
        """The chat with this id; KeyError where there is none."""
        private = self.world.private.get(((bot or self.default_bot).id, chat_id))
        return private if private is not None else self.world.chats[chat_id]

    def _listeners(self, chat: Chat, bot: BotAccount) -> list[BotAccount]:
        return [bot] if chat.type == "private" else chat.bots_inside(self.world.bots)

    def _put(self, person_id: int, chat_id: int | None, bot: BotAccount | None, **content: Any) -> JSON:
        """A person's message: into the chat, and as an update to the bots that see it."""
        person, bot = self.world.people[person_id], bot or self.default_bot
        chat = self.chat(person_id if chat_id is None else chat_id, bot)
        if chat.type != "private" and chat.statuses.get(person_id, "left") in ("left", "kicked"):
            raise PermissionError(f"{person.first_name} is not in {chat.title}")
        chat.started, chat.blocked = True, False
        sender = None if chat.type == "channel" else person.to_json()
        message = Message(chat.next_id(), chat, sender, int(self.record.clock()), **content)
        chat.messages[message.message_id] = message
        kind = "channel_post" if chat.type == "channel" else "message"
        for listener in self._listeners(chat, bot):
            self.updates.push(listener, kind, self.world.message_json(listener, message))
        self.record.changed.fire()
        return self.world.message_json(bot, message)

    async def say(
        self, person_id: int, text: str, chat_id: int | None = None, entities: list[JSON] | None = None,
        *, reply_to: int | None = None, bot: BotAccount | None = None,
    ) -> JSON:  # fmt: skip
        """A person writes a text (privately to the bot unless `chat_id` is given); gives the Message."""
        found = with_found(text, check_entities(text, entities or []))
        return self._put(person_id, chat_id, bot, text=text, entities=found, reply_to=reply_to)

    def awaited_reply(self, chat_id: int) -> int | None:
        """The message an app would reply to by itself: the newest of a chat, where a bot asked for it (ForceReply)."""
        messages = self.chat(chat_id).messages
        newest = messages[max(messages)] if messages else None
        return newest.message_id if newest and "force_reply" in (newest.reply_markup or {}) else None

    async def edit(self, person_id: int, message_id: int, text: str, chat_id: int | None = None) -> JSON:
        """A person edits a message of their own: an edited_message update."""
        chat = self.chat(person_id if chat_id is None else chat_id)
        message = chat.messages[message_id]
        if message.attached is None:
            message.text, message.entities = text, with_found(text, [])
        else:
            message.caption, message.caption_entities = text, with_found(text, [])
        message.edit_date = int(self.record.clock())
        for listener in self._listeners(chat, self.default_bot):
            self.updates.push(listener, "edited_message", self.world.message_json(listener, message))
        self.record.changed.fire()
        return self.world.message_json(self.default_bot, message)

    async def send_files(
        self, person_id: int, files: Sequence[tuple[str, bytes, str]], caption: str = "", chat_id: int | None = None,
        *, as_album: bool = True,
    ) -> list[JSON]:  # fmt: skip
        """A person sends files (kind, bytes, name), as an album of up to ten or singly; the caption on the first."""
        if len(caption) > CAPTION_OF_PEOPLE:
            raise bad_request("message caption is too long")
        album, sent = None, list[JSON]()
        for at, (kind, data, name) in enumerate(files):
            if as_album and len(files) > 1 and at % 10 == 0:
                album = f"{12_000_000_000 + self.record.number()}"  # an app splits more than ten into several albums
            stored = self.world.files.keep(data, name)
            words = caption if at == 0 else ""
            sent.append(self._put(
                person_id, chat_id, None, attached=Attached(kind, stored), caption=words,
                caption_entities=with_found(words, []), album=album,
            ))  # fmt: skip
        return sent

    async def send_photos(
        self,
        person_id: int,
        photos: Sequence[bytes],
        caption: str = "",
        as_album: bool = True,
        chat_id: int | None = None,
    ) -> list[JSON]:
        """A person sends photos."""
        named = [("photo", data, "") for data in photos]
        return await self.send_files(person_id, named, caption, chat_id, as_album=as_album)

    async def send_video(self, person_id: int, data: bytes, caption: str = "", name: str = "video.mp4") -> JSON:
        """A person sends a video to the bot."""
        return (await self.send_files(person_id, [("video", data, name)], caption))[0]

    async def send_document(self, person_id: int, data: bytes, caption: str = "", name: str = "file.bin") -> JSON:
        """A person sends a file as a document to the bot."""
        return (await self.send_files(person_id, [("document", data, name)], caption))[0]

    async def press(self, person_id: int, chat_id: int, message_id: int, button: str) -> str:
        """A person presses the button with this text or data; gives the callback query's id.

        Data that no button carries is sent all the same (a forged or stale press), as any modified client can do.
        """
        person, chat = self.world.people[person_id], self.chat(chat_id)
        message = chat.messages.get(message_id)
        rows = buttons_of(message.reply_markup) if message is not None else []
        matching = [one for row in rows for one in row if button in (one["text"], one.get("callback_data"))]
        data = str(matching[0].get("callback_data", button)) if matching else button
        by_bot = message.by_bot if message is not None else None
        bot = self.world.bots.get(by_bot or 0, self.default_bot)
        query_id = str(4_000_000_000 + self.record.number())
        shown: JSON = {"chat": chat.to_json(), "message_id": message_id, "date": 0}  # InaccessibleMessage
        if message is not None:
            shown = self.world.message_json(bot, message)
        self.methods.queries[query_id] = {
            "callback_query_id": query_id, "person_id": person_id, "chat_id": chat.id, "message_id": message_id,
            "data": data, "bot_id": bot.id,
        }  # fmt: skip
        self.updates.push(bot, "callback_query", {
            "id": query_id, "from": person.to_json(), "message": shown, "chat_instance": f"{chat.id}", "data": data,
        })  # fmt: skip
        self.record.changed.fire()
        return query_id

    def messages(self, chat_id: int, bot: BotAccount | None = None) -> list[JSON]:
        """What a chat shows now, in order: each Message with `buttons` (rows of {text, callback_data|url}), `media`
        (list of {kind, mime, width, height, size, sha256, data, url}) and `out` (sent by a bot)."""
        bot = bot or self.default_bot
        chat = self.chat(chat_id, bot)
        return [self._shown(bot, chat.messages[number]) for number in sorted(chat.messages)]

    def _shown(self, bot: BotAccount, message: Message) -> JSON:
        media = []
        if message.attached is not None:
            file = message.attached.file
            media.append({
                "kind": message.attached.kind, "mime": file.look.mime, "width": file.look.width,
                "height": file.look.height, "size": len(file.data), "sha256": file.sha256, "data": file.data,
                "name": file.name, "url": f"/sandbox/media/{file.number}",
            })  # fmt: skip
        more = {"buttons": buttons_of(message.reply_markup), "media": media, "out": message.by_bot is not None}
        return self.world.message_json(bot, message) | more

    async def wait_for(  # callers say how long
        self,
        chat_id: int,
        predicate: Callable[[JSON], bool],
        timeout: float = 5.0,  # noqa: ASYNC109
        bot: BotAccount | None = None,
    ) -> JSON:
        """The newest message of a chat for which `predicate` holds, as soon as there is one; TimeoutError else."""
        async with asyncio.timeout(timeout):
            while True:
                for message in reversed(self.messages(chat_id, bot)):
                    if predicate(message):
                        return message
                await self.record.changed.wait(timeout)

    async def wait_for_answer(self, callback_query_id: str, timeout: float = 5.0) -> JSON:  # noqa: ASYNC109  # callers say how long
        """The bot's answer to a press; TimeoutError when none comes."""
        async with asyncio.timeout(timeout):
            while True:
                for answer in self.answers:
                    if answer["callback_query_id"] == callback_query_id:
                        return answer
                await self.record.changed.wait(timeout)

    def redeliver(self, update_id: int) -> None:
        """Delivers an update a second time, as Telegram does when a confirmation was lost."""
        self.updates.redeliver(update_id)

    def update_ids(self, bot: BotAccount | None = None) -> list[int]:
        """Ids of all updates a bot was given, in order; to be used with `redeliver`."""
        return sorted(self.updates.queues[(bot or self.default_bot).id].past)

    def kick(self, chat_id: int, bot: BotAccount | None = None) -> None:
        """Removes a bot from a chat; it gets a my_chat_member update and 403 from then on."""
        self._membership(chat_id, bot or self.default_bot, "kicked")

    def admit(self, chat_id: int, bot: BotAccount | None = None, status: str = "administrator") -> None:
        """Lets a bot in again."""
        self._membership(chat_id, bot or self.default_bot, status)

    def _membership(self, chat_id: int, bot: BotAccount, status: str) -> None:
        chat = self.world.chats[chat_id]
        before = {"status": chat.statuses.get(bot.id, "left"), "user": bot.to_json()}
        chat.statuses[bot.id] = status
        who = next((person for person in self.world.people.values() if chat.statuses.get(person.id) == "creator"), None)
        after = {"status": status, "user": bot.to_json()} | ({"until_date": 0} if status == "kicked" else {})
        self.updates.push(bot, "my_chat_member", {
            "chat": chat.to_json(), "from": (who or next(iter(self.world.people.values()))).to_json(),
            "date": int(self.record.clock()), "old_chat_member": {"status": "member", "user": before["user"]},
            "new_chat_member": after if status in ("kicked", "left") else {"status": "member", "user": bot.to_json()},
        })  # fmt: skip
        self.record.changed.fire()

    def block(self, person_id: int, bot: BotAccount | None = None) -> None:
        """A person blocks the bot: 403 "bot was blocked by the user" until they write again."""
        self.chat(person_id, bot).blocked = True

    def migrate(self, chat_id: int) -> int:
        """A group becomes a supergroup: gives the new id; the old one answers with migrate_to_chat_id."""
        old = self.world.chats[chat_id]
        new = Chat(chat_id - 1_000_000_000_000, "supergroup", old.title, statuses=dict(old.statuses))
        old.migrated_to = new.id
        self.world.chats[new.id] = new
        now = int(self.record.clock())
        for chat, notice in ((old, {"migrate_to_chat_id": new.id}), (new, {"migrate_from_chat_id": old.id})):
            message = Message(chat.next_id(), chat, None, now, extra={"service": notice})
            chat.messages[message.message_id] = message
            for listener in chat.bots_inside(self.world.bots):
                self.updates.push(listener, "message", self.world.message_json(listener, message))
        self.record.changed.fire()
        return new.id
