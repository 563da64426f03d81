"""Alarms: asked once, answered once, by whoever holds the right."""

from __future__ import annotations

from datetime import timedelta
from string import Formatter

import pytest

from distributor import locale
from distributor.core.people import Person
from distributor.office.alarm_kinds import KINDS
from distributor.storage import Connection, alarms
from distributor.storage.alarms import Alarm
from tests.office.press_office import ADMINISTRATOR, AUTHOR, EDITOR, PressOffice, refusal

PARAMS = {"channel": "x", "problems": "no token"}


async def raised(office: PressOffice, kind: str = "channel_unwell", key: str = "k", **params: str) -> Alarm:
    """An open alarm."""
    assert await office.office.alarms.raise_alarm(kind, "channel:x", key, params or PARAMS)
    return (await office.office.alarms.open())[-1]


async def test_an_alarm_is_raised_once_for_its_key_and_enters_the_log(office: PressOffice) -> None:
    await raised(office)
    assert not await office.office.alarms.raise_alarm("channel_unwell", "channel:x", "k", {"channel": "other"})
    (event,) = await office.log("alarm.raised")
    assert (event.subject, event.data["kind"], event.data["params"]) == ("channel:x", "channel_unwell", PARAMS)


async def test_an_alarm_is_answered_once(office: PressOffice) -> None:
    alarm = await raised(office)
    done = await office.office.alarms.resolve(alarm.id, office.people[EDITOR], "seen")
    assert (done.word, done.alarm.id) == ("seen", alarm.id)
    assert await office.office.alarms.open() == []
    assert await refusal(office.office.alarms.resolve(alarm.id, None, "seen")) == "no_open_alarm"
    (event,) = await office.log("alarm.resolved")
    assert (event.actor, event.data["resolution"]) == (f"person:{office.people[EDITOR].id}", "seen")
    assert event.data["where"] == "shell"
    # The same key never asks again: it was answered.
    assert not await office.office.alarms.raise_alarm("channel_unwell", "channel:x", "k", PARAMS)


async def test_only_who_holds_the_right_answers_and_a_word_must_be_known(office: PressOffice) -> None:
    alarm = await raised(office, "foreign")
    resolve = office.office.alarms.resolve
    assert await refusal(resolve(alarm.id, office.people[AUTHOR], "seen")) == "not_editor"
    assert await refusal(resolve(alarm.id, office.people[EDITOR], "stop")) == "not_administrator"
    assert await refusal(resolve(alarm.id, None, "perhaps")) == "unknown_answer"
    assert [one.id for one in await office.office.alarms.open()] == [alarm.id]
    await resolve(alarm.id, None, "ours")


async def test_a_button_is_pressed_once_and_a_refused_press_is_written_down(office: PressOffice) -> None:
    alarm = await raised(office, "foreign")
    tokens = dict(await office.office.alarms.buttons(alarm))
    assert list(tokens) == ["ours", "stop", "seen"]
    pressed = office.office.alarms.pressed
    assert await refusal(pressed(tokens["stop"], EDITOR)) == "not_administrator"
    assert await refusal(pressed("forged", EDITOR)) == "forged_button"
    assert await refusal(pressed(tokens["ours"], 999)) == "not_a_member"
    done = await pressed(tokens["ours"], EDITOR)
    assert (done.word, done.person) == ("ours", office.people[EDITOR])
    assert await refusal(pressed(tokens["ours"], EDITOR)) == "already_pressed"
    assert await refusal(pressed(tokens["seen"], EDITOR)) == "no_open_alarm"
    assert [event.data["where"] for event in await office.log("alarm.resolved")] == ["desk"]
    codes = [event.data["code"] for event in await office.log("press.refused")]
    assert codes == ["not_administrator", "forged_button", "not_a_member", "already_pressed", "no_open_alarm"]


async def test_an_old_button_answers_nothing(office: PressOffice) -> None:
    ((_, token),) = await office.office.alarms.buttons(await raised(office))
    office.wait(days=31)
    assert await refusal(office.office.alarms.pressed(token, EDITOR)) == "button_expired"


async def test_an_answer_and_its_effect_are_committed_together_or_not_at_all(office: PressOffice) -> None:
    seen: list[str] = []

    async def effect(connection: Connection, alarm: Alarm, word: str, person: Person | None) -> list[tuple[str, str]]:
        assert connection.in_transaction()
        seen.append(word)
        if person is None:
            raise RuntimeError("the effect failed")
        return []

    office.office.alarms.on("channel_unwell", effect)
    alarm = await raised(office)
    with pytest.raises(RuntimeError, match="the effect failed"):
        await office.office.alarms.resolve(alarm.id, None, "seen")
    assert [one.id for one in await office.office.alarms.open()] == [alarm.id]
    assert await office.log("alarm.resolved") == []
    await office.office.alarms.resolve(alarm.id, office.people[ADMINISTRATOR], "seen")
    assert seen == ["seen", "seen"]


async def test_it_is_said_again_until_it_is_answered(office: PressOffice) -> None:
    await office.office.alarms.raise_alarm("review", "release:r", "k", {}, chase=timedelta(minutes=10))
    (alarm,) = await office.office.alarms.open()

    async def due() -> list[int]:
        async with office.database.read() as connection:
            return [one.id for one in await alarms.due_for_chasing(connection, office.now)]

    office.wait(minutes=11)
    assert await due() == []  # it was not said at all yet
    async with office.database.transaction() as connection:
        assert [one.id for one in await alarms.to_say(connection)] == [alarm.id]
        await alarms.said(connection, alarm, 77, office.now)
        await connection.commit()
    assert await due() == []
    office.wait(minutes=11)
    assert await due() == [alarm.id]
    await office.office.alarms.pressed(dict(await office.office.alarms.buttons(alarm))["right"], EDITOR)
    assert await due() == []


def test_every_kind_has_its_words_in_every_language() -> None:
    for kind in KINDS.values():
        assert len(kind.name) <= 20
        sentences = []
        for language in locale.LANGUAGES:
            texts = locale.texts(language)
            assert texts.has(f"alarm.{kind.name}"), (language, kind.name)
            for answer in kind.answers:
                assert len(answer.word) <= 20
                assert texts.has(f"alarm.answer.{answer.word}"), (language, answer.word)
            entry = {message.id: message.string for message in locale.read_catalogue(language)}[f"alarm.{kind.name}"]
            sentences.append({name for _, name, _, _ in Formatter().parse(str(entry)) if name})
        assert all(names == sentences[0] for names in sentences), kind.name
