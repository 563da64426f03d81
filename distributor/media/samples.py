"""Sample photos and a sample video for the demonstration and the tests, drawn from nothing.

Touches memory only (the video is written to a temporary folder, for its index goes to the front). The same
call gives the same bytes on the same libraries. One photo carries a place on purpose, so that one can see
it vanish.
"""

from __future__ import annotations

import io
import math
import random
import tempfile
from array import array
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image, ImageChops, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
WIDTH, HEIGHT = 1600, 1067
_RATE = 25
_SOUND_RATE = 48_000
_SOUND_PIECE = 1024
_ORIENTATION, _MAKE, _DESCRIPTION, _GPS = 0x0112, 0x010F, 0x010E, 0x8825
# Old Tbilisi, in degrees, minutes and seconds, as Exif 2.32 (4.6.6) writes a place.
_PLACE = {1: "N", 2: (41.0, 41.0, 24.0), 3: "E", 4: (44.0, 48.0, 27.0)}


def sample_photos(count: int) -> list[tuple[str, bytes]]:
    """Name and bytes of `count` different JPEGs, 1600 x 1067; the first has GPS coordinates in its EXIF."""
    scenes: list[tuple[str, Callable[[random.Random, int, int], Image.Image]]] = [
        ("mountains", _mountains),
        ("city", _city),
        ("sea", _sea),
        ("fields", _fields),
    ]
    photos = []
    for number in range(count):
        name, scene = scenes[number % len(scenes)]
        chance = random.Random(number)  # noqa: S311  # pictures, not secrets; the seed makes them repeatable
        picture = _grain(scene(chance, WIDTH, HEIGHT), chance)
        photos.append((f"{name}-{number + 1}.jpg", _jpeg(picture, with_place=number == 0)))
    return photos


def sample_video(seconds: float = 3.0) -> tuple[str, bytes]:
    """Name and bytes of an MP4, 640 x 360, H.264 with an AAC tone: a slow look over a range of mountains."""
    chance = random.Random(7)  # noqa: S311  # as above
    width, height = 640, 360
    frames = round(seconds * _RATE)
    scene = _mountains(chance, width + 2 * frames, height)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample.mp4"
        mux = {"movflags": "+faststart", "fflags": "+bitexact"}
        with av.open(str(path), "w", format="mp4", options=mux) as film:
            options = {"preset": "veryfast", "crf": "24", "x264-params": "threads=1"}
            picture = film.add_stream("libx264", rate=_RATE, options=options)
            picture.width, picture.height, picture.pix_fmt = width, height, "yuv420p"
            tone = film.add_stream("aac", rate=_SOUND_RATE)
            tone.layout = "mono"
            for number in range(frames):
                view = scene.crop((2 * number, 0, 2 * number + width, height))
                frame: av.VideoFrame = av.VideoFrame.from_image(view)  # type: ignore[no-untyped-call]
                frame.pts, frame.time_base = number, Fraction(1, _RATE)
                film.mux(picture.encode(frame))
            film.mux(picture.encode(None))
            for sound in _tone(seconds):
                film.mux(tone.encode(sound))
            film.mux(tone.encode(None))
        return "mountains.mp4", path.read_bytes()


def _tone(seconds: float) -> list[av.AudioFrame]:
    """A quiet chord that swells and fades, as frames of 1024 samples."""
    total = int(seconds * _SOUND_RATE) // _SOUND_PIECE
    frames = []
    for number in range(total):
        swell = 3000 * math.sin(math.pi * number / total)
        samples = array("h")
        for step in range(_SOUND_PIECE):
            time = (number * _SOUND_PIECE + step) / _SOUND_RATE * math.tau
            samples.append(int(swell * (math.sin(220 * time) + math.sin(330 * time))))
        frame = av.AudioFrame(format="s16", layout="mono", samples=_SOUND_PIECE)
        frame.planes[0].update(samples.tobytes())
        frame.sample_rate, frame.pts = _SOUND_RATE, number * _SOUND_PIECE
        frame.time_base = Fraction(1, _SOUND_RATE)
        frames.append(frame)
    return frames


def _jpeg(picture: Image.Image, *, with_place: bool) -> bytes:
    exif = Image.Exif()
    exif[_MAKE] = "Distributor"
    exif[_DESCRIPTION] = "A sample picture, drawn by the program"
    exif[_ORIENTATION] = 1
    if with_place:
        exif[_GPS] = _PLACE
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=84, exif=exif)
    return buffer.getvalue()


def _sky(width: int, height: int, top: Colour, bottom: Colour) -> Image.Image:
    strip = Image.linear_gradient("L").resize((1, height)).resize((width, height))
    return Image.composite(Image.new("RGB", (width, height), bottom), Image.new("RGB", (width, height), top), strip)


def _sun(picture: Image.Image, x: float, y: float, radius: float, colour: Colour) -> Image.Image:
    """A disc with a wide glow, added as light."""
    small = (picture.width // 8, picture.height // 8)
    glow = Image.new("RGB", small)
    draw = ImageDraw.Draw(glow)
    centre, wide = (x * small[0], y * small[1]), radius * small[1]
    for part in (2.2, 1.5, 1.0):
        shade = tuple(round(light * 0.45 / part) for light in colour)
        box = [
            centre[0] - wide * part,
            centre[1] - wide * part,
            centre[0] + wide * part,
            centre[1] + wide * part,
        ]
        draw.ellipse(box, fill=(shade[0], shade[1], shade[2]))
    glow = glow.filter(ImageFilter.GaussianBlur(small[1] / 14)).resize(picture.size, Image.Resampling.BICUBIC)
    return ImageChops.screen(picture, glow)


def _ridge(chance: random.Random, width: int, base: float, rise: float, rough: float) -> list[tuple[float, float]]:
    """A line of hills from left to right: the sum of waves, each smaller and quicker than the one before."""
    waves = [(chance.uniform(0, math.tau), 2.1**power, rough**power) for power in range(1, 8)]
    return [
        (x, base - rise * sum(size * math.sin(phase + speed * x / 420) for phase, speed, size in waves))
        for x in range(0, width + 4, 4)
    ]


def _land(picture: Image.Image, line: list[tuple[float, float]], colour: Colour) -> None:
    corners = [(float(picture.width), float(picture.height)), (0.0, float(picture.height))]
    ImageDraw.Draw(picture).polygon([*line, *corners], fill=colour)


def _mix(first: Colour, second: Colour, part: float) -> Colour:
    mixed = [round(a + (b - a) * part) for a, b in zip(first, second, strict=True)]
    return mixed[0], mixed[1], mixed[2]


def _mountains(chance: random.Random, width: int, height: int) -> Image.Image:
    picture = _sun(_sky(width, height, (66, 118, 190), (250, 205, 160)), 0.7, 0.33, 0.09, (255, 235, 190))
    for layer in range(6):
        line = _ridge(chance, width, height * (0.42 + 0.1 * layer), height * (0.16 - 0.015 * layer), 0.62)
        _land(picture, line, _mix((150, 160, 190), (24, 48, 52), layer / 5))
    return picture


def _city(chance: random.Random, width: int, height: int) -> Image.Image:
    picture = _sun(_sky(width, height, (24, 30, 72), (236, 130, 96)), 0.3, 0.55, 0.1, (255, 190, 120))
    draw = ImageDraw.Draw(picture)
    for layer in range(3):
        x, wall = 0, _mix((110, 84, 112), (22, 24, 44), layer / 2)
        while x < width:
            broad = chance.randint(50, 130)
            top = int(height * (0.36 + 0.14 * layer) + chance.uniform(0, height * 0.22))
            draw.rectangle((x, top, x + broad, height), fill=wall)
            for row in range(top + 14, height, 26):
                for column in range(x + 10, x + broad - 12, 20):
                    if chance.random() < 0.14 + 0.12 * layer:
                        draw.rectangle((column, row, column + 8, row + 12), fill=(255, 214, 130))
            x += broad + chance.randint(0, 12)
    return picture


def _sea(chance: random.Random, width: int, height: int) -> Image.Image:
    picture = _sun(_sky(width, height, (90, 170, 214), (252, 236, 208)), 0.55, 0.42, 0.07, (255, 244, 214))
    for layer in range(9):
        line = _ridge(chance, width, height * (0.52 + 0.055 * layer), 4.0 + 2.2 * layer, 0.55)
        _land(picture, line, _mix((120, 190, 205), (12, 70, 110), layer / 8))
    draw = ImageDraw.Draw(picture)
    x, y = width * 0.24, height * 0.56
    draw.polygon([(x, y - 150), (x, y - 12), (x + 84, y - 12)], fill=(250, 250, 246))
    draw.polygon([(x - 10, y - 130), (x - 10, y - 12), (x - 62, y - 12)], fill=(236, 232, 224))
    draw.polygon([(x - 70, y - 6), (x + 92, y - 6), (x + 62, y + 18), (x - 46, y + 18)], fill=(140, 52, 44))
    return picture


def _fields(chance: random.Random, width: int, height: int) -> Image.Image:
    picture = _sun(_sky(width, height, (116, 186, 236), (238, 246, 244)), 0.2, 0.2, 0.08, (255, 250, 220))
    greens: list[Colour] = [(148, 184, 96), (196, 190, 92), (112, 160, 80), (170, 150, 70), (70, 122, 62)]
    for layer, colour in enumerate(greens):
        line = _ridge(chance, width, height * (0.5 + 0.1 * layer), height * 0.04, 0.45)
        _land(picture, line, colour)
        draw = ImageDraw.Draw(picture)
        for _ in range(16):
            x, y = line[chance.randrange(len(line))]
            size = chance.uniform(8, 14) * (1 + layer * 0.7)
            draw.ellipse((x - size, y - size * 1.5, x + size, y + size * 0.6), fill=_mix(colour, (20, 60, 34), 0.7))
    return picture


def _grain(picture: Image.Image, chance: random.Random) -> Image.Image:
    """The fine noise of a camera, without which a drawn sky shows bands."""
    noise = Image.frombytes("L", picture.size, chance.randbytes(picture.width * picture.height)).convert("RGB")
    return Image.blend(picture, noise, 0.035)
