"""What authors send: split albums, files that are refused, texts without a title. Nothing is lost, all is named."""

from __future__ import annotations

import dataclasses
import json
import resource

from distributor.core.release import ReleaseState
from distributor.demo.stage import AUTHOR, CHANNEL_CHAT, DESK_CHAT, EDITOR
from tests.bot.people import TEXT, Desk, ended

BIG = 21 * 1024 * 1024


async def test_an_album_in_parts_becomes_one_draft(desk: Desk, photos: list[bytes]) -> None:
    _, release = await desk.draft(photos=photos[:5])
    assert len(release.draft.media) == 5
    assert len(await desk.mine()) == 1


async def test_formatting_reaches_the_draft_as_markdown(desk: Desk) -> None:
    text = "Title\n\nLead here.\n\nBold words and a link.\n\nEnd."
    bold, link = text.index("Bold"), text.index("link")
    entities = [
        {"type": "bold", "offset": bold, "length": 4},
        {"type": "text_link", "offset": link, "length": 4, "url": "https://police.ge/"},
    ]
    await desk.say(AUTHOR, text, entities=entities)
    await desk.reads(AUTHOR, "Title", button="a:")
    version = (await desk.mine())[0].draft.versions[0]
    assert version.title == "Title"
    assert version.lead == "Lead here."
    assert version.body == "**Bold** words and a [link](<https://police.ge/>).\n\nEnd."


async def test_a_file_too_big_for_telegram_is_named_and_the_rest_is_kept(desk: Desk, photos: list[bytes]) -> None:
    files = [("photo", photos[0], ""), ("video", _big_video(), "raid.mp4")]
    await desk.telegram.send_files(AUTHOR, files, TEXT)
    told = await desk.reads(AUTHOR, "is too big")
    assert "raid.mp4" in told["text"]
    assert "distributor submit" in told["text"]
    await desk.reads(AUTHOR, "Fire put out", button="a:")
    (release,) = await desk.mine()
    assert len(release.draft.media) == 1


async def test_the_eleventh_photo_is_left_out_and_named(desk: Desk, photos: list[bytes]) -> None:
    eleven = [*photos[:10], _padded(photos[0], 4)]
    await desk.telegram.send_photos(AUTHOR, eleven, TEXT)
    told = await desk.reads(AUTHOR, "was left out")
    assert "at most 10" in told["text"]
    (release,) = await desk.mine()
    assert len(release.draft.media) == 10


async def test_a_text_without_a_title_says_so_and_keeps_the_words(desk: Desk) -> None:
    words = "A very long paragraph without any title. " * 12
    await desk.say(AUTHOR, words)
    await desk.reads(AUTHOR, "There is no title")
    card = await desk.reads(AUTHOR, "Untitled", button="a:")
    assert "The title is missing" in card["text"] or "no title" in card["text"].casefold()
    (release,) = await desk.mine()
    assert release.draft.versions[0].body.startswith("A very long paragraph")
    assert f"a:{release.id}:submit" not in json.dumps(card["buttons"])


async def test_photos_without_words_ask_for_the_text_and_take_it(desk: Desk, photos: list[bytes]) -> None:
    await desk.telegram.send_photos(AUTHOR, photos[:2])
    await desk.reads(AUTHOR, "The text is missing. Send it")
    await desk.say(AUTHOR, TEXT)
    (release,) = await desk.mine()
    found = await ended(desk, release.id, lambda row: bool(row.draft.versions))
    assert found.draft.title == "Fire put out in Tbilisi"
    assert len(found.draft.media) == 2


async def test_a_broken_photo_is_refused_by_name_and_the_draft_stays(desk: Desk, photos: list[bytes]) -> None:
    await desk.draft()
    await desk.telegram.send_document(AUTHOR, photos[0][: len(photos[0]) // 2], name="half.jpg")
    told = await desk.reads(AUTHOR, "half.jpg")
    assert "damaged" in told["text"]
    (release,) = await desk.mine()
    assert release.draft.media == ()


async def test_f16_a_full_disk_is_told_and_the_draft_is_kept(desk: Desk, photos: list[bytes]) -> None:
    _, release = await desk.draft()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # No file of this process may grow beyond 8 MB: far more than the database needs, and less than the photo.
    resource.setrlimit(resource.RLIMIT_FSIZE, (8 << 20, before[1]))
    try:
        await desk.telegram.send_document(AUTHOR, _padded(photos[0], 10 << 20), name="scene.jpg")
        told = await desk.reads(AUTHOR, "disk is full")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "scene.jpg" in told["text"]
    assert (await desk.office.drafts.get(release.id)).draft == release.draft
    await desk.telegram.send_document(AUTHOR, photos[0], name="scene.jpg")
    await ended(desk, release.id, lambda row: len(row.draft.media) == 1)


async def test_f35_script_and_javascript_links_are_cleaned_and_the_preview_is_what_is_sent(desk: Desk) -> None:
    text = "Warning <script>alert(1)</script>\n\nStay away.\n\nRead this now.\n\n<b>Really</b> & truly."
    at = text.index("this")
    bad = {"type": "text_link", "offset": at, "length": 4, "url": "javascript:alert(1)"}
    found = desk.telegram._put  # the server itself drops such links; a hostile client's update still may hold one
    found(AUTHOR, None, None, text=text, entities=[bad])
    card = await desk.reads(AUTHOR, "Warning", button="a:")
    (release,) = await desk.mine()
    assert "javascript" not in json.dumps(dataclasses.asdict(release.draft.versions[0]))
    await desk.press(AUTHOR, card, f"a:{release.id}:preview")
    shown = await desk.reads(AUTHOR, "<b>Really</b> & truly")
    await desk.submitted_again(card, release)
    desk_card = await desk.reads(DESK_CHAT, "Warning", button="d:")
    await desk.press(EDITOR, desk_card, "d:")
    await ended(desk, release.id, lambda row: row.state is ReleaseState.DISTRIBUTED)
    previews = [m for m in desk.telegram.messages(AUTHOR) if m["out"] and "Warning <script>" in (m.get("text") or "")]
    (post,) = desk.telegram.messages(CHANNEL_CHAT)
    assert any((m["text"], m.get("entities")) == (post["text"], post.get("entities")) for m in previews)
    assert "javascript:" not in json.dumps(post, default=str)
    assert shown["text"]


def _big_video() -> bytes:
    """What Telegram takes from a person and does not hand to a bot."""
    return b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + b"\x00" * BIG


def _padded(photo: bytes, size: int) -> bytes:
    """The same picture with comments of at least so many bytes after the start of the image."""
    comment = b"\xff\xfe\xff\xff" + b"x" * 65533
    wanted = comment * (size // len(comment)) + b"\xff\xfe\x00\x06more"
    return photo[:2] + wanted + photo[2:]
