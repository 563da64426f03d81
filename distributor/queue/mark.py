"""How far the log had come: a high-water mark outside the database, in a file and, where there is one, in Redis.

May touch: the file beside the audit key, replaced whole and brought to the disk; one key in Redis. With it a database
that was put back to an older state is known by what it lacks (office.restoring).
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import structlog

from distributor.queue.link import Away, Link
from distributor.queue.scripts import Script

log = structlog.get_logger(__name__)

# KEYS mark · ARGV number, text, '1' to replace a higher one → the mark that stands now
KEEP = Script("""
local kept = redis.call('GET', KEYS[1])
if kept and ARGV[3] ~= '1' and cjson.decode(kept)['seq'] > tonumber(ARGV[1]) then return kept end
redis.call('SET', KEYS[1], ARGV[2])
return ARGV[2]
""")


@dataclass(frozen=True, slots=True)
class Mark:
    """The log's last event when it was looked at: its number and hash; `at` in microseconds since 1970."""

    seq: int
    hash: str
    at: int


class MarkKeeper(Protocol):
    """Something that keeps one mark."""

    async def read(self) -> Mark | None:
        """The mark, None where none is known here. ValueError where there is one that nobody can read."""

    async def keep(self, mark: Mark, *, anew: bool = False) -> None:
        """Keep it. `anew`: also in the place of a higher one, which is settled."""

    async def aclose(self) -> None:
        """Release connections."""


class MarkFile:
    """In a file that only its owner may read. The worker's own: it must not be part of the database's backup."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: Mark | None = None

    async def read(self) -> Mark | None:
        """See MarkKeeper.read."""
        try:
            text = await asyncio.to_thread(self._path.read_text, "utf-8")
        except FileNotFoundError:
            return None
        try:
            return Mark(**json.loads(text))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{self._path} cannot be read: {error}") from error

    async def keep(self, mark: Mark, *, anew: bool = False) -> None:
        """See MarkKeeper.keep. Who keeps has compared before, so the newer replaces the older."""
        if self._kept is None or self._kept.seq != mark.seq or anew:
            await asyncio.to_thread(self._write, json.dumps(asdict(mark)))
            self._kept = mark

    def _write(self, text: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    async def aclose(self) -> None:
        """Nothing is open."""


class MarkInRedis:
    """In Redis, where it outlives the machine of the file. Emptied or away, it says nothing and stops nobody."""

    def __init__(self, url: str) -> None:
        self._link = Link(url)
        self._key = f"{self._link.prefix}:head"

    async def read(self) -> Mark | None:
        """See MarkKeeper.read."""
        try:
            (found,) = await self._link.ask(("GET", self._key))
        except Away:
            log.debug("no mark from Redis: it is away")
            return None
        return Mark(**json.loads(found)) if found else None

    async def keep(self, mark: Mark, *, anew: bool = False) -> None:
        """See MarkKeeper.keep."""
        try:
            await self._link.ask((KEEP, 1, self._key, mark.seq, json.dumps(asdict(mark)), "1" if anew else "0"))
        except Away:
            log.debug("no mark in Redis: it is away")

    async def aclose(self) -> None:
        """See MarkKeeper.aclose."""
        await self._link.aclose()


def mark_keepers(key_file: Path, queue_url: str) -> Sequence[MarkKeeper]:
    """The mark's places: `KEY_FILE.head`, and the queue's Redis where it has one."""
    file = MarkFile(key_file.with_name(f"{key_file.name}.head"))
    return [file] if queue_url.startswith("memory://") else [file, MarkInRedis(queue_url)]
