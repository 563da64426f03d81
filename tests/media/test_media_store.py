"""A full disk: intake is refused, nothing is acknowledged, no part of a file remains."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from distributor.core.asset import DiskFull
from distributor.media.service import MediaLibrary
from distributor.media.store import FolderStore

# Runs in a process of its own: the limit on file size (the kernel's EFBIG) cannot be taken back.
FULL = """
import asyncio, json, resource, sys
from pathlib import Path
from distributor.core.asset import DiskFull, MediaKind, Profile
from distributor.media.service import MediaLibrary

async def main(root, photo, limit):
    library = MediaLibrary(root)
    asset = await library.ingest(photo, "first.jpg") if limit == "render" else None
    await library.aclose()
    library = MediaLibrary(root)  # its benches inherit the limit
    if limit != "none":
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    try:
        if asset is None:
            await library.ingest(photo, "second.jpg")
        else:
            await library.render(asset, Profile("p", MediaKind.PHOTO, "image/jpeg", 1600, 1600, 1 << 20))
        said = "acknowledged"
    except DiskFull:
        said = "disk full"
    await library.aclose()
    return {"said": said, "left": sorted(p.stat().st_size for p in root.rglob("*") if p.is_file())}

root, photo, limit = Path(sys.argv[1]), Path(sys.argv[2]).read_bytes(), sys.argv[3]
print(json.dumps(asyncio.run(main(root, photo, limit))))
"""


def told(root: Path, photo: Path, limit: str, *before: str) -> dict[str, object]:
    """What the script said, run in a process of its own."""
    command = [*before, sys.executable, "-c", FULL, str(root), str(photo), limit]
    env = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": os.environ["PATH"]}
    done = subprocess.run(command, capture_output=True, check=True, timeout=30, env=env)
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


@pytest.fixture
def upload(tmp_path: Path, photo: bytes) -> Path:
    """A photo of some 160 kB outside of the store."""
    path = tmp_path / "upload.jpg"
    path.write_bytes(photo)
    return path


def test_f16_disk_full_at_intake_acknowledges_nothing_and_leaves_nothing(tmp_path: Path, upload: Path) -> None:
    assert told(tmp_path / "media", upload, "none")["said"] == "acknowledged"
    shutil.rmtree(tmp_path / "media")
    assert told(tmp_path / "media", upload, "intake") == {"said": "disk full", "left": []}


def test_f16_disk_full_while_rendering_leaves_the_original_alone(tmp_path: Path, upload: Path) -> None:
    answer = told(tmp_path / "media", upload, "render")
    assert answer["said"] == "disk full"
    left = answer["left"]
    assert isinstance(left, list)
    assert len(left) == 2  # the original and its record
    assert left[1] == upload.stat().st_size


def test_f16_a_small_file_system_that_runs_full(tmp_path: Path, upload: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    script = f'mount -t tmpfs -o size=64k none "{small}" && exec "$0" "$@"'
    try:
        subprocess.run([*mount, script, "true"], check=True, capture_output=True, timeout=10)
    except (subprocess.CalledProcessError, FileNotFoundError):
        pytest.skip("this kernel lets us mount no file system; the limit on file size above proves the same path")
    answer = told(small / "media", upload, "none", *mount, script)
    assert answer == {"said": "disk full", "left": []}


def test_f16_the_store_tells_a_full_disk_from_other_errors(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    with pytest.raises(FileNotFoundError), store.receive(10):
        pass
    assert not issubclass(DiskFull, OSError)  # a handler of file errors must not swallow it


async def test_a_source_that_breaks_off_leaves_nothing(library: MediaLibrary, photo: bytes) -> None:
    class Lost(Exception):
        pass

    async def broken_off() -> AsyncIterator[bytes]:
        yield photo[:5000]
        raise Lost

    with pytest.raises(Lost):
        await library.ingest(broken_off(), "a.jpg")
    assert [path for path in library.store.root.rglob("*") if path.is_file()] == []


def test_what_a_killed_process_left_is_swept_and_what_is_being_written_stays(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.prepare()
    old, young = store.incoming / "old", store.incoming / "young"
    for path in (old, young):
        path.write_bytes(b"part")
    day_ago = time.time() - 90_000
    os.utime(old, (day_ago, day_ago))
    store.prepare()
    assert (old.exists(), young.exists()) == (False, True)


async def test_a_damaged_record_is_made_again(library: MediaLibrary, photo: bytes) -> None:
    asset = await library.ingest(photo, "a.jpg")
    (record,) = (library.store.root / "records").rglob("*.json")
    record.write_bytes(b"{")
    assert await library.ingest(photo, "a.jpg") == asset
    assert json.loads(record.read_bytes())["width"] == 1600
