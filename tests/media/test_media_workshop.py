"""The service stays up whatever a file does to its decoder, and a decoder can reach nothing but its file."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from distributor.core.asset import MediaKind, MediaRefused, Profile
from distributor.media.service import MediaLibrary
from distributor.media.worker import Limits
from tests.media.workbook import Workbook

SMALL = Profile("small", MediaKind.PHOTO, "image/jpeg", 480, 480, 1 << 20)


def benches(parent: int) -> list[int]:
    """Process ids of the benches below a process, from /proc."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                command = (entry / "cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):  # it ended while we looked
                continue
            if int(fields[1]) == parent and b"distributor.media.bench" in command:
                found.append(int(entry.name))
    return found


def environment_of(process: int) -> str:
    """The environment that a process was started with."""
    told = Path(f"/proc/{process}/environ").read_bytes().decode()
    assert "PYTHONPATH=" in told  # else we looked at nothing
    return told


def heavy(make: Workbook) -> bytes:
    """A small file of 49 million pixels: 200 MB once it is decoded."""
    return make.encoded(Image.new("RGBA", (7000, 7000), (1, 2, 3, 4)), "PNG", compress_level=1)


async def test_f36_a_bomb_that_eats_memory_is_refused_and_the_next_job_works(
    tmp_path: Path, make: Workbook, photo: bytes
) -> None:
    library = MediaLibrary(tmp_path, Limits(memory=300 << 20))
    with pytest.raises(MediaRefused) as caught:
        await library.ingest(heavy(make), "bomb.png")
    assert caught.value.code == "crashed"
    asset = await library.ingest(photo, "a.jpg")
    assert (await library.render(asset, SMALL)).width == 480
    await library.aclose()


async def test_f36_a_bomb_that_eats_time_is_refused_and_the_next_job_works(
    tmp_path: Path, make: Workbook, photo: bytes
) -> None:
    patient = MediaLibrary(tmp_path)
    asset = await patient.ingest(heavy(make), "slow.png")
    await patient.aclose()
    library = MediaLibrary(tmp_path, Limits(photo_seconds=0.2))
    started = time.monotonic()
    with pytest.raises(MediaRefused) as caught:
        await library.render(asset, SMALL)
    assert caught.value.code == "timeout"
    assert time.monotonic() - started < 2
    assert not list(library.store.incoming.iterdir())
    assert (await library.ingest(photo, "a.jpg")).width == 1600
    await library.aclose()


async def test_a_killed_bench_is_replaced_and_the_file_is_not_blamed(library: MediaLibrary, photo: bytes) -> None:
    asset = await library.ingest(photo, "a.jpg")
    (bench,) = benches(os.getpid())
    os.kill(bench, signal.SIGKILL)
    assert (await library.render(asset, SMALL)).width == 480
    assert benches(os.getpid()) != [bench]


async def test_a_cancelled_job_leaves_no_process_and_confuses_no_other(
    library: MediaLibrary, make: Workbook, photo: bytes
) -> None:
    asset = await library.ingest(heavy(make), "slow.png")
    task = asyncio.create_task(library.render(asset, SMALL))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert benches(os.getpid()) == []
    assert not list(library.store.incoming.iterdir())
    assert (await library.ingest(photo, "a.jpg")).width == 1600


async def test_closing_ends_the_benches(library: MediaLibrary, photo: bytes) -> None:
    await library.ingest(photo, "a.jpg")
    assert len(benches(os.getpid())) == 1
    await library.aclose()
    assert benches(os.getpid()) == []


async def test_a_bench_inherits_no_secret(library: MediaLibrary, photo: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISTRIBUTOR__TELEGRAM__TOKEN", "canary-secret")
    await library.ingest(photo, "a.jpg")
    (bench,) = benches(os.getpid())
    assert "DISTRIBUTOR__" not in environment_of(bench)


async def test_a_second_job_costs_little(library: MediaLibrary, make: Workbook) -> None:
    await library.ingest(make.encoded(Image.new("RGB", (40, 30)), "PNG"), "first.png")
    times = []
    for number in range(5):
        data = make.encoded(Image.new("RGB", (40, 30), (number, 9, 9)), "PNG")
        started = time.monotonic()
        await library.ingest(data, "next.png")
        times.append(time.monotonic() - started)
    assert sorted(times)[2] < 0.1


ESCAPES = """
import json, os, socket, sys
from pathlib import Path
from distributor.media.jail import confine

def tried(action):
    try:
        action()
    except BaseException as error:
        return type(error).__name__
    return "done"

confine(512 << 20, 5, 1000)
print(json.dumps({
    "socket": tried(lambda: socket.socket()),
    "unix socket": tried(lambda: socket.socket(socket.AF_UNIX)),
    "program": tried(lambda: os.execv("/bin/true", ["true"])),
    "memory": tried(lambda: bytearray(1 << 30)),
    "large file": tried(lambda: Path(sys.argv[1]).write_bytes(bytes(2000))),
    "small file": tried(lambda: Path(sys.argv[1]).write_bytes(bytes(900))),
}))
"""


def test_f37_a_confined_process_reaches_no_network_and_starts_no_program(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ESCAPES, str(tmp_path / "file")],
        capture_output=True,
        check=True,
        timeout=20,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert json.loads(done.stdout) == {
        "socket": "PermissionError",
        "unix socket": "PermissionError",
        "program": "PermissionError",
        "memory": "MemoryError",
        "large file": "OSError",
        "small file": "done",
    }
