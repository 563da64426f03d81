"""Files the sandbox keeps in memory, and a look into them: kind, measures, length.

Reads pictures with Pillow and videos with PyAV, as the platforms read what they are given. Touches no disk and no
network, and never changes a byte of what was uploaded.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass

from PIL import Image

PIXELS_AT_MOST = 120_000_000
"""Pillow is not asked to open more; a platform refuses such a picture by its measures long before."""


@dataclass(frozen=True)
class Look:
    """What a file shows itself to be. Width and height in pixels, seconds for video; zeros where unknown."""

    mime: str
    width: int = 0
    height: int = 0
    seconds: float = 0.0
    animated: bool = False

    @property
    def is_image(self) -> bool:
        """A still or animated picture."""
        return self.mime.startswith("image/")

    @property
    def is_video(self) -> bool:
        """A video with at least one picture track."""
        return self.mime.startswith("video/")


@dataclass(frozen=True)
class StoredFile:
    """Bytes with their name and look, as one upload brought them."""

    number: int
    name: str
    data: bytes
    look: Look

    @property
    def sha256(self) -> str:
        """Hex digest, to compare what arrived with what was sent."""
        return hashlib.sha256(self.data).hexdigest()


def look_at(data: bytes) -> Look:
    """Finds out what `data` is, by content and never by name."""
    image = _look_at_image(data)
    if image is not None:
        return image
    head = data[:16]
    if head[4:8] == b"ftyp" or head[:4] == b"\x1a\x45\xdf\xa3":
        return _look_at_video(data)
    return Look("application/pdf" if head.startswith(b"%PDF-") else "application/octet-stream")


def _look_at_image(data: bytes) -> Look | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as image:
                mime = Image.MIME.get(image.format or "", "application/octet-stream")
                width, height = image.size
                if width * height <= PIXELS_AT_MOST:
                    image.load()
                return Look(mime, width, height, animated=bool(getattr(image, "is_animated", False)))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _look_at_video(data: bytes) -> Look:
    import av  # only where a video comes: it is a heavy library

    try:
        with av.open(io.BytesIO(data), "r") as container:
            if not container.streams.video:
                return Look("application/octet-stream")
            stream = container.streams.video[0]
            seconds = (container.duration or 0) / 1_000_000
            mime = "video/webm" if "webm" in container.format.name else "video/mp4"
            return Look(mime, stream.width, stream.height, seconds)
    except (av.FFmpegError, ValueError):
        return Look("application/octet-stream")


class Files:
    """Every file anyone uploaded, by number. The page shows them under /sandbox/media/<number>."""

    def __init__(self) -> None:
        self.stored: dict[int, StoredFile] = {}
        self._looks: dict[bytes, Look] = {}

    def look(self, data: bytes) -> Look:
        """What `data` is; looked into once, however often it comes."""
        digest = hashlib.sha256(data).digest()
        if digest not in self._looks:
            self._looks[digest] = look_at(data)
        return self._looks[digest]

    def keep(self, data: bytes, name: str = "") -> StoredFile:
        """Keeps `data` and gives the record of it."""
        file = StoredFile(len(self.stored) + 1, name, data, self.look(data))
        self.stored[file.number] = file
        return file
