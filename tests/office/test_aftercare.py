"""After publishing: who gets a correction, who a withdrawal, what stays untouched until it is approved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from distributor.core.approval import Decision
from distributor.core.channel import Action
from distributor.core.people import Role
from distributor.core.release import LanguageVersion, Notice, ReleaseState
from distributor.office.drafts import Submitted
from distributor.storage.schema import deliveries, destinations
from tests.office.press_office import ADMINISTRATOR, AUTHOR, EDITOR, KA, PressOffice, refusal

FIXED = replace(KA, body="დღეს საღამოს იპოვეს.")
WHAT = Notice(Action.CORRECT, {"ka": "დრო იყო შეცდომით"})


async def stands(office: PressOffice, channel: str, address: str, **values: Any) -> None:
    """A delivery's row as the worker would leave it."""
    here = deliveries.c.destination_id.in_(
        destinations.select().with_only_columns(destinations.c.id).where(destinations.c.address == address)
    )
    async with office.database.transaction() as connection:
        await connection.execute(update(deliveries).where(deliveries.c.channel == channel, here).values(**values))
        await connection.commit()


async def everywhere(office: PressOffice, release_id: str, state: str) -> None:
    """All deliveries of a release stand so."""
    async with office.database.transaction() as connection:
        mine = deliveries.c.release_id == release_id
        await connection.execute(update(deliveries).where(mine).values(state=state))
        await connection.commit()


async def readers(office: PressOffice, *names: str, **more: Any) -> None:
    """Subscribers of the press list."""
    for name in names:
        await office.office.subscriptions.add("press", f"{name}@news.example", None, **more)


async def corrected(office: PressOffice, release_id: str, by: int = AUTHOR) -> Submitted:
    """A correction, written and proposed."""
    person = office.people[by]
    await office.office.aftercare.begin_correction(release_id, person)
    await office.office.drafts.change(release_id, person, versions=(FIXED,), notice=WHAT)
    return await office.office.drafts.submit(release_id, person)


async def approve(office: PressOffice, proposed: Submitted, by: int = EDITOR) -> int:
    """A second person approves what was proposed."""
    number = proposed.release.proposed
    assert number
    return await office.office.approvals.decide(
        office.people[by].id, Decision.APPROVE, proposed.release.id, number, proposed.content_hash
    )


async def told(office: PressOffice, release_id: str, revision: int) -> dict[str, tuple[str, str]]:
    """Address → action and state, of one revision's deliveries."""
    rows = [row for row in await office.rows(release_id) if row["revision"] == revision]
    return {row["address"]: (row["action"], row["state"]) for row in rows}


async def test_a_correction_goes_to_those_who_have_it_and_replaces_what_is_queued(office: PressOffice) -> None:
    await readers(office, "has", "doubt", "asked", "waits", "refused", "left")
    release_id = await office.approved()
    await stands(office, "website", "https://press.example", state="sent", receipt={"remote_ids": ["/x"]})
    await stands(office, "telegram", "@ministry", state="case")
    for name, state in (("has", "sent"), ("doubt", "unknown"), ("asked", "case"), ("refused", "rejected")):
        await stands(office, "press", f"{name}@news.example", state=state)
    await stands(office, "press", "left@news.example", state="sent")
    left = await office.office.subscriptions.everyone("press")
    await office.office.subscriptions.unsubscribe(next(row["token"] for row in left if "left" in row["address"]))
    await readers(office, "late")
    proposed = await corrected(office, release_id)
    before = await office.rows(release_id)
    assert {row["revision"] for row in before} == {1}
    assert next(row["state"] for row in before if row["address"].startswith("waits")) == "queued"
    await approve(office, proposed)
    assert await told(office, release_id, 2) == {
        "https://press.example": ("correct", "queued"),
        "@ministry": ("correct", "queued"),
        "has@news.example": ("correct", "queued"),
        "doubt@news.example": ("correct", "queued"),
        "asked@news.example": ("correct", "queued"),
        "waits@news.example": ("publish", "queued"),
        "refused@news.example": ("publish", "queued"),
    }
    old = await told(office, release_id, 1)
    assert old["waits@news.example"] == ("publish", "cancelled")
    assert old["doubt@news.example"] == ("publish", "unknown")
    release = await office.office.drafts.get(release_id)
    assert (release.revision, release.proposed, release.state) == (2, 0, ReleaseState.DISTRIBUTING)
    assert (await office.log("release.approve"))[-1].data["action"] == "correct"


async def test_until_it_is_approved_nothing_of_a_correction_is_seen(office: PressOffice) -> None:
    release_id = await office.approved()
    await everywhere(office, release_id, "sent")
    await corrected(office, release_id)
    release = await office.office.drafts.get(release_id)
    assert (release.revision, release.proposed, release.state) == (1, 2, ReleaseState.DISTRIBUTING)
    standing = await office.office.reading.standing(release_id)
    assert standing.revision is not None
    assert standing.revision.approved_hash == standing.revision.content_hash
    assert standing.proposed is not None
    assert standing.proposed.content.versions == (FIXED,)
    assert {row["revision"] for row in await office.rows(release_id)} == {1}


async def test_nobody_approves_a_correction_of_their_own(office: PressOffice) -> None:
    release_id = await office.approved()
    await everywhere(office, release_id, "sent")
    proposed = await corrected(office, release_id, EDITOR)
    assert await refusal(approve(office, proposed, EDITOR)) == "own_release"
    assert await refusal(approve(office, proposed, AUTHOR)) == "not_editor"
    assert await approve(office, proposed, ADMINISTRATOR) > 0


async def test_a_correction_that_changes_nothing_is_not_laid_before_anybody(office: PressOffice) -> None:
    release_id = await office.approved()
    await everywhere(office, release_id, "sent")
    person = office.people[AUTHOR]
    await office.office.aftercare.begin_correction(release_id, person)
    checked = await office.office.drafts.preflight(release_id)
    assert "nothing_changed" in {problem.code for problem in checked.preflight.problems}
    assert await refusal(office.office.drafts.submit(release_id, person)) == "blocked"
    assert await refusal(office.office.aftercare.begin_correction(release_id, person)) == "correction_open"


async def test_a_rejected_correction_is_changed_and_proposed_again_or_given_up(office: PressOffice) -> None:
    release_id = await office.approved()
    await everywhere(office, release_id, "sent")
    person = office.people[AUTHOR]
    first = await corrected(office, release_id)
    await office.office.approvals.decide(
        office.people[EDITOR].id, Decision.REJECT, release_id, 2, first.content_hash, "still wrong"
    )
    release = await office.office.drafts.get(release_id)
    assert (release.state, release.proposed, release.following) == (ReleaseState.DISTRIBUTED, 0, True)
    assert await refusal(approve(office, first)) == "wrong_state"  # nothing is proposed
    second = await office.office.drafts.submit(release_id, person)
    assert second.release.proposed == 3
    changed = await office.office.drafts.change(release_id, person, versions=(replace(FIXED, title="სხვა"),))
    assert changed.proposed == 0
    assert await refusal(approve(office, second)) == "wrong_state"
    await office.office.aftercare.abandon(release_id, person)
    release = await office.office.drafts.get(release_id)
    assert not release.following
    assert release.draft.versions == (KA,)
    assert await refusal(office.office.aftercare.abandon(release_id, person)) == "no_correction_open"


async def test_only_what_is_out_is_corrected_and_only_by_those_to_whom_it_belongs(office: PressOffice) -> None:
    draft = await office.draft()
    care, author = office.office.aftercare, office.people[AUTHOR]
    assert await refusal(care.begin_correction(draft, author)) == "nothing_out"
    assert await refusal(care.withdraw(draft, author, "why")) == "nothing_out"
    assert await refusal(care.begin_correction("nonsense", author)) == "unknown_release"
    invitation = await office.office.people.invite(Role.AUTHOR, None, "other")
    other = (await office.office.people.join(invitation.token, 777, "x")).person
    release_id = await office.approved()
    await everywhere(office, release_id, "sent")
    assert await refusal(care.begin_correction(release_id, other)) == "not_yours"
    assert await refusal(care.withdraw(release_id, other, "why")) == "not_yours"


async def test_f39_a_withdrawal_cancels_what_is_queued_and_reaches_everybody_else(office: PressOffice) -> None:
    await readers(office, "has", "doubt", "flies", "waits", "refused")
    release_id = await office.approved()
    await stands(office, "website", "https://press.example", state="sent")
    await stands(office, "telegram", "@ministry", state="sent")
    for name, state in (("has", "sent"), ("doubt", "unknown"), ("flies", "sending"), ("refused", "rejected")):
        await stands(office, "press", f"{name}@news.example", state=state)
    person = office.people[AUTHOR]
    assert await refusal(office.office.aftercare.withdraw(release_id, person, "  ")) == "reason_wanted"
    proposed = await office.office.aftercare.withdraw(release_id, person, "named a victim", {"ka": "გაუქმდა"})
    assert (await told(office, release_id, 1))["waits@news.example"] == ("publish", "queued")
    await approve(office, proposed)
    reached = dict.fromkeys(await told(office, release_id, 2), ("withdraw", "queued"))
    assert await told(office, release_id, 2) == reached
    assert {"https://press.example", "@ministry"} <= set(reached)
    assert {name.partition("@")[0] for name in reached if "@news" in name} == {"has", "doubt", "flies"}
    assert (await told(office, release_id, 1))["waits@news.example"] == ("publish", "cancelled")
    release = await office.office.drafts.get(release_id)
    assert release.state is ReleaseState.WITHDRAWN
    assert await refusal(office.office.aftercare.begin_correction(release_id, person)) == "nothing_out"
    (event,) = await office.log("withdrawal.proposed")
    assert event.data["reason"] == "named a victim"


async def test_whoever_proposes_a_withdrawal_does_not_approve_it_and_its_author_may(office: PressOffice) -> None:
    await office.office.people.set_role(office.people[AUTHOR].id, Role.EDITOR, office.people[ADMINISTRATOR])
    release_id = await office.approved()
    await everywhere(office, release_id, "sent")
    proposed = await office.office.aftercare.withdraw(release_id, office.people[EDITOR], "wrong")
    assert await refusal(approve(office, proposed, EDITOR)) == "own_proposal"
    assert await approve(office, proposed, AUTHOR) > 0


async def test_a_hold_is_told_to_those_who_have_it_and_its_end_too(office: PressOffice) -> None:
    await readers(office, "has", "waits")
    release_id = await office.approved()
    await stands(office, "press", "has@news.example", state="sent")
    await office.decide(release_id, Decision.HOLD)
    assert (await told(office, release_id, 2))["has@news.example"] == ("hold", "queued")
    assert "waits@news.example" not in await told(office, release_id, 2)
    await stands(office, "press", "has@news.example", state="sent")
    await office.decide(release_id, Decision.RESUME)
    assert (await told(office, release_id, 3))["has@news.example"] == ("lift", "queued")
    waiting = next(row for row in await office.rows(release_id) if row["address"].startswith("waits"))
    assert waiting["state"] == "queued"
    standing = await office.office.reading.standing(release_id)
    assert standing.release.revision == 1
    assert standing.revision is not None
    assert standing.revision.approved_hash == waiting["content_hash"]


async def test_a_hold_is_turned_into_a_withdrawal(office: PressOffice) -> None:
    release_id = await office.approved()
    await everywhere(office, release_id, "sent")
    await office.decide(release_id, Decision.HOLD)
    proposed = await office.office.aftercare.withdraw(release_id, office.people[AUTHOR], "it was wrong")
    await approve(office, proposed)
    assert (await office.office.drafts.get(release_id)).state is ReleaseState.WITHDRAWN


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_trusted_reader_is_due_before_the_embargo_ends(office: PressOffice, trusted: bool) -> None:
    await readers(office, "desk", trusted=trusted)
    later = office.now.replace(hour=20)
    release_id = await office.approved(embargo=later)
    due = {row["address"]: row["due"] for row in await office.rows(release_id)}
    assert due["desk@news.example"] == (office.now if trusted else later)
    assert due["https://press.example"] == due["@ministry"] == later


async def test_a_language_that_is_new_in_a_correction_is_shown(office: PressOffice) -> None:
    release_id = await office.approved()
    await everywhere(office, release_id, "sent")
    person = office.people[AUTHOR]
    await office.office.aftercare.begin_correction(release_id, person)
    english = LanguageVersion("en", "Two tourists found", "", "Found this morning.")
    await office.office.drafts.change(release_id, person, versions=(KA, english), notice=WHAT)
    proposed = await office.office.drafts.submit(release_id, person)
    await approve(office, proposed)
    standing = await office.office.reading.standing(release_id)
    assert standing.revision is not None
    assert [version.language for version in standing.revision.content.versions] == ["ka", "en"]


async def channel(office: PressOffice, name: str, state: str) -> None:
    """Every delivery of a channel stands so."""
    async with office.database.transaction() as connection:
        await connection.execute(update(deliveries).where(deliveries.c.channel == name).values(state=state))
        await connection.commit()


async def test_what_leaves_between_the_proposal_and_its_approval_is_withdrawn_too(office: PressOffice) -> None:
    """Simulation, seed 132: the channel had nothing yet when the withdrawal was proposed, and kept what it got then."""
    release_id = await office.approved()
    await channel(office, "website", "sent")
    proposed = await office.office.aftercare.withdraw(release_id, office.people[AUTHOR], "wrong")
    await channel(office, "telegram", "sent")
    await approve(office, proposed)
    reached = {"https://press.example", "@ministry"}
    assert await told(office, release_id, 2) == dict.fromkeys(reached, ("withdraw", "queued"))


@pytest.mark.parametrize("left", [True, False])
async def test_a_correction_for_fewer_channels_goes_where_the_old_version_is_and_nowhere_else(
    office: PressOffice, left: bool
) -> None:
    release_id = await office.approved()
    await channel(office, "website", "sent")
    person = office.people[AUTHOR]
    await office.office.aftercare.begin_correction(release_id, person)
    await office.office.drafts.change(release_id, person, versions=(FIXED,), notice=WHAT, channels=("website",))
    proposed = await office.office.drafts.submit(release_id, person)
    if left:
        await channel(office, "telegram", "sent")
    await approve(office, proposed)
    wanted = {"https://press.example": ("correct", "queued")}
    assert await told(office, release_id, 2) == wanted | ({"@ministry": ("correct", "queued")} if left else {})
    (old,) = [row["state"] for row in await office.rows(release_id) if row["channel"] == "telegram"][:1]
    assert old == ("sent" if left else "cancelled")


async def test_a_correction_of_which_nothing_has_left_may_be_changed_like_a_first_text(office: PressOffice) -> None:
    """Simulation, seed 360: its release stayed a draft that nobody could submit, correct or change any more."""
    release_id = await office.approved(embargo=office.now.replace(hour=20))
    await approve(office, await corrected(office, release_id))
    person, drafts = office.people[AUTHOR], office.office.drafts
    assert (await drafts.get(release_id)).state is ReleaseState.APPROVED
    changed = await drafts.change(release_id, person, versions=(replace(FIXED, title="სხვა"),))
    assert (changed.state, changed.following, changed.draft.notice) == (ReleaseState.DRAFT, False, None)
    again = await drafts.submit(release_id, person)
    await office.decide(release_id, Decision.APPROVE)
    told_now = await told(office, release_id, again.release.revision)
    assert set(told_now.values()) == {("publish", "queued")}
    assert {row["state"] for row in await office.rows(release_id) if row["revision"] < 3} == {"cancelled"}
