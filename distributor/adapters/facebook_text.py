"""What a Facebook page will show of a revision: message, link, photos or one video. Pure.

Sources: Graph API, edges /{page}/feed, /{page}/photos, /{page}/videos; a message has 63,206 characters at most.
"""

from __future__ import annotations

import unicodedata
from dataclasses import replace

from distributor.core.asset import MediaKind, Profile
from distributor.core.channel import Source
from distributor.core.markup import parse, plain
from distributor.core.release import Action, Kind, LanguageVersion, MediaItem, Status
from distributor.core.rendering import Part, Placed, Problem, Rendering, Severity
from distributor.core.text import cut_at_word, utf16_length

LIMIT = 63_206  # counted in UTF-16 units, the safe side
MOST_PHOTOS = 10

# Facebook takes photos up to 10 MB and advises 4 MB; it shows no more than 2048 pixels.
PHOTO = Profile("facebook-photo", MediaKind.PHOTO, "image/jpeg", 2048, 2048, 4_000_000)
VIDEO = Profile("facebook-video", MediaKind.VIDEO, "video/mp4", 1920, 1920, 1_000_000_000, max_duration=1200.0)

# How a message that is not meant must begin, by language. CAP 1.2, "status".
_LABELS = {
    Status.EXERCISE: {"ka": "სწავლება", "en": "EXERCISE", "ru": "УЧЕНИЯ", "hy": "ՎԱՐԺԱՆՔ", "az": "TƏLİM"},
    Status.TEST: {"ka": "ტესტი", "en": "TEST", "ru": "ПРОВЕРКА", "hy": "ՓՈՐՁԱՐԿՈՒՄ", "az": "SINAQ"},
}

# How a correction begins, by language.
_CORRECTION = {"ka": "შესწორება", "en": "CORRECTION", "ru": "ИСПРАВЛЕНИЕ", "hy": "ՈՒՂՂՈՒՄ", "az": "DÜZƏLİŞ"}
POST, VIDEO_POST, CORRECTED, DELETE = "post", "video", "corrected", "delete"
"""Kinds of parts."""
EDIT, REPOST = "edit", "repost"
"""How a correction is made."""


def comparable(text: str) -> str:
    """A message as it is compared with the feed's: NFC, one space between words."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def render(channel: str, source: Source, *, link: bool, repost: bool = False) -> Rendering | None:
    """The post; of a correction the plain one, where nothing stands, and the labelled one. What was left out stands in
    the fields, where `check` reads it."""
    version, action = source.revision.version(source.languages), source.revision.action
    if version is None or action in (Action.HOLD, Action.LIFT):
        return None
    if action is Action.WITHDRAW:
        return Rendering(channel, version.language, (Part(DELETE),))
    parts = [_part(version, source, link=link)]
    if action is Action.CORRECT:
        parts.append(replace(_part(version, source, link=link, corrects=True), kind=CORRECTED))
        parts[1].fields.update(_how(source, repost=repost))
    return Rendering(channel, version.language, tuple(parts))


def _part(version: LanguageVersion, source: Source, *, link: bool, corrects: bool = False) -> Part:
    said = source.revision.notice.words.get(version.language, "") if corrects and source.revision.notice else ""
    tables = [_LABELS.get(source.revision.status, {}), _CORRECTION if corrects else {}]
    labels = [table.get(version.language, table["en"]) for table in tables if table]
    heading = [": ".join([*labels, said or version.title]), version.title if said else ""]
    words = "\n\n".join(part for part in (*heading, version.lead, plain(parse(version.body), links=True)) if part)
    shown = _chosen(source.revision.media, source.revision.kind)
    placed = [one for item in shown if (one := _placed(item, version.language, source)) is not None]
    address = source.permanent_url if link else ""
    # A post with photos or a video has no place for a link preview: the address ends its message.
    tail = f"\n\n{address}" if address and shown else ""
    message = cut_at_word(words, LIMIT - utf16_length(tail))
    facts = {"cut": int(message != words), "missing": len(shown) - len(placed)} | _left_out(source, shown)
    fields = {name: str(value) for name, value in facts.items() if value}
    if address and not shown:
        fields["link"] = address
    kind = VIDEO_POST if shown and shown[0].asset.kind is MediaKind.VIDEO else POST
    return Part(kind, message + tail, media=tuple(placed), fields=fields)


def _how(source: Source, *, repost: bool) -> dict[str, str]:
    """How the correction will be made where the revision before stands. Photos of a post can be taken out, as long as
    one of them stays; nothing else about them can be changed."""
    before = _chosen(source.before.media, source.before.kind) if source.before else []
    after = _chosen(source.revision.media, source.revision.kind)
    if before == after:
        return {"how": EDIT}
    old, new = ({item.asset.digest for item in items} for items in (before, after))
    if repost or (old - new and not (old & new)):
        return {"how": REPOST}
    taken_out = [item for item in before if item.asset.digest in new] == after
    return {"how": EDIT} if taken_out else {"how": EDIT, "photos_stay": "1"}


def is_video(part: Part) -> bool:
    """Whether a part shows a video."""
    return bool(part.media) and part.media[0].kind is MediaKind.VIDEO


def _chosen(media: tuple[MediaItem, ...], kind: Kind) -> list[MediaItem]:
    """A post shows photos or one video. The video goes first where the release is one, or has no photo."""
    photos = [item for item in media if item.asset.kind is MediaKind.PHOTO]
    videos = [item for item in media if item.asset.kind is MediaKind.VIDEO]
    return videos[:1] if videos and (kind is Kind.VIDEO or not photos) else photos[:MOST_PHOTOS]


def _placed(item: MediaItem, language: str, source: Source) -> Placed | None:
    profile = PHOTO if item.asset.kind is MediaKind.PHOTO else VIDEO
    rendition = source.renditions.get(item.asset.digest, {}).get(profile.key)
    if rendition is None:
        return None
    # An alternative text in another language serves better than none; a caption in another one does not.
    alt = item.alt.get(language) or next(iter(item.alt.values()), "")
    caption = item.caption.get(language, "")
    name = source.revision.file_name(item)
    return Placed(rendition, item.asset.kind, alt, item.credit, caption, name=name)


def _left_out(source: Source, shown: list[MediaItem]) -> dict[str, int]:
    facts: dict[str, int] = {}
    for kind, name in ((MediaKind.PHOTO, "photos"), (MediaKind.VIDEO, "videos")):
        total = sum(item.asset.kind is kind for item in source.revision.media)
        left = total - sum(item.asset.kind is kind for item in shown)
        if left:
            facts |= {name: total, f"{name}_left_out": left}
    return facts


def check(rendering: Rendering) -> tuple[Problem, ...]:
    """What Facebook would refuse, and what its readers would miss."""
    found: list[Problem] = []

    def add(severity: Severity, code: str, **params: str) -> None:
        problem = Problem(severity, code, params, rendering.channel)
        if problem not in found:  # both forms of a correction have the same
            found.append(problem)

    for part in rendering.parts:
        if part.kind == DELETE:
            continue
        if not part.text.strip():
            add(Severity.BLOCKING, "empty_text")
        if (length := utf16_length(part.text)) > LIMIT:
            add(Severity.BLOCKING, "text_too_long", length=str(length), limit=str(LIMIT))
        if "missing" in part.fields:
            add(Severity.BLOCKING, "media_missing", count=part.fields["missing"])
        for kind in ("photos", "videos"):
            if (left := part.fields.get(f"{kind}_left_out")) is not None:
                total = part.fields[kind]
                add(Severity.WARNING, f"{kind}_left_out", total=total, shown=str(int(total) - int(left)), left=left)
        if "cut" in part.fields:
            add(Severity.WARNING, "text_shortened", limit=str(LIMIT))
        if "photos_stay" in part.fields:
            add(Severity.WARNING, "photos_stay")
        if part.fields.get("how") == REPOST:
            add(Severity.NOTE, "corrects_by_repost")
    return tuple(found)


def caption(placed: Placed) -> str:
    """What stands under a photo: its caption and its credit."""
    return "\n".join(words for words in (placed.caption, placed.credit) if words)
