"""An emergency by buttons: two approve a template, one editor fills it in and sends it, another looks afterwards."""

from __future__ import annotations

from datetime import UTC, datetime

from distributor.core.gaps import Gap, GapType
from distributor.core.release import Kind, ReleaseState, Status
from distributor.core.template import Template, Wording
from distributor.demo.stage import ADMINISTRATOR, AUTHOR, CHANNEL_CHAT, DESK_CHAT, EDITOR
from distributor.sandbox.telegram import Telegram
from distributor.storage import templates
from tests.bot.people import Desk, Json, ended

FLOOD = Template(
    "flood",
    (Wording("en", "Flood: {place}", "Flood", "Leave {place}.", "{region}. Level {level}, {count} houses. {until}."),),
    (
        Gap("place", GapType.LINE, {"en": "Which place?"}, limit=40),
        Gap("region", GapType.REGION, {"en": "Which regions?"}),
        Gap("level", GapType.CHOICE, {"en": "Which level?"}, choices={"red": {"en": "red"}, "blue": {"en": "blue"}}),
        Gap("count", GapType.NUMBER, {"en": "How many houses?"}, low=1, high=500),
        Gap("until", GapType.TIME, {"en": "Until when?"}),
    ),
    expires="until",
)


async def in_use(desk: Desk) -> None:
    """The author's template, approved at the desk by both who may."""
    await desk.office.templates.add(FLOOD, desk.person(AUTHOR))
    card = await desk.reads(DESK_CHAT, "waits for two approvals", button="t:")
    assert "Flood: {place}" in card["text"]
    assert "{count}: a whole number from 1 to 500" in card["text"]
    assert "{place} takes free words, at most 40 characters, in: title, lead." in card["text"]
    assert "each time" not in card["text"]
    await desk.press(EDITOR, card, "t:")
    card = await desk.reads(DESK_CHAT, "approved by Giorgi, waits", button="t:")
    answer = await desk.press(EDITOR, card, "t:")
    assert "second person" in answer["text"]
    await desk.press(ADMINISTRATOR, await desk.reads(DESK_CHAT, "approved by Giorgi, waits", button="t:"), "t:")
    await desk.reads(DESK_CHAT, "is in use: approved by Giorgi and Tamar")


async def filled(desk: Desk, who: int, status: Status = Status.ACTUAL) -> Json:
    """Every gap, as a person fills it; the card of the made draft."""
    await desk.say(who, "/emergency")
    listed = await desk.reads(who, "Which emergency", button="e:t:")
    await desk.press(who, listed, "e:t:")
    shown = await desk.reads(who, "Is it real", button="e:s:")
    await desk.press(who, shown, f"e:s:1:{status.value}")
    await desk.reads(who, "1/5 · Which place?")
    await desk.say(who, "see www.x.example")
    await desk.reads(who, "no links")
    await desk.say(who, "Gori. Leave your houses at once")
    await desk.reads(who, "One sentence, please")
    await desk.say(who, "Gori")
    question = await desk.reads(who, "2/5 · Which regions?", button="e:v:1:GE-SK")
    await desk.say(who, "Kartli")
    await desk.reads(who, "Choose one of the answers")
    await desk.press(who, question, "e:o:1:GE-TB")
    question = await desk.reads(who, "Which regions?", button="e:v:1:GE-TB-VAKE")
    await desk.press(who, question, "e:o:1:")
    question = await desk.reads(who, "Which regions?", button="e:v:1:GE-SK")
    await desk.press(who, question, "e:v:1:GE-SK")
    await desk.press(who, await desk.reads(who, "Chosen: Shida Kartli", button="e:k:"), "e:k:")
    level = await desk.reads(who, "3/5 · Which level?", button="e:v:2:red")
    await desk.press(who, level, "e:v:2:red")
    await desk.reads(who, "4/5 · How many houses?")
    assert "Choose" not in (await desk.press(who, level, "e:v:2:blue"))["text"], "an old button changes nothing"
    await desk.say(who, "900")
    await desk.reads(who, "a whole number from 1 to 500")
    await desk.say(who, "12")
    await desk.reads(who, "5/5 · Until when?")
    await desk.say(who, "+5h")
    return await desk.reads(who, "Flood: Gori", button="e:n:" if who == EDITOR else "e:l:")


def sent(telegram: Telegram) -> list[Json]:
    return [one for one in telegram.messages(CHANNEL_CHAT) if "Gori" in (one.get("text") or one.get("caption") or "")]


async def test_one_editor_sends_with_a_second_press_and_a_second_person_reviews(desk: Desk) -> None:
    await in_use(desk)
    card = await filled(desk, EDITOR)
    assert "Shida Kartli. Level red, 12 houses." in card["text"]
    assert "a second person must look" in card["text"]
    await desk.press(EDITOR, card, "e:n:")
    sure = await desk.reads(EDITOR, "Are you sure?", button="d:")
    assert "“Flood: Gori” (actual) goes out at once by: Website, Telegram" in sure["text"]
    assert sent(desk.telegram) == []
    assert "already" not in (await desk.press(ADMINISTRATOR, sure, "d:", EDITOR))["text"], "it is the editor's button"
    await desk.press(EDITOR, sure, "d:")
    (release,) = await desk.office.drafts.mine(desk.person(EDITOR))
    done = await ended(desk, release.id, lambda row: row.state is ReleaseState.DISTRIBUTED)
    assert done.draft.kind is Kind.EMERGENCY
    assert len(sent(desk.telegram)) == 1
    alarm = await desk.reads(DESK_CHAT, "approved by Giorgi alone", button="l:")
    assert "second" in (await desk.press(EDITOR, alarm, "It is right"))["text"]
    assert len(await desk.office.alarms.open("review")) == 1
    await desk.press(ADMINISTRATOR, await desk.reads(DESK_CHAT, "Giorgi alone", button="l:"), "It is right")
    assert await desk.office.alarms.open("review") == []


async def test_an_author_fills_it_and_an_editor_approves_it_as_an_exercise(desk: Desk) -> None:
    await in_use(desk)
    card = await filled(desk, AUTHOR, Status.EXERCISE)
    assert "Status: exercise" in card["text"]
    assert "One editor must approve it" in card["text"]
    await desk.press(AUTHOR, card, "e:l:")
    await desk.reads(AUTHOR, "It lies before the desk")
    await desk.press(EDITOR, await desk.reads(DESK_CHAT, "Flood: Gori", button="d:"), "d:")
    (release,) = await desk.mine()
    await ended(desk, release.id, lambda row: row.state is ReleaseState.DISTRIBUTED)
    (post,) = sent(desk.telegram)
    assert "EXERCISE" in (post.get("text") or "")
    assert await desk.office.alarms.open("review") == []


async def test_without_an_approved_template_the_command_says_what_to_do(desk: Desk) -> None:
    await desk.office.templates.add(FLOOD, desk.person(AUTHOR))
    await desk.say(EDITOR, "/emergency")
    await desk.reads(EDITOR, "distributor templates add")


async def test_a_template_from_before_says_what_it_takes_now_and_that_nobody_sends_it_alone(desk: Desk) -> None:
    """Approved when a line could be long, and free words could stand in place of the template's own."""
    text = Gap("text", GapType.LINE, {"en": "What happens?"}, limit=300)
    loose = Template("loose", (Wording("en", "{text}", "{text}"),), (text,), lasts_minutes=60)
    async with desk.stage.parts.database.transaction() as connection:
        row = await templates.add(connection, loose, desk.person(AUTHOR).id, datetime.now(UTC))
        await connection.commit()
    for who in (EDITOR, ADMINISTRATOR):
        await desk.office.templates.press(await desk.office.templates.button(row), who)
    await desk.say(EDITOR, "/emergency")
    await desk.press(EDITOR, await desk.reads(EDITOR, "Which emergency", button="e:t:"), "e:t:")
    shown = await desk.reads(EDITOR, "Is it real", button="e:s:")
    assert "a second person must approve it each time" in shown["text"]
    assert shown["text"].count("at most 60 characters") == 1
    assert "300" not in shown["text"]
    await desk.press(EDITOR, shown, "e:s:1:actual")
    await desk.reads(EDITOR, "What happens? (English)\nOne line of plain words, at most 60 characters.")
    await desk.say(EDITOR, "x" * 61)
    assert "60" in (await desk.reads(EDITOR, "Too long"))["text"]


async def test_a_button_makes_a_draft_an_exercise_and_the_card_says_so(desk: Desk) -> None:
    card, release = await desk.draft()
    await desk.press(AUTHOR, card, f"a:{release.id}:status")
    await desk.reads(AUTHOR, "Status: exercise", button="a:")
    assert (await desk.office.drafts.get(release.id)).draft.status is Status.EXERCISE
    card = await desk.reads(AUTHOR, "Status: exercise", button="a:")
    await desk.press(AUTHOR, card, f"a:{release.id}:status")
    card = await desk.reads(AUTHOR, "Status: test", button="a:")
    await desk.press(AUTHOR, card, f"a:{release.id}:status")
    await ended(desk, release.id, lambda row: row.draft.status is Status.ACTUAL)
