"""What is taken in and what is refused: type by content, whole files only, nothing hidden behind a picture."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from distributor.core.asset import REFUSALS, MediaKind, MediaRefused
from distributor.media.service import MediaLibrary, clean_name
from distributor.media.worker import Limits
from tests.media.workbook import Workbook


async def refusal(library: MediaLibrary, data: bytes, name: str = "file.jpg") -> str:
    """The code with which a file is refused; afterwards nothing of it is left."""
    with pytest.raises(MediaRefused) as caught:
        await library.ingest(data, name)
    assert "{" not in str(caught.value)
    assert not list(library.store.incoming.iterdir())
    with pytest.raises(FileNotFoundError):
        library.open(hashlib.sha256(data).hexdigest())
    return caught.value.code


def png_header(width: int, height: int) -> bytes:
    """A well-formed PNG that declares a size and holds a few bytes."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


async def test_an_original_is_kept_byte_for_byte_under_its_digest(library: MediaLibrary, photo: bytes) -> None:
    asset = await library.ingest(photo, "C:\\DCIM\\მთა.jpg")
    assert asset.digest == hashlib.sha256(photo).hexdigest()
    assert library.open(asset.digest).read_bytes() == photo
    assert library.open(asset.digest) == library.store.root / asset.digest[:2] / asset.digest[2:4] / asset.digest
    assert (asset.kind, asset.media_type, asset.size) == (MediaKind.PHOTO, "image/jpeg", len(photo))
    assert (asset.width, asset.height, asset.duration, asset.name) == (1600, 1067, None, "მთა.jpg")
    assert asset.has_location


async def test_bytes_a_path_and_a_stream_are_the_same_asset(
    library: MediaLibrary, photo: bytes, tmp_path: Path
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(photo), 7000):
            yield photo[start : start + 7000]

    path = tmp_path / "upload"
    path.write_bytes(photo)
    assert await library.ingest(pieces(), "a") == await library.ingest(path, "a") == await library.ingest(photo, "a")


@pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF"])
async def test_type_is_told_by_content_never_by_name(library: MediaLibrary, make: Workbook, form: str) -> None:
    asset = await library.ingest(make.encoded(Image.new("RGB", (40, 30), "red"), form), "photo.mp4")
    assert (asset.media_type, asset.width, asset.height) == (f"image/{form.lower()}", 40, 30)
    assert not asset.has_location


async def test_videos_are_measured(library: MediaLibrary, make: Workbook, video: bytes, tmp_path: Path) -> None:
    asset = await library.ingest(video, "clip.jpg")
    assert (asset.kind, asset.media_type) == (MediaKind.VIDEO, "video/mp4")
    assert (asset.width, asset.height, asset.duration) == (640, 360, 3.0)
    webm = await library.ingest(make.film(tmp_path / "a", "libvpx-vp9", "webm", (160, 90)), "a.webm")
    assert (webm.media_type, webm.width, webm.duration) == ("video/webm", 160, 1.0)
    turned = await library.ingest(make.film(tmp_path / "b", form="mov", turn=90, audio="pcm_s16le"), "b.mov")
    assert (turned.media_type, turned.width, turned.height) == ("video/quicktime", 180, 320)


async def test_a_place_in_a_video_is_noticed(library: MediaLibrary, make: Workbook, tmp_path: Path) -> None:
    film = make.film(tmp_path / "a", metadata={"location": "+41.7151+044.8271/"})
    assert (await library.ingest(film, "a.mp4")).has_location


async def test_f36_pixel_bomb_is_refused_before_it_is_decoded(library: MediaLibrary, photo: bytes) -> None:
    assert await refusal(library, png_header(60_000, 60_000)) == "too_many_pixels"
    assert await refusal(library, png_header(2_000_000_000, 2)) == "too_many_pixels"
    assert await refusal(library, png_header(10_000, 8_001)) == "too_many_pixels"
    assert await refusal(library, png_header(10_000, 8_000)) == "broken"  # within the limit, but cut off
    assert (await library.ingest(photo, "next.jpg")).width == 1600


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF"])
@pytest.mark.parametrize("part", [0.3, 0.9, 0.999])
async def test_f36_truncated_image_is_refused(
    library: MediaLibrary, make: Workbook, photo: bytes, form: str, part: float
) -> None:
    whole = make.encoded(Image.open(io.BytesIO(photo)).convert("RGB").resize((400, 260)), form)
    assert await refusal(library, whole[: int(len(whole) * part)]) == "broken"


async def test_truncated_video_is_refused(library: MediaLibrary, video: bytes) -> None:
    assert await refusal(library, video[:-1000]) == "broken"
    assert await refusal(library, video[:200]) == "broken"


async def test_f36_polyglots_are_refused(library: MediaLibrary, make: Workbook, photo: bytes, video: bytes) -> None:
    small = Image.new("RGB", (40, 30), "green")
    comment = b"<?php system($_GET['c']); ?>"
    in_comment = photo[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + photo[2:]
    archive = make.archive()
    in_padding = photo[:2] + b"\xff\xfe" + struct.pack(">H", len(archive) + 2) + archive + photo[2:]
    cases = {
        "jpeg + zip": photo + archive,
        "jpeg + zip in a motion photo's place": photo + b"\0" * 16 + archive,
        "jpeg + html": photo + b"<html><script>alert(1)</script>",
        "jpeg + unknown bytes": photo + b"\x13\x37" * 50,
        "php in a comment": in_comment,
        "zip in a small jpeg's comment": make.encoded(small, "JPEG")[:2]
        + in_padding[2 : 6 + len(archive)]
        + make.encoded(small, "JPEG")[2:],
        "png + leftovers": make.encoded(small, "PNG") + b"IDATleftover",
        "gif + script": make.encoded(small, "GIF") + b"/*<script>*/",
        "webp + zip": make.encoded(small, "WEBP") + archive,
        "mp4 + zip": video + archive,
        "mp4 + zip in a box": video + struct.pack(">I4s", 8 + len(archive), b"free") + archive,
    }
    found = {what: await refusal(library, data) for what, data in cases.items()}
    assert found == dict.fromkeys(cases, "polyglot")
    assert (await library.ingest(photo, "next.jpg")).width == 1600


async def test_what_cameras_append_to_photos_is_taken(
    library: MediaLibrary, make: Workbook, photo: bytes, video: bytes
) -> None:
    second = make.encoded(Image.new("L", (80, 60), 90), "JPEG")
    tails = {
        "multi-picture": second,
        "two pictures and padding": second + b"\0" * 300 + second,
        "motion photo": video,
        "Ultra HDR and motion": second + video,
        "samsung": make.samsung_trailer(),
        "padding": b"\0" * 4096,
    }
    for tail in tails.values():
        assert (await library.ingest(photo + tail, "phone.jpg")).width == 1600


async def test_a_forged_samsung_directory_hides_nothing(library: MediaLibrary, make: Workbook, photo: bytes) -> None:
    trailer = make.samsung_trailer()
    assert await refusal(library, photo + make.archive() + trailer) == "polyglot"
    assert await refusal(library, photo + b"\x01" * 64 + trailer) == "polyglot"


async def test_f37_playlist_posing_as_mp4_is_refused(library: MediaLibrary, video: bytes) -> None:
    lists = [
        b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://127.0.0.1/secret\n#EXT-X-ENDLIST\n",
        b"\xef\xbb\xbf#EXTM3U\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b'<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>',
        b"[playlist]\nFile1=http://127.0.0.1/\n",
        b"http://127.0.0.1/film.ts\n",
        video.replace(b"udta", b"rmra"),
    ]
    assert b"udta" in video
    assert [await refusal(library, data, "film.mp4") for data in lists] == ["playlist"] * len(lists)


async def test_kinds_that_are_not_taken(library: MediaLibrary, make: Workbook, tmp_path: Path) -> None:
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    files = [
        (b"", "empty"),
        (b"%PDF-1.7\n" + bytes(100), "type"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "type"),
        (make.encoded(frames[0], "TIFF"), "type"),
        (make.encoded(frames[0], "AVIF"), "type"),
        (struct.pack(">I", 24) + b"ftypheic" + bytes(100), "type"),
        (make.archive(), "type"),
        (make.film(tmp_path / "a", "libx264", "matroska"), "type"),
        (make.film(tmp_path / "b", "mpeg4"), "codec"),
        (make.encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]), "animated"),
        (make.encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:]), "animated"),
        (make.encoded(frames[0], "PNG", save_all=True, append_images=frames[1:]), "animated"),
    ]
    assert [await refusal(library, data) for data, _ in files] == [code for _, code in files]


async def test_size_and_length_have_limits(tmp_path: Path, photo: bytes, video: bytes) -> None:
    strict = MediaLibrary(tmp_path, Limits(file_bytes=200_000, photo_bytes=100_000, duration=2.0))
    assert await refusal(strict, photo) == "too_large"
    assert await refusal(strict, bytes(200_001)) == "too_large"
    assert await refusal(strict, video) == "too_long"
    await strict.aclose()


def test_names_are_only_shown_and_therefore_cleaned() -> None:
    assert clean_name("../../etc/pass\r\nwd\u202egpj.exe") == "passwdgpj.exe"
    assert clean_name("C:\\photos\\a  b.jpg") == "a b.jpg"
    assert clean_name("") == "file"
    assert clean_name("ა" * 300 + ".jpg") == "ა" * 116 + ".jpg"


def test_every_refusal_has_a_sentence() -> None:
    filler = dict.fromkeys(("pixels", "limit", "size", "ratio", "duration", "codec"), 1)
    assert all(str(MediaRefused(code, filler)).endswith(".") for code in REFUSALS)


async def test_open_takes_digests_only(library: MediaLibrary) -> None:
    for wrong in ("../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n", ""):
        with pytest.raises(ValueError, match="hexadecimal"):
            library.open(wrong)
    with pytest.raises(FileNotFoundError):
        library.open("0" * 64)
