"""An emergency by a template: choose it, fill its gaps one by one, look at it, send it with a second press.

May touch: the conversation, the office's templates, drafts and approvals. What is filled in stands in the conversation,
so that a restart loses no answer. The second press is a decision like any other: the office judges it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from telegram import Message

from distributor.bot import panels
from distributor.bot.memory import State
from distributor.bot.room import Press, Room
from distributor.bot.template_card import template_label, template_lines
from distributor.bot.times import moment_of
from distributor.bot.voice import Note, Rows
from distributor.bot.words import Words
from distributor.core.approval import Decision
from distributor.core.gaps import Gap, GapType
from distributor.core.people import Person, Right
from distributor.core.refusal import Refused
from distributor.core.release import Status
from distributor.core.template import key_of
from distributor.storage.templates import TemplateRow

WHAT = "gap"  # what is asked in a conversation
Verb = Callable[[Press, Person, str], Awaitable[None]]
Row = tuple[tuple[str, str], ...]


class Emergency:
    """The command, presses of 'e:<verb>:<argument>', and the answers to what they ask."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._verbs: dict[str, Verb] = {
            "t": self._chosen,
            "s": self._begin,
            "v": self._value,
            "o": self._opened,
            "k": self._regions_done,
            "n": self._send_now,
            "l": self._lay_before,
        }

    async def offered(self, chat: int, person: Person, rest: list[str]) -> None:
        """'/emergency': the templates that may be filled in."""
        words = self._room.words(person.language)
        found = await self._room.office.templates.usable()
        rows: Rows = tuple(((template_label(row, words.language), f"e:t:{row.id}"),) for row in found)
        text = words.get("bot.emergency.choose" if found else "bot.emergency.none")
        await self._room.voice.send(chat, Note(text, rows, headed=bool(found)))

    async def pressed(self, press: Press, person: Person) -> None:
        """One press."""
        words = self._room.words(person.language)
        _, verb, argument = (*press.data.split(":", 2), "", "")[:3]
        try:
            if verb not in self._verbs:
                raise Refused("forged_button")
            await self._verbs[verb](press, person, argument)
        except Refused as refused:
            await self._room.voice.answer(press.query_id, words.refusal(refused), alert=True)
            return
        await self._room.voice.answer(press.query_id)

    async def answered(self, chat: int, person: Person, asking: State, message: Message) -> bool:
        """A message is the value that was asked for. False where it cannot be one."""
        row = await self._room.office.templates.get(int(asking["template"]))
        gap, language = row.content.wanted[int(asking["step"])]
        text = " ".join((message.text or "").split())
        if not text or gap.type in (GapType.REGION, GapType.CHOICE):
            return False
        if gap.type is GapType.TIME:
            context = self._room.office.context
            text = moment_of(text, context.clock(), context.time_zone).isoformat()
        value = self._room.office.templates.value(gap, text)
        await self._taken(chat, person, row, asking, {key_of(gap, language): value})
        return True

    async def _chosen(self, press: Press, person: Person, argument: str) -> None:
        """The whole text with its gaps, and how it is meant."""
        row, words = await self._template(argument), self._room.words(person.language)
        meant = (Status.EXERCISE, Status.TEST) if self._room.office.context.exercise else tuple(Status)
        rows: Rows = tuple(((words.get(f"status.{one.value}"), f"e:s:{row.id}:{one.value}"),) for one in meant)
        text = "\n".join([*template_lines(words, row), "", words.get("bot.emergency.how")])
        await self._room.voice.edit(press.chat, press.message_id, Note(text, rows, headed=True))

    async def _begin(self, press: Press, person: Person, argument: str) -> None:
        number, _, status = argument.partition(":")
        row = await self._template(number)
        if status not in {one.value for one in Status}:
            raise Refused("forged_button")
        await self._room.voice.without_buttons(press.chat, press.message_id)
        asking = {"what": WHAT, "template": row.id, "status": status, "values": {}, "step": -1}
        await self._taken(press.chat, person, row, asking, {})

    async def _taken(self, chat: int, person: Person, row: TemplateRow, asking: State, value: dict[str, str]) -> None:
        """Keep a value and ask for the next; after the last one the text is made."""
        asking = asking | {"values": asking["values"] | value, "step": int(asking["step"]) + 1, "chosen": None}
        if asking["step"] < len(row.content.wanted):
            await self._remember(chat, person, asking)
            note = self._question(person, row, asking)
            await self._room.voice.send(chat, note)
            return
        await self._remember(chat, person, None)
        status = Status(asking["status"])
        made = await self._room.office.templates.fill(row.id, asking["values"], person, status)
        await self._show(chat, person, made.id)

    async def _show(self, chat: int, person: Person, release_id: str) -> None:
        """The draft as it would go out, with what may be done now."""
        words, drafts = self._room.words(person.language), self._room.office.drafts
        release, checked = await drafts.get(release_id), (await drafts.preflight(release_id)).preflight
        rows: list[Row] = [((words.get("bot.button.preview"), panels.data(release_id, "preview")),)]
        decides = person.may(Right.DECIDE)
        if not checked.blocked:
            send = (words.get("bot.button.send_now"), f"e:n:{release_id}")
            rows.insert(0, (send if decides else (words.get("bot.button.lay_before"), f"e:l:{release_id}"),))
        rows.append(((words.get("bot.button.discard"), panels.data(release_id, "discard")),))
        told = "bot.emergency.alone" if decides else "bot.emergency.by_editor"
        note = panels.card(words, release, checked, tuple(rows), words.get(told, template=release.draft.template))
        await self._room.voice.send(chat, note)

    async def _send_now(self, press: Press, person: Person, argument: str) -> None:
        """The first press: freeze it, say where it goes, and ask once more. The second press is a decision."""
        words, office = self._room.words(person.language), self._room.office
        submitted = await office.drafts.submit(argument, person)
        tokens = await office.approvals.buttons(argument, (Decision.APPROVE,), person)
        names = dict.fromkeys(one.channel for one in submitted.preflight.renderings)
        content = submitted.release.draft
        text = words.get(
            "bot.emergency.sure",
            title=content.title,
            status=words.get(f"status.{content.status.value}"),
            channels=", ".join(map(words.channel, names)),
        )
        rows: Rows = (
            ((words.get("bot.button.send_sure"), f"d:{tokens[Decision.APPROVE]}"),),
            ((words.get("bot.button.back"), panels.data(argument, "main")),),
        )
        await self._room.voice.edit(press.chat, press.message_id, Note(text, rows, headed=True))

    async def _lay_before(self, press: Press, person: Person, argument: str) -> None:
        words = self._room.words(person.language)
        await self._room.office.drafts.submit(argument, person)
        await self._room.voice.edit(press.chat, press.message_id, Note(words.get("bot.emergency.laid")))

    async def _value(self, press: Press, person: Person, argument: str) -> None:
        """A choice, or a region chosen or taken back."""
        row, asking, gap, value = await self._asked(press, person, argument)
        if gap.type is GapType.CHOICE:
            kept = self._room.office.templates.value(gap, value)
            await self._room.voice.without_buttons(press.chat, press.message_id)
            await self._taken(press.chat, person, row, asking, {gap.name: kept})
            return
        chosen = list(asking.get("chosen") or [])
        regions = self._room.office.context.regions
        if gap.type is not GapType.REGION or value not in regions.by_code:
            raise Refused("gap_region")
        chosen = [code for code in chosen if code != value] if value in chosen else [*chosen, value]
        asking = asking | {"chosen": chosen}
        await self._remember(press.chat, person, asking)
        parent = value if regions.children(value) else regions.by_code[value].parent
        await self._room.voice.edit(press.chat, press.message_id, self._question(person, row, asking, parent))

    async def _opened(self, press: Press, person: Person, argument: str) -> None:
        row, asking, _, code = await self._asked(press, person, argument)
        await self._room.voice.edit(press.chat, press.message_id, self._question(person, row, asking, code))

    async def _regions_done(self, press: Press, person: Person, argument: str) -> None:
        row, asking, gap, _ = await self._asked(press, person, argument)
        kept = self._room.office.templates.value(gap, ",".join(asking.get("chosen") or []))
        await self._room.voice.without_buttons(press.chat, press.message_id)
        await self._taken(press.chat, person, row, asking, {gap.name: kept})

    async def _asked(self, press: Press, person: Person, argument: str) -> tuple[TemplateRow, State, Gap, str]:
        """What the button's question was about; refused where something else is asked by now."""
        step, _, value = argument.partition(":")
        asking = (await self._room.memory.conversation(press.chat, person.id)).get("asking")
        if not asking or asking.get("what") != WHAT or str(asking["step"]) != step:
            raise Refused("already_pressed")
        row = await self._room.office.templates.get(int(asking["template"]))
        return row, asking, row.content.wanted[int(step)][0], value

    def _question(self, person: Person, row: TemplateRow, asking: State, parent: str = "") -> Note:
        words, step = self._room.words(person.language), int(asking["step"])
        gap, language = row.content.wanted[step]
        chosen = tuple(asking.get("chosen") or ())
        text = words.get(
            f"bot.emergency.{gap.type.value}",
            number=step + 1,
            count=len(row.content.wanted),
            label=gap.label.get(words.language) or next(iter(gap.label.values()), gap.name),
            language=words.language_name(language) if language else "",
            limit=gap.at_most,
            low=gap.low,
            high=gap.high,
            chosen=words.places(self._room.office.context.regions, chosen),
        )
        if gap.type is GapType.CHOICE:
            rows: Rows = tuple(
                ((said.get(words.language) or next(iter(said.values())), f"e:v:{step}:{code}"),)
                for code, said in gap.choices.items()
            )
        else:
            rows = self._regions(words, step, chosen, parent) if gap.type is GapType.REGION else ()
        return Note(text, rows, headed=True, asks=not rows)

    def _regions(self, words: Words, step: int, chosen: tuple[str, ...], parent: str) -> Rows:
        """Those below a parent, two in a row; one with parts of its own opens them."""
        regions = self._room.office.context.regions
        buttons = []
        for place in regions.children(parent):
            below = bool(regions.children(place.code))
            mark = "✓ " if place.code in chosen else ""
            label = f"{mark}{place.name(words.language)}{' ›' if below else ''}"
            buttons.append((label, f"e:{'o' if below else 'v'}:{step}:{place.code}"))
        rows = [tuple(buttons[at : at + 2]) for at in range(0, len(buttons), 2)]
        if parent:
            mark = "✓ " if parent in chosen else ""
            rows.insert(0, ((f"{mark}{regions.name(parent, words.language)}", f"e:v:{step}:{parent}"),))
            rows.append(((words.get("bot.button.back"), f"e:o:{step}:{regions.by_code[parent].parent}"),))
        if chosen:
            rows.append(((words.get("bot.button.chosen"), f"e:k:{step}"),))
        return tuple(rows)

    async def _template(self, number: str) -> TemplateRow:
        row = await self._room.office.templates.get(int(number) if number.isascii() and number.isdecimal() else 0)
        if not row.usable:
            raise Refused("template_not_approved", name=row.label)
        return row

    async def _remember(self, chat: int, person: Person, asking: State | None) -> None:
        state = await self._room.memory.conversation(chat, person.id)
        await self._room.memory.remember(chat, person.id, state | {"asking": asking})
