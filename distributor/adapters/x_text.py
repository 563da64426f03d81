"""What X will show of a revision: weighing, cutting, splitting, choosing media. Pure.

Length by twitter-text, version 3: 280 weighted characters; U+0000-10FF weigh 1 (Mkhedruli among them), most others 2
(Mtavruli, "…"), an emoji 2, a link 23 whatever its length.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from twitter_text import extract_urls_with_indices, parse_tweet

from distributor.core.asset import MediaKind, Profile
from distributor.core.channel import Source
from distributor.core.markup import parse, plain
from distributor.core.release import Kind, LanguageVersion, MediaItem, Status
from distributor.core.rendering import Part, Placed, Problem, Rendering, Severity
from distributor.core.text import cut_at_word

LIMIT = 280  # weighted
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
_MARK = "…"
_JOINED = re.compile("[\u200d\ufe0e\ufe0f\u20e3\U0001f3fb-\U0001f3ff]")  # what belongs to the sign before it


def weight(text: str) -> int:
    """The length as X counts it."""
    return int(parse_tweet(text).weightedLength) if text else 0


def fit(text: str, limit: int) -> str:
    """The longest beginning that weighs at most `limit` and ends at a word, with "…" where something was left out."""
    if weight(text) <= limit:
        return text
    ends = [match.start() for match in re.finditer(r"\s+", text) if match.start() > 0]
    best = _longest(text, ends, limit) or _longest(text, _between_signs(text), limit)
    return _trimmed(text[:best]) + _MARK


def split(text: str, limit: int, most: int) -> list[str]:
    """The text in posts of at most `limit`: at a paragraph where one fits whole, else at a word with "…"."""
    posts: list[str] = []
    rest = text
    while weight(rest) > limit and len(posts) < most - 1:
        breaks = [match.start() for match in re.finditer(r"\n\n", rest)]
        whole = _longest(rest, breaks, limit, mark="")
        if whole and weight(rest[:whole]) * 2 >= limit:
            posts.append(rest[:whole].rstrip())
            rest = rest[whole:].strip()
            continue
        head = fit(rest, limit)
        posts.append(head)
        rest = rest[len(head) - len(_MARK) :].lstrip(" \n\t,;:–—-")
    return [*posts, fit(rest, limit)]


def _longest(text: str, ends: list[int], limit: int, mark: str = _MARK) -> int:
    """The last of the rising `ends` at which the beginning, with the mark, is not too heavy; 0 where none is."""
    low, high = 0, len(ends)
    while low < high:
        middle = (low + high) // 2
        if weight(_trimmed(text[: ends[middle]]) + mark) <= limit:
            low = middle + 1
        else:
            high = middle
    return ends[low - 1] if low else 0


def _trimmed(text: str) -> str:
    return text.rstrip(" \n\t,;:–—-")


def _between_signs(text: str) -> list[int]:
    """Where one word may be cut: not before a mark that joins, nor after U+200D."""
    return [
        at
        for at in range(1, len(text))
        if not _JOINED.match(text[at]) and text[at - 1] != "\u200d" and not unicodedata.combining(text[at])
    ]


def comparable(text: str) -> str:
    """A text as it is compared with the timeline's: NFC, one space between words, links without scheme or end slash."""
    folded = unicodedata.normalize("NFC", text)
    out, at = [], 0
    for found in extract_urls_with_indices(folded):
        start, end = found["indices"]
        out += [folded[at:start], re.sub(r"^https?://", "", found["url"]).rstrip("/")]
        at = end
    return " ".join("".join([*out, folded[at:]]).split())


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


def render(channel: str, source: Source, *, link: bool, thread: bool) -> Rendering | None:
    """The post, or the thread. What was left out stands in the first part's fields, where `check` reads it."""
    version = source.revision.version(source.languages)
    if version is None:
        return None
    texts, cut = _texts(version, source, link=link, thread=thread)
    chosen = choose(source.revision.media, source.revision.kind)
    placed, missing = _placed(chosen, version.language, source)
    facts = {"cut": int(cut), "missing": missing} | _left_out(chosen)
    fields = {name: str(value) for name, value in facts.items() if value}
    first = Part("post", texts[0], media=tuple(placed), fields=fields)
    return Rendering(channel, version.language, (first, *(Part("post", text) for text in texts[1:])))


def _texts(version: LanguageVersion, source: Source, *, link: bool, thread: bool) -> tuple[list[str], bool]:
    labels = _LABELS.get(source.revision.status, {})
    label = labels.get(version.language, labels.get("en", ""))
    title = f"{label}: {version.title}" if label else version.title
    words = "\n\n".join(part for part in (title, version.lead) if part)
    if thread:
        body = plain(parse(version.body))
        words = "\n\n".join(part for part in (words, body) if part)
    tail = f"\n\n{source.permanent_url}" if link and source.permanent_url else ""
    room = LIMIT - weight(tail)
    texts = split(words, room, MOST_POSTS) if thread else [fit(words, room)]
    whole = texts[-1] == words if not thread else words.endswith(texts[-1])
    # The link goes into the first post: that one is shared.
    return [texts[0] + tail, *texts[1:]], not whole


def _placed(chosen: Chosen, language: str, source: Source) -> tuple[list[Placed], int]:
    placed = []
    for item, profile in chosen.shown:
        rendition = source.renditions.get(item.asset.digest, {}).get(profile.key)
        if rendition is not None:
            # An alternative text in another language serves better than none.
            alt = item.alt.get(language) or next(iter(item.alt.values()), "")
            kind, name = item.asset.kind, item.asset.name
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
        found.append(Problem(severity, code, params, rendering.channel))

    for part in rendering.parts:
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
        for placed in part.media:
            seconds = placed.rendition.duration
            if placed.kind is MediaKind.VIDEO and seconds is not None and not SHORTEST <= seconds <= LONGEST:
                add(Severity.BLOCKING, "video_duration", seconds=f"{seconds:.1f}", least="0.5", most="140")
    if extract_urls_with_indices(rendering.parts[0].text):
        add(Severity.NOTE, "link_costs_more")  # $0.200 instead of $0.015 a post (pay per use, April 2026)
    return tuple(found)
