"""The whole way by buttons: from an author's message to every channel, seen live at the desk."""

from __future__ import annotations

from distributor.core.release import Kind, ReleaseState
from distributor.demo.stage import AUTHOR, CHANNEL_CHAT, DESK_CHAT, EDITOR
from tests.bot.people import Desk, data_of, ended


async def test_a_release_goes_from_an_authors_message_to_the_channels(desk: Desk, photos: list[bytes]) -> None:
    card, release = await desk.draft(photos=photos[:2])
    assert release.draft.title == "Fire put out in Tbilisi"
    assert release.draft.versions[0].lead == "Nobody was hurt."
    assert "no description" in card["text"]
    desk_card, _ = await desk.submitted_again(card, release)
    assert "Nino" in desk_card["text"]
    assert "Content hash" in desk_card["text"]
    assert any(message["media"] for message in desk.telegram.messages(DESK_CHAT))
    answer = await desk.press(EDITOR, desk_card, "d:")
    assert "Approved" in answer["text"]
    done = await ended(desk, release.id, lambda row: row.state is ReleaseState.DISTRIBUTED)
    assert done.revision == 1
    card = await desk.reads(DESK_CHAT, "✅ distributed")
    assert "✓ Telegram: sent 1" in card["text"]
    assert "✓ Website: sent 1" in card["text"]
    assert f"/releases/{done.slug}" in card["text"]
    assert data_of(card, "Hold")
    assert not data_of(card, "Approve")
    assert data_of(card, f"f:{release.id}:correct")
    assert len(desk.telegram.messages(CHANNEL_CHAT)) >= 2
    told = await desk.reads(AUTHOR, "Approved by Giorgi")
    assert "Fire put out" in told["text"]
    links = await desk.reads(AUTHOR, "It has been distributed")
    assert "http" in links["text"]


async def test_buttons_set_kind_regions_topics_and_channels(desk: Desk) -> None:
    card, release = await desk.draft()
    mine = f"a:{release.id}:"
    for verb, then in (
        ("kind", "k:statement"),
        ("regions", "ro:GE-TB"),
        ("", "r:GE-TB-VAKE"),
        ("main", ""),
        ("topics", "to:police"),
        ("", "t:patrol"),
        ("main", ""),
        ("channels", "c:telegram"),
        ("main", ""),
    ):
        for step in (verb, then):
            if step:
                await desk.press(AUTHOR, card, mine + step)
                wanted = mine + {"kind": "k:", "regions": "ro", "ro:GE-TB": "r:GE-TB-"}.get(step, "")
                card = await desk.reads(AUTHOR, "Fire put out", button=wanted)
    draft = (await desk.mine())[0].draft
    assert draft.kind is Kind.STATEMENT
    assert draft.regions == ("GE-TB-VAKE",)
    assert draft.topics == ("patrol",)
    assert draft.channels == ("newsroom",)


async def test_alt_texts_and_credit_are_asked_photo_by_photo(desk: Desk, photos: list[bytes]) -> None:
    card, release = await desk.draft(photos=photos[:2])
    await desk.press(AUTHOR, card, f"a:{release.id}:media")
    question = await desk.reads(AUTHOR, "Photo or video 1 of 2", button="q:skip")
    assert question["media"]
    await desk.say(AUTHOR, "A fire engine")
    question = await desk.reads(AUTHOR, "Who made it", button="q:all")
    await desk.press(AUTHOR, question, "q:all")
    await desk.reads(AUTHOR, "goes to every photo")
    await desk.say(AUTHOR, "MIA / N. Beridze")
    await desk.reads(AUTHOR, "Photo or video 2 of 2", button="q:skip")
    await desk.say(AUTHOR, "A street")
    media = (await ended(desk, release.id, lambda row: bool(row.draft.media[1].alt))).draft.media
    assert [item.alt for item in media] == [{"en": "A fire engine"}, {"en": "A street"}]
    assert {item.credit for item in media} == {"MIA / N. Beridze"}


async def test_a_text_in_another_language_becomes_a_version_of_the_open_draft(desk: Desk) -> None:
    await desk.draft()
    await desk.say(AUTHOR, "ხანძარი ჩაქრა\n\nდაშავებული არავინაა.")
    question = await desk.reads(AUTHOR, "A draft is open", button="n:add")
    await desk.press(AUTHOR, question, "n:add")
    (release,) = await desk.mine()
    release = await ended(desk, release.id, lambda row: len(row.draft.versions) == 2)
    assert [version.language for version in release.draft.versions] == ["en", "ka"]
    assert release.draft.versions[1].title == "ხანძარი ჩაქრა"


async def test_a_rejection_asks_for_its_reason_and_the_author_reads_it(desk: Desk) -> None:
    card, release = await desk.submitted()
    answer = await desk.press(EDITOR, card, "Reject")
    assert "reason" in answer["text"]
    question = await desk.reads(DESK_CHAT, "Reply to this message")
    assert (await desk.office.drafts.get(release.id)).state is ReleaseState.SUBMITTED
    await desk.say(EDITOR, "The street is wrong", DESK_CHAT, reply_to=question["message_id"])
    told = await desk.reads(AUTHOR, "Rejected by Giorgi")
    assert "The street is wrong" in told["text"]
    shown = await desk.reads(DESK_CHAT, "The street is wrong")
    assert not data_of(shown, "d:")


async def test_a_hold_shows_a_resume_button_that_lifts_it(desk: Desk) -> None:
    card, release = await desk.submitted()
    await desk.press(EDITOR, card, "Hold")
    held = await desk.reads(DESK_CHAT, "on hold", button="d:")
    assert data_of(held, "Resume")
    await desk.press(EDITOR, held, "Resume")
    await desk.reads(DESK_CHAT, "Resumed by Giorgi", button="d:")
    assert (await desk.office.drafts.get(release.id)).state is ReleaseState.SUBMITTED


async def test_a_preview_shows_the_real_post_and_the_other_channels_words(desk: Desk, photos: list[bytes]) -> None:
    card, release = await desk.draft(photos=photos[:2])
    await desk.press(AUTHOR, card, f"a:{release.id}:preview")
    summary = await desk.reads(AUTHOR, "Photos and videos: 2")
    assert "Four crews" in summary["text"]
    await desk.telegram.wait_for(AUTHOR, lambda message: message["out"] and bool(message.get("media_group_id")), 8.0)
    album = [m for m in desk.telegram.messages(AUTHOR) if m["out"] and m.get("media_group_id")]
    assert len(album) == 2
