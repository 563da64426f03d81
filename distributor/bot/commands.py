"""Commands: joining by an invitation, help, language, the console's link, invitations, one's own releases.

May touch: the office's people, sign-in and drafts. Deny unless listed: a stranger may use an invitation, and nothing
else works for them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from telegram import Message
from telegram.error import TelegramError

from distributor.bot import panels
from distributor.bot.draft_card import DraftCard
from distributor.bot.emergency import Emergency
from distributor.bot.room import Press, Room
from distributor.bot.voice import Note
from distributor.bot.words import Words
from distributor.core.people import Person, Right, Role
from distributor.core.refusal import Refused
from distributor.core.text import cut_at_word
from distributor.locale import LANGUAGES

log = structlog.get_logger(__name__)

Command = Callable[[int, Person, list[str]], Awaitable[None]]


class Commands:
    """What begins with a slash, in private."""

    def __init__(self, room: Room, card: DraftCard, emergency: Emergency) -> None:
        self._room = room
        self._card = card
        self._known: dict[str, Command] = {
            "start": self._help,
            "help": self._help,
            "cancel": self._cancel,
            "new": self._cancel,
            "language": self._language,
            "log": self._log,
            "invite": self._invite,
            "mine": self._mine,
            "emergency": emergency.offered,
        }

    async def join(self, message: Message, token: str) -> None:
        """'/start <token>': the only thing that a stranger may do."""
        sender = message.from_user
        if sender is None:
            return
        known = await self._room.office.people.by_telegram(sender.id)
        spoken = known.language if known else "en" if (sender.language_code or "").startswith("en") else "ka"
        chat = message.chat.id
        try:
            joined = await self._room.office.people.join(token, sender.id, sender.full_name, spoken)
        except Refused as refused:
            await self._room.voice.send(chat, Note(self._room.words(spoken).refusal(refused)))
            await self._tell_issuer(refused, sender.full_name)
            return
        words = self._room.words(joined.person.language)
        role = words.get(f"role.{joined.person.role.value}")
        await self._room.voice.send(chat, Note(words.get("bot.welcome", name=joined.person.name, role=role)))
        await self._help(chat, joined.person, [])

    async def _tell_issuer(self, refused: Refused, name: str) -> None:
        issuer_id = refused.params.get("issuer", "")
        issuer = await self._room.office.people.get(int(issuer_id)) if issuer_id else None
        if issuer is None or issuer.telegram_id is None:
            return
        words = self._room.words(issuer.language)
        text = words.get("bot.invitation_refused", name=cut_at_word(name, 100), why=words.refusal(refused))
        try:
            await self._room.voice.send(issuer.telegram_id, Note(text))
        except TelegramError as error:
            log.warning("the issuer of an invitation could not be told", issuer=issuer.id, error=str(error))

    async def stranger(self, message: Message) -> None:
        """Whoever is not a member."""
        sender = message.from_user
        spoken = "en" if sender is not None and (sender.language_code or "").startswith("en") else "ka"
        words = self._room.words(spoken)
        office = self._room.office.context.office_name
        await self._room.voice.send(message.chat.id, Note(words.get("bot.stranger", office=office)))

    async def given(self, chat: int, person: Person, text: str) -> None:
        """A member's command."""
        name, *rest = text[1:].split()
        command = self._known.get(name.partition("@")[0])
        words = self._room.words(person.language)
        if command is None:
            await self._room.voice.send(chat, Note(words.get("bot.unknown_command")))
            return
        try:
            await command(chat, person, rest)
        except Refused as refused:
            await self._room.voice.send(chat, Note(words.refusal(refused)))

    async def _help(self, chat: int, person: Person, rest: list[str]) -> None:
        words = self._room.words(person.language)
        lines = [words.get("bot.greeting", name=person.name, office=self._room.office.context.office_name)]
        for right, msgid in (
            (Right.WRITE, "bot.help.write"),
            (Right.DECIDE, "bot.help.decide"),
            (Right.READ_LOG, "bot.help.log"),
            (Right.PEOPLE, "bot.help.people"),
        ):
            if person.may(right):
                lines += ["", words.get(msgid)]
        lines += ["", words.get("bot.help.everyone")]
        await self._room.voice.send(chat, Note("\n".join(lines), headed=True))

    async def _cancel(self, chat: int, person: Person, rest: list[str]) -> None:
        await self._room.memory.remember(chat, person.id, {})
        await self._room.voice.send(chat, Note(self._room.words(person.language).get("bot.cancelled")))

    async def _language(self, chat: int, person: Person, rest: list[str]) -> None:
        rows = tuple(((Words(self._room.office.context, code).language_name(code), f"g:{code}"),) for code in LANGUAGES)
        await self._room.voice.send(chat, Note(self._room.words(person.language).get("bot.ask.language"), rows))

    async def language_chosen(self, press: Press, person: Person) -> None:
        """A button of /language."""
        try:
            await self._room.office.people.set_language(person, press.data[2:])
        except Refused as refused:
            text = self._room.words(person.language).refusal(refused)
            await self._room.voice.answer(press.query_id, text, alert=True)
            return
        words = self._room.words(press.data[2:])
        await self._room.voice.answer(press.query_id)
        await self._room.voice.edit(press.chat, press.message_id, Note(words.get("bot.language_set")))

    async def _log(self, chat: int, person: Person, rest: list[str]) -> None:
        words = self._room.words(person.language)
        link = await self._room.office.signin.link(person)
        await self._room.voice.send(chat, Note(words.get("bot.log_link", link=link)))

    async def _invite(self, chat: int, person: Person, rest: list[str]) -> None:
        words = self._room.words(person.language)
        roles = [role.value for role in Role if role is not Role.NONE]
        if not person.may(Right.PEOPLE):
            raise Refused("not_administrator")
        if not rest or rest[0] not in roles:
            await self._room.voice.send(chat, Note(words.get("bot.invite_how", roles=", ".join(roles))))
            return
        made = await self._room.office.people.invite(Role(rest[0]), person, " ".join(rest[1:]))
        link = f"https://t.me/{self._room.username}?start={made.token}"
        role = words.get(f"role.{made.role.value}")
        await self._room.voice.send(chat, Note(words.get("bot.invited", role=role, link=link)))

    async def _mine(self, chat: int, person: Person, rest: list[str]) -> None:
        words = self._room.words(person.language)
        found = await self._room.office.drafts.mine(person)
        if not found:
            await self._room.voice.send(chat, Note(words.get("bot.mine_none")))
            return
        lines, rows = [words.get("bot.mine")], []
        for release in found:
            state = words.get(f"release.{release.state.value}")
            title = cut_at_word(release.draft.title or words.get("bot.untitled"), 80)
            lines.append(f"• {title} — {state}")
            rows.append(((cut_at_word(title, 40), panels.data(release.id, "main")),))
        await self._room.voice.send(chat, Note("\n".join(lines), tuple(rows), headed=True))
