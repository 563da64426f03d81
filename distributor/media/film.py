"""Writing video: MP4 with H.264 and AAC that begins to play before it is loaded. Runs in a confined child
only.

Touches the files that it is given. An original that already fits is copied packet by packet, without its
metadata; anything else is encoded anew within the profile's bytes. Nothing of the original's metadata is
carried over.
"""

from __future__ import annotations

import os
from fractions import Fraction

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from distributor.core.asset import MediaRefused, Profile
from distributor.media.photo import decoding, target_size
from distributor.media.video import THREADS, Footage, footage, opened, picture_stream

_CLOCK = Fraction(1, 90_000)
_MOST_RATE = 60
_MOST_AUDIO_BITS, _FEWEST_AUDIO_BITS = 128_000, 32_000
_BITS_PER_PIXEL = 0.11  # of H.264 at a quality where one sees no difference; a cap, not a goal
_FEWEST_BITS_PER_PIXEL = 0.02
_FEWEST_BITS = 60_000
_OVERHEAD = 0.94  # what is left for the streams after the container's index
_TRIES = 3
# Bit-exact: no version or time in the file, so that the same original gives the same bytes.
_MUX = {"movflags": "+faststart", "fflags": "+bitexact"}
_TURNS = {90: ("cclock",), 180: ("cclock", "cclock"), 270: ("clock",)}


def render_film(path: str, media_type: str, out: str, profile: Profile) -> tuple[int, int, float]:
    """Write the rendition of a video to `out`; returns width, height (pixels) and duration (seconds).

    MediaRefused: "too_long", "ratio", "cannot_fit", "broken".
    """
    seen = footage(path, media_type)
    if profile.max_duration is not None and seen.duration > profile.max_duration:
        raise MediaRefused("too_long", {"duration": round(seen.duration), "limit": round(profile.max_duration)})
    width, height = target_size(seen.width, seen.height, profile)
    with decoding():
        if _fits(seen, (width, height), profile, os.path.getsize(path)):
            _copy(path, media_type, out)
            if os.path.getsize(out) <= profile.max_bytes:
                return seen.width, seen.height, seen.duration
        for attempt in range(_TRIES):
            budget = profile.max_bytes * 8 * _OVERHEAD * 0.8**attempt / seen.duration
            tone_bits = min(_MOST_AUDIO_BITS, max(_FEWEST_AUDIO_BITS, int(budget / 5)))
            left = budget - (tone_bits if seen.audio else 0)
            size, bits = _plan(width, height, seen, left, profile)
            _encode(path, media_type, out, seen, size, (bits, tone_bits))
            if os.path.getsize(out) <= profile.max_bytes:
                return *size, seen.duration
    raise MediaRefused("cannot_fit", {"limit": profile.max_bytes})


def _fits(seen: Footage, size: tuple[int, int], profile: Profile, length: int) -> bool:
    """Whether the original can be copied: every player reads it, and it is within the profile."""
    return (
        (seen.video, seen.pixels) == ("h264", "yuv420p")
        and seen.audio in ("aac", None)
        and seen.square
        and size == (seen.width, seen.height)
        and length <= profile.max_bytes
    )


def _plan(width: int, height: int, seen: Footage, left: float, profile: Profile) -> tuple[tuple[int, int], int]:
    """Size in even pixels and bits a second for the picture, with `left` bits a second to spend."""
    rate = min(float(seen.rate), _MOST_RATE)
    scale = 1.0
    while left < _FEWEST_BITS_PER_PIXEL * width * height * scale * scale * rate and scale > 0.2:
        scale *= 0.8
    if left < _FEWEST_BITS:
        raise MediaRefused("cannot_fit", {"limit": profile.max_bytes})
    even = (max(2, int(width * scale) // 2 * 2), max(2, int(height * scale) // 2 * 2))
    good = max(400_000, _BITS_PER_PIXEL * even[0] * even[1] * rate)
    return even, int(min(left, good))


def _copy(path: str, media_type: str, out: str) -> None:
    """Packets as they are, into a new container: the picture, the first sound, nothing else."""
    with opened(path, media_type) as source, av.open(out, "w", format="mp4", options=dict(_MUX)) as target:
        chosen = [picture_stream(source), *source.streams.audio[:1]]
        streams = {stream.index: target.add_stream_from_template(stream) for stream in chosen}
        for stream in streams.values():
            stream.metadata.clear()
        for packet in source.demux(chosen):
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                target.mux(packet)


def _encode(path: str, media_type: str, out: str, seen: Footage, size: tuple[int, int], bits: tuple[int, int]) -> None:
    """Decode, turn, scale, encode. `size` in pixels as seen, `bits` a second for picture and sound."""
    with opened(path, media_type) as source, av.open(out, "w", format="mp4", options=dict(_MUX)) as target:
        picture = picture_stream(source)
        sound = source.streams.audio[0] if source.streams.audio else None
        film = _film_stream(target, seen, size, bits[0])
        tone = _tone_stream(target, sound, bits[1]) if sound is not None else None
        graph: Graph | None = None
        for packet in source.demux([stream for stream in (picture, sound) if stream is not None]):
            for frame in packet.decode():
                if isinstance(frame, VideoFrame):
                    graph = graph or _graph(picture, frame, seen, size)
                    graph.push(frame)
                    _drain(graph, film, target)
                elif tone is not None and isinstance(frame, AudioFrame):
                    target.mux(tone.encode(frame))
        if graph is None:
            raise MediaRefused("broken")
        graph.push(None)
        _drain(graph, film, target)
        target.mux(film.encode(None))
        if tone is not None:
            target.mux(tone.encode(None))


def _film_stream(target: OutputContainer, seen: Footage, size: tuple[int, int], bits: int) -> VideoStream:
    options = {
        "preset": "veryfast",
        "crf": "21",
        "maxrate": str(bits),
        "bufsize": str(bits * 2),
        "profile": "high",
        "x264-params": f"threads={THREADS}:keyint=250",
    }
    film = target.add_stream("libx264", rate=min(seen.rate, Fraction(_MOST_RATE)), options=options)
    film.width, film.height = size
    film.pix_fmt = "yuv420p"
    film.codec_context.time_base = _CLOCK
    return film


def _tone_stream(target: OutputContainer, sound: AudioStream, bits: int) -> AudioStream:
    tone = target.add_stream("aac", rate=48_000)
    tone.layout = "mono" if sound.layout.nb_channels == 1 else "stereo"
    tone.bit_rate = bits
    return tone


def _graph(picture: VideoStream, frame: VideoFrame, seen: Footage, size: tuple[int, int]) -> Graph:
    """Upright, in square pixels, of the wanted size, in the pixel format that every player reads."""
    graph = Graph()
    steps = [graph.add_buffer(template=picture)]
    if seen.rate > _MOST_RATE:
        steps.append(graph.add("fps", str(_MOST_RATE)))
    steps += [graph.add("transpose", direction) for direction in _TURNS.get(seen.turn, ())]
    steps.append(graph.add("scale", f"{size[0]}:{size[1]}:flags=lanczos"))
    steps += [graph.add("setsar", "1"), graph.add("format", "yuv420p"), graph.add("buffersink")]
    graph.link_nodes(*steps)
    graph.configure()
    return graph


def _drain(graph: Graph, film: VideoStream, target: OutputContainer) -> None:
    while True:
        try:
            frame = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):  # wants more, or has no more
            return
        if isinstance(frame, VideoFrame):
            frame.pict_type = av.video.frame.PictureType.NONE  # the encoder chooses its own key frames
            target.mux(film.encode(frame))
