"""Makers of real files for the tests of media."""

from __future__ import annotations

import io
import struct
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from av.video.stream import VideoStream
from PIL import Image


class Workbook:
    """Makers of files."""

    @staticmethod
    def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, form, **options)
        return buffer.getvalue()

    @staticmethod
    def archive() -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("Main.class", b"\xca\xfe\xba\xbe" * 10)
        return buffer.getvalue()

    @staticmethod
    def samsung_trailer() -> bytes:
        """One block and its directory, as Samsung's cameras append them (layout: ExifTool, Samsung.pm)."""
        block = struct.pack("<HHI", 0, 0x0A01, 14) + b"Image_UTC_Data" + b"1700000000000"
        entry = struct.pack("<HHII", 0, 0x0A01, len(block), len(block))
        directory = b"SEFH" + struct.pack("<II", 107, 1) + entry
        return block + directory + struct.pack("<I", len(directory)) + b"SEFT"

    @staticmethod
    def film(
        path: Path,
        codec: str = "libx264",
        form: str = "mp4",
        size: tuple[int, int] = (320, 180),
        seconds: float = 1.0,
        turn: int = 0,
        metadata: dict[str, str] | None = None,
        audio: str | None = None,
    ) -> bytes:
        """A film whose left half is red and right half blue, at 25 frames a second."""
        picture = Image.new("RGB", size, (220, 20, 20))
        picture.paste((20, 20, 220), (size[0] // 2, 0, size[0], size[1]))
        with av.open(str(path), "w", format=form) as target:
            stream = target.add_stream(codec, rate=25)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            stream.codec_context.thread_count = 1
            if turn:
                stream.set_display_rotation(turn)
            target.metadata.update(metadata or {})
            sound = target.add_stream(audio, rate=48000) if audio else None
            for number in range(round(seconds * 25)):
                frame: av.VideoFrame = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]
                frame.pts, frame.time_base = number, Fraction(1, 25)
                target.mux(stream.encode(frame))
            target.mux(stream.encode(None))
            if isinstance(sound, AudioStream):
                silence = av.AudioFrame(format="s16", layout="stereo", samples=48000)
                silence.planes[0].update(bytes(48000 * 4))
                silence.sample_rate, silence.pts, silence.time_base = 48000, 0, Fraction(1, 48000)
                target.mux(sound.encode(silence))
                target.mux(sound.encode(None))
        return path.read_bytes()
