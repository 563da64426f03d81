"""Are stored bytes still those of their digest? Whatever is approved names a file by it.

Reads files and what the file system tells of them. Remembers for each file what it looked like when it was hashed:
whoever writes to it, or puts another in its place, changes at least the time of change, which nobody can set. So a file
is hashed once, and once more whenever it was touched.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from distributor.core.asset import Altered

Look = tuple[int, int, int, int, int]

_PIECE = 1 << 20
_MOST = 20_000  # looks kept in memory: some megabytes


class Looks:
    """What this process has hashed, and found to be right."""

    def __init__(self) -> None:
        self._known: dict[str, Look] = {}

    def knows(self, path: Path, digest: str) -> bool:
        """True where it was hashed and has not been touched since. FileNotFoundError where there is none."""
        return self._known.get(digest) == _look(path.stat())

    def check(self, path: Path, digest: str) -> None:
        """Raises Altered, or FileNotFoundError. Hashes where it has to: for long films not in an event loop."""
        with path.open("rb") as file:
            look = _look(os.fstat(file.fileno()))
            if self._known.get(digest) == look:
                return
            found = hashlib.sha256()
            while piece := file.read(_PIECE):
                found.update(piece)
        if found.hexdigest() != digest:
            self._known.pop(digest, None)
            raise Altered(f"the file under {digest[:12]}… has other bytes than were stored")
        while len(self._known) >= _MOST:
            self._known.pop(next(iter(self._known)))
        self._known[digest] = look


def _look(found: os.stat_result) -> Look:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
