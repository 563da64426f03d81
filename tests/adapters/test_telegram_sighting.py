"""Is a channel post what a part would have become? Posts as the Bot API tells of them, with what it did to them."""

from __future__ import annotations

from typing import Any

import pytest
from telegram import Message

from distributor.adapters.telegram_sighting import groups, has_words, media_count, shows
from distributor.core.asset import MediaKind, Rendition
from distributor.core.markup import Entity
from distributor.core.rendering import Part, Placed

CHAT = {"id": -100300, "type": "channel", "title": "მედია", "username": "mia_sandbox"}
PHOTO: dict[str, Any] = {"photo": [{"file_id": "a", "file_unique_id": "b", "width": 90, "height": 60}]}
FILM = {"file_id": "c", "file_unique_id": "d", "width": 640, "height": 360, "duration": 2}
DOCUMENT: dict[str, Any] = {"document": {"file_id": "e", "file_unique_id": "f"}}
TEXT = "🔥 ხანძარი ჩაქრა\n\nვრცლად აქ"
ENTITIES = (Entity("bold", 0, 16), Entity("text_link", 25, 2, "https://Police.example"))


def post(number: int = 7, **content: Any) -> Message:
    """A channel post."""
    return Message.de_json({"message_id": number, "date": 1_790_000_000, "chat": CHAT} | content, None)


def entity(kind: str, offset: int, length: int, url: str = "") -> dict[str, Any]:
    return {"type": kind, "offset": offset, "length": length} | ({"url": url} if url else {})


def part(*kinds: MediaKind, text: str = TEXT, entities: tuple[Entity, ...] = ENTITIES) -> Part:
    """What would have been sent: a text, or one over photos and videos, each video with its thumbnail."""
    made = Rendition("a" * 64, "tg-photo", "d" * 64, "image/jpeg", 1, 90, 60, None)
    media: list[Placed] = []
    for kind in kinds:
        media.append(Placed(made, kind))
        if kind is MediaKind.VIDEO:
            media.append(Placed(made, MediaKind.PHOTO, role="poster"))
    return Part("message", text, entities, media=tuple(media))


STYLED = [entity("bold", 0, 16), entity("text_link", 25, 2, "https://Police.example")]


@pytest.mark.parametrize(
    "entities",
    [
        STYLED,
        list(reversed(STYLED)),
        [entity("bold", 0, 3), entity("bold", 3, 7), entity("bold", 10, 6), STYLED[1]],  # split
        [entity("bold", 0, 2), entity("bold", 3, 7), entity("bold", 11, 5), STYLED[1]],  # trimmed at white space
        [*STYLED, entity("hashtag", 3, 6), entity("phone_number", 10, 3)],  # found
        [STYLED[0], entity("text_link", 25, 2, "https://police.example/")],  # the address as Telegram writes it
    ],
)
def test_what_telegram_does_to_styles_makes_no_difference(entities: list[dict[str, Any]]) -> None:
    assert shows([post(text=TEXT, entities=entities)], part(), None)


@pytest.mark.parametrize(
    "entities",
    [
        [STYLED[1]],
        [entity("bold", 0, 10), STYLED[1]],
        [entity("italic", 0, 16), STYLED[1]],
        [STYLED[0], entity("text_link", 25, 2, "https://police.example/other")],
        [STYLED[0]],
    ],
)
def test_other_styles_and_links_are_another_post(entities: list[dict[str, Any]]) -> None:
    assert not shows([post(text=TEXT, entities=entities)], part(), None)


def test_a_link_that_telegram_may_drop_is_not_compared() -> None:
    wanted = part(entities=(ENTITIES[0], Entity("text_link", 25, 2, "mailto:press@police.example")))
    assert shows([post(text=TEXT, entities=STYLED[:1])], wanted, None)


def test_white_space_around_a_text_is_nothing() -> None:
    assert shows([post(text=TEXT, entities=STYLED)], part(text=f"{TEXT}\n "), None)


def test_a_silent_film_comes_back_as_an_animation() -> None:
    silent = post(caption=TEXT, caption_entities=STYLED, animation=FILM, **DOCUMENT)
    assert shows([silent], part(MediaKind.VIDEO), None)
    assert media_count([silent]) == 1
    assert not shows([silent], part(MediaKind.PHOTO), None)


def test_an_album_is_its_items_in_order_with_one_caption_on_the_first() -> None:
    first = post(1, caption=TEXT, caption_entities=STYLED, media_group_id="9", **PHOTO)
    second, third = post(2, media_group_id="9", video=FILM), post(3, media_group_id="9", **PHOTO)
    wanted = part(MediaKind.PHOTO, MediaKind.VIDEO, MediaKind.PHOTO)
    (album,) = groups([third, first, second])
    assert album == (first, second, third)
    assert shows(album, wanted, None)
    assert not shows([first, third, second], wanted, None)
    assert not shows([first, second], wanted, None)
    assert has_words([first, second], wanted)
    captioned = post(3, caption="another", media_group_id="9", **PHOTO)
    assert not shows([first, second, captioned], wanted, None)


def test_a_file_of_another_kind_is_another_post() -> None:
    assert not shows([post(caption=TEXT, caption_entities=STYLED, **DOCUMENT)], part(), None)
    assert not shows([post(caption=TEXT, caption_entities=STYLED, **DOCUMENT)], part(MediaKind.PHOTO), None)


def test_pictures_without_words_are_known_by_nothing() -> None:
    assert not shows([post(**PHOTO)], part(MediaKind.PHOTO, text="", entities=()), None)


def test_an_answer_answers_the_right_message_or_one_that_is_gone() -> None:
    plain = post(text=TEXT, entities=STYLED)
    answer = post(text=TEXT, entities=STYLED, reply_to_message={"message_id": 3, "date": 1, "chat": CHAT})
    assert shows([answer], part(), 3)
    assert shows([plain], part(), 3)
    assert not shows([answer], part(), 4)
    assert not shows([answer], part(), None)


def test_forwarded_posts_and_those_of_inline_bots_are_left_out() -> None:
    origin = {"type": "hidden_user", "date": 1, "sender_user_name": "x"}
    bot = {"id": 5, "is_bot": True, "first_name": "x"}
    assert groups([post(1, text="a", forward_origin=origin), post(2, text="a", via_bot=bot), post(3, text="a")]) == [
        (post(3, text="a"),)
    ]
