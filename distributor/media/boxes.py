"""The boxes of video files: ISO media (MP4, MOV) and EBML (WebM), walked to their end.

Pure functions over bytes or a memory map; decodes nothing. A truncated upload is found here, by its own
declared sizes, long before a decoder sees it.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from mmap import mmap

from distributor.core.asset import MediaRefused

Bytes = bytes | mmap
_LOCATION = re.compile(rb"\xa9xyz|location\.ISO6709|exif:GPS|loci[\0-\xff]{4}")
_REFERENCE = re.compile(rb"rmra|rmda|rdrf")  # QuickTime reference movies: a playlist in a MOV file
_EBML_SEGMENT = 0x18538067


def boxes(data: Bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of each box of an ISO media file in data[at:end] (ISO/IEC 14496-12, 4.2).

    Stops at the first place that is no box. MediaRefused("broken") where a box reaches beyond the end.
    """
    while at + 8 <= end:
        size, name = struct.unpack_from(">I4s", data, at)
        if not all(0x20 <= letter < 0x7F or letter == 0xA9 for letter in name):
            return
        if size == 1 and at + 16 <= end:
            (size,) = struct.unpack_from(">Q", data, at + 8)
        elif size == 0:
            size = end - at
        if size < 8 or at + size > end:
            raise MediaRefused("broken")
        yield name, at, at + size
        at += size


def walk_boxes(data: Bytes, at: int, end: int) -> int:
    """Where the boxes in data[at:end] stop."""
    for _, _, at in boxes(data, at, end):  # noqa: B007, B020  # the last end is the answer
        pass
    return at


def check_iso(data: Bytes) -> tuple[int, list[bytes], bool]:
    """Walk an MP4 or MOV file. Returns where it ends, its parts that are not picture or sound, and whether it
    tells a place. MediaRefused: "broken" (cut off, or without an index), "playlist" (points to other files).
    """
    end, names, texts = 0, set(), []
    for name, start, end in boxes(data, 0, len(data)):  # the last end is used below
        names.add(name)
        if name != b"mdat":
            texts.append(data[start:end])
    if b"moov" not in names or not names & {b"mdat", b"moof"}:
        raise MediaRefused("broken")
    if any(text[4:8] == b"moov" and _REFERENCE.search(text) for text in texts):
        raise MediaRefused("playlist")
    return end, texts, any(_LOCATION.search(text) for text in texts)


def check_webm(data: Bytes) -> int:
    """Walk the header and the segment of a WebM file; returns where it ends (RFC 8794, section 6).

    A recording made live says no size for its segment and ends with the file; nothing can be told of its
    tail.
    """
    at = 0
    while at < len(data):
        identity, at = _number(data, at, keep_marker=True)
        size, at = _number(data, at, keep_marker=False)
        if size is None:
            if identity != _EBML_SEGMENT:
                raise MediaRefused("broken")
            return len(data)
        at += size
        if at > len(data):
            raise MediaRefused("broken")
        if identity == _EBML_SEGMENT:
            return at
    raise MediaRefused("broken")


def _number(data: Bytes, at: int, *, keep_marker: bool) -> tuple[int | None, int]:
    """A variable-size number of EBML and the place behind it; None stands for "unknown"."""
    if at >= len(data) or not data[at]:
        raise MediaRefused("broken")
    length = 9 - data[at].bit_length()
    value = int.from_bytes(data[at : at + length], "big")
    if keep_marker:
        return value, at + length
    ones = (1 << 7 * length) - 1
    value &= ones
    return (None if value == ones else value), at + length
