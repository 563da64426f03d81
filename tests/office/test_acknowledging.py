"""A reader's word that a notice was read, and readers who are trusted with a text before its embargo ends."""

from __future__ import annotations

from datetime import timedelta

from distributor.core.approval import Decision
from tests.office.press_office import AUTHOR, START, PressOffice
from tests.office.test_aftercare import approve, corrected, everywhere, readers


async def token_of(office: PressOffice, name: str) -> str:
    """The unguessable part of a reader's links."""
    rows = await office.office.subscriptions.everyone("press")
    return str(next(row["token"] for row in rows if row["address"] == f"{name}@news.example"))


async def with_a_correction(office: PressOffice) -> str:
    """A release that two readers have, and its correction; the release's id."""
    await readers(office, "one", "two")
    release_id = await office.approved()
    await everywhere(office, release_id, "sent")
    await approve(office, await corrected(office, release_id))
    await readers(office, "late")
    return release_id


async def test_an_acknowledgement_counts_once_and_is_logged_once(office: PressOffice) -> None:
    release_id = await with_a_correction(office)
    acknowledging = office.office.acknowledging
    one, two = await token_of(office, "one"), await token_of(office, "two")
    assert await acknowledging.asked(one, release_id, 2)
    assert await acknowledging.counts(release_id) == {}
    assert await acknowledging.acknowledge(one, release_id, 2)
    office.wait(minutes=5)
    assert await acknowledging.acknowledge(one, release_id, 2)
    assert await acknowledging.acknowledge(two, release_id, 2)
    assert await acknowledging.counts(release_id) == {2: 2}
    listed = await acknowledging.of_release(release_id)
    assert [(row["address"], row["revision"], row["at"]) for row in listed] == [
        ("two@news.example", 2, START + timedelta(minutes=5)),
        ("one@news.example", 2, START),
    ]
    assert [row["address"] for row in await acknowledging.of_release(release_id, 1)] == ["two@news.example"]
    assert [event.data["revision"] for event in await office.log("notice.acknowledged")] == [2, 2]
    assert not any(one in str(event.data) for event in await office.log())


async def test_only_who_was_told_of_this_notice_may_acknowledge_it(office: PressOffice) -> None:
    release_id = await with_a_correction(office)
    acknowledging = office.office.acknowledging
    one, late = await token_of(office, "one"), await token_of(office, "late")
    others = [
        ("", release_id, 2),
        ("x" * 32, release_id, 2),
        (one[:-1], release_id, 2),
        (late, release_id, 2),
        (one, release_id, 1),  # a publication asks for nothing
        (one, release_id, 3),
        (one, "abcdefghjk", 2),
    ]
    for link in others:
        assert not await acknowledging.asked(*link)
        assert not await acknowledging.acknowledge(*link)
    assert await acknowledging.counts(release_id) == {}
    assert await office.log("notice.acknowledged") == []


async def test_whoever_was_told_of_one_notice_answers_for_no_other(office: PressOffice) -> None:
    first = await with_a_correction(office)
    second = await office.approved()  # which the late one has too
    await everywhere(office, second, "sent")
    await approve(office, await corrected(office, second))
    one, late = await token_of(office, "one"), await token_of(office, "late")
    await everywhere(office, first, "sent")
    await office.office.subscriptions.unsubscribe(one)
    await approve(office, await office.office.aftercare.withdraw(first, office.people[AUTHOR], "wrong"))
    acknowledge = office.office.acknowledging.acknowledge
    assert await acknowledge(late, second, 2)
    assert not await acknowledge(late, first, 2)
    assert await acknowledge(one, first, 2)  # also who left since may say so
    assert not await acknowledge(one, first, 3)


async def test_a_withdrawal_and_a_hold_are_acknowledged_and_a_lifting_is_not(office: PressOffice) -> None:
    await readers(office, "one")
    release_id = await office.approved()
    await everywhere(office, release_id, "sent")
    await office.decide(release_id, Decision.HOLD, reason="checking")
    await office.decide(release_id, Decision.RESUME)
    withdrawn = await office.office.aftercare.withdraw(release_id, office.people[AUTHOR], "wrong")
    await approve(office, withdrawn)
    one = await token_of(office, "one")
    asked = [await office.office.acknowledging.acknowledge(one, release_id, number) for number in (1, 2, 3, 4)]
    assert asked == [False, True, False, True]
    assert await office.office.acknowledging.counts(release_id) == {2: 1, 4: 1}


async def test_trust_is_given_taken_and_never_guessed(office: PressOffice) -> None:
    subscriptions = office.office.subscriptions

    async def trusted() -> bool:
        return bool((await subscriptions.everyone("press"))[0]["trusted"])

    await subscriptions.add("press", "a@b.de", None)
    assert not await trusted()
    await subscriptions.add("press", "a@b.de", None, trusted=True)
    await subscriptions.add("press", "a@b.de", None, language="en")
    assert await trusted()
    await subscriptions.add("press", "a@b.de", None, trusted=False)
    assert not await trusted()
    await subscriptions.add("press", "a@b.de", None, trusted=True)
    await subscriptions.unsubscribe((await subscriptions.everyone("press"))[0]["token"])
    await subscriptions.add("press", "a@b.de", None)
    assert not await trusted()  # who left and comes back is trusted anew, or not at all
    told = [event.data["trusted"] for event in await office.log("subscriber.added")]
    assert told == [False, True, True, False, True, False]


async def test_a_trusted_reader_is_due_before_the_embargo_ends(office: PressOffice) -> None:
    await readers(office, "wire", trusted=True)
    await readers(office, "paper")
    ends = START + timedelta(hours=1)
    release_id = await office.approved(channels=("press",), embargo=ends)
    assert {row["address"]: row["due"] for row in await office.rows(release_id)} == {
        "wire@news.example": START,
        "paper@news.example": ends,
    }
