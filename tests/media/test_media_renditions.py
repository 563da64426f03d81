"""What a rendition is: the pixels of the original within the limits of a channel, and nothing else of it."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import av
import pytest
from PIL import Image, ImageCms

from distributor.core.asset import MediaKind, MediaRefused, Profile
from distributor.media.photo import target_size
from distributor.media.samples import sample_photos, sample_video
from distributor.media.service import MediaLibrary
from tests.media.workbook import Workbook

JPEG = (MediaKind.PHOTO, "image/jpeg")
MP4 = (MediaKind.VIDEO, "video/mp4")
TELEGRAM = Profile("telegram-photo", *JPEG, 10_000, 10_000, 10 << 20, max_sum=10_000, max_ratio=20)
X = Profile("x-photo", *JPEG, 4096, 4096, 5 << 20)
NEWSROOM = [Profile(f"newsroom-{side}", *JPEG, side, side, 1 << 20) for side in (480, 960, 1920)]
FILM = Profile("telegram-video", *MP4, 1920, 1920, 50 << 20, max_duration=600)


def seen(library: MediaLibrary, digest: str) -> Image.Image:
    """A stored picture, decoded."""
    image = Image.open(library.open(digest))
    image.load()
    return image


def near(colour: object, wanted: tuple[int, int, int], by: int = 24) -> bool:
    """Whether two colours look the same after JPEG."""
    assert isinstance(colour, tuple)
    return all(abs(part - want) <= by for part, want in zip(colour, wanted, strict=True))


async def test_f37_gps_and_every_other_word_about_a_photo_are_stripped(
    library: MediaLibrary, make: Workbook, photo: bytes
) -> None:
    picture = Image.open(io.BytesIO(photo))
    exif = picture.getexif()
    exif[0x010E] = "CANARY-EXIF"
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/" exif:GPSLatitude="41,42N">CANARY-XMP</x:xmpmeta>'
    loaded = make.encoded(picture, "JPEG", exif=exif, xmp=xmp, comment=b"CANARY-COMMENT", dpi=(300, 300))
    assert loaded.count(b"CANARY") == 3
    asset = await library.ingest(loaded, "a.jpg")
    assert asset.has_location
    for profile in (TELEGRAM, X, *NEWSROOM, Profile("webp", MediaKind.PHOTO, "image/webp", 960, 960, 1 << 20)):
        rendition = await library.render(asset, profile)
        data = library.open(rendition.digest).read_bytes()
        assert not any(word in data for word in (b"CANARY", b"Exif", b"GPS", b"xmpmeta", b"Photoshop", b"ICC_"))
        assert not seen(library, rendition.digest).getexif()


async def test_place_in_xmp_alone_is_noticed(library: MediaLibrary, make: Workbook) -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/" exif:GPSLatitude="41,42N"/>'
    assert (await library.ingest(make.encoded(Image.new("RGB", (40, 30)), "JPEG", xmp=xmp), "a")).has_location


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_orientation_is_kept(library: MediaLibrary, make: Workbook, orientation: int) -> None:
    upright = Image.new("RGB", (300, 200), "white")
    upright.paste((220, 0, 0), (0, 0, 150, 100))  # red at the top left, as a person sees it
    upright.paste((0, 0, 220), (150, 100, 300, 200))  # blue at the bottom right
    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }.get(orientation)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = upright if turn is None else upright.transpose(turn)
    asset = await library.ingest(make.encoded(stored, "JPEG", quality=95, exif=exif), "a.jpg")
    assert (asset.width, asset.height) == (300, 200)
    image = seen(library, (await library.render(asset, NEWSROOM[0])).digest)
    assert image.size == (300, 200)
    assert near(image.getpixel((40, 40)), (220, 0, 0))
    assert near(image.getpixel((260, 160)), (0, 0, 220))
    assert near(image.getpixel((260, 40)), (255, 255, 255))


async def test_renditions_keep_within_their_profile(library: MediaLibrary, make: Workbook, photo: bytes) -> None:
    large = make.encoded(Image.open(io.BytesIO(photo)).resize((6400, 4266)), "JPEG", quality=80)
    asset = await library.ingest(large, "large.jpg")
    made = {profile.name: await library.render(asset, profile) for profile in (TELEGRAM, X, *NEWSROOM)}
    assert made["telegram-photo"].width + made["telegram-photo"].height <= 10_000
    assert made["telegram-photo"].width > 5900
    sizes = {name: (made[name].width, made[name].height) for name in made if name != "telegram-photo"}
    assert sizes == {
        "x-photo": (4096, 2730),
        "newsroom-480": (480, 319),
        "newsroom-960": (960, 639),
        "newsroom-1920": (1920, 1279),
    }
    for profile in (TELEGRAM, X, *NEWSROOM):
        rendition = made[profile.name]
        path = library.open(rendition.digest)
        assert rendition.size == path.stat().st_size <= profile.max_bytes
        assert seen(library, rendition.digest).size == (rendition.width, rendition.height)
        assert seen(library, rendition.digest).info.get("progressive") == 1


async def test_quality_gives_way_before_size_and_size_before_failure(library: MediaLibrary, photo: bytes) -> None:
    asset = await library.ingest(photo, "a.jpg")
    tight = await library.render(asset, Profile("tight", *JPEG, 1600, 1600, 90_000))
    assert (tight.width, tight.size <= 90_000) == (1600, True)
    tighter = await library.render(asset, Profile("tighter", *JPEG, 1600, 1600, 20_000))
    assert (tighter.width < 1600, tighter.size <= 20_000) == (True, True)
    with pytest.raises(MediaRefused, match="at most 900 bytes") as caught:
        await library.render(asset, Profile("absurd", *JPEG, 1600, 1600, 900))
    assert caught.value.code == "cannot_fit"


async def test_small_pictures_are_not_enlarged(library: MediaLibrary, make: Workbook) -> None:
    asset = await library.ingest(make.encoded(Image.new("RGB", (90, 60), "red"), "PNG"), "a.png")
    rendition = await library.render(asset, TELEGRAM)
    assert (rendition.width, rendition.height, rendition.media_type) == (90, 60, "image/jpeg")


async def test_too_long_and_narrow_a_picture_is_refused_with_words(library: MediaLibrary, make: Workbook) -> None:
    asset = await library.ingest(make.encoded(Image.new("RGB", (2101, 100), "red"), "PNG"), "a.png")
    with pytest.raises(MediaRefused, match=r"21\.0 to 1, this channel shows at most 20") as caught:
        await library.render(asset, TELEGRAM)
    assert caught.value.code == "ratio"
    assert (await library.render(asset, X)).width == 2101


def test_sizes_keep_sum_ratio_and_shape_whatever_the_original() -> None:
    for width in (1, 2, 19, 20, 999, 4000, 9999, 12_000):
        for height in (1, 3, 51, 640, 1999, 8000):
            if max(width, height) / min(width, height) <= 20:
                made = target_size(width, height, TELEGRAM)
                assert min(made) >= 1
                assert sum(made) <= 10_000
                assert max(made) / min(made) <= 20
                assert made[0] <= width
                assert made[1] <= height


async def test_transparency_is_laid_on_white(library: MediaLibrary, make: Workbook) -> None:
    clear = Image.new("RGBA", (60, 40), (255, 0, 0, 0))
    clear.paste((0, 0, 200, 255), (0, 0, 30, 40))
    palette = Image.new("P", (60, 40), 0)
    palette.putpalette([255, 0, 0, 0, 0, 200])
    palette.paste(1, (0, 0, 30, 40))
    files = [
        make.encoded(clear, "PNG"),
        make.encoded(clear, "WEBP", lossless=True),
        make.encoded(palette, "GIF", transparency=0),
        make.encoded(palette, "PNG", transparency=0),
    ]
    for data in files:
        asset = await library.ingest(data, "a")
        image = seen(library, (await library.render(asset, X)).digest)
        assert near(image.getpixel((50, 20)), (255, 255, 255))
        assert near(image.getpixel((8, 20)), (0, 0, 200))


async def test_colours_of_a_profile_become_srgb(library: MediaLibrary, make: Workbook) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    # The red and blue primaries change places: whoever heeds this profile sees red as blue.
    swapped = srgb.replace(b"rXYZ", b"-XYZ", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"-XYZ", b"bXYZ", 1)
    assert swapped != srgb
    picture, mirrored = (30, 160, 90), (90, 160, 30)
    for icc, wanted in ((srgb, picture), (swapped, mirrored), (lab, picture), (b"not a profile", picture)):
        data = make.encoded(Image.new("RGB", (60, 40), picture), "JPEG", quality=95, icc_profile=icc)
        image = seen(library, (await library.render(await library.ingest(data, "a.jpg"), X)).digest)
        assert near(image.getpixel((30, 20)), wanted, by=6)
        assert "icc_profile" not in image.info


async def test_grey_of_sixteen_bits_and_cmyk_come_out_as_they_look(library: MediaLibrary, make: Workbook) -> None:
    grey = Image.new("I;16", (60, 40), 0x8000)
    asset = await library.ingest(make.encoded(grey, "PNG"), "a.png")
    image = seen(library, (await library.render(asset, X)).digest)
    assert near(image.getpixel((30, 20)), (128, 128, 128), by=4)
    ink = await library.ingest(make.encoded(Image.new("CMYK", (60, 40), (0, 255, 255, 0)), "JPEG"), "b.jpg")
    image = seen(library, (await library.render(ink, X)).digest)
    assert near(image.getpixel((30, 20)), (255, 0, 0), by=30)


async def test_the_same_original_gives_the_same_bytes_from_a_clean_cache(
    tmp_path: Path, photo: bytes, video: bytes
) -> None:
    small = Profile("small", *MP4, 320, 320, 1 << 20)
    found = []
    for number in range(2):
        library = MediaLibrary(tmp_path / str(number))
        picture, film = await library.ingest(photo, "a.jpg"), await library.ingest(video, "a.mp4")
        pairs = ((picture, X), (film, FILM), (film, small), (film, NEWSROOM[0]))
        found.append([await library.render(asset, profile) for asset, profile in pairs])
        await library.aclose()
    assert found[0] == found[1]
    assert len({rendition.digest for rendition in found[0]}) == 4


async def test_a_rendition_is_made_once(library: MediaLibrary, photo: bytes) -> None:
    asset = await library.ingest(photo, "a.jpg")
    made = await asyncio.gather(*(library.render(asset, X) for _ in range(5)))
    assert len(set(made)) == 1
    path = library.open(made[0].digest)
    before = path.stat().st_mtime_ns
    assert await library.render(asset, X) == made[0]
    assert path.stat().st_mtime_ns == before
    path.unlink()  # a lost file is made again, with the same bytes
    assert await library.render(asset, X) == made[0]
    assert path.is_file()


async def test_a_video_that_fits_is_copied_without_its_metadata(
    library: MediaLibrary, make: Workbook, tmp_path: Path
) -> None:
    told = {"location": "+41.7151+044.8271/", "title": "CANARY-TITLE", "comment": "CANARY-COMMENT"}
    original = make.film(tmp_path / "a", metadata=told, audio="aac", turn=90)
    assert b"CANARY" in original
    asset = await library.ingest(original, "a.mp4")
    rendition = await library.render(asset, FILM)
    data = library.open(rendition.digest).read_bytes()
    assert not any(word in data for word in (b"CANARY", b"+41.7", b"\xa9xyz", b"loci", b"Lavf"))
    assert data.find(b"moov") < data.find(b"mdat")  # begins to play before it is loaded
    with av.open(io.BytesIO(original), "r") as first, av.open(io.BytesIO(data), "r") as second:
        assert [bytes(p) for p in first.demux(video=0)] == [bytes(p) for p in second.demux(video=0)]
        assert second.streams.audio[0].codec_context.name == "aac"
    with av.open(io.BytesIO(data), "r") as container:
        assert next(container.decode(video=0)).rotation == 90
    assert (rendition.width, rendition.height) == (asset.width, asset.height) == (180, 320)


@pytest.mark.parametrize(("turn", "red"), [(0, (40, 90)), (90, (90, 280)), (180, (280, 90)), (270, (90, 40))])
async def test_other_videos_are_encoded_upright(
    library: MediaLibrary, make: Workbook, tmp_path: Path, turn: int, red: tuple[int, int]
) -> None:
    film = make.film(tmp_path / "a", "libx265", "mov", (640, 360), turn=turn, audio="pcm_s16le")
    asset = await library.ingest(film, "a.mov")
    rendition = await library.render(asset, Profile("half", *MP4, 320, 320, 1 << 20))
    assert (rendition.width, rendition.height) == ((180, 320) if turn % 180 else (320, 180))
    with av.open(str(library.open(rendition.digest))) as container:
        names = [stream.codec_context.name for stream in container.streams]
        frame = next(container.decode(video=0))
        assert (names, frame.rotation, frame.width) == (["h264", "aac"], 0, rendition.width)
        assert rendition.duration == pytest.approx(1.0, abs=0.1)
        image: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
        assert near(image.getpixel(red), (220, 20, 20), by=40)
    poster = seen(library, (await library.render(asset, NEWSROOM[0])).digest)
    scale = poster.width / rendition.width
    assert near(poster.getpixel((round(red[0] * scale), round(red[1] * scale))), (220, 20, 20), by=40)


async def test_webm_becomes_mp4(library: MediaLibrary, make: Workbook, tmp_path: Path) -> None:
    film = make.film(tmp_path / "a", "libvpx-vp9", "webm", (161 // 2 * 2, 90), audio="libopus")
    rendition = await library.render(await library.ingest(film, "a.webm"), FILM)
    with av.open(str(library.open(rendition.digest))) as container:
        assert [stream.codec_context.name for stream in container.streams] == ["h264", "aac"]


async def test_a_video_is_squeezed_into_its_bytes_or_refused(library: MediaLibrary, video: bytes) -> None:
    asset = await library.ingest(sample_video(2.0)[1], "a.mp4")
    tight = await library.render(asset, Profile("tight", *MP4, 640, 640, asset.size - 5000))
    assert tight.size <= asset.size - 5000
    for profile, code in (
        (Profile("absurd", *MP4, 640, 640, 5000), "cannot_fit"),
        (Profile("brief", *MP4, 640, 640, 1 << 20, max_duration=1.0), "too_long"),
    ):
        with pytest.raises(MediaRefused) as caught:
            await library.render(asset, profile)
        assert caught.value.code == code


async def test_a_video_gives_its_poster_and_a_photo_gives_no_video(
    library: MediaLibrary, photo: bytes, video: bytes
) -> None:
    poster = await library.render(await library.ingest(video, "a.mp4"), NEWSROOM[1])
    assert (poster.media_type, poster.width, poster.height, poster.duration) == ("image/jpeg", 640, 360, None)
    with pytest.raises(MediaRefused) as caught:
        await library.render(await library.ingest(photo, "a.jpg"), FILM)
    assert caught.value.code == "kind"


def test_samples_are_different_from_each_other_and_the_same_every_time() -> None:
    photos = sample_photos(4)
    assert photos == sample_photos(4)
    assert len({data for _, data in photos}) == len({name for name, _ in photos}) == 4
    assert sample_video() == sample_video()


def test_a_profile_is_known_by_its_recipe() -> None:
    assert X.key == Profile("x-photo", *JPEG, 4096, 4096, 5 << 20).key
    assert X.key != Profile("x-photo", *JPEG, 4096, 4096, 4 << 20).key
    for name, side in (("../x", 9), ("", 9), ("x", 0)):
        with pytest.raises(ValueError, match="profile"):
            Profile(name, *JPEG, side, 9, 9)
