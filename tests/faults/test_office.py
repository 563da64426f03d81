"""Faults 23 to 27 and 38 at the office: presses, changes, roles, and words that must not leave as they are."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from distributor.core.approval import Decision
from distributor.core.people import Role
from distributor.core.refusal import Refused
from distributor.core.release import LanguageVersion
from distributor.demo import Stage
from distributor.demo.stage import ADMINISTRATOR, AUTHOR, EDITOR, STRANGER
from tests.faults.engine import ask, count_events, sound
from tests.queue.acts import all_in, approve, rows, until, write


async def button(stage: Stage, release_id: str, decision: Decision = Decision.APPROVE) -> str:
    """A submitted release's button."""
    await stage.parts.office.drafts.submit(release_id, stage.people[AUTHOR])
    return (await stage.parts.office.approvals.buttons(release_id, (decision,)))[decision]


async def refused(stage: Stage, token: str, who: int) -> str:
    """The code with which a press is refused; it must be in the log."""
    before = await count_events(stage, "press.refused")
    with pytest.raises(Refused) as caught:
        await stage.parts.office.approvals.press(token, who)
    assert await count_events(stage, "press.refused") == before + 1
    return caught.value.code


async def test_f23_a_double_tap_is_one_approval(stage: Stage) -> None:
    release_id = await write(stage, channels=("x",))
    token = await button(stage, release_id)
    press = stage.parts.office.approvals.press
    told = await asyncio.gather(*(press(token, EDITOR) for _ in range(3)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in told) == ["Pressed", "Refused", "Refused"]
    await until(stage, all_in("sent"), release_id)
    assert await count_events(stage, "release.approve") == 1
    assert await count_events(stage, "press.refused") == 2
    assert len(stage.sandbox.effects("x", kind="post")) == 1
    await sound(stage)


async def test_f24_changed_after_approval_the_approval_is_void_and_nothing_of_it_leaves(stage: Stage) -> None:
    later = stage.parts.clock() + timedelta(seconds=2)
    release_id = await write(stage, channels=("x",), at=later)
    token = await button(stage, release_id)
    other = (await stage.parts.office.approvals.buttons(release_id, (Decision.APPROVE,)))[Decision.APPROVE]
    await stage.parts.office.approvals.press(token, EDITOR)
    changed = (LanguageVersion("ka", "სხვა სათაური", "", "სხვა."),)
    await stage.parts.office.drafts.change(release_id, stage.people[AUTHOR], versions=changed)
    assert await count_events(stage, "approval.voided") == 1
    await until(stage, all_in("cancelled"), release_id)
    assert stage.sandbox.calls("x", "tweets.create") == 0
    await stage.parts.office.drafts.submit(release_id, stage.people[AUTHOR])
    assert await refused(stage, other, EDITOR) == "changed_since"


async def test_f25_the_author_never_approves(stage: Stage) -> None:
    release_id = await write(stage, channels=("x",))
    token = await button(stage, release_id)
    assert await refused(stage, token, AUTHOR) == "not_editor"
    await stage.parts.office.people.set_role(stage.people[AUTHOR].id, Role.ADMINISTRATOR, None)
    assert await refused(stage, token, AUTHOR) == "own_release"
    assert await rows(stage, release_id) == []


async def test_f26_a_forged_or_replayed_button_is_refused_and_logged(stage: Stage) -> None:
    release_id = await write(stage, channels=("newsroom",))
    token = await button(stage, release_id)
    assert await refused(stage, token[:-1] + ("A" if token[-1] != "A" else "B"), EDITOR) == "forged_button"
    assert await refused(stage, token, STRANGER) == "not_a_member"
    await stage.parts.office.approvals.press(token, EDITOR)
    assert await refused(stage, token, ADMINISTRATOR) == "already_pressed"
    own = (await stage.parts.office.approvals.buttons(release_id, (Decision.HOLD,), stage.people[EDITOR]))[
        Decision.HOLD
    ]
    assert await refused(stage, own, ADMINISTRATOR) == "not_your_button"
    buttons = await stage.parts.office.operations.case_buttons(1)
    assert await refused(stage, buttons.there, EDITOR) == "forged_button"
    await until(stage, all_in("sent"), release_id)
    await sound(stage)


async def test_f27_a_demoted_editor_presses_an_old_button(stage: Stage) -> None:
    release_id = await write(stage, channels=("x",))
    token = await button(stage, release_id)
    await stage.parts.office.people.set_role(stage.people[EDITOR].id, Role.AUTHOR, stage.people[ADMINISTRATOR])
    assert await refused(stage, token, EDITOR) == "not_editor"
    assert await rows(stage, release_id) == []


async def test_f38_capitals_are_folded_direction_marks_refused_and_a_caption_too_long_is_split(stage: Stage) -> None:
    capitals = LanguageVersion("ka", "ᲛᲐᲨᲕᲔᲚᲔᲑᲛᲐ იპოვეს", "", "სიტყვა " * 150)
    release_id = await write(stage, photos=1, channels=("telegram",), versions=(capitals,))
    await approve(stage, release_id)
    await until(stage, all_in("sent"), release_id)
    shown = [effect.details for effect in stage.sandbox.effects("telegram", chat_id=-100300)]
    assert len(shown) == 2
    words = " ".join(str(item) for item in shown)
    assert "მაშველებმა" in words
    assert "Მ" not in words
    turned = LanguageVersion("ka", "სათაური \u202egnp.exe", "", "ტექსტი")
    bad = await write(stage, channels=("telegram",), versions=(turned,))
    with pytest.raises(Refused, match="blocked"):
        await stage.parts.office.drafts.submit(bad, stage.people[AUTHOR])
    assert await ask(stage, "SELECT id FROM deliveries WHERE release_id = :id", id=bad) == []
