"""The anatomy of a file: where each format begins and ends, and what lies behind its end.

Pure functions over bytes; decodes nothing. Knows each format by its first bytes and never by a name.

The rule for what lies behind the end. Refusing every trailing byte would refuse the photos of most phones:
Samsung appends its own directory (SEF), Pixel and Samsung append the film of a motion photo, iPhone and
Android append further pictures (multi-picture format, gain map of Ultra HDR), and some writers pad with
zeros. So a tail is taken when it is wholly made of such parts, each walked to its own end. Anything else is
a polyglot: nobody can say what it is, and the file is offered for download. A ZIP directory is looked for
everywhere, because a ZIP is read from its end and can hide in any part; so is markup in the parts that hold
text, because lenient readers act on it.
"""

from __future__ import annotations

import re
import struct

from distributor.core.asset import MediaRefused
from distributor.media.boxes import Bytes, check_iso, check_webm, walk_boxes

_ENTROPY_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_SCRIPT = re.compile(rb"<\?php\s|<script[\s>]|<html[\s>]|<!doctype\s+html|<iframe[\s>]|%PDF-1", re.IGNORECASE)
_PLAYLIST = re.compile(
    rb"\s*(?:#EXTM3U|ffconcat|\[playlist\]|\[reference\]|rtsp://|https?://"
    rb"|(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?<(?:smil|asx|mpd|playlist)[\s>])",
    re.IGNORECASE | re.DOTALL,
)
_ZIP_END = b"PK\x05\x06"
_ZIP_TAIL = 22 + 0xFFFF
_STILL_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis", b"jxl "})


def sniff(head: bytes) -> str:
    """Media type by content. `head`: the first kilobyte. MediaRefused: "empty", "playlist", "type"."""
    if not head:
        raise MediaRefused("empty")
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp" and head[8:12] not in _STILL_BRANDS:
        return "video/quicktime" if head[8:12] == b"qt  " else "video/mp4"
    if head.startswith(b"\x1a\x45\xdf\xa3") and b"webm" in head[:64]:
        return "video/webm"
    if _PLAYLIST.match(head.removeprefix(b"\xef\xbb\xbf")):
        raise MediaRefused("playlist")
    raise MediaRefused("type")


def check_photo(data: Bytes, media_type: str) -> None:
    """Walk a photo to its end and judge the rest. MediaRefused: "broken", "polyglot"."""
    walk = {"image/jpeg": _jpeg, "image/png": _png, "image/gif": _gif, "image/webp": _webp}[media_type]
    texts: list[bytes] = []
    try:
        end = walk(data, 0, texts)
        texts.append(data[end:])
        if media_type == "image/jpeg":
            end = _camera_tail(data, end, texts)
    except (IndexError, struct.error):
        raise MediaRefused("broken") from None
    _judge(data, end, texts)


def check_video(data: Bytes, media_type: str) -> bool:
    """Walk a video to its end and judge the rest; returns whether it tells a place.

    MediaRefused: "broken", "polyglot", "playlist".
    """
    if media_type == "video/webm":
        _judge(data, check_webm(data), [])
        return False
    end, texts, has_location = check_iso(data)
    _judge(data, end, texts)
    return has_location


def _judge(data: Bytes, end: int, texts: list[bytes]) -> None:
    """Refuse a file with anything but zeros behind its end, with markup in its texts, or with an archive."""
    if data[end:].strip(b"\0") or any(_SCRIPT.search(text) for text in texts) or has_zip(data):
        raise MediaRefused("polyglot")


def has_zip(data: Bytes) -> bool:
    """Whether a ZIP reader would find an archive: an end record near the end, and a directory entry."""
    return data.find(_ZIP_END, max(0, len(data) - _ZIP_TAIL)) >= 0 and data.find(b"PK\x01\x02") >= 0


def _jpeg(data: Bytes, start: int, texts: list[bytes]) -> int:
    """From SOI at `start` to behind EOI (ITU-T T.81, annex B)."""
    at = start + 2
    while True:
        if data[at] != 0xFF:
            raise MediaRefused("broken")
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker == 0xD9:
            return at + 2
        elif marker == 0x01 or 0xD0 <= marker <= 0xD7:
            at += 2
        else:
            (length,) = struct.unpack_from(">H", data, at + 2)
            segment = data[at + 4 : at + 2 + length]
            at += 2 + length
            if marker >= 0xE0:
                texts.append(segment)
            elif marker == 0xDA:
                after = _ENTROPY_END.search(data, at)
                if after is None:
                    raise MediaRefused("broken")
                at = after.start()


def _camera_tail(data: Bytes, at: int, texts: list[bytes]) -> int:
    """Behind the first picture: further pictures, a motion photo's film, Samsung's directory, padding."""
    samsung = _samsung_start(data)
    while at < len(data):
        zeros = len(data) - at - len(data[at:].lstrip(b"\0"))
        if samsung is not None and at + zeros >= samsung >= at:
            return len(data)
        at += zeros
        if data[at : at + 3] == b"\xff\xd8\xff":
            at = _jpeg(data, at, texts)
        elif (film := data.find(b"ftyp", at, at + 8)) >= 4:  # its size, before the name, begins with zeros
            at = walk_boxes(data, film - 4, samsung or len(data))
        else:
            return at
    return at


def _samsung_start(data: Bytes) -> int | None:
    """Where Samsung's trailer begins: SEFH, entries with offsets backwards from it, a length, SEFT."""
    if data[-4:] != b"SEFT" or len(data) < 20:
        return None
    length: int = struct.unpack_from("<I", data, len(data) - 8)[0]
    head = len(data) - 8 - length
    if head < 0 or data[head : head + 4] != b"SEFH":
        return None
    (count,) = struct.unpack_from("<I", data, head + 8)
    if length != 12 + 12 * count or not count:
        return None
    offsets = [struct.unpack_from("<I", data, head + 12 + 12 * number + 4)[0] for number in range(count)]
    return head - int(max(offsets))


def _png(data: Bytes, start: int, texts: list[bytes]) -> int:
    """From the signature to behind IEND. Bytes behind IEND are also how a cropped screenshot leaks its
    past.
    """
    at: int = start + 8
    while True:
        length, name = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            raise MediaRefused("broken")
        if name not in (b"IDAT", b"PLTE"):
            texts.append(data[at + 8 : at + 8 + length])
        at += 12 + length
        if name == b"IEND":
            return at


def _gif(data: Bytes, start: int, texts: list[bytes]) -> int:
    """From the header to behind the trailer 0x3B (GIF89a specification, sections 17 to 27)."""

    def blocks(at: int, kept: list[bytes] | None) -> int:
        while data[at]:
            if kept is not None:
                kept.append(data[at + 1 : at + 1 + data[at]])
            at += 1 + data[at]
        return at + 1

    flags = data[start + 10]
    at = start + 13 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
    while data[at] != 0x3B:
        if data[at] == 0x21:
            pieces: list[bytes] = []
            at = blocks(at + 2, pieces)
            texts.append(b"".join(pieces))
        elif data[at] == 0x2C:
            flags = data[at + 9]
            at = blocks(at + 11 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0), None)
        else:
            raise MediaRefused("broken")
    return at + 1


def _webp(data: Bytes, start: int, texts: list[bytes]) -> int:
    """From RIFF to the end of its declared size (RFC 9649)."""
    (size,) = struct.unpack_from("<I", data, start + 4)
    end = start + 8 + int(size)
    if end > len(data):
        raise MediaRefused("broken")
    at = start + 12
    while at + 8 <= end:
        name, length = struct.unpack_from("<4sI", data, at)
        if name in (b"EXIF", b"XMP ", b"ICCP"):
            texts.append(data[at + 8 : at + 8 + length])
        at += 8 + length + length % 2
    return end
