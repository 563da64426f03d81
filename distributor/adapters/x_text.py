"""What X will show of a revision: texts, labels, media. Pure.

A post cannot be edited but by accounts that pay for it, and then for an hour (X API, "Edit Posts"): a correction is an
answer to it, or takes its place. Sources: X API v2, media best practices.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from twitter_text import extract_urls_with_indices

from distributor.adapters.x_length import LIMIT as LIMIT
from distributor.adapters.x_length import comparable as comparable
from distributor.adapters.x_length import fit as fit
from distributor.adapters.x_length import split as split
from distributor.adapters.x_length import weight as weight
from distributor.core.asset import MediaKind, Profile
from distributor.core.channel import Source
from distributor.core.markup import parse, plain
from distributor.core.release import Action, Kind, LanguageVersion, MediaItem, Status
from distributor.core.rendering import Part, Placed, Problem, Rendering, Severity
from distributor.core.text import cut_at_word

MOST_PHOTOS = 4
MOST_POSTS = 10  # of a thread; what does not fit ends with "…"
ALT_LIMIT = 1000  # characters (X API v2, media metadata)
SHORTEST, LONGEST = 0.5, 140.0  # seconds of video

# X takes pictures up to 5 MB and video up to 512 MB and 140 s.
PHOTO = Profile("x-photo", MediaKind.PHOTO, "image/jpeg", 4096, 4096, 5_000_000)
VIDEO = Profile("x-video", MediaKind.VIDEO, "video/mp4", 1280, 1280, 512_000_000, max_duration=LONGEST)

# How a message that is not meant must begin, by language. CAP 1.2, "status".
_LABELS = {
    Status.EXERCISE: {"ka": "სწავლება", "en": "EXERCISE", "ru": "УЧЕНИЯ", "hy": "ՎԱՐԺԱՆՔ", "az": "TƏLİM"},
    Status.TEST: {"ka": "ტესტი", "en": "TEST", "ru": "ПРОВЕРКА", "hy": "ՓՈՐՁԱՐԿՈՒՄ", "az": "SINAQ"},
}
# How a correction begins, by language; on its own or as an answer to the post that it corrects.
_CORRECTION = {"ka": "შესწორება", "en": "CORRECTION", "ru": "ИСПРАВЛЕНИЕ", "hy": "ՈՒՂՂՈՒՄ", "az": "DÜZƏLİŞ"}
POST, REPOST, REPLY, DELETE = "post", "repost", "reply", "delete"
"""Kinds of parts. A correction carries all of its forms: the plain post where nothing stands, the labelled one that
takes the place of the old one, and the labelled answer to it."""
_IS_CORRECTION = re.compile(
    rf"(?:(?:{'|'.join(word for words in _LABELS.values() for word in words.values())}): )?"
    rf"(?:{'|'.join(_CORRECTION.values())}): "
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The media that the post shows, and what X leaves out of it."""

    shown: tuple[tuple[MediaItem, Profile], ...]
    photos: int
    videos: int

    @property
    def is_video(self) -> bool:
        """True where the post shows a video."""
        return bool(self.shown) and self.shown[0][1] is VIDEO


def choose(media: tuple[MediaItem, ...], kind: Kind) -> Chosen:
    """X shows four photos or one video. The video goes first where the release is one, or has no photo."""
    photos = [item for item in media if item.asset.kind is MediaKind.PHOTO]
    videos = [item for item in media if item.asset.kind is MediaKind.VIDEO]
    if videos and (kind is Kind.VIDEO or not photos):
        shown = [(videos[0], VIDEO)]
    else:
        shown = [(item, PHOTO) for item in photos[:MOST_PHOTOS]]
    return Chosen(tuple(shown), len(photos), len(videos))


def is_correction(text: str) -> bool:
    """Whether a text begins as our corrections do."""
    return _IS_CORRECTION.match(text) is not None


def render(channel: str, source: Source, *, link: bool, thread: bool, repost: bool = False) -> Rendering | None:
    """The post, or the thread; of a correction every form that may be needed. What was left out stands in the first
    part's fields, where `check` reads it."""
    version, action = source.revision.version(source.languages), source.revision.action
    if version is None or action in (Action.HOLD, Action.LIFT):
        return None
    if action is Action.WITHDRAW:
        return Rendering(channel, version.language, (Part(DELETE),))
    chosen = choose(source.revision.media, source.revision.kind)
    placed, missing = _placed(chosen, version.language, source)
    parts: list[Part] = []
    for kind in (POST, REPOST) if action is Action.CORRECT else (POST,):
        texts, cut = _texts(version, source, link=link, thread=thread, corrects=kind == REPOST)
        facts = {"cut": int(cut), "missing": missing} | _left_out(chosen)
        fields = {name: str(value) for name, value in facts.items() if value}
        parts += [Part(kind, texts[0], media=tuple(placed), fields=fields), *(Part(kind, text) for text in texts[1:])]
    if action is Action.CORRECT:
        parts.append(_reply(version, source, placed, link=link, repost=repost))
    return Rendering(channel, version.language, tuple(parts))


def _reply(version: LanguageVersion, source: Source, placed: list[Placed], *, link: bool, repost: bool) -> Part:
    """The labelled answer. It shows what is new alone; `how` is what the setting, or a photo taken out, asks for."""
    before = choose(source.before.media, source.before.kind).shown if source.before else ()
    shown = {item.asset.digest for item, _ in before}
    words, tail = _said(source, version.language), _tail(source, link=link)
    title = "\n\n".join((words, version.title)) if words else version.title
    whole = "\n\n".join(
        part for part in (_labelled(source, version.language, title, corrects=True), version.lead) if part
    )
    text = fit(whole, LIMIT - weight(tail))
    fields = {"how": REPOST if repost or shown - {one.rendition.asset for one in placed} else REPLY}
    media = tuple(one for one in placed if one.rendition.asset not in shown)
    return Part(REPLY, text + tail, media=media, fields=fields | ({"cut": "1"} if text != whole else {}))


def _texts(
    version: LanguageVersion, source: Source, *, link: bool, thread: bool, corrects: bool
) -> tuple[list[str], bool]:
    title = _labelled(source, version.language, version.title, corrects=corrects)
    said = _said(source, version.language) if corrects else ""
    words = "\n\n".join(part for part in (title, said, version.lead) if part)
    if thread:
        body = plain(parse(version.body))
        words = "\n\n".join(part for part in (words, body) if part)
    tail = _tail(source, link=link)
    room = LIMIT - weight(tail)
    texts = split(words, room, MOST_POSTS) if thread else [fit(words, room)]
    whole = texts[-1] == words if not thread else words.endswith(texts[-1])
    # The link goes into the first post: that one is shared.
    return [texts[0] + tail, *texts[1:]], not whole


def _labelled(source: Source, language: str, text: str, *, corrects: bool) -> str:
    tables = [_LABELS.get(source.revision.status, {}), _CORRECTION if corrects else {}]
    labels = [table.get(language, table["en"]) for table in tables if table]
    return ": ".join([*labels, text])


def _said(source: Source, language: str) -> str:
    """What readers are told of the correction."""
    return source.revision.notice.words.get(language, "") if source.revision.notice else ""


def _tail(source: Source, *, link: bool) -> str:
    return f"\n\n{source.permanent_url}" if link and source.permanent_url else ""


def _placed(chosen: Chosen, language: str, source: Source) -> tuple[list[Placed], int]:
    placed = []
    for item, profile in chosen.shown:
        rendition = source.renditions.get(item.asset.digest, {}).get(profile.key)
        if rendition is not None:
            # An alternative text in another language serves better than none.
            alt = item.alt.get(language) or next(iter(item.alt.values()), "")
            kind, name = item.asset.kind, source.revision.file_name(item)
            placed.append(Placed(rendition, kind, cut_at_word(alt, ALT_LIMIT), item.credit, name=name))
    return placed, len(chosen.shown) - len(placed)


def _left_out(chosen: Chosen) -> dict[str, int]:
    shown = len(chosen.shown)
    photos, videos = (0, shown) if chosen.is_video else (shown, 0)
    facts: dict[str, int] = {}
    if chosen.photos > photos:
        facts |= {"photos": chosen.photos, "photos_left_out": chosen.photos - photos}
    if chosen.videos > videos:
        facts |= {"videos": chosen.videos, "videos_left_out": chosen.videos - videos}
    return facts


def check(rendering: Rendering) -> tuple[Problem, ...]:
    """What X would refuse, and what its readers would miss."""
    found: list[Problem] = []

    def add(severity: Severity, code: str, **params: str) -> None:
        problem = Problem(severity, code, params, rendering.channel)
        if problem not in found:  # the forms of a correction share theirs
            found.append(problem)

    for part in rendering.parts:
        if part.kind == DELETE:
            continue
        if not part.text.strip() and not part.media:
            add(Severity.BLOCKING, "empty_text")
        if (length := weight(part.text)) > LIMIT:
            add(Severity.BLOCKING, "text_too_long", length=str(length), limit=str(LIMIT))
        fields = part.fields
        if "missing" in fields:
            add(Severity.BLOCKING, "media_missing", count=fields["missing"])
        for kind in ("photos", "videos"):
            if (left := fields.get(f"{kind}_left_out")) is not None:
                total = fields[kind]
                add(Severity.WARNING, f"{kind}_left_out", total=total, shown=str(int(total) - int(left)), left=left)
        if "cut" in fields:
            add(Severity.NOTE, "text_shortened", limit=str(LIMIT))
        if fields.get("how") == REPLY:
            add(Severity.NOTE, "corrects_by_reply")
        elif fields.get("how") == REPOST:
            add(Severity.NOTE, "corrects_by_repost")
        for placed in part.media:
            seconds = placed.rendition.duration
            if placed.kind is MediaKind.VIDEO and seconds is not None and not SHORTEST <= seconds <= LONGEST:
                add(Severity.BLOCKING, "video_duration", seconds=f"{seconds:.1f}", least="0.5", most="140")
    if extract_urls_with_indices(rendering.parts[0].text):
        add(Severity.NOTE, "link_costs_more")  # $0.200 instead of $0.015 a post (pay per use, April 2026)
    return tuple(found)
