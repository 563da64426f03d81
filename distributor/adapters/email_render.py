"""A release as a mail: subject, plain text, HTML, one picture inside.

Pure. The rendering is what an editor approves; at sending only the reader's own places are filled (email_notices).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from distributor.adapters.email_frame import SHORT, Frame, frame, short_html, short_text
from distributor.adapters.email_notices import UNSUBSCRIBE
from distributor.adapters.email_words import Words, words
from distributor.adapters.site import clean_html, download_profile, file_path
from distributor.core.asset import Asset, MediaKind, Profile, Rendition
from distributor.core.channel import Source
from distributor.core.markup import html as body_html
from distributor.core.markup import parse, plain
from distributor.core.release import LanguageVersion, MediaItem
from distributor.core.rendering import Part, Placed, Rendering

_STYLE = """
body{margin:0;background:#f4f5f7;color:#1c1f23;font:17px/1.55 system-ui,-apple-system,'Segoe UI',sans-serif}
main{max-width:640px;margin:0 auto;padding:24px 20px;background:#fff}
header,footer{color:#5b6470;font-size:14px}
h1{font-size:25px;line-height:1.25;margin:12px 0}
h2{font-size:19px}
.lead{font-weight:600}
figure{margin:20px 0}
img{display:block;max-width:100%;height:auto}
figcaption{color:#5b6470;font-size:14px;margin-top:6px}
blockquote{margin:16px 0;padding-left:14px;border-left:3px solid #c5cbd3}
a{color:#0b5cad}
footer{border-top:1px solid #dde1e6;margin-top:28px;padding-top:14px}
@media(prefers-color-scheme:dark){body,main{background:#16181b;color:#e8eaed}a{color:#8ab8f0}}
""".strip().replace("\n", "")


@dataclass(frozen=True, slots=True)
class _Shown:
    """One photo or video as the list in the mail names it."""

    item: MediaItem
    alt: str
    caption: str
    address: str

    def title(self, w: Words, number: int) -> str:
        kind = w.video if self.item.asset.kind is MediaKind.VIDEO else w.photo
        return f"{kind} {number}"


def inline_profile(max_bytes: int) -> Profile:
    """The picture inside the mail: wide enough for a telephone's sharp screen, light enough for a slow line."""
    return Profile("mail", MediaKind.PHOTO, "image/jpeg", 1200, 1600, max_bytes)


def profiles(asset: Asset, max_inline_bytes: int) -> tuple[Profile, ...]:
    """The picture inside (of a video, its poster) and the file that the mail leads to."""
    return inline_profile(max_inline_bytes), download_profile(asset)


def content_id(rendition: Rendition, domain: str) -> str:
    """The Content-ID of the picture inside, without brackets (RFC 2392)."""
    return f"{rendition.digest[:32]}@{domain}"


def render(
    source: Source, channel: str, base_url: str, domain: str, max_inline_bytes: int, time_zone: str
) -> Rendering | None:
    """The mail of a revision in the reader's language, or None where no language suits.

    `domain` is the sender's; it makes the picture's Content-ID. `time_zone` is the office's.
    """
    version = source.revision.version(source.languages)
    if version is None:
        return None
    w = words(version.language)
    around = frame(source, version.language, version.title, time_zone)
    if source.revision.action in SHORT:
        text, html, inline = _short(source, version, around, w)
    else:
        shown = list(_media(source, version.language, base_url))
        inline = _inline(source, version.language, max_inline_bytes)
        text = _text(source, version, around, shown, w)
        html = _html(source, version, around, shown, inline, domain, w)
    part = Part(around.kind, text=text, html=html, media=(inline,) if inline else (), fields=around.fields)
    return Rendering(channel, version.language, (part,))


def _short(source: Source, version: LanguageVersion, around: Frame, w: Words) -> tuple[str, str, None]:
    """A mail that only tells: no body, no media."""
    blocks = [*short_text(source, around, version.language), _foot_text(source, w)]
    body = short_html(source, around, version.language)
    html = _head_html(source, version, around) + around.top_html + body + _foot_html(source, w)
    return around.top_text + "\n\n".join(blocks), html, None


def _media(source: Source, language: str, base_url: str) -> Iterator[_Shown]:
    for item in source.revision.media:
        rendition = source.renditions[item.asset.digest][download_profile(item.asset).key]
        alt, caption = item.alt.get(language, ""), item.caption.get(language, "")
        yield _Shown(item, alt, caption, base_url + file_path(rendition))


def _inline(source: Source, language: str, max_bytes: int) -> Placed | None:
    for item in source.revision.media[:1]:
        rendition = source.renditions[item.asset.digest][inline_profile(max_bytes).key]
        return Placed(
            rendition=rendition,
            kind=MediaKind.PHOTO,
            alt=item.alt.get(language, ""),
            credit=item.credit,
            caption=item.caption.get(language, ""),
            role="poster" if item.asset.kind is MediaKind.VIDEO else "main",
        )
    return None


def _text(source: Source, version: LanguageVersion, around: Frame, shown: list[_Shown], w: Words) -> str:
    blocks = [around.title, version.lead, plain(parse(version.body), links=True)]
    if shown:
        lines = [f"{w.media}:"]
        for number, one in enumerate(shown, 1):
            said = [one.caption or one.alt, f"{w.credit}: {one.item.credit}" if one.item.credit else ""]
            about = ". ".join(part.rstrip(".") for part in said if part)
            lines.append(f"{one.title(w, number)}{': ' if about else ''}{about}\n{one.address}")
        blocks.append("\n\n".join(lines))
    blocks += [f"{w.read}: {source.permanent_url}", around.asks_text, _foot_text(source, w)]
    return around.top_text + "\n\n".join(block for block in blocks if block)


def _foot_text(source: Source, w: Words) -> str:
    # "-- " and what follows is a signature: programs fold it away and leave it out of answers (RFC 3676, 4.3).
    return f"-- \n{w.why.format(office=source.office_name)}\n{w.unsubscribe}: {UNSUBSCRIBE}\n"


def _html(
    source: Source,
    version: LanguageVersion,
    around: Frame,
    shown: list[_Shown],
    inline: Placed | None,
    domain: str,
    w: Words,
) -> str:
    lead = f'<p class="lead">{escape(version.lead)}</p>' if version.lead else ""
    where = " · ".join([*source.region_names, *source.topic_names])
    head = escape(source.office_name) + (f" · {escape(where)}" if where else "")
    link = escape(source.permanent_url)
    return (
        f"{_head_html(source, version, around)}{around.top_html}"
        f"<header>{head}</header>\n<h1>{escape(around.title)}</h1>\n{lead}\n"
        f"{_figure(inline, domain, w) if inline else ''}\n"
        f"{clean_html(body_html(parse(version.body)))}\n"
        f"{_media_html(shown, w) if shown else ''}\n"
        f'<p><a href="{link}">{escape(w.read)}</a></p>\n{around.asks_html}{_foot_html(source, w)}'
    )


def _head_html(source: Source, version: LanguageVersion, around: Frame) -> str:
    return (
        f'<!doctype html><html lang="{escape(version.language)}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(around.title)}</title><style>{_STYLE}</style>{around.style}</head><body><main>\n"
    )


def _foot_html(source: Source, w: Words) -> str:
    return (
        f"<footer><p>{escape(w.why.format(office=source.office_name))}<br>"
        f'<a href="{UNSUBSCRIBE}">{escape(w.unsubscribe)}</a></p></footer>\n</main></body></html>\n'
    )


def _figure(inline: Placed, domain: str, w: Words) -> str:
    picture = inline.rendition
    words_below = [inline.caption, f"{w.credit}: {inline.credit}" if inline.credit else ""]
    below = " · ".join(escape(part) for part in words_below if part)
    caption = f"<figcaption>{below}</figcaption>" if below else ""
    return (
        f'<figure><img src="cid:{content_id(picture, domain)}" width="{picture.width}" height="{picture.height}" '
        f'alt="{escape(inline.alt)}">{caption}</figure>'
    )


def _media_html(shown: list[_Shown], w: Words) -> str:
    rows = []
    for number, one in enumerate(shown, 1):
        about = [one.caption or one.alt, f"{w.credit}: {one.item.credit}" if one.item.credit else ""]
        said = " · ".join(escape(part) for part in about if part)
        rows.append(
            f"<li>{escape(one.title(w, number))}{': ' if said else ''}{said} "
            f'<a href="{escape(one.address)}">{escape(w.download)}</a></li>'
        )
    return f"<h2>{escape(w.media)}</h2><ul>{''.join(rows)}</ul>"
