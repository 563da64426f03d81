"""Answering for a finding of the privacy gate, at a draft's card: which, and why.

May touch: the office's overriding and drafts, the conversation in which the reason is awaited.
"""

from __future__ import annotations

from collections.abc import Iterable

from distributor.bot import panels
from distributor.bot.room import Room
from distributor.bot.voice import Note, Rows
from distributor.bot.words import Words
from distributor.core.people import Person
from distributor.core.privacy import OVERRIDABLE
from distributor.core.refusal import Refused
from distributor.core.rendering import Preflight, Problem
from distributor.core.text import cut_at_word
from distributor.storage.releases import ReleaseRow

_KEY = 16  # letters of a finding's key in a button


def answerable(problems: Iterable[Problem]) -> list[Problem]:
    """What somebody may answer for, or answers for already."""
    return [item for item in problems if item.code in OVERRIDABLE and (item.blocks or item.override)]


def button(words: Words, release: ReleaseRow, checked: Preflight) -> Rows:
    """The way into the panel, where there is anything to answer for."""
    if not answerable(checked.problems):
        return ()
    return (((words.get("bot.button.override"), panels.data(release.id, "override")),),)


def panel(words: Words, release: ReleaseRow, checked: Preflight) -> Rows:
    """One button for each finding; one that is answered for takes the answer back."""
    rows = []
    for item in answerable(checked.problems):
        label = cut_at_word(words.problem(item), 60)
        verb, shown = ("ou", f"✓ {label}") if item.override else ("o", label)
        rows.append(((shown, panels.data(release.id, verb, item.key[:_KEY])),))
    return (*rows, ((words.get("bot.button.back"), panels.data(release.id, "main")),))


async def meant(room: Room, release: ReleaseRow, argument: str) -> Problem:
    """The finding that a button stands for, as the text is now."""
    checked = (await room.office.drafts.preflight(release.id)).preflight
    for item in answerable(checked.problems):
        if argument and item.key[:_KEY] == argument:
            return item
    raise Refused("unknown_finding")


async def ask(room: Room, chat: int, person: Person, problem: Problem, release: ReleaseRow) -> None:
    """Ask for the reason. What is asked stands in the conversation, with the finding's whole key."""
    words = room.words(person.language)
    state = await room.memory.conversation(chat, person.id)
    asking = {"what": "override", "release": release.id, "finding": problem.key}
    await room.memory.remember(chat, person.id, state | {"asking": asking})
    await room.voice.send(chat, Note(words.get("bot.ask.override", finding=words.problem(problem)), asks=True))
