"""Presses that must count once, or not at all; and people who may not."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from distributor.core.people import Role
from distributor.core.release import ReleaseState
from distributor.demo.stage import ADMINISTRATOR, AUTHOR, CHANNEL_CHAT, DESK_CHAT, EDITOR, STRANGER
from distributor.storage.reports import DeliveryFilter
from tests.bot.people import TEXT, Desk, data_of, ended, open_desk


async def test_f23_a_double_tap_on_approve_is_one_approval(desk: Desk) -> None:
    card, release = await desk.submitted()
    first, second = await asyncio.gather(desk.press(EDITOR, card, "d:"), desk.press(EDITOR, card, "d:"))
    texts = sorted(answer["text"] for answer in (first, second))
    assert "Approved" in texts[0]
    assert "already" in texts[1]
    await ended(desk, release.id, lambda row: row.state is ReleaseState.DISTRIBUTED)
    standing = await desk.office.reading.standing(release.id)
    assert [row["decision"] for row in standing.decisions] == ["approve"]
    assert len(await desk.office.reading.deliveries(DeliveryFilter(release_id=release.id))) == 2
    assert len(desk.telegram.messages(CHANNEL_CHAT)) == 1


async def test_f24_a_text_changed_after_submission_voids_the_card(desk: Desk) -> None:
    card, release = await desk.submitted()
    mine = await desk.reads(AUTHOR, "Submitted for approval", button="Change")
    await desk.press(AUTHOR, mine, "Change")
    panel = await desk.reads(AUTHOR, "Fire put out", button=f"a:{release.id}:kind")
    await desk.press(AUTHOR, panel, f"a:{release.id}:kind")
    panel = await desk.reads(AUTHOR, "Fire put out", button=f"a:{release.id}:k:statement")
    await desk.press(AUTHOR, panel, f"a:{release.id}:k:statement")
    await ended(desk, release.id, lambda row: row.state is ReleaseState.DRAFT)
    answer = await desk.press(EDITOR, card, data_of(card, "d:"))
    assert answer["show_alert"]
    panel = await desk.reads(AUTHOR, "Kind: statement", button=f"a:{release.id}:submit")
    await desk.press(AUTHOR, panel, f"a:{release.id}:submit")
    fresh = await desk.reads(DESK_CHAT, "Kind: statement", button="d:")
    assert fresh["message_id"] != card["message_id"]
    answer = await desk.press(EDITOR, card, data_of(card, "d:"))
    assert "changed" in answer["text"]
    assert (await desk.office.drafts.get(release.id)).state is ReleaseState.SUBMITTED
    assert not desk.telegram.messages(CHANNEL_CHAT)
    assert len(await desk.refusals()) == 2


async def test_f25_an_author_cannot_approve_their_own_release(desk: Desk) -> None:
    await desk.say(EDITOR, TEXT)
    mine = await desk.reads(EDITOR, "Fire put out", button="a:")
    (release,) = await desk.office.drafts.mine(desk.person(EDITOR))
    await desk.press(EDITOR, mine, f"a:{release.id}:submit")
    card = await desk.reads(DESK_CHAT, "Fire put out", button="d:")
    answer = await desk.press(EDITOR, card, "d:")
    assert answer["show_alert"]
    assert "a second person must" in answer["text"]
    assert (await desk.office.drafts.get(release.id)).state is ReleaseState.SUBMITTED
    assert len(await desk.refusals()) == 1
    await desk.press(ADMINISTRATOR, card, "d:")
    await ended(desk, release.id, lambda row: row.state is ReleaseState.DISTRIBUTED)


async def test_f26_forged_and_replayed_presses_are_refused_and_written_down(desk: Desk) -> None:
    card, release = await desk.submitted()
    token = data_of(card, "d:")
    for who, data in ((EDITOR, "d:" + "A" * 24), (STRANGER, token), (AUTHOR, token)):
        query = await desk.telegram.press(who, DESK_CHAT, card["message_id"], data)
        answer = await desk.telegram.wait_for_answer(query)
        assert answer["show_alert"]
    assert (await desk.office.drafts.get(release.id)).state is ReleaseState.SUBMITTED
    await desk.press(EDITOR, card, "d:")
    replayed = await desk.press(EDITOR, card, token)
    assert replayed["show_alert"]
    assert len(await desk.refusals()) == 4


async def test_f26_a_forged_draft_button_of_another_persons_release_is_refused(desk: Desk) -> None:
    _, release = await desk.draft()
    other = await desk.office.people.invite(Role.AUTHOR, None, "Other")
    await desk.office.people.join(other.token, STRANGER, "Other", "en")
    await desk.say(STRANGER, "/help")
    shown = await desk.reads(STRANGER, "Hello")
    query = await desk.telegram.press(STRANGER, STRANGER, shown["message_id"], f"a:{release.id}:discard!")
    answer = await desk.telegram.wait_for_answer(query)
    assert "not yours" in answer["text"]
    assert (await desk.office.drafts.get(release.id)).state is ReleaseState.DRAFT


async def test_f27_a_demoted_editors_old_button_is_refused(desk: Desk) -> None:
    card, release = await desk.submitted()
    await desk.office.people.set_role(desk.person(EDITOR).id, Role.AUTHOR, None)
    answer = await desk.press(EDITOR, card, "d:")
    assert answer["show_alert"]
    assert "editor" in answer["text"]
    assert (await desk.office.drafts.get(release.id)).state is ReleaseState.SUBMITTED
    assert len(await desk.refusals()) == 1


async def test_f28_an_invitation_used_twice_is_refused_and_its_issuer_is_told(desk: Desk) -> None:
    await desk.say(ADMINISTRATOR, "/invite editor David")
    made = await desk.reads(ADMINISTRATOR, "t.me/mia_desk_bot?start=i_")
    token = made["text"].rpartition("start=")[2]
    await desk.say(STRANGER, f"/start {token}")
    await desk.reads(STRANGER, "კეთილი იყოს")
    assert (await desk.office.people.by_telegram(STRANGER)) is not None
    await desk.say(AUTHOR, f"/start {token}")
    await desk.reads(AUTHOR, "invitation")
    told = await desk.reads(ADMINISTRATOR, "was refused")
    assert "used" in told["text"]
    author = await desk.office.people.by_telegram(AUTHOR)
    assert author is not None
    assert author.role is Role.AUTHOR


async def test_f28_an_expired_invitation_is_refused_and_its_issuer_is_told(tmp_path: Path) -> None:
    ahead = [timedelta()]
    desk = await open_desk(tmp_path, clock=lambda: datetime.now(UTC) + ahead[0])
    try:
        await desk.say(ADMINISTRATOR, "/invite author")
        made = await desk.reads(ADMINISTRATOR, "start=i_")
        ahead[0] = timedelta(hours=49)
        await desk.say(STRANGER, f"/start {made['text'].rpartition('start=')[2]}")
        await desk.reads(ADMINISTRATOR, "was refused")
        assert await desk.office.people.by_telegram(STRANGER) is None
    finally:
        await desk.stage.stop()


async def test_f30_the_same_update_twice_is_processed_once(desk: Desk) -> None:
    await desk.draft()
    for number in desk.telegram.update_ids():
        desk.telegram.redeliver(number)
    await desk.say(AUTHOR, "/mine")
    await desk.reads(AUTHOR, "Your newest releases")
    assert len(await desk.mine()) == 1


async def test_a_stranger_is_refused_politely_and_nothing_else_works(desk: Desk) -> None:
    await desk.say(STRANGER, "Let me in\n\nPlease.")
    await desk.reads(STRANGER, "მოწვევა")
    await desk.say(STRANGER, "/log")
    assert await desk.office.reading.releases() == []
    await desk.say(STRANGER, "/start i_notatokenatall")
    await desk.reads(STRANGER, "მოწვევა")
    assert await desk.office.people.by_telegram(STRANGER) is None


async def test_the_log_link_goes_to_editors_and_not_to_authors(desk: Desk) -> None:
    await desk.say(EDITOR, "/log")
    await desk.reads(EDITOR, "/admin/enter?token=")
    await desk.say(AUTHOR, "/log")
    refused = await desk.reads(AUTHOR, "editor")
    assert "token=" not in refused["text"]


async def test_language_is_each_persons_own(desk: Desk) -> None:
    await desk.say(EDITOR, "/language")
    question = await desk.reads(EDITOR, "language", button="g:ka")
    await desk.press(EDITOR, question, "g:ka")
    await desk.reads(EDITOR, "ქართულად")
    await desk.say(EDITOR, "/help")
    await desk.reads(EDITOR, "გამარჯობა")
