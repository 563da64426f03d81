"""The media library: the port `core.asset.Media` over a folder and a workshop.

Touches its folder and its own child processes. Acknowledges an original only when it is checked and safe on
the disk; gives the same rendition again for the same original and profile. Never decodes anything in this
process.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from distributor.core.asset import Asset, MediaKind, MediaRefused, Profile, Rendition
from distributor.media.store import FolderStore, Incoming
from distributor.media.worker import Limits, Workshop

# Raised when the code that makes renditions changes what it makes: older cached ones are then made anew.
RECIPE = 1
_PIECE = 1 << 20
_LONGEST_NAME = 120


class MediaLibrary:
    """Originals and renditions. Several processes may use one folder; closing one disturbs no other."""

    def __init__(self, root: Path, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.store = FolderStore(root)
        # A long film must not keep an emergency's photo waiting, so it has a bench of its own.
        self._quick = Workshop(self.limits, places=2)
        self._long = Workshop(self.limits, places=1)
        self._turns: dict[tuple[str, str], asyncio.Lock] = {}
        self._prepared = False

    async def ingest(self, source: AsyncIterator[bytes] | bytes | Path, name: str) -> Asset:
        """Check and keep an original: bytes, a file's path, or a stream of pieces of any size."""
        await self._prepare()
        with self.store.receive(self.limits.file_bytes) as incoming:
            await _fill(incoming, source)
            digest = await asyncio.to_thread(incoming.finish)
            known = await asyncio.to_thread(self._known, digest)
            if known is None:
                known = await self._probe(incoming)
                await asyncio.to_thread(self._keep, incoming, digest, known)
        known |= {"digest": digest, "size": incoming.size, "name": clean_name(name)}
        return Asset(**known | {"kind": MediaKind(known["kind"])})

    async def render(self, asset: Asset, profile: Profile) -> Rendition:
        """Make or find the rendition of an asset for a profile. One at a time for the same pair."""
        await self._prepare()
        pair = (asset.digest, profile.key)
        async with self._turns.setdefault(pair, asyncio.Lock()):
            try:
                found = await asyncio.to_thread(self._cached, *pair)
                return found or await self._make(asset, profile)
            finally:
                self._turns.pop(pair, None)

    def open(self, digest: str) -> Path:
        """Local path of stored bytes, original or rendition."""
        return self.store.open(digest)

    async def read(self, digest: str) -> Path:
        """The same, for who must not wait in the event loop while a long film is hashed. Once for all who ask."""
        if self.store.seen(digest):
            return self.store.place(digest)
        turn = (digest, "read")
        async with self._turns.setdefault(turn, asyncio.Lock()):
            try:
                return await asyncio.to_thread(self.open, digest)
            finally:
                self._turns.pop(turn, None)

    async def aclose(self) -> None:
        """End the child processes."""
        await asyncio.gather(self._quick.aclose(), self._long.aclose())

    async def _prepare(self) -> None:
        if not self._prepared:
            await asyncio.to_thread(self.store.prepare)
            self._prepared = True

    async def _probe(self, incoming: Incoming) -> dict[str, Any]:
        allowed = {
            "pixels": self.limits.pixels,
            "photo_bytes": self.limits.photo_bytes,
            "duration": self.limits.duration,
        }
        job = {"do": "probe", "path": str(incoming.path.resolve()), "allowed": allowed}
        return await self._quick.run(job, self.limits.photo_seconds)

    def _known(self, digest: str) -> dict[str, Any] | None:
        """What an earlier probe found about the same bytes, if they are still here."""
        record = self.store.read_record(digest, "asset")
        return record if record is not None and self.store.place(digest).is_file() else None

    def _keep(self, incoming: Incoming, digest: str, found: dict[str, Any]) -> None:
        self.store.keep(incoming.path, digest)
        self.store.write_record(digest, "asset", found)

    def _cached(self, digest: str, key: str) -> Rendition | None:
        record = self.store.read_record(digest, key)
        if record is None or record.pop("recipe", None) != RECIPE:
            return None
        found = Rendition(**record)
        return found if self.store.place(found.digest).is_file() else None

    async def _make(self, asset: Asset, profile: Profile) -> Rendition:
        film = profile.kind is MediaKind.VIDEO and asset.kind is MediaKind.VIDEO
        workshop, seconds = (
            (self._long, self.limits.video_seconds) if film else (self._quick, self.limits.photo_seconds)
        )
        try:
            original = await self.read(asset.digest)
        except FileNotFoundError:
            raise MediaRefused("gone") from None
        with self.store.blank() as out:
            job = {
                "do": "render",
                "path": str(original.resolve()),
                "kind": asset.kind,
                "media_type": asset.media_type,
                "out": str(out.resolve()),
                "profile": dataclasses.asdict(profile),
            }
            made = await workshop.run(job, seconds)
            return await asyncio.to_thread(self._keep_rendition, out, asset, profile, made)

    def _keep_rendition(self, out: Path, asset: Asset, profile: Profile, made: dict[str, Any]) -> Rendition:
        digest, size = self.store.adopt(out)
        rendition = Rendition(asset=asset.digest, profile=profile.key, digest=digest, size=size, **made)
        self.store.write_record(asset.digest, profile.key, dataclasses.asdict(rendition) | {"recipe": RECIPE})
        return rendition


def clean_name(name: str) -> str:
    """A file name fit to be shown: its last part, NFC, without control or direction characters, 120 at
    most.
    """
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(letter for letter in last if unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    stem, suffix = os.path.splitext(" ".join(shown.split()))
    return (stem[: _LONGEST_NAME - len(suffix)] + suffix)[:_LONGEST_NAME] or "file"


async def _fill(incoming: Incoming, source: AsyncIterator[bytes] | bytes | Path) -> None:
    """Bring a source to the disk, piece by piece, off the event loop."""
    if isinstance(source, bytes):
        await asyncio.to_thread(incoming.write, source)
    elif isinstance(source, Path):
        await asyncio.to_thread(_copy, incoming, source)
    else:
        async for piece in source:
            await asyncio.to_thread(incoming.write, piece)


def _copy(incoming: Incoming, source: Path) -> None:
    with source.open("rb") as file:
        while piece := file.read(_PIECE):
            incoming.write(piece)
