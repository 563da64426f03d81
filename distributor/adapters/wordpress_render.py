"""A release as a post of a WordPress site. Pure.

Every word of the post is in the rendering; at sending only the addresses of its files are added, which the site gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from distributor.adapters.site import clean_html
from distributor.adapters.wordpress_words import Words, words
from distributor.core.asset import Asset, MediaKind, Profile
from distributor.core.channel import Action, Source
from distributor.core.markup import html, parse, plain
from distributor.core.release import LanguageVersion, Status
from distributor.core.rendering import Part, Placed, Rendering


@dataclass(frozen=True, slots=True)
class File:
    """A file in the site's library."""

    id: int
    url: str


def profile(asset: Asset, photo_bytes: int, video_bytes: int) -> Profile:
    """The form of a photo or video. WordPress makes a smaller picture of a wider one by itself (since 5.3)."""
    if asset.kind is MediaKind.VIDEO:
        return Profile("wordpress_video", MediaKind.VIDEO, "video/mp4", 1920, 1920, video_bytes, max_sum=3000)
    return Profile("wordpress", MediaKind.PHOTO, "image/jpeg", 2560, 2560, photo_bytes)


def render(source: Source, channel: str, photo_bytes: int, video_bytes: int) -> Rendering | None:
    """The post, in the first language wished that the release has; None without one. A withdrawal shows nothing."""
    revision = source.revision
    version = revision.version(source.languages)
    if version is None:
        return None
    w = words(version.language)
    said = revision.notice.words.get(version.language, "") if revision.notice else ""
    fields = {
        "language": version.language,
        "title": _title(revision.status, version, w),
        "slug": source.permanent_url.rsplit("/", 1)[-1],
    }
    if revision.action is Action.WITHDRAW:
        return Rendering(channel, version.language, (Part("withdrawn", said, fields=fields),))
    if revision.action is Action.CORRECT:
        fields["note"] = f"{w.correction}: {said}" if said else w.corrected
    fields["lead"] = version.lead
    blocks = parse(version.body)
    media = tuple(
        Placed(
            rendition=source.renditions[item.asset.digest][profile(item.asset, photo_bytes, video_bytes).key],
            kind=item.asset.kind,
            alt=item.alt.get(version.language, ""),
            credit=item.credit,
            caption=item.caption.get(version.language, ""),
            name=revision.file_name(item),
        )
        for item in revision.media
    )
    part = Part("post", plain(blocks), html=clean_html(html(blocks)), media=media, fields=fields)
    return Rendering(channel, version.language, (part,))


def _title(status: Status, version: LanguageVersion, w: Words) -> str:
    marks = {Status.EXERCISE: f"[{w.exercise}] ", Status.TEST: f"[{w.test}] "}
    return marks.get(status, "") + version.title


def marker(release_id: str) -> str:
    """What a post of ours says of itself, unseen: by it a post is found again when an answer was lost. An HTML comment,
    because a meta key that no plugin has registered is dropped without a word."""
    return f"distributor:{release_id}"


def content(part: Part, release_id: str, files: list[File], *, featured: bool, noted: bool) -> str:
    """The post's HTML: note, lead, body, files. In a block of HTML, which WordPress shows as it is."""
    shown = list(zip(part.media, files, strict=True))
    if featured and (first := first_photo(part)) is not None:
        shown.pop(first)
    note = f"<p><strong>{escape(part.fields['note'])}</strong></p>" if noted and part.fields.get("note") else ""
    lead = f"<p><strong>{escape(part.fields['lead'])}</strong></p>" if part.fields["lead"] else ""
    body = note + lead + part.html + "".join(_figure(placed, file) for placed, file in shown)
    # A word in square brackets would be taken for a command (a shortcode), in attributes too.
    safe = body.replace("[", "&#91;").replace("]", "&#93;")
    return f"<!-- wp:html -->{safe}<!-- /wp:html --><!-- {marker(release_id)} -->"


def first_photo(part: Part) -> int | None:
    """The place of the picture that can stand for the whole post."""
    return next((place for place, one in enumerate(part.media) if one.kind is MediaKind.PHOTO), None)


def caption(placed: Placed) -> str:
    """What stands below a photo or video."""
    return " · ".join(words for words in (placed.caption, placed.credit) if words)


def _figure(placed: Placed, file: File) -> str:
    said = caption(placed)
    below = f"<figcaption>{escape(said)}</figcaption>" if said else ""
    address = escape(file.url)
    if placed.kind is MediaKind.VIDEO:
        return f'<figure class="wp-block-video"><video controls src="{address}"></video>{below}</figure>'
    size = f'width="{placed.rendition.width}" height="{placed.rendition.height}"'
    picture = f'<img src="{address}" alt="{escape(placed.alt)}" {size} class="wp-image-{file.id}"/>'
    return f'<figure class="wp-block-image">{picture}{below}</figure>'
