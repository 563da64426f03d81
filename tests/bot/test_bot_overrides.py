"""The privacy gate at the desk: findings by severity, an answer with its reason, and what the second person sees."""

from __future__ import annotations

from distributor.core.release import ReleaseState
from distributor.demo.stage import ADMINISTRATOR, AUTHOR, CHANNEL_CHAT, DESK_CHAT, EDITOR
from tests.bot.people import Desk, data_of, ended

NUMBER = "01001012345"
TEXT = f"A man was found\n\nHe is well.\n\nHis personal number is {NUMBER}. The thief of his bag is not known."


async def test_a_finding_is_answered_for_with_a_reason_which_the_editor_sees_before_approving(desk: Desk) -> None:
    card, release = await desk.draft(TEXT)
    assert "It cannot be submitted yet:\n• A personal number: 01•••••••45 (body, English)." in card["text"]
    assert "To look at:" in card["text"]
    assert "“thief”" in card["text"]
    assert not data_of(card, f"a:{release.id}:submit")
    await desk.press(AUTHOR, card, f"a:{release.id}:override")
    panel = await desk.reads(AUTHOR, "Choose what you answer for", button=f"a:{release.id}:o:")
    await desk.press(AUTHOR, panel, f"a:{release.id}:o:")
    question = await desk.reads(AUTHOR, "Why may this be published")
    assert "01•••••••45" in question["text"]
    await desk.say(AUTHOR, f"it is {NUMBER}")
    await desk.reads(AUTHOR, "Say it without")
    await desk.say(AUTHOR, "His family asked us to")
    card = await desk.reads(AUTHOR, "Reason: His family asked us to (Nino)", button=f"a:{release.id}:submit")
    assert "It cannot be submitted yet" not in card["text"]
    shown, _ = await desk.submitted_again(card, release)
    text = shown["text"]
    assert "Published on somebody's answer" in text
    assert "His family asked us to (Nino)" in text
    assert text.index("Published on somebody's answer") < text.index("Kind:")
    await desk.press(EDITOR, shown, "d:")
    await ended(desk, release.id, lambda row: row.state is ReleaseState.DISTRIBUTED)
    assert len(desk.telegram.messages(CHANNEL_CHAT)) == 1


async def test_an_answer_can_be_taken_back_and_the_release_stops_again(desk: Desk) -> None:
    card, release = await desk.draft(TEXT)
    (problem,) = [item for item in (await desk.office.drafts.preflight(release.id)).preflight.problems if item.blocks]
    await desk.office.overriding.override(release.id, desk.person(AUTHOR), problem.key, "known")
    await desk.press(AUTHOR, card, f"a:{release.id}:override")
    panel = await desk.reads(AUTHOR, "Choose what you answer for", button=f"a:{release.id}:ou:")
    await desk.press(AUTHOR, panel, f"a:{release.id}:ou:")
    card = await desk.reads(AUTHOR, "It cannot be submitted yet", button=f"a:{release.id}:override")
    assert not data_of(card, f"a:{release.id}:submit")


async def test_a_button_for_words_that_were_changed_since_answers_for_nothing(desk: Desk) -> None:
    card, release = await desk.draft(TEXT)
    await desk.press(AUTHOR, card, f"a:{release.id}:override")
    panel = await desk.reads(AUTHOR, "Choose what you answer for", button=f"a:{release.id}:o:")
    version = release.draft.versions[0]
    changed = version.body.replace(NUMBER, "01001054345")
    kept = type(version)(version.language, version.title, version.lead, changed)
    await desk.office.drafts.change(release.id, desk.person(AUTHOR), versions=(kept,))
    await desk.press(AUTHOR, panel, f"a:{release.id}:o:")
    await desk.reads(AUTHOR, "not found in the text any more")
    assert (await desk.office.drafts.preflight(release.id)).preflight.blocked


async def test_whoever_answered_cannot_approve_at_the_desk(desk: Desk) -> None:
    _, release = await desk.draft(TEXT)
    (problem,) = [item for item in (await desk.office.drafts.preflight(release.id)).preflight.problems if item.blocks]
    await desk.office.overriding.override(release.id, desk.person(EDITOR), problem.key, "known")
    await desk.office.drafts.submit(release.id, desk.person(AUTHOR))
    shown = await desk.reads(DESK_CHAT, "known (Giorgi)", button="d:")
    answer = await desk.press(EDITOR, shown, "d:")
    assert "answered for a finding" in answer["text"]
    await desk.press(ADMINISTRATOR, shown, "d:")
    await ended(desk, release.id, lambda row: row.state is ReleaseState.DISTRIBUTED)
