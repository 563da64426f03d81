"""What the newsroom shows to everybody: the forms of its files, their addresses, and the HTML it may hold.

Pure. Shared by the channels that are the website or lead to it. An original never has a public address: it may tell
where and with what it was taken. What readers download is a rendition of full size, with pixels and nothing else.
"""

from __future__ import annotations

import nh3

from distributor.core.asset import Asset, MediaKind, Profile, Rendition

# What core.markup writes, and nothing more. It is the second wall: markup escapes, this removes.
_TAGS = {"p", "h2", "blockquote", "ul", "ol", "li", "strong", "em", "s", "code", "a", "br"}
_ATTRIBUTES = {"a": {"href"}, "ol": {"start"}}
_SCHEMES = {"http", "https", "mailto", "tel"}

_EXTENSIONS = {"image/jpeg": ".jpg", "image/webp": ".webp", "video/mp4": ".mp4", "video/webm": ".webm"}


def download_profile(asset: Asset) -> Profile:
    """The form of an asset that readers download: a photo of full size, or a video that every browser plays."""
    if asset.kind is MediaKind.VIDEO:
        # 1920 + 1080: full high definition, lying or standing.
        return Profile("video", MediaKind.VIDEO, "video/mp4", 1920, 1920, 500_000_000, max_sum=3000)
    return Profile("full", MediaKind.PHOTO, "image/jpeg", 6000, 6000, 20_000_000)


def file_path(rendition: Rendition) -> str:
    """The path at which the newsroom serves a file, once a published page shows it."""
    return f"/media/{rendition.digest}{_EXTENSIONS.get(rendition.media_type, '')}"


def clean_html(html: str) -> str:
    """HTML with the tags, attributes and link schemes that a release may have; all else is gone, its words stay."""
    return nh3.clean(html, tags=_TAGS, attributes=_ATTRIBUTES, url_schemes=_SCHEMES, link_rel="noopener noreferrer")
