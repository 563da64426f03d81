"""The privacy gate at the office's door: what stops, who may answer for it, and what the approval covers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from distributor.core.approval import Decision
from distributor.core.release import Action, LanguageVersion, MediaItem, Notice
from distributor.core.rendering import Problem
from distributor.storage import overrides
from tests.office.press_office import ADMINISTRATOR, AUTHOR, EDITOR, KA, PressOffice, refusal
from tests.office.test_drafts import photo

NUMBER = "01001012345"
PRIVATE = LanguageVersion("ka", KA.title, KA.lead, f"მოძიებული პირის პირადი ნომერია {NUMBER}.")
TWO = LanguageVersion("ka", KA.title, "მოწმის ნომერია 577 12 34 56.", f"პირადი ნომერია {NUMBER}.")


async def gate(office: PressOffice, release_id: str) -> list[Problem]:
    """What the privacy gate has found."""
    checked = await office.office.drafts.preflight(release_id)
    return [problem for problem in checked.preflight.problems if problem.code.startswith("privacy.")]


async def test_a_personal_number_stops_the_release_until_somebody_answers_for_it(office: PressOffice) -> None:
    release_id = await office.draft(PRIVATE)
    author = office.people[AUTHOR]
    assert await refusal(office.office.drafts.submit(release_id, author)) == "blocked"
    (problem,) = await gate(office, release_id)
    await office.office.overriding.override(release_id, author, problem.key, "  the person\n asked for it ")
    (answered,) = await gate(office, release_id)
    assert (answered.override, answered.override_by) == ("the person asked for it", author.id)
    submitted = await office.office.drafts.submit(release_id, author)
    standing = await office.office.reading.standing(release_id)
    assert standing.revision is not None
    kept = [item for item in standing.revision.problems if item.override]
    assert [(item.code, item.override) for item in kept] == [("privacy.personal_number", "the person asked for it")]
    assert NUMBER not in str(kept)
    assert submitted.content_hash == standing.revision.content_hash
    await office.decide(release_id, Decision.APPROVE)


async def test_the_log_keeps_the_reason_and_never_the_number(office: PressOffice) -> None:
    release_id = await office.draft(PRIVATE)
    (problem,) = await gate(office, release_id)
    await office.office.overriding.override(release_id, office.people[AUTHOR], problem.key, "a court ordered it")
    (event,) = await office.log("finding.overridden")
    assert event.subject == f"release:{release_id}"
    assert event.data == {
        "code": "privacy.personal_number", "language": "ka", "field": "body", "nth": "", "excerpt": "01•••••••45",
        "reason": "a court ordered it",
    }  # fmt: skip
    await office.office.overriding.take_back(release_id, office.people[AUTHOR], problem.key)
    (event,) = await office.log("override.taken_back")
    assert NUMBER not in str([item.data for item in await office.log()])
    assert (await office.office.drafts.preflight(release_id)).preflight.blocked


async def test_the_approval_covers_the_reason(office: PressOffice) -> None:
    release_id = await office.draft(PRIVATE)
    author = office.people[AUTHOR]
    (problem,) = await gate(office, release_id)
    hashes = []
    for reason in ("one", "two", "one"):
        await office.office.overriding.override(release_id, author, problem.key, reason)
        hashes.append((await office.office.drafts.preflight(release_id)).content_hash)
    assert hashes[0] == hashes[2] != hashes[1]


async def test_each_finding_wants_its_own_reason(office: PressOffice) -> None:
    release_id = await office.draft(TWO)
    author = office.people[AUTHOR]
    first, second = await gate(office, release_id)
    await office.office.overriding.override(release_id, author, first.key, "known")
    assert await refusal(office.office.drafts.submit(release_id, author)) == "blocked"
    await office.office.overriding.override(release_id, author, second.key, "known too")
    await office.office.drafts.submit(release_id, author)


async def test_other_words_need_another_answer(office: PressOffice) -> None:
    release_id = await office.draft(PRIVATE)
    author = office.people[AUTHOR]
    (problem,) = await gate(office, release_id)
    await office.office.overriding.override(release_id, author, problem.key, "known")
    other = LanguageVersion("ka", KA.title, KA.lead, "მოძიებული პირის პირადი ნომერია 01001054345.")
    await office.office.drafts.change(release_id, author, versions=(other,))
    (changed,) = await gate(office, release_id)
    assert changed.params["excerpt"] == problem.params["excerpt"]
    assert changed.blocks
    assert await refusal(office.office.drafts.submit(release_id, author)) == "blocked"
    await office.office.drafts.change(release_id, author, versions=(PRIVATE,))
    await office.office.drafts.submit(release_id, author)


async def test_who_may_answer_and_for_what(office: PressOffice) -> None:
    release_id = await office.draft(PRIVATE, topics=("unknown",))
    (problem,) = await gate(office, release_id)
    answer = office.office.overriding.override
    other = await office.office.people.invite(office.people[AUTHOR].role, None, "Other")
    stranger = (await office.office.people.join(other.token, 999, "Other")).person
    assert await refusal(answer(release_id, stranger, problem.key, "x")) == "not_yours"
    author = office.people[AUTHOR]
    assert await refusal(answer(release_id, author, problem.key, " \n ")) == "reason_wanted"
    assert await refusal(answer(release_id, author, problem.key, "x" * 301)) == "bad_words"
    assert await refusal(answer(release_id, author, problem.key, f"it is {NUMBER}")) == "reason_private"
    assert await refusal(answer(release_id, author, "0" * 32, "x")) == "unknown_finding"
    checked = await office.office.drafts.preflight(release_id)
    technical = next(item for item in checked.preflight.problems if item.code == "unknown_topic")
    assert await refusal(answer(release_id, author, technical.key, "x")) == "not_overridable"
    assert await office.log("finding.overridden") == []
    await answer(release_id, office.people[EDITOR], problem.key, "the editor knows")


async def test_a_row_for_a_technical_problem_counts_for_nothing(office: PressOffice) -> None:
    release_id = await office.draft(KA, topics=("unknown",))
    checked = await office.office.drafts.preflight(release_id)
    technical = next(item for item in checked.preflight.problems if item.code == "unknown_topic")
    async with office.database.transaction() as connection:
        await overrides.put(
            connection, release_id, technical.key, technical.code, "forged", office.people[AUTHOR].id, office.now
        )
        await connection.commit()
    assert (await office.office.drafts.preflight(release_id)).preflight.blocked


async def test_whoever_answered_does_not_approve(office: PressOffice) -> None:
    release_id = await office.draft(PRIVATE)
    (problem,) = await gate(office, release_id)
    await office.office.overriding.override(release_id, office.people[EDITOR], problem.key, "the editor knows")
    await office.office.drafts.submit(release_id, office.people[AUTHOR])
    assert await refusal(office.decide(release_id, Decision.APPROVE, EDITOR)) == "own_override"
    await office.decide(release_id, Decision.APPROVE, ADMINISTRATOR)


async def test_an_answer_stands_for_the_same_words_in_a_correction(office: PressOffice) -> None:
    release_id = await office.draft(PRIVATE)
    author = office.people[AUTHOR]
    (problem,) = await gate(office, release_id)
    await office.office.overriding.override(release_id, author, problem.key, "known")
    await office.office.drafts.submit(release_id, author)
    await office.decide(release_id, Decision.APPROVE)
    await office.office.aftercare.begin_correction(release_id, author)
    words = Notice(Action.CORRECT, {"ka": "დაზუსტდა: მოწმის ნომერია 577 12 34 56."})
    title = LanguageVersion("ka", "სამი ტურისტი იპოვეს", PRIVATE.lead, PRIVATE.body)
    await office.office.drafts.change(release_id, author, versions=(title,), notice=words)
    found = {item.params["field"]: item.blocks for item in await gate(office, release_id)}
    assert found == {"body": False, "notice": True}


async def test_the_words_of_a_withdrawal_go_through_the_gate_and_the_old_text_does_not(office: PressOffice) -> None:
    release_id = await office.draft(PRIVATE)
    author = office.people[AUTHOR]
    (problem,) = await gate(office, release_id)
    await office.office.overriding.override(release_id, author, problem.key, "known")
    await office.office.drafts.submit(release_id, author)
    await office.decide(release_id, Decision.APPROVE)
    async with office.database.transaction() as connection:
        await overrides.remove(connection, release_id, problem.key)
        await connection.commit()
    withdraw = office.office.aftercare.withdraw
    wrong = {"ka": f"შეცდომით დასახელდა {NUMBER}"}
    assert await refusal(withdraw(release_id, author, "a mistake", wrong)) == "notice_private"
    proposed = await withdraw(release_id, author, "a mistake", {"ka": "შეცდომა"})
    assert proposed.release.proposed


@pytest.mark.parametrize("place", ["title", "lead", "alt", "caption", "credit"])
async def test_every_text_goes_through_the_gate(office: PressOffice, place: str) -> None:
    words = f"პირადი ნომერია {NUMBER}"
    version = LanguageVersion("ka", words if place == "title" else KA.title, words if place == "lead" else KA.lead, "")
    media: tuple[MediaItem, ...] = ()
    if place in {"alt", "caption", "credit"}:
        made = await photo(office, 200, 200, "a.png")
        told = {"ka": words}
        media = (
            replace(made, alt=told)
            if place == "alt"
            else replace(made, caption=told)
            if place == "caption"
            else replace(made, credit=words),
        )
    release_id = await office.draft(version, media=media)
    assert [item.params["field"] for item in await gate(office, release_id)] == [place]
