"""What stands on the simulated Facebook page: photos, videos, posts. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from distributor.sandbox.files import StoredFile


@dataclass
class Photo:
    """One photo, published by itself or waiting to be attached."""

    id: str
    file: StoredFile
    alt_text: str
    caption: str
    published: bool
    temporary: bool = False


@dataclass
class Video:
    """One video on its way in. `size` is what was announced."""

    id: str
    session: str
    size: int
    data: bytearray = field(default_factory=bytearray)
    file: StoredFile | None = None
    title: str = ""
    description: str = ""


@dataclass
class PagePost:
    """One post. Unpublished ones are not seen and can be published later. `author`: id and name of the visitor whose
    post it is; None for the page's own."""

    id: str
    at: datetime
    message: str = ""
    link: str = ""
    photos: list[Photo] = field(default_factory=list)
    video: Video | None = None
    published: bool = True
    deleted: bool = False
    updated: datetime | None = None
    author: tuple[str, str] | None = None
