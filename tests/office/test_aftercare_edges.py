"""After publishing, where two things meet: a retry between proposal and approval, two proposals, a passed deadline, an
account that is gone, an editor's hand in an author's text."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from distributor.core.approval import Decision
from distributor.core.data import to_data
from distributor.core.outcome import nothing_stood
from distributor.core.people import Role
from distributor.core.release import Kind, MediaItem, ReleaseState
from distributor.media.samples import sample_photos
from distributor.storage import subscribers
from distributor.storage.schema import deliveries
from tests.office.press_office import ADMINISTRATOR, AUTHOR, EDITOR, KA, PressOffice, refusal
from tests.office.test_aftercare import FIXED, WHAT, approve, corrected, everywhere, readers, stands, told

NOBODY = to_data(nothing_stood().receipt)


async def photos(office: PressOffice, count: int) -> tuple[MediaItem, ...]:
    """Photos with their words."""
    return tuple(
        [MediaItem(await office.media.ingest(raw, name), {"ka": "სურათი"}, "შსს") for name, raw in sample_photos(count)]
    )


async def with_photos(office: PressOffice, count: int) -> str:
    """A release with photos, sent everywhere."""
    media = await photos(office, count)
    release_id = await office.approved(media=media)
    await everywhere(office, release_id, "sent")
    return release_id


async def test_a_dead_letter_sent_again_before_the_approval_is_withdrawn_too(office: PressOffice) -> None:
    release_id = await office.approved()
    await everywhere(office, release_id, "sent")
    await stands(office, "telegram", "@ministry", state="rejected")
    proposed = await office.office.aftercare.withdraw(release_id, office.people[AUTHOR], "wrong")
    await stands(office, "telegram", "@ministry", state="sent")
    await approve(office, proposed)
    assert (await told(office, release_id, 2))["@ministry"] == ("withdraw", "queued")


async def test_what_a_withdrawal_could_not_reach_is_withdrawn_once_more(office: PressOffice) -> None:
    release_id = await office.approved()
    await everywhere(office, release_id, "sent")
    kept = office.seats.pop("telegram")
    first = await office.office.aftercare.withdraw(release_id, office.people[AUTHOR], "wrong")
    gone = [problem for problem in first.preflight.problems if problem.code == "channel_gone"]
    assert [problem.params for problem in gone] == [{"name": "telegram"}]
    await approve(office, first)
    assert set(await told(office, release_id, 2)) == {"https://press.example"}
    async with office.database.transaction() as connection:
        await connection.execute(update(deliveries).where(deliveries.c.revision == 2).values(state="sent"))
        await connection.commit()
    office.seats["telegram"] = kept
    again = await office.office.aftercare.withdraw(release_id, office.people[AUTHOR], "Telegram is back")
    await approve(office, again)
    assert await told(office, release_id, 3) == {"@ministry": ("withdraw", "queued")}
    assert (await office.office.drafts.get(release_id)).state is ReleaseState.WITHDRAWN


async def test_a_photo_and_a_word_can_be_mended_when_the_deadline_has_passed(office: PressOffice) -> None:
    media = await photos(office, 2)
    release_id = await office.approved(kind=Kind.APPEAL, deadline=office.now + timedelta(hours=1), media=media)
    await everywhere(office, release_id, "sent")
    office.wait(hours=2)
    digest = media[0].asset.digest
    proposed = await office.office.aftercare.withdraw_media(release_id, office.people[AUTHOR], [digest], "a victim")
    shown = {problem.code: problem.severity.value for problem in proposed.preflight.problems}
    assert shown["deadline_passed"] == "warning"
    await approve(office, proposed)
    await corrected(office, release_id)


async def test_a_withdrawal_takes_of_the_quota_what_its_deletions_cost(office: PressOffice) -> None:
    release_id = await with_photos(office, 3)
    proposed = await office.office.aftercare.withdraw(release_id, office.people[AUTHOR], "wrong")
    await approve(office, proposed)
    mine = [row for row in await office.rows(release_id) if row["channel"] == "telegram"]
    assert [row["action"] for row in mine] == ["publish", "withdraw"]
    assert mine[0]["calls"] >= 3
    assert mine[1]["calls"] > mine[0]["calls"], "each photo is a message that is deleted by itself"


async def test_a_second_photo_goes_with_the_first_that_is_not_decided_over_yet(office: PressOffice) -> None:
    release_id = await with_photos(office, 3)
    care, author = office.office.aftercare, office.people[AUTHOR]
    first, second, third = [item.asset.digest for item in (await office.office.drafts.get(release_id)).draft.media]
    await care.withdraw_media(release_id, author, [first], "one")
    proposed = await care.withdraw_media(release_id, author, [second], "two")
    assert await refusal(care.withdraw_media(release_id, author, [first], "again")) == "unknown_media"
    await approve(office, proposed)
    draft = (await office.office.drafts.get(release_id)).draft
    assert [item.asset.digest for item in draft.media] == [third]
    assert draft.notice is not None
    assert set(draft.notice.withdrawn) == {first, second}
    assert draft.notice.reason == "one; two"


async def test_a_withdrawal_leaves_the_correction_that_somebody_writes(office: PressOffice) -> None:
    release_id = await with_photos(office, 1)
    care, author, editor = office.office.aftercare, office.people[AUTHOR], office.people[EDITOR]
    await care.begin_correction(release_id, author)
    await office.office.drafts.change(release_id, author, versions=(FIXED,), notice=WHAT)
    digest = (await office.office.drafts.get(release_id)).draft.media[0].asset.digest
    assert await refusal(care.withdraw_media(release_id, editor, [digest], "x")) == "correction_open"
    proposed = await care.withdraw(release_id, editor, "all of it is wrong")
    assert await refusal(office.office.drafts.submit(release_id, author)) == "wrong_state"
    await office.office.drafts.change(release_id, author, versions=(replace(FIXED, lead="სხვა"),))
    number = (await office.office.drafts.get(release_id)).proposed
    assert number == proposed.release.proposed
    tamar = office.people[ADMINISTRATOR].id
    await office.office.approvals.decide(tamar, Decision.REJECT, release_id, number, proposed.content_hash, "no")
    again = await office.office.drafts.submit(release_id, author)
    assert again.release.draft.versions[0].lead == "სხვა"
    assert (await office.log("correction.proposed"))[-1].data["revision"] == again.release.proposed
    await approve(office, again)


async def test_a_withdrawal_that_is_given_up_leaves_nothing_open(office: PressOffice) -> None:
    release_id = await office.approved()
    await everywhere(office, release_id, "sent")
    await office.office.aftercare.withdraw(release_id, office.people[AUTHOR], "wrong")
    await office.office.aftercare.abandon(release_id, office.people[AUTHOR])
    release = await office.office.drafts.get(release_id)
    assert (release.proposed, release.following) == (0, False)
    await office.office.aftercare.begin_correction(release_id, office.people[AUTHOR])


async def test_nobody_approves_words_of_their_own_in_somebody_elses_release(office: PressOffice) -> None:
    release_id = await office.draft()
    await office.office.drafts.change(release_id, office.people[EDITOR], versions=(replace(KA, lead="ჩემი"),))
    await office.office.drafts.submit(release_id, office.people[AUTHOR])
    assert await refusal(office.decide(release_id, Decision.APPROVE, EDITOR)) == "own_release"
    assert await office.decide(release_id, Decision.APPROVE, ADMINISTRATOR) > 0
    await everywhere(office, release_id, "sent")
    await office.office.aftercare.begin_correction(release_id, office.people[AUTHOR])
    await office.office.drafts.change(release_id, office.people[EDITOR], versions=(FIXED,), notice=WHAT)
    proposed = await office.office.drafts.submit(release_id, office.people[AUTHOR])
    assert await refusal(approve(office, proposed, EDITOR)) == "own_release"
    await approve(office, proposed, ADMINISTRATOR)


async def test_an_account_that_the_settings_name_no_more_is_named(office: PressOffice) -> None:
    release_id = await office.approved()
    await everywhere(office, release_id, "sent")
    async with office.database.transaction() as connection:
        await subscribers.ensure_own(connection, {"telegram": "@other"}, office.now)
        await connection.commit()
    proposed = await office.office.aftercare.withdraw(release_id, office.people[AUTHOR], "wrong")
    gone = [problem.params for problem in proposed.preflight.problems if problem.code == "account_gone"]
    assert gone == [{"address": "@ministry"}]


async def test_the_end_of_a_hold_is_told_only_to_those_who_heard_of_it(office: PressOffice) -> None:
    await readers(office, "heard", "not")
    release_id = await office.approved()
    await everywhere(office, release_id, "sent")
    await office.decide(release_id, Decision.HOLD)
    held = {row["address"]: row["id"] for row in await office.rows(release_id) if row["action"] == "hold"}
    async with office.database.transaction() as connection:
        mine = deliveries.c.id == held["heard@news.example"]
        await connection.execute(update(deliveries).where(mine).values(state="sent"))
        await connection.commit()
    await office.decide(release_id, Decision.RESUME)
    lifted = {row["address"] for row in await office.rows(release_id) if row["action"] == "lift"}
    assert lifted == {"heard@news.example"}


@pytest.mark.parametrize("heard", [True, False])
async def test_a_notice_that_found_nothing_makes_no_reader(office: PressOffice, heard: bool) -> None:
    """He was about to get it when the hold was decided, and did not."""
    await readers(office, "reader")
    release_id = await office.approved()
    await everywhere(office, release_id, "sending")
    await office.decide(release_id, Decision.HOLD)
    ended = {"receipt": {"remote_ids": ["1"], "links": [], "detail": {}}} if heard else {"receipt": NOBODY}
    async with office.database.transaction() as connection:
        await connection.execute(update(deliveries).where(deliveries.c.action == "publish").values(state="queued"))
        await connection.execute(update(deliveries).where(deliveries.c.action == "hold").values(state="sent", **ended))
        await connection.commit()
    proposed = await office.office.aftercare.withdraw(release_id, office.people[AUTHOR], "it was wrong")
    await approve(office, proposed)
    assert ("reader@news.example" in await told(office, release_id, 3)) is heard


async def test_a_release_that_waits_for_its_withdrawal_is_not_changed_meanwhile(office: PressOffice) -> None:
    release_id = await office.approved(embargo=office.now + timedelta(hours=3))
    care, author = office.office.aftercare, office.people[AUTHOR]
    await care.withdraw(release_id, author, "not yet")
    assert await refusal(office.office.drafts.change(release_id, author, versions=(FIXED,))) == "withdrawal_waits"
    await care.abandon(release_id, author)
    await office.office.drafts.change(release_id, author, versions=(FIXED,))
    await office.office.drafts.submit(release_id, author)
    await office.decide(release_id, Decision.APPROVE)


async def test_what_is_out_is_not_rejected_from_a_hold_nor_given_up(office: PressOffice) -> None:
    release_id = await office.approved()
    await everywhere(office, release_id, "sent")
    await office.decide(release_id, Decision.HOLD)
    assert await refusal(office.decide(release_id, Decision.REJECT, reason="no")) == "withdraw_it"
    await office.decide(release_id, Decision.RESUME)
    assert await refusal(office.office.drafts.discard(release_id, office.people[AUTHOR])) == "withdraw_it"


async def test_new_words_leave_the_photos_and_the_reason_of_a_withdrawal(office: PressOffice) -> None:
    release_id = await with_photos(office, 2)
    care, author = office.office.aftercare, office.people[AUTHOR]
    digest = (await office.office.drafts.get(release_id)).draft.media[0].asset.digest
    await care.withdraw_media(release_id, author, [digest], "a victim")
    await office.office.drafts.change(release_id, author, notice=WHAT)
    proposed = await office.office.drafts.submit(release_id, author)
    notice = proposed.release.draft.notice
    assert notice is not None
    assert (notice.withdrawn, notice.reason, notice.words) == ((digest,), "a victim", WHAT.words)


async def test_a_photo_does_not_push_a_whole_withdrawal_aside(office: PressOffice) -> None:
    release_id = await with_photos(office, 2)
    care, author = office.office.aftercare, office.people[AUTHOR]
    digest = (await office.office.drafts.get(release_id)).draft.media[0].asset.digest
    proposed = await care.withdraw(release_id, author, "all of it")
    assert await refusal(care.withdraw_media(release_id, author, [digest], "one")) == "withdrawal_waits"
    await approve(office, proposed)
    assert not (await office.office.drafts.get(release_id)).following


async def test_a_rejected_photo_may_be_proposed_again_and_a_repeated_withdrawal_given_up(office: PressOffice) -> None:
    release_id = await with_photos(office, 2)
    care, author = office.office.aftercare, office.people[AUTHOR]
    first, second = [item.asset.digest for item in (await office.office.drafts.get(release_id)).draft.media]
    proposed = await care.withdraw_media(release_id, author, [first], "one")
    number, seen = proposed.release.proposed, proposed.content_hash
    editor = office.people[EDITOR].id
    await office.office.approvals.decide(editor, Decision.REJECT, release_id, number, seen, "why")
    await approve(office, await care.withdraw_media(release_id, author, [second], "two"))
    await approve(office, await care.withdraw(release_id, author, "all"))
    await care.withdraw(release_id, author, "again")
    await care.abandon(release_id, author)
    assert (await office.office.drafts.get(release_id)).proposed == 0


async def test_two_editors_suffice_where_one_wrote_the_release_and_the_other_corrects_it(office: PressOffice) -> None:
    release_id = await office.approved()
    await everywhere(office, release_id, "sent")
    await office.office.people.set_role(office.people[AUTHOR].id, Role.EDITOR, office.people[ADMINISTRATOR])
    proposed = await corrected(office, release_id, EDITOR)
    assert await refusal(approve(office, proposed, EDITOR)) == "own_release"
    assert await approve(office, proposed, AUTHOR) > 0


async def test_the_end_of_a_hold_is_told_once_though_a_second_hold_never_arrived(office: PressOffice) -> None:
    await readers(office, "reader")
    release_id = await office.approved()
    await everywhere(office, release_id, "sent")
    for told_of_it in (True, False):
        await office.decide(release_id, Decision.HOLD)
        if told_of_it:
            await everywhere(office, release_id, "sent")
        await office.decide(release_id, Decision.RESUME)
        if told_of_it:
            await everywhere(office, release_id, "sent")
    assert [row["action"] for row in await office.rows(release_id) if "reader" in row["address"]] == [
        "publish",
        "hold",
        "lift",
        "hold",
    ]


async def test_a_hold_that_is_told_to_nobody_yet_ends_with_its_lifting(office: PressOffice) -> None:
    await readers(office, "reader")
    release_id = await office.approved()
    await everywhere(office, release_id, "sent")
    for decision in (Decision.HOLD, Decision.RESUME, Decision.HOLD):
        await office.decide(release_id, decision)
    mine = [row for row in await office.rows(release_id) if "reader" in row["address"]]
    assert [(row["action"], row["state"], row["code"]) for row in mine] == [
        ("publish", "sent", ""),
        ("hold", "cancelled", "lifted"),
        ("hold", "queued", ""),
    ]


async def test_the_end_of_a_hold_that_is_told_to_nobody_yet_ends_with_the_next_hold(office: PressOffice) -> None:
    await readers(office, "reader")
    release_id = await office.approved()
    await everywhere(office, release_id, "sent")
    await office.decide(release_id, Decision.HOLD)
    await everywhere(office, release_id, "sent")
    for decision in (Decision.RESUME, Decision.HOLD):
        await office.decide(release_id, decision)
    mine = [row for row in await office.rows(release_id) if "reader" in row["address"]]
    assert [(row["action"], row["state"], row["code"]) for row in mine[2:]] == [
        ("lift", "cancelled", "held_again"),
        ("hold", "queued", ""),
    ]
