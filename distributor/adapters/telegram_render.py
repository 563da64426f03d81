"""What a Telegram chat will show of a release.

Pure. A rendering holds all that the calls need, settings included: what was previewed and approved is what is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from distributor.adapters.telegram_notices import correction_parts, labels, notice_parts
from distributor.adapters.telegram_text import CAPTION_LIMIT, TEXT_LIMIT, Flow, join, split, squeezed, styled
from distributor.adapters.telegram_words import words_of
from distributor.core.asset import Asset, MediaKind, Profile
from distributor.core.channel import Source
from distributor.core.markup import parse, with_entities
from distributor.core.release import Action, LanguageVersion, MediaItem
from distributor.core.rendering import Part, Placed, Rendering

# Bot API: sendPhoto, sendMediaGroup, "Sending files". Megabytes are counted in thousands, the safe side.
ALBUM_LIMIT = 10
PHOTO_BYTES = 10_000_000
VIDEO_BYTES = 50_000_000
LOCAL_BYTES = 2_000_000_000  # a Bot API server of one's own, in local mode
PHOTO_SUM = 10_000
PHOTO_RATIO = 20
THUMBNAIL_BYTES = 200_000
THUMBNAIL_SIDE = 320

LongText = Literal["caption_then_message", "link"]


@dataclass(frozen=True, slots=True)
class Manner:
    """How a channel wants its posts: the settings that bear on what is shown. `time_zone` where some of its readers may
    have a release before its embargo ends: theirs is marked."""

    channel: str
    long_text: LongText = "caption_then_message"
    silent: bool = False
    link_preview: bool = False
    page_link: bool = True
    video_bytes: int = VIDEO_BYTES
    time_zone: str = ""


def photo_profile() -> Profile:
    """A photo as Telegram shows it: it scales to 2560 pixels at most, so more would only cost time."""
    return Profile(
        "tg-photo", MediaKind.PHOTO, "image/jpeg", 2560, 2560, PHOTO_BYTES, max_sum=PHOTO_SUM, max_ratio=PHOTO_RATIO
    )


def video_profile(most: int = VIDEO_BYTES) -> Profile:
    """A video that plays in the chat while it loads."""
    return Profile("tg-video", MediaKind.VIDEO, "video/mp4", 1920, 1920, most)


def thumbnail_profile() -> Profile:
    """The still that stands for a video until it plays: JPEG, at most 320 pixels and 200 kB."""
    return Profile("tg-thumb", MediaKind.PHOTO, "image/jpeg", THUMBNAIL_SIDE, THUMBNAIL_SIDE, THUMBNAIL_BYTES)


def profiles(asset: Asset, manner: Manner) -> tuple[Profile, ...]:
    """The renditions that a chat needs of an asset."""
    if asset.kind is MediaKind.VIDEO:
        return video_profile(manner.video_bytes), thumbnail_profile()
    return (photo_profile(),)


def render(source: Source, manner: Manner) -> Rendering | None:
    """The messages of a release, in order; None where it has no language that the channel wants."""
    version = source.revision.version(source.languages)
    if version is None:
        return None
    fields = _fields(source, manner)
    words = words_of(version.language)
    tail = _tail(source, version, words)
    if source.revision.action in (Action.WITHDRAW, Action.HOLD, Action.LIFT):  # without media: it has no renditions
        return Rendering(manner.channel, version.language, notice_parts(source.revision, version, tail.page, fields))
    media = tuple(_placed(source, version, manner))
    head = _head(source, version, manner)
    body = Flow(*with_entities(parse(version.body)))
    parts = tuple(
        Part(kind, flow.text, flow.entities, media=items, fields={**fields, **note, **_answers(index)})
        for index, (kind, flow, items, note) in enumerate(_parts(head, body, tail, media, manner))
    )
    if source.revision.action is Action.CORRECT:
        whole = join([Flow(version.lead), body])
        said = labels(source.revision, version.language, manner.time_zone)
        parts += correction_parts(version, said, whole, tail.page, fields)
    return Rendering(manner.channel, version.language, parts)


def _answers(index: int) -> dict[str, str]:
    """Every later message answers the first, so that readers find the beginning."""
    return {"reply_to": "0"} if index else {}


_Planned = tuple[str, Flow, tuple[Placed, ...], dict[str, str]]


@dataclass(frozen=True, slots=True)
class _Tail:
    """What stands under the text: captions and credits, as there is room for them, and the way to the page."""

    captions: Flow
    credits: Flow
    page: Flow


def _parts(head: list[Flow], body: Flow, tail: _Tail, media: tuple[Placed, ...], manner: Manner) -> list[_Planned]:
    whole = join([*head, body, tail.captions, tail.credits, *([tail.page] if manner.page_link else [])])
    kind = _kind(media)
    limit = CAPTION_LIMIT if media else TEXT_LIMIT
    if whole.length <= limit:
        return [(kind, whole, media, {})]
    if manner.long_text == "link":
        return [(kind, squeezed(head, body, [tail.credits, tail.page], limit), media, {"shortened": "1"})]
    messages: list[_Planned] = [("message", piece, (), {}) for piece in split(whole, TEXT_LIMIT)]
    if not media:
        return messages
    title, *lead = head
    return [(kind, squeezed([title], join(lead), [tail.credits, tail.page], limit), media, {}), *messages]


def _kind(media: tuple[Placed, ...]) -> str:
    main = [item for item in media if item.role == "main"]
    if not main:
        return "message"
    return "album" if len(main) > 1 else main[0].kind.value


def _head(source: Source, version: LanguageVersion, manner: Manner) -> list[Flow]:
    """Labels, title, lead; the lead, where there is one, stands last."""
    title = join([*labels(source.revision, version.language, manner.time_zone), styled(version.title, "bold")])
    return [title, Flow(version.lead)] if version.lead else [title]


def _tail(source: Source, version: LanguageVersion, words: dict[str, str]) -> _Tail:
    captions = join((Flow(line) for line in _captions(source.revision.media, version)), "\n")
    credits = join((Flow(line) for line in _credits(source, words)), "\n")
    page = styled(words["page"], "text_link", source.permanent_url) if source.permanent_url else Flow()
    return _Tail(captions, credits, page)


def _captions(media: tuple[MediaItem, ...], version: LanguageVersion) -> Iterator[str]:
    """One line for each picture that has a caption; numbered where there are several pictures."""
    for number, item in enumerate(media, 1):
        caption = item.caption.get(version.language, "")
        if caption:
            yield f"{number}. {caption}" if len(media) > 1 else caption


def _credits(source: Source, words: dict[str, str]) -> Iterator[str]:
    for kind in MediaKind:
        names = dict.fromkeys(item.credit for item in source.revision.media if item.asset.kind is kind and item.credit)
        if names:
            yield f"{words[kind.value]}: {', '.join(names)}"


def _placed(source: Source, version: LanguageVersion, manner: Manner) -> Iterator[Placed]:
    """The media in order, each video followed by its thumbnail. Alternative text is kept for other readers of the
    rendering: Telegram has no place for it."""
    for item in source.revision.media:
        made = source.renditions[item.asset.digest]
        main, *more = profiles(item.asset, manner)
        alt, caption = item.alt.get(version.language, ""), item.caption.get(version.language, "")
        name = source.revision.file_name(item)
        yield Placed(made[main.key], item.asset.kind, alt, item.credit, caption, name=name)
        for profile in more:
            yield Placed(made[profile.key], MediaKind.PHOTO, alt, item.credit, role="poster", name="thumbnail.jpg")


def _fields(source: Source, manner: Manner) -> dict[str, str]:
    fields = {"preview": source.permanent_url} if manner.link_preview and source.permanent_url else {}
    return fields | ({"silent": "1"} if manner.silent else {})


def main_items(media: Iterable[Placed]) -> list[tuple[Placed, Placed | None]]:
    """Each photo or video that a part shows, a video with its thumbnail."""
    found: list[tuple[Placed, Placed | None]] = []
    for item in media:
        if item.role == "main":
            found.append((item, None))
        elif item.role == "poster" and found:
            found[-1] = (found[-1][0], item)
    return found
