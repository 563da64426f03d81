"""Reading video: what a file holds, its pictures as they are meant to be seen. Runs in a confined child
only.

Touches the file that it is given, and nothing that the file points to: the container is named, not guessed,
so no playlist is ever parsed; `file` is the only protocol; only the decoders on the list are opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

import av
from av.container import InputContainer
from av.video.stream import VideoStream
from PIL import Image, ImageStat

from distributor.core.asset import MediaRefused, Profile
from distributor.media.photo import decoding, target_size, write_photo

_DEMUXERS = {"video/mp4": "mov", "video/quicktime": "mov", "video/webm": "matroska"}
_VIDEO = frozenset({"h264", "hevc", "vp9", "av1"})
# PCM is what professional cameras record beside H.264 in MOV; its decoders only copy.
_AUDIO = frozenset({"aac", "opus", "mp3", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be"})
_OPEN = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm",
    "codec_whitelist": "h264,hevc,vp9,libdav1d,av1,aac,opus,libopus,mp3,mp3float,"
    "pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be",
}
THREADS = 2
_DARK = 24.0
_POSTER_WITHIN = 3.0


@dataclass(frozen=True, slots=True)
class Footage:
    """What a video is. `width` and `height` in pixels as seen (turned, with square pixels), `duration`
    in seconds, `turn` in degrees counterclockwise, `rate` in frames a second; `audio` is None for a
    silent video.
    """

    width: int
    height: int
    duration: float
    turn: int
    square: bool
    rate: Fraction
    video: str
    pixels: str
    audio: str | None


@contextmanager
def opened(path: str, media_type: str) -> Iterator[InputContainer]:
    """An original, opened as the container that its content says."""
    container = av.open(path, "r", format=_DEMUXERS[media_type], options=dict(_OPEN), metadata_errors="replace")
    with container:
        yield container


def picture_stream(container: InputContainer) -> VideoStream:
    """The stream with the moving picture; cover art does not count. MediaRefused("type") without one."""
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            stream.codec_context.thread_count = THREADS
            return stream
    raise MediaRefused("type")


def footage(path: str, media_type: str) -> Footage:
    """Look at a video: check its codecs, decode its first picture. MediaRefused: "codec", "broken",
    "type".
    """
    with decoding(), opened(path, media_type) as container:
        stream = picture_stream(container)
        sound = container.streams.audio[0] if container.streams.audio else None
        for found, allowed in ((stream, _VIDEO), (sound, _AUDIO)):
            name = _codec(found) if found is not None else None
            if name is not None and name not in allowed:
                raise MediaRefused("codec", {"codec": name})
        duration = _duration(container, stream)
        frame = next(container.decode(stream), None)
        if frame is None or not duration > 0:
            raise MediaRefused("broken")
        turn = round(frame.rotation / 90) * 90 % 360
        aspect = stream.sample_aspect_ratio or Fraction(1)
        width, height = max(1, round(frame.width * aspect)), frame.height
        return Footage(
            width=height if turn % 180 else width,
            height=width if turn % 180 else height,
            duration=round(duration, 3),
            turn=turn,
            square=aspect == 1,
            rate=Fraction(stream.average_rate or 25),
            video=_codec(stream) or "",
            pixels=frame.format.name,
            audio=_codec(sound) if sound is not None else None,
        )


def render_poster(path: str, media_type: str, out: str, profile: Profile) -> tuple[int, int]:
    """Write a still of a video to `out`: the first picture that is not dark, within the first seconds."""
    seen = footage(path, media_type)
    size = target_size(seen.width, seen.height, profile)
    first: Image.Image | None = None
    with decoding(), opened(path, media_type) as container:
        for frame in container.decode(picture_stream(container)):
            image: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]  # PyAV leaves its options untyped
            first = first or image
            if ImageStat.Stat(image.convert("L").resize((32, 32))).mean[0] > _DARK:
                first = image
                break
            if (frame.time or 0.0) > _POSTER_WITHIN:
                break
        if first is None:
            raise MediaRefused("broken")
        upright = first.rotate(seen.turn, expand=True) if seen.turn else first
        still = upright.resize(size, Image.Resampling.LANCZOS)
    return write_photo(still, out, profile)


def _codec(stream: av.stream.Stream) -> str | None:
    """The canonical name of a stream's codec; "unknown" where no decoder of ours knows it."""
    context = stream.codec_context
    return context.codec.canonical_name if context is not None else "unknown"


def _duration(container: InputContainer, stream: VideoStream) -> float:
    """Seconds, from the container, else from the stream, else from the last packet (WebM recorded live)."""
    if container.duration:
        return container.duration / av.time_base
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    last = 0.0
    for packet in container.demux(stream):
        if packet.pts is not None and packet.time_base:
            last = max(last, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    container.seek(0)
    return last
