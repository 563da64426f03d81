"""The proof of a release: who has which version, who still shows an old one and why, on both databases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import insert, update

from distributor.core.approval import Decision
from distributor.core.channel import Action
from distributor.core.data import to_data
from distributor.core.outcome import OLD_STANDS, Old, Receipt
from distributor.core.refusal import Refused
from distributor.office.coverage import CoverageOf, Group, Status
from distributor.office.drafts import Submitted
from distributor.storage.schema import acknowledgements, deliveries
from tests.office.press_office import AUTHOR, EDITOR, KA, PressOffice

READERS = ("current", "unsubscribed", "dead", "expired", "queued", "left", "case", "never", "later")


@pytest.fixture
async def press(office: PressOffice) -> PressOffice:
    """With readers, and a channel that corrects nothing."""
    adapter = office.seats["telegram"].adapter
    adapter.traits = replace(adapter.traits, actions=frozenset({Action.PUBLISH}))
    for name in READERS:
        await office.office.subscriptions.add("press", f"{name}@x.example", None)
    return office


async def became(office: PressOffice, release_id: str, revision: int, name: str, **values: Any) -> None:
    """A delivery ended so: what the worker would have recorded."""
    (row,) = [
        row
        for row in await office.rows(release_id)
        if row["revision"] == revision and name in (row["channel"], row["address"].partition("@")[0])
    ]
    async with office.database.transaction() as connection:
        await connection.execute(update(deliveries).where(deliveries.c.id == row["id"]).values(**values))
        await connection.commit()


async def unsubscribe(office: PressOffice, name: str) -> None:
    """As the reader does it."""
    (found,) = [row for row in await office.office.subscriptions.everyone() if row["address"] == f"{name}@x.example"]
    assert await office.office.subscriptions.unsubscribe(found["token"])


async def approve(office: PressOffice, made: Submitted) -> int:
    """What follows is approved; its number."""
    number = made.release.proposed
    seen = (made.release.id, number, made.content_hash)
    await office.office.approvals.decide(office.people[EDITOR].id, Decision.APPROVE, *seen)
    return number


async def published(office: PressOffice) -> str:
    """Revision 1 has left: sent to all but one reader, of whom nobody knows, and one that got nothing."""
    release_id = await office.approved(KA)
    for name in ("website", "telegram", *READERS):
        if name not in ("case", "never"):
            await became(office, release_id, 1, name, state="sent")
    await became(office, release_id, 1, "case", state="case", code="cannot_tell")
    await became(office, release_id, 1, "never", state="rejected", code="550", reason="no such mailbox")
    return release_id


async def corrected(office: PressOffice) -> str:
    """And a correction of it, which fared differently with each."""
    release_id = await published(office)
    await unsubscribe(office, "unsubscribed")
    author = office.people[AUTHOR]
    await office.office.aftercare.begin_correction(release_id, author)
    await office.office.drafts.change(release_id, author, versions=(replace(KA, title="სამი ტურისტი"),))
    number = await approve(office, await office.office.drafts.submit(release_id, author))
    await became(office, release_id, number, "website", state="sent")
    await became(office, release_id, number, "current", state="sent")
    await became(office, release_id, number, "never", state="sent")
    await became(office, release_id, number, "dead", state="rejected", code="550", reason="mailbox full")
    await became(office, release_id, number, "expired", state="expired", code="deadline")
    await became(office, release_id, number, "left", state="cancelled", code="unsubscribed")
    await became(office, release_id, number, "later", state="unknown")
    return release_id


async def positions(office: PressOffice, release_id: str) -> dict[str, tuple[str, int, str]]:
    """Destination → status, what it has, why."""
    return {
        row["channel"] if row["kind"] == "own" else row["address"].partition("@")[0]: (
            row["status"], row["shown"], row["because"],
        )
        for row in await office.office.coverage.holders(release_id)
    }  # fmt: skip


def counts(found: CoverageOf, channel: str) -> dict[str, int]:
    """A channel's destinations by status."""
    (one,) = [one for one in found.channels if one.name == channel]
    return {status.value: count for status, count in one.counts.items()}


async def test_a_first_publication_is_counted_too(press: PressOffice) -> None:
    release_id = await published(press)
    found = await press.office.coverage.of_release(release_id)
    assert (found.target.revision, found.target.action) == (1, Action.PUBLISH)
    assert counts(found, "press") == {"current": 7, "doubt": 1, "none": 1}
    assert counts(found, "website") == {"current": 1}
    assert [one.name for one in found.channels] == ["website", "telegram", "press"]
    assert (found.old, found.complete) == (0, False)  # nobody knows of one
    for state in ("queued", "sending"):
        await became(press, release_id, 1, "case", state=state)
        found = await press.office.coverage.of_release(release_id)
        assert counts(found, "press") == {"current": 7, "coming": 1, "none": 1}
        assert found.complete
    number = await withdrawn(press, release_id)
    assert (await positions(press, release_id))["case"] == ("doubt", 0, "under_way"), "it may get there yet"
    await became(press, release_id, 1, "case", state="rejected")
    await became(press, release_id, number, "case", state="sent")
    assert (await positions(press, release_id))["case"] == ("gone", 0, "")


async def test_who_shows_the_old_version_of_a_corrected_release_and_why(press: PressOffice) -> None:
    release_id = await corrected(press)
    assert await positions(press, release_id) == {
        "website": ("current", 2, ""),
        "telegram": ("old", 1, "cannot"),
        "current": ("current", 2, ""),
        "unsubscribed": ("old", 1, "unsubscribed"),
        "dead": ("old", 1, "dead_letter"),
        "expired": ("old", 1, "expired"),
        "queued": ("old", 1, "under_way"),
        "left": ("old", 1, "unsubscribed"),
        "case": ("doubt", 0, "waits_earlier"),
        "never": ("current", 2, ""),
        "later": ("old", 1, "unknown"),
    }
    found = await press.office.coverage.of_release(release_id)
    assert (found.target.action, found.old, found.complete) == (Action.CORRECT, 7, False)
    assert counts(found, "press") == {"current": 2, "old": 6, "doubt": 1}
    (one,) = [one for one in found.channels if one.name == "press"]
    assert Group(Status.OLD, 1, "dead_letter", "550", 1) in one.groups
    assert Group(Status.OLD, 1, "unsubscribed", "", 1) in one.groups
    assert sum(group.count for group in one.groups) == 7


async def test_a_withdrawal_leaves_nobody_who_shows_anything_but_those_who_are_named(press: PressOffice) -> None:
    release_id = await corrected(press)
    made = await press.office.aftercare.withdraw(release_id, press.people[AUTHOR], "wrong person")
    number = await approve(press, made)
    await became(press, release_id, number, "website", state="sent")
    await became(press, release_id, number, "current", state="sent")
    found = await press.office.coverage.of_release(release_id)
    assert found.target.action is Action.WITHDRAW
    assert counts(found, "website") == {"gone": 1}
    assert counts(found, "telegram") == {"old": 1}
    said = await positions(press, release_id)
    assert said["telegram"] == ("old", 1, "cannot")
    assert said["current"] == ("gone", 2, "")
    assert said["dead"] == ("old", 1, "under_way")
    assert said["never"] == ("old", 2, "under_way")
    assert said["case"] == ("doubt", 0, "waits_earlier")
    assert said["unsubscribed"] == ("old", 1, "unsubscribed")


async def test_a_hold_changes_nothing_of_who_has_what(press: PressOffice) -> None:
    release_id = await corrected(press)
    before = await positions(press, release_id)
    await press.decide(release_id, Decision.HOLD)
    assert await positions(press, release_id) == before


async def test_the_list_goes_by_pages_and_filters(press: PressOffice) -> None:
    release_id = await corrected(press)
    whole = [row["destination_id"] for row in await press.office.coverage.holders(release_id)]
    assert whole == sorted(whole)
    paged: list[int] = []
    while page := await press.office.coverage.holders(release_id, after=paged[-1] if paged else 0, most=4):
        assert len(page) <= 4
        paged += [row["destination_id"] for row in page]
    assert paged == whole
    wrong = await press.office.coverage.holders(release_id, status="old", channel="press")
    assert {row["status"] for row in wrong} == {"old"}
    assert len(wrong) == 6
    (dead,) = [row for row in wrong if row["because"] == "dead_letter"]
    assert (dead["reason"], dead["code"], dead["state"]) == ("mailbox full", "550", "rejected")
    assert dead["delivery_id"]


async def test_acknowledgements_are_counted_for_the_revision_that_stands(press: PressOffice) -> None:
    release_id = await corrected(press)
    ids = {row["address"].partition("@")[0]: row["destination_id"] for row in await press.rows(release_id)}
    async with press.database.transaction() as connection:
        for revision, name in ((2, "current"), (2, "dead"), (1, "queued")):
            kept = {"release_id": release_id, "revision": revision, "destination_id": ids[name], "at": press.now}
            await connection.execute(insert(acknowledgements).values(**kept))
        await connection.commit()
    found = await press.office.coverage.of_release(release_id)
    assert {one.name: one.acknowledged for one in found.channels} == {"website": 0, "telegram": 0, "press": 2}
    assert counts(found, "press") == {"current": 2, "old": 6, "doubt": 1}
    rows = await press.office.coverage.holders(release_id)
    assert {row["address"] for row in rows if row["acknowledged_at"]} == {"current@x.example", "dead@x.example"}


async def test_a_channel_that_is_no_longer_configured_is_named(press: PressOffice) -> None:
    release_id = await corrected(press)
    del press.seats["telegram"]
    assert (await positions(press, release_id))["telegram"] == ("old", 1, "no_channel")


async def test_a_draft_has_no_coverage_and_what_is_not_there_is_refused(press: PressOffice) -> None:
    found = await press.office.coverage.of_release(await press.draft(KA))
    assert (found.target.revision, found.channels, found.complete) == (0, (), True)
    with pytest.raises(Refused):
        await press.office.coverage.of_release("nothing")


async def withdrawn(office: PressOffice, release_id: str) -> int:
    """A withdrawal is approved; its number."""
    made = await office.office.aftercare.withdraw(release_id, office.people[AUTHOR], "wrong person")
    return await approve(office, made)


async def test_what_an_earlier_withdrawal_took_away_stays_gone_when_it_is_repeated(press: PressOffice) -> None:
    release_id = await published(press)
    number = await withdrawn(press, release_id)
    for name in ("website", "current", "dead", "case"):
        await became(press, release_id, number, name, state="sent")
    await became(press, release_id, number, "expired", state="rejected", code="550")
    assert (await positions(press, release_id))["expired"] == ("old", 1, "dead_letter")
    again = await withdrawn(press, release_id)
    await became(press, release_id, again, "expired", state="sent")
    said = await positions(press, release_id)
    assert {said[name] for name in ("website", "current", "dead", "expired")} == {("gone", 1, "")}
    assert said["case"] == ("gone", 0, "")
    assert said["queued"] == ("old", 1, "under_way")
    assert said["telegram"] == ("old", 1, "cannot")


async def test_a_withdrawal_before_a_newer_version_is_not_one_of_it(press: PressOffice) -> None:
    release_id = await published(press)
    number = await withdrawn(press, release_id)
    await became(press, release_id, number, "current", state="sent")
    async with press.database.transaction() as connection:  # however it came there
        (mine,) = [row for row in await press.rows(release_id) if row["address"] == "current@x.example"][:1]
        newer = {name: mine[name] for name in mine if name in deliveries.c and name not in ("id", "revision")}
        await connection.execute(insert(deliveries).values(**newer, revision=number + 1))
        await connection.commit()
    assert (await positions(press, release_id))["current"][0] == "old"


@pytest.mark.parametrize("progress", [{"doubt": {"code": "no_answer"}}, {"stands": {"slots": []}}])
async def test_what_a_lost_answer_may_have_left_is_in_doubt(press: PressOffice, progress: dict[str, Any]) -> None:
    release_id = await published(press)
    await became(press, release_id, 1, "never", state="rejected", code="exhausted", progress=progress)
    assert (await positions(press, release_id))["never"] == ("doubt", 0, "dead_letter")
    assert not (await press.office.coverage.of_release(release_id)).complete
    number = await withdrawn(press, release_id)
    await became(press, release_id, number, "never", state="rejected", code="550")
    assert (await positions(press, release_id))["never"] == ("doubt", 0, "dead_letter")


async def test_what_was_looked_for_and_is_not_there_is_no_doubt(press: PressOffice) -> None:
    release_id = await published(press)
    await became(press, release_id, 1, "never", state="rejected", code="550", uncertain=True)
    assert (await positions(press, release_id))["never"] == ("none", 0, "dead_letter")


def beside(why: str = "") -> dict[str, Any]:
    """A receipt as the adapters give it back."""
    return to_data(Receipt(("1",), detail={"form": "reply"} | ({OLD_STANDS: why} if why else {})))


async def test_an_old_post_that_stands_beside_its_correction_is_neither_up_to_date_nor_complete(
    press: PressOffice,
) -> None:
    release_id = await corrected(press)
    for name in ("current", "never", "queued", "dead", "expired", "later", "left", "unsubscribed"):
        await became(press, release_id, 1, name, state="sent")
        if name != "unsubscribed":
            await became(press, release_id, 2, name, state="sent", receipt=beside(), code="", reason="")
    del press.seats["telegram"]
    for number, name in ((1, "case"), (2, "case"), (1, "telegram"), (1, "unsubscribed")):
        await became(press, release_id, number, name, state="rejected")
    assert (await press.office.coverage.of_release(release_id)).complete, "all of them have the new one alone"
    for name, why in (("website", Old.ANSWERED), ("current", Old.MEDIA), ("queued", Old.REFUSED), ("dead", "odd")):
        await became(press, release_id, 2, name, receipt=beside(why))
    said = await positions(press, release_id)
    assert {name: said[name] for name in ("website", "current", "queued", "dead", "later")} == {
        "website": ("labelled", 2, "old_answered"),
        "current": ("labelled", 2, "old_media"),
        "queued": ("labelled", 2, "old_refused"),
        "dead": ("labelled", 2, "old_unknown"),
        "later": ("current", 2, ""),
    }
    found = await press.office.coverage.of_release(release_id)
    assert (found.old, found.labelled, found.complete) == (0, 4, False)
    assert counts(found, "website") == {"labelled": 1}
    (one,) = [one for one in found.channels if one.name == "press"]
    assert Group(Status.LABELLED, 2, "old_media", "", 1) in one.groups
    rows = await press.office.coverage.holders(release_id, status="labelled", channel="press")
    assert {row["address"].partition("@")[0] for row in rows} == {"current", "queued", "dead"}


async def test_what_an_earlier_correction_left_does_not_count_once_a_newer_one_cleared_it(press: PressOffice) -> None:
    release_id = await corrected(press)
    await became(press, release_id, 2, "website", state="sent", receipt=beside(Old.ANSWERED))
    author = press.people[AUTHOR]
    await press.office.aftercare.begin_correction(release_id, author)
    await press.office.drafts.change(release_id, author, versions=(replace(KA, title="ოთხი ტურისტი"),))
    number = await approve(press, await press.office.drafts.submit(release_id, author))
    assert (await positions(press, release_id))["website"] == ("old", 2, "under_way")
    await became(press, release_id, number, "website", state="sent", receipt=beside())
    assert (await positions(press, release_id))["website"] == ("current", 3, "")


async def test_a_withdrawal_beside_which_something_may_stand_is_told_by_its_own_receipt(press: PressOffice) -> None:
    release_id = await corrected(press)
    await became(press, release_id, 2, "website", state="sent", receipt=beside(Old.ANSWERED))
    number = await withdrawn(press, release_id)
    await became(press, release_id, number, "website", state="sent", receipt=beside())
    await became(press, release_id, number, "current", state="sent", receipt=beside(Old.UNKNOWN))
    for _ in ("as it is", "repeated"):
        said = await positions(press, release_id)
        assert (said["website"], said["current"]) == (("gone", 2, ""), ("labelled", 2, "old_unknown"))
        await withdrawn(press, release_id)
