"""Assets, profiles, renditions: the words in which the domain speaks about photos and video.

Pure data and one port. Touches no file, no clock and no library; the work is done by `distributor.media`.
Never decodes anything and never trusts a file name: a name is kept only to be shown to people.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Protocol


class MediaKind(StrEnum):
    """What an original is. Documents are not accepted: nothing here could check or clean them."""

    PHOTO = "photo"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class Asset:
    """An original file, known by the SHA-256 of its bytes.

    `width` and `height` are pixels as a person sees them (orientation applied); `duration` is in seconds and
    None for photos; `size` is in bytes. `name` is the cleaned original file name, for people only.
    `has_location` tells that the original carries a place (GPS), which no rendition does.
    """

    digest: str
    kind: MediaKind
    media_type: str
    size: int
    width: int
    height: int
    duration: float | None
    name: str
    has_location: bool


@dataclass(frozen=True, slots=True)
class Profile:
    """The recipe of a rendition: what one channel can show.

    Widths, heights and `max_sum` (width + height, Telegram's rule) are pixels, `max_bytes` bytes,
    `max_duration` seconds, `max_ratio` the longer side over the shorter. A profile of kind photo asked of a
    video gives its poster frame. Pictures are never enlarged and never cropped.
    """

    name: str
    kind: MediaKind
    media_type: str
    max_width: int
    max_height: int
    max_bytes: int
    max_sum: int | None = None
    max_ratio: float | None = None
    max_duration: float | None = None

    def __post_init__(self) -> None:
        """Refuse a recipe that nothing could satisfy, or whose name could not stand in a file name."""
        if not self.name or not all(c.isascii() and (c.isalnum() or c in "-_") for c in self.name):
            raise ValueError(f"profile name {self.name!r} must be ASCII letters, digits, '-' or '_'")
        if min(self.max_width, self.max_height) < 2 or self.max_bytes < 1:
            raise ValueError(f"profile {self.name!r} leaves no room for a picture")

    @property
    def key(self) -> str:
        """A stable name of exactly this recipe: `name-xxxxxxxxxxxx`. It differs when any limit differs."""
        recipe = "|".join(f"{field.name}={getattr(self, field.name)}" for field in fields(self))
        return f"{self.name}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True)
class Rendition:
    """A form of an asset made for one channel. `asset` the original's digest, `profile` a profile's key."""

    asset: str
    profile: str
    digest: str
    media_type: str
    size: int
    width: int
    height: int
    duration: float | None


REFUSALS: Mapping[str, str] = MappingProxyType(
    {
        "type": "This kind of file is not accepted. Send a JPEG, PNG, WebP or GIF, or an MP4 or WebM video.",
        "broken": "The file is damaged or incomplete. Send it again from the original.",
        "empty": "The file is empty.",
        "animated": "Animated pictures are not accepted. Send a still photo, or a video.",
        "too_many_pixels": "The picture has {pixels} pixels; at most {limit} are accepted.",
        "too_large": "The file is too large: {size} bytes, at most {limit} are accepted.",
        "cannot_fit": "The file cannot be made small enough: this channel takes at most {limit} bytes.",
        "ratio": "The picture is too long and narrow: {ratio} to 1, this channel shows at most {limit} to 1.",
        "too_long": "The video lasts {duration} seconds; at most {limit} are accepted.",
        "playlist": "The file is a playlist that points to other files, not a video.",
        "codec": "A video encoded with {codec} is not accepted. Send H.264, HEVC, VP9 or AV1.",
        "polyglot": "The file carries more than a picture or video. Save it anew and send that.",
        "gone": "The file is not in the media store any more, or was altered there. Send it again.",
        "kind": "A photo cannot become a video.",
        "timeout": "The file took too long to process. Send a smaller or simpler one.",
        "crashed": "The file could not be processed within the allowed memory and time.",
    }
)
"""Code -> plain English. The codes are stable; translations are kept by code elsewhere."""


class MediaRefused(Exception):
    """A file that is not taken, with a stable `code` (a key of REFUSALS) and the `params` of its message."""

    def __init__(self, code: str, params: Mapping[str, str | int | float] | None = None) -> None:
        self.code = code
        self.params: dict[str, str | int | float] = dict(params or {})
        super().__init__(REFUSALS[code].format_map(self.params))


class DiskFull(Exception):
    """The store has no room left. Nothing was acknowledged and no part of the file remains."""


class Altered(FileNotFoundError):
    """There is a file, and it is not the one that was stored under this digest: as good as none."""


class Media(Protocol):
    """What the office needs from the place where media is kept. Implemented by `distributor.media`."""

    async def ingest(self, source: AsyncIterator[bytes] | bytes | Path, name: str) -> Asset:
        """Check and keep an original. Returns only when its bytes are safely on disk.

        Raises MediaRefused for a file that is not taken, DiskFull when it cannot be kept.
        """
        ...

    async def render(self, asset: Asset, profile: Profile) -> Rendition:
        """Make, or find again, the rendition of an asset for a profile. Same asset and profile, same bytes.

        Raises MediaRefused when no rendition can satisfy the profile, DiskFull when it cannot be kept.
        """
        ...

    def open(self, digest: str) -> Path:
        """Local path of stored bytes, original or rendition. ValueError for a digest that is not SHA-256 hex,
        FileNotFoundError when nothing is stored under it, or something else lies there than what was stored.
        """
        ...

    async def read(self, digest: str) -> Path:
        """The same without holding up the event loop, whatever has to be hashed."""
        ...
