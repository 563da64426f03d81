"""The probe: what a file is, found by its content. Runs in a confined child only (see `bench.py`).

Touches the one file that it is given. Never trusts a name, an extension or a declared type; never lets a
library choose a decoder that is not on the lists below; reads a picture's size from its header before it
decodes it.
"""

from __future__ import annotations

import mmap
import os
from typing import Any

from PIL import Image

from distributor.core.asset import MediaKind, MediaRefused
from distributor.media.anatomy import check_photo, check_video, sniff
from distributor.media.photo import decoding, oriented_size
from distributor.media.video import footage

_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/gif": "GIF"}
_GPS = 0x8825  # the tag of the GPS directory, Exif 2.32, 4.6.3


def probe(path: str, limits: dict[str, Any]) -> dict[str, Any]:
    """Judge a file and describe it: the fields of an Asset but for digest, size and name.

    `limits`: `pixels`, `photo_bytes`, `duration` (seconds). MediaRefused when it is not taken.
    """
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        media_type = sniff(file.read(1024))
        if media_type.startswith("image/") and size > limits["photo_bytes"]:
            raise MediaRefused("too_large", {"size": size, "limit": limits["photo_bytes"]})
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if media_type.startswith("image/"):
                check_photo(data, media_type)
                return _photo(path, media_type, limits["pixels"])
            has_location = check_video(data, media_type)
    return _video(path, media_type, limits) | {"has_location": has_location}


def _photo(path: str, media_type: str, most_pixels: int) -> dict[str, Any]:
    """Decode a photo once, at the smallest scale that still reads every byte of it."""
    Image.MAX_IMAGE_PIXELS = None  # Pillow refuses at twice its limit only; the check below is exact
    with decoding(), Image.open(path, formats=[_FORMATS[media_type]]) as image:
        pixels = image.width * image.height
        if pixels > most_pixels:
            raise MediaRefused("too_many_pixels", {"pixels": pixels, "limit": most_pixels})
        # A JPEG with several pictures (MPO) shows its first; GIF, PNG and WebP would move.
        if media_type != "image/jpeg" and getattr(image, "is_animated", False):
            raise MediaRefused("animated")
        width, height = oriented_size(image)
        has_location = bool(image.getexif().get_ifd(_GPS)) or b"exif:GPS" in _xmp(image)
        image.draft("RGB", (1, 1))
        image.load()
    return {
        "kind": MediaKind.PHOTO,
        "media_type": media_type,
        "width": width,
        "height": height,
        "duration": None,
        "has_location": has_location,
    }


def _xmp(image: Image.Image) -> bytes:
    found = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    return found.encode() if isinstance(found, str) else bytes(found)


def _video(path: str, media_type: str, limits: dict[str, Any]) -> dict[str, Any]:
    """Open a video, decode its first pictures, and check that its length and size are bearable."""
    seen = footage(path, media_type)
    if seen.width * seen.height > limits["pixels"]:
        pixels = seen.width * seen.height
        raise MediaRefused("too_many_pixels", {"pixels": pixels, "limit": limits["pixels"]})
    if seen.duration > limits["duration"]:
        raise MediaRefused("too_long", {"duration": round(seen.duration), "limit": round(limits["duration"])})
    return {
        "kind": MediaKind.VIDEO,
        "media_type": media_type,
        "width": seen.width,
        "height": seen.height,
        "duration": seen.duration,
    }
