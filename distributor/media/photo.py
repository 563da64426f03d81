"""Photos: from an original to the rendition that a channel can show. Runs in a confined child only.

Touches the files that it is given. Nothing of the original but its pixels reaches a rendition: no EXIF, no
place, no XMP, no comment, no thumbnail. Never crops, never enlarges, never turns a picture other than as
its camera said.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from PIL import Image, ImageCms, ImageOps

from distributor.core.asset import MediaRefused, Profile
from distributor.media.store import NO_ROOM

_ORIENTATION = 0x0112
_QUALITIES = (88, 82, 76, 70, 62, 54, 46)
_SMALLER = 0.8
_SMALLEST_SIDE = 240
_FORMATS = {"image/jpeg": "JPEG", "image/webp": "WEBP"}
_WHITE = (255, 255, 255)


@contextmanager
def decoding() -> Iterator[None]:
    """Whatever a decoder raises over a file means that the file is broken. Memory and disk are our own
    affair.
    """
    try:
        yield
    except (MediaRefused, MemoryError):
        raise
    except Exception as error:  # libraries raise anything over hostile bytes, from KeyError to struct.error
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise
        raise MediaRefused("broken") from error


def oriented_size(image: Image.Image) -> tuple[int, int]:
    """Width and height in pixels as a person sees the picture: EXIF orientations 5 to 8 lie on their side."""
    if image.getexif().get(_ORIENTATION) in (5, 6, 7, 8):
        return image.height, image.width
    return image.width, image.height


def target_size(width: int, height: int, profile: Profile) -> tuple[int, int]:
    """The size in pixels of a rendition. MediaRefused("ratio") when the profile cannot show this shape."""
    ratio = max(width, height) / min(width, height)
    if profile.max_ratio is not None and ratio > profile.max_ratio:
        raise MediaRefused("ratio", {"ratio": round(ratio, 1), "limit": profile.max_ratio})
    scale = min(1.0, profile.max_width / width, profile.max_height / height)
    if profile.max_sum is not None:
        scale = min(scale, profile.max_sum / (width + height))
    small, large = sorted((max(1, math.floor(width * scale)), max(1, math.floor(height * scale))))
    if profile.max_ratio is not None and large / small > profile.max_ratio:
        large = math.floor(small * profile.max_ratio)  # rounding made it narrower than allowed
    return (large, small) if width >= height else (small, large)


def render_photo(path: str, media_type: str, out: str, profile: Profile) -> tuple[int, int]:
    """Write the rendition of a photo to `out`; returns its width and height in pixels."""
    with (
        decoding(),
        Image.open(path, formats=["GIF" if media_type == "image/gif" else media_type[6:].upper()]) as image,
    ):
        width, height = target_size(*oriented_size(image), profile)
        image.draft(None, (max(width, height), max(width, height)))  # JPEG: skip detail that nobody will see
        picture = _plain(ImageOps.exif_transpose(image))
        picture = picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
        picture = _to_srgb(picture, image.info.get("icc_profile"))
    return write_photo(picture, out, profile)


def write_photo(picture: Image.Image, out: str, profile: Profile) -> tuple[int, int]:
    """Encode an RGB picture as well as the profile's bytes allow: less quality first, then fewer pixels."""
    clean = Image.new("RGB", picture.size, _WHITE)  # a new picture has no metadata to forget
    clean.paste(picture)
    while min(clean.size) >= min(_SMALLEST_SIDE, *picture.size):
        for quality in _QUALITIES:
            encoded = _encoded(clean, profile.media_type, quality)
            if len(encoded) <= profile.max_bytes:
                with open(out, "wb") as file:
                    file.write(encoded)
                return clean.size
        size = tuple(max(1, round(side * _SMALLER)) for side in clean.size)
        clean = clean.resize((size[0], size[1]), Image.Resampling.LANCZOS)
    raise MediaRefused("cannot_fit", {"limit": profile.max_bytes})


def _encoded(picture: Image.Image, media_type: str, quality: int) -> bytes:
    buffer = io.BytesIO()
    options: dict[str, Any] = {"quality": quality}
    if media_type == "image/jpeg":
        options |= {
            "progressive": True,
            "optimize": True,
            "subsampling": "4:4:4" if quality > 85 else "4:2:0",
        }
    else:
        options |= {"method": 4}
    picture.save(buffer, _FORMATS[media_type], **options)
    return buffer.getvalue()


def _plain(image: Image.Image) -> Image.Image:
    """The picture in RGB, L or CMYK, with transparent parts laid on white and 16 bits brought down to 8."""
    if image.mode.startswith("I;16") or image.mode == "I":
        # Pillow clips here instead of scaling: grey PNGs of 16 bits would come out white.
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        opaque = image.convert("RGBA")
        ground = Image.new("RGB", opaque.size, _WHITE)
        ground.paste(opaque, mask=opaque.getchannel("A"))
        return ground
    return image if image.mode in ("RGB", "L", "CMYK") else image.convert("RGB")


def _to_srgb(picture: Image.Image, icc: bytes | None) -> Image.Image:
    """Colours as sRGB, which is what every screen assumes of a picture without a profile."""
    if icc:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(picture, source, target, outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError):  # a profile that fits not these pixels says nothing about them
            return picture.convert("RGB")
    return picture.convert("RGB")
