"""The store: bytes in a folder, each file under the SHA-256 of its content.

Touches one folder: `ab/cd/<sha256>` for bytes, `records/` for what is known about them, `incoming/` for
what is being written. Never acknowledges a byte that is not on the disk: write, fsync, rename, fsync the
folder. Never overwrites stored bytes, and never opens a path that was not built from a checked digest.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from distributor.core.asset import DiskFull, MediaRefused
from distributor.media.intact import Looks

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_DIGEST = re.compile(r"[0-9a-f]{64}")
_PIECE = 1 << 20


@contextlib.contextmanager
def room_needed() -> Iterator[None]:
    """Turn the operating system's ways of saying "no room" into DiskFull; let every other error through."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise DiskFull(f"no room to store media: {os.strerror(error.errno)}") from error
        raise


class Incoming:
    """A file on its way in: bytes are hashed as they are written. Gone without a trace unless kept."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        descriptor, name = tempfile.mkstemp(dir=folder)
        self.path = Path(name)
        self.size = 0
        self._max_bytes = max_bytes
        self._hash = hashlib.sha256()
        self._file = os.fdopen(descriptor, "wb")

    def write(self, piece: bytes) -> None:
        """Append bytes. MediaRefused ("too_large") beyond the limit, DiskFull when there is no room."""
        self.size += len(piece)
        if self.size > self._max_bytes:
            raise MediaRefused("too_large", {"size": self.size, "limit": self._max_bytes})
        with room_needed():
            self._file.write(piece)
        self._hash.update(piece)

    def finish(self) -> str:
        """Bring every byte to the disk and return the digest. The file still bears its temporary name."""
        with room_needed():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        return self._hash.hexdigest()

    def discard(self) -> None:
        """Close and remove the file, if it was not kept."""
        with contextlib.suppress(OSError):  # closing flushes; on a full disk that fails again, and is known
            self._file.close()
        self.path.unlink(missing_ok=True)


class FolderStore:
    """Content-addressed files and their records in one folder of one file system."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.incoming = root / "incoming"
        self.looks = Looks()

    def prepare(self, stale_after: float = 86_400) -> None:
        """Make the folders, and remove what a killed process left behind more than `stale_after` seconds ago.

        Other processes may be writing to the same folder, so younger files stay.
        """
        with room_needed():
            self.incoming.mkdir(parents=True, exist_ok=True)
        oldest = time.time() - stale_after
        for left in self.incoming.iterdir():
            with contextlib.suppress(FileNotFoundError):  # another process swept it first
                if left.stat().st_mtime < oldest:
                    left.unlink()

    @contextlib.contextmanager
    def receive(self, max_bytes: int) -> Iterator[Incoming]:
        """A file to write to; whatever was not kept when the block ends is removed."""
        with room_needed():
            incoming = Incoming(self.incoming, max_bytes)
        try:
            yield incoming
        finally:
            incoming.discard()

    @contextlib.contextmanager
    def blank(self) -> Iterator[Path]:
        """An empty file for another process to fill; removed when the block ends, unless kept."""
        with room_needed():
            descriptor, name = tempfile.mkstemp(dir=self.incoming)
        os.close(descriptor)
        path = Path(name)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def place(self, digest: str) -> Path:
        """Where bytes with this digest live, or would. ValueError for anything but 64 hex digits."""
        if not _DIGEST.fullmatch(digest):
            raise ValueError("a digest is 64 lower-case hexadecimal digits")
        return self.root / digest[:2] / digest[2:4] / digest

    def open(self, digest: str) -> Path:
        """Path of stored bytes, which are the ones that the digest names. ValueError for a malformed digest,
        FileNotFoundError for an unknown one, Altered where something else lies there. Hashes what it has not seen yet.
        """
        path = self.place(digest)
        if not path.is_file():
            raise FileNotFoundError(errno.ENOENT, "nothing is stored under this digest", digest)
        self.looks.check(path, digest)
        return path

    def seen(self, digest: str) -> bool:
        """True where `open` need not hash. FileNotFoundError for an unknown digest."""
        return self.looks.knows(self.place(digest), digest)

    def keep(self, path: Path, digest: str) -> Path:
        """Move a finished file (already synced) to its place, so that it survives a power cut."""
        place = self.place(digest)
        with room_needed():
            _make_folders(place.parent, self.root)
            os.chmod(path, 0o640)
            os.replace(path, place)
            _sync_folder(place.parent)
        return place

    def adopt(self, path: Path) -> tuple[str, int]:
        """Keep a file that another process wrote: hash it here, sync, move. Returns digest and size."""
        digest = hashlib.sha256()
        size = 0
        with room_needed(), path.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
                size += len(piece)
            os.fsync(file.fileno())
        self.keep(path, digest.hexdigest())
        return digest.hexdigest(), size

    def write_record(self, digest: str, name: str, record: dict[str, Any]) -> None:
        """Remember something about stored bytes, atomically. `name` is a profile's key or `asset`."""
        place = self._record_place(digest, name)
        with self.receive(1 << 16) as incoming:
            incoming.write(json.dumps(record, ensure_ascii=False, sort_keys=True).encode())
            incoming.finish()
            with room_needed():
                _make_folders(place.parent, self.root)
                os.replace(incoming.path, place)
                _sync_folder(place.parent)

    def read_record(self, digest: str, name: str) -> dict[str, Any] | None:
        """What was remembered, or None. A damaged record counts as none: it can always be made again."""
        try:
            record = json.loads(self._record_place(digest, name).read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        return record if isinstance(record, dict) else None

    def _record_place(self, digest: str, name: str) -> Path:
        self.place(digest)  # refuses a malformed digest
        return self.root / "records" / digest[:2] / digest / f"{name}.json"


def _make_folders(folder: Path, root: Path) -> None:
    """Make a folder below root, and sync every folder that got a new entry on the way."""
    missing = []
    while folder != root and not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        new.mkdir(exist_ok=True)
        _sync_folder(new.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
