"""Templates, shortened approval, the review afterwards, and exercises."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from distributor.core.approval import Decision
from distributor.core.data import to_data
from distributor.core.delivery import Priority
from distributor.core.gaps import Gap, GapType
from distributor.core.people import Role
from distributor.core.release import Action, Kind, LanguageVersion, ReleaseState, Status
from distributor.core.template import Template, Wording
from distributor.core.warning import Warning
from distributor.office.office import Office
from distributor.office.reviewing import shortened
from distributor.storage import alarms, releases
from distributor.storage import templates as stored
from distributor.storage.schema import templates
from distributor.storage.templates import TemplateRow
from tests.office.press_office import ADMINISTRATOR, AUTHOR, EDITOR, START, PressOffice, refusal

FLOOD = Template(
    "flood",
    (
        Wording("ka", "წყალდიდობა: {place}", "წყალდიდობა", "დატოვეთ {place}.", "{region}. დონე: {level}. {until}-მდე."),
        Wording("en", "Flood: {place}", "Flood", "Leave {place}.", "{region}. Level: {level}. Until {until}."),
    ),
    (
        Gap("place", GapType.LINE, {"en": "Place"}, limit=40),
        Gap("region", GapType.REGION),
        Gap("level", GapType.CHOICE, choices={"red": {"ka": "წითელი", "en": "red"}}),
        Gap("until", GapType.TIME),
    ),
    expires="until",
)
VALUES = {
    "place.ka": "გორი",
    "place.en": "Gori",
    "region": "GE-SK",
    "level": "red",
    "until": (START + timedelta(hours=6)).isoformat(),
}


async def approved(office: PressOffice, content: Template = FLOOD) -> TemplateRow:
    """Written by the author, approved at the desk by the editor and the administrator."""
    row = await office.office.templates.add(content, office.people[AUTHOR])
    for who in (EDITOR, ADMINISTRATOR):
        row = (await office.office.templates.press(await office.office.templates.button(row), who)).row
    return row


async def filled(office: PressOffice, by: int = EDITOR, **changed: Any) -> str:
    """An approved template, filled in and submitted by somebody; the release's id."""
    row = await approved(office)
    made = await office.office.templates.fill(row.id, VALUES, office.people[by], **changed)
    return (await office.office.drafts.submit(made.id, office.people[by])).release.id


async def reviews(office: PressOffice) -> list[alarms.Alarm]:
    return await office.office.alarms.open("review")


async def answer(office: PressOffice, alarm: alarms.Alarm, word: str, who: int) -> Any:
    (token,) = [token for name, token in await office.office.alarms.buttons(alarm) if name == word]
    return await office.office.alarms.pressed(token, who)


async def test_two_people_other_than_its_author_approve_a_template_and_it_is_logged(office: PressOffice) -> None:
    use = office.office.templates
    await office.office.people.set_role(office.people[AUTHOR].id, Role.EDITOR, None)
    row = await use.add(FLOOD, office.people[AUTHOR])
    assert await refusal(use.press(await use.button(row), AUTHOR)) == "own_template"
    assert await refusal(use.press(await use.button(row), 99)) == "not_a_member"
    assert await refusal(use.press("made-up", EDITOR)) == "forged_button"
    token = await use.button(row)
    first = (await use.press(token, EDITOR)).row
    assert not first.usable
    assert await refusal(use.press(token, ADMINISTRATOR)) == "already_pressed"
    assert await refusal(use.press(await use.button(row), EDITOR)) == "template_approved_by_you"
    assert await refusal(use.fill(row.id, VALUES, office.people[EDITOR])) == "template_not_approved"
    assert (await use.press(await use.button(row), ADMINISTRATOR)).row.usable
    assert [event.data["approval"] for event in await office.log("template.approved")] == [1, 2]
    assert {event.data["content_hash"] for event in await office.log("template.approved")} == {FLOOD.hash}
    assert len(await office.log("press.refused")) == 5


async def test_an_author_who_may_not_decide_approves_nothing(office: PressOffice) -> None:
    row = await office.office.templates.add(FLOOD, office.people[EDITOR])
    token = await office.office.templates.button(row)
    assert await refusal(office.office.templates.press(token, AUTHOR)) == "not_editor"


async def test_a_shell_gives_one_approval_at_the_most(office: PressOffice) -> None:
    use = office.office.templates
    row = await use.add(FLOOD, office.people[AUTHOR])
    await use.approve("flood", office.people[EDITOR])
    assert await refusal(use.approve("flood", office.people[ADMINISTRATOR])) == "template_at_desk"
    assert (await use.press(await use.button(row), ADMINISTRATOR)).row.usable


async def test_a_new_version_takes_over_only_when_two_people_approved_it(office: PressOffice) -> None:
    old = await approved(office)
    use = office.office.templates
    new = await use.add(replace(FLOOD, topics=("fire",)), office.people[AUTHOR])
    assert (new.label, [row.label for row in await use.usable()]) == ("flood@2", ["flood@1"])
    for who in (EDITOR, ADMINISTRATOR):
        await use.press(await use.button(new), who)
    assert [row.label for row in await use.usable()] == ["flood@2"]
    assert await refusal(use.fill(old.id, VALUES, office.people[EDITOR])) == "template_not_approved"
    assert await use.retire("flood", office.people[EDITOR]) == 1
    assert await use.usable() == []
    assert await refusal(use.retire("flood", office.people[AUTHOR])) == "not_editor"


async def test_a_template_with_faults_and_values_with_faults_are_refused(office: PressOffice) -> None:
    use = office.office.templates
    assert await refusal(use.add(replace(FLOOD, gaps=()), office.people[AUTHOR])) == "bad_template"
    row = await approved(office)
    for name, value, code in (
        ("place.ka", "https://x.example", "gap_markup"),
        ("place.en", "", "gap_empty"),
        ("region", "GE-XX", "gap_region"),
        ("level", "blue", "gap_choice"),
        ("until", "18:00", "gap_time"),
    ):
        assert await refusal(use.fill(row.id, VALUES | {name: value}, office.people[EDITOR])) == code


async def test_one_editor_on_duty_sends_a_filled_template_and_a_second_person_must_look(office: PressOffice) -> None:
    release_id = await filled(office)
    assert await office.decide(release_id, Decision.APPROVE) == 2
    rows = await office.rows(release_id)
    assert {row["priority"] for row in rows} == {Priority.EMERGENCY}
    assert {row["deadline"] for row in rows} == {START + timedelta(hours=6)}
    content = (await office.office.drafts.get(release_id)).draft
    assert content.kind is Kind.EMERGENCY
    assert content.regions == ("GE-SK",)
    assert content.versions[0].body.startswith("შიდა ქართლი. დონე: წითელი. 5 მარტი, 2026, 19:00")
    (event,) = await office.log("release.approve")
    assert event.data["shortened"] == "flood@1"
    (alarm,) = await reviews(office)
    assert alarm.params["title"] == "წყალდიდობა: გორი"
    assert alarm.every == 600
    assert await refusal(answer(office, alarm, "right", EDITOR)) == "own_review"
    assert await refusal(answer(office, alarm, "right", AUTHOR)) == "not_editor"
    for name in (None, office.people[ADMINISTRATOR]):  # at a shell anybody can name anybody
        assert await refusal(office.office.alarms.resolve(alarm.id, name, "right")) == "review_by_person"
    assert await reviews(office) == [alarm]
    await answer(office, alarm, "right", ADMINISTRATOR)
    assert await reviews(office) == []
    assert (await office.office.drafts.get(release_id)).proposed == 0


async def test_the_review_says_wrong_and_a_withdrawal_lies_before_the_desk(office: PressOffice) -> None:
    release_id = await filled(office)
    await office.decide(release_id, Decision.APPROVE)
    (alarm,) = await reviews(office)
    await answer(office, alarm, "wrong", ADMINISTRATOR)
    found = await office.office.drafts.get(release_id)
    assert found.proposed == 2
    standing = await office.office.reading.standing(release_id)
    assert standing.proposed is not None
    assert standing.proposed.content.action is Action.WITHDRAW
    standing = await office.office.reading.standing(release_id)
    assert standing.proposed is not None
    hash_ = standing.proposed.content_hash
    decide = office.office.approvals.decide
    own = decide(office.people[ADMINISTRATOR].id, Decision.APPROVE, release_id, 2, hash_)
    assert await refusal(own) == "own_proposal"
    await decide(office.people[EDITOR].id, Decision.APPROVE, release_id, 2, hash_)
    assert (await office.office.drafts.get(release_id)).state is ReleaseState.WITHDRAWN
    assert {row["state"] for row in await office.rows(release_id)} == {"cancelled"}


async def test_an_author_fills_it_and_one_editor_approves_with_no_review_afterwards(office: PressOffice) -> None:
    release_id = await filled(office, AUTHOR)
    assert await refusal(office.decide(release_id, Decision.APPROVE, AUTHOR)) == "not_editor"
    await office.decide(release_id, Decision.APPROVE, EDITOR)
    assert await reviews(office) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"versions": (LanguageVersion("ka", "სხვა"),)},
        {"kind": Kind.NEWS},
        {"regions": ("GE-TB",)},
        {"channels": ("website",)},
        {"at": START + timedelta(hours=1)},
        {"deadline": None},
        {"warning": None},
        {"filled": {}},
        {"template": "flood@2"},
        {"template": ""},
    ],
    ids=lambda changed: next(iter(changed)),
)
async def test_one_changed_word_and_four_eyes_are_wanted(office: PressOffice, changed: dict[str, Any]) -> None:
    row = await approved(office)
    made = await office.office.templates.fill(row.id, VALUES, office.people[EDITOR])
    await office.office.drafts.change(made.id, office.people[EDITOR], **changed)
    await office.office.drafts.submit(made.id, office.people[EDITOR])
    assert await refusal(office.decide(made.id, Decision.APPROVE)) == "own_release"
    await office.decide(made.id, Decision.APPROVE, ADMINISTRATOR)
    assert await reviews(office) == []


async def test_a_template_that_is_retired_or_altered_shortens_nothing(office: PressOffice) -> None:
    release_id = await filled(office)
    async with office.database.read() as connection:
        revision = await releases.get_revision(connection, release_id, 1)
        assert revision is not None
        assert await shortened(office.office.context, connection, revision.content)
    altered = (await office.office.templates.all())[0].content
    async with office.database.transaction() as connection:
        worse = replace(altered, channels=("website",))
        await connection.execute(update(templates).values(content=to_data(worse)))
        await connection.commit()
    assert await refusal(office.decide(release_id, Decision.APPROVE)) == "own_release"
    async with office.database.transaction() as connection:
        await connection.execute(update(templates).values(content=to_data(altered)))
        await connection.commit()
    await office.office.templates.retire("flood", office.people[EDITOR])
    assert await refusal(office.decide(release_id, Decision.APPROVE)) == "own_release"


async def test_a_template_of_free_words_that_was_approved_before_it_was_refused_shortens_nothing(
    office: PressOffice,
) -> None:
    """Whoever fills it in writes the whole warning, so a second person reads it first."""
    text = Gap("text", GapType.LINE, {"en": "Text"}, limit=300)
    loose = Template("loose", (Wording("en", "{text}", "{text}", body="{text}"),), (text,), lasts_minutes=60)
    use, editor = office.office.templates, office.people[EDITOR]
    assert await refusal(use.add(loose, office.people[AUTHOR])) == "bad_template"
    async with office.database.transaction() as connection:
        row = await stored.add(connection, loose, office.people[AUTHOR].id, START)
        await connection.commit()
    for who in (EDITOR, ADMINISTRATOR):
        await use.press(await use.button(row), who)
    assert await refusal(use.fill(row.id, {"text.en": "Gori. Leave your houses"}, editor)) == "gap_sentence"
    made = await use.fill(row.id, {"text.en": "Leave your houses at once"}, editor)
    await office.office.drafts.submit(made.id, editor)
    assert await refusal(office.decide(made.id, Decision.APPROVE)) == "own_release"
    await office.decide(made.id, Decision.APPROVE, ADMINISTRATOR)
    assert await reviews(office) == []


async def test_a_correction_of_a_filled_template_needs_a_second_person(office: PressOffice) -> None:
    release_id = await filled(office)
    await office.decide(release_id, Decision.APPROVE)
    people, use = office.people, office.office
    await use.aftercare.begin_correction(release_id, people[EDITOR])
    await use.drafts.change(release_id, people[EDITOR], topics=("fire",))
    submitted = await use.drafts.submit(release_id, people[EDITOR])
    number = submitted.release.proposed
    own = use.approvals.decide(people[EDITOR].id, Decision.APPROVE, release_id, number, submitted.content_hash)
    assert await refusal(own) == "own_release"


async def test_a_template_may_be_filled_in_as_an_exercise(office: PressOffice) -> None:
    await office.office.subscriptions.add("press", "a@example.org", None)
    release_id = await filled(office, status=Status.EXERCISE)
    await office.decide(release_id, Decision.APPROVE)
    assert {row["channel"] for row in await office.rows(release_id)} == {"press"}
    assert len(await reviews(office)) == 1


async def test_in_a_training_installation_whatever_is_written_is_an_exercise(office: PressOffice) -> None:
    await office.office.subscriptions.add("press", "a@example.org", None)
    real = await office.draft()
    training = Office(replace(office.office.context, exercise=True), office.office.auditing._key)
    made = await training.drafts.create(
        office.people[AUTHOR], kind=Kind.NEWS, versions=(LanguageVersion("ka", "სათაური", "ლიდი"),)
    )
    assert made.draft.status is Status.EXERCISE
    changed = await training.drafts.change(made.id, office.people[AUTHOR], status=Status.ACTUAL)
    assert changed.draft.status is Status.EXERCISE
    assert (
        await training.drafts.change(made.id, office.people[AUTHOR], status=Status.TEST)
    ).draft.status is Status.TEST
    codes = {problem.code for problem in (await training.drafts.preflight(real)).preflight.problems}
    assert "exercise_only" in codes
    assert await refusal(training.drafts.submit(real, office.people[AUTHOR])) == "blocked"


async def test_the_words_of_a_warning_are_checked_as_every_other(office: PressOffice) -> None:
    """They stand in the CAP feed, where nobody would look for a personal number."""
    bad = Warning(event={"ka": "წყალდიდობა\u202e"}, instruction={"ka": "დარეკეთ: პირადი ნომერი 01001012345"})
    found = await office.problems(kind=Kind.EMERGENCY, warning=bad)
    assert [item["field"] for item in found["blocking text_direction"]] == ["warning"]
    personal = [code for code, items in found.items() if any(item.get("field") == "warning" for item in items)]
    assert any("personal" in code for code in personal), found
