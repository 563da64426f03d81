"""Uploads to a Facebook page: photos that nobody sees yet, and videos in chunks up to the last phase but one.

Reads renditions from disk, a video a chunk at a time and never whole; keeps in the delivery's progress where it
stopped, so that a retry goes on from there. Publishes nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from distributor.adapters.facebook_graph import FacebookClient, GraphRefusal, Unreadable
from distributor.adapters.facebook_text import caption
from distributor.core.asset import Media, MediaKind
from distributor.core.channel import Progress
from distributor.core.ports import Clock
from distributor.core.rendering import Placed

Json = dict[str, Any]

KEEPS = timedelta(hours=20)  # Facebook drops what was uploaded and never published after a day
_WRONG_CHUNK = 1363037  # subcode of 6001: `error_data` names the span that Facebook expects
MOST_CORRECTIONS = 3


def step_of(placed: Placed) -> str:
    """The name under which the progress of an upload is kept."""
    return f"media:{placed.rendition.digest}"


@dataclass(frozen=True, slots=True)
class Uploads:
    """Brings renditions to one page. `chunk_bytes`: how much of a video is in memory at once."""

    client: FacebookClient
    media: Media
    clock: Clock
    page: str
    chunk_bytes: int

    def ready(self, placed: Placed, progress: Progress) -> Json:
        """What is kept of a finished upload that Facebook still holds (`id`; for a video `session` too), else {}."""
        kept = self._kept(placed, progress)
        return kept if kept.get("ready") else {}

    async def ensure(self, placed: Placed, progress: Progress) -> None:
        """Upload a rendition, or go on where an earlier attempt stopped. Raises what the client raises."""
        kept = self._kept(placed, progress)
        if kept.get("ready"):
            return
        if placed.kind is MediaKind.PHOTO:
            await self._photo(placed, progress)
            return
        try:
            await self._video(placed, kept, progress)
        except GraphRefusal as refusal:
            if not kept or refusal.number not in (100, 6000, 6001):
                raise
            # Facebook no longer knows the session that an earlier attempt began: begin anew, once.
            await self._video(placed, {}, progress)

    def _kept(self, placed: Placed, progress: Progress) -> Json:
        kept = progress.get(step_of(placed)) or {}
        if "at" not in kept or self.clock() - datetime.fromisoformat(kept["at"]) > KEEPS:
            return {}
        return kept

    async def _photo(self, placed: Placed, progress: Progress) -> None:
        """A photo of 4 MB at most is read whole; `published=false` keeps it unseen until a post attaches it."""
        path = self.media.open(placed.rendition.digest)
        data = await asyncio.to_thread(path.read_bytes)
        fields = {"published": "false", "alt_text_custom": placed.alt, "caption": caption(placed)}
        given = {name: value for name, value in fields.items() if value}
        photo = ("photo.jpg", data, placed.rendition.media_type)
        answer = await self.client.send_photo(f"{self.page}/photos", photo, **given)
        state = {"id": _text(answer.body, "id"), "at": self.clock().isoformat(), "ready": True}
        await progress.save(step_of(placed), state)

    async def _video(self, placed: Placed, kept: Json, progress: Progress) -> None:
        """The phases start and transfer; finish is the publishing call."""
        step, edge = step_of(placed), f"{self.page}/videos"
        path = self.media.open(placed.rendition.digest)
        state = dict(kept)
        if not state:
            begun = await self.client.send_video(edge, upload_phase="start", file_size=str(placed.rendition.size))
            state = {
                "id": _text(begun.body, "video_id"),
                "session": _text(begun.body, "upload_session_id"),
                "at": self.clock().isoformat(),
            } | _span(begun.body)
            await progress.save(step, dict(state))
        while state["start"] < state["end"]:
            state |= await self._transfer(edge, state, path)
            await progress.save(step, dict(state))
        done = {name: state[name] for name in ("id", "session", "at")}
        await progress.save(step, done | {"ready": True})

    async def _transfer(self, edge: str, state: Json, path: Path) -> Json:
        """Send the span that Facebook asks for, or the part of it that a chunk may hold; returns the next span."""
        span = {"start": state["start"], "end": state["end"]}
        for _ in range(MOST_CORRECTIONS):
            size = min(span["end"] - span["start"], self.chunk_bytes)
            chunk = await asyncio.to_thread(_read, path, span["start"], size)
            fields = {"upload_phase": "transfer", "upload_session_id": state["session"]}
            try:
                answer = await self.client.send_video(edge, chunk, start_offset=str(span["start"]), **fields)
                return _span(answer.body)
            except GraphRefusal as refusal:
                if refusal.subcode != _WRONG_CHUNK or "end_offset" not in refusal.data:
                    raise
                # An earlier chunk did arrive although its answer was lost: Facebook says where to go on.
                span = _span(refusal.data)
                if span["start"] == span["end"]:
                    return span
        raise Unreadable(200, "with spans of the video that never fit")


def _text(body: Json, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str | int) or isinstance(value, bool) or not str(value).isdigit():
        raise Unreadable(200, f"without {name}")
    return str(value)


def _span(body: Json) -> dict[str, int]:
    return {"start": int(_text(body, "start_offset")), "end": int(_text(body, "end_offset"))}


def _read(path: Path, offset: int, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(size)
