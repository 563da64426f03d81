"""Uploads to X, media API v2: initialize, append, finalize, wait for the processing, describe.

Reads renditions from disk, a chunk at a time; keeps in the delivery's progress where it stopped, so that a retry goes
on from there. Publishes nothing: an upload is seen by nobody until a post names it.
"""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import tweepy

from distributor.adapters.x_client import Unreadable, XClient
from distributor.core.asset import Media, MediaKind
from distributor.core.channel import Progress
from distributor.core.ports import Clock
from distributor.core.rendering import Placed

Json = dict[str, Any]

KEEPS = timedelta(hours=20)  # X forgets an upload after 24 h; a post must still have time to go out
_CATEGORY = {MediaKind.PHOTO: "tweet_image", MediaKind.VIDEO: "tweet_video"}


class MediaFailed(Exception):
    """X could not process the file; a repeat would end the same way."""


class StillProcessing(Exception):
    """X needs longer than we wait in a slot; `seconds` until the next look."""

    def __init__(self, seconds: float) -> None:
        super().__init__("X is still processing the video")
        self.seconds = seconds


def step_of(placed: Placed) -> str:
    """The name under which the progress of an upload is kept."""
    return f"media:{placed.rendition.digest}"


@dataclass(frozen=True, slots=True)
class Uploads:
    """Brings renditions to X. `patience`: seconds that a processing video may hold a slot."""

    client: XClient
    media: Media
    clock: Clock
    chunk_bytes: int
    patience: float

    def id_of(self, placed: Placed, progress: Progress) -> str:
        """The media id of a finished upload that X still keeps, else an empty string."""
        kept = self._kept(placed, progress)
        return str(kept["id"]) if kept.get("ready") else ""

    async def ensure(self, placed: Placed, progress: Progress) -> None:
        """Upload a rendition, or go on where an earlier attempt stopped.

        Raises what the client raises, MediaFailed, StillProcessing.
        """
        kept = self._kept(placed, progress)
        if kept.get("ready"):
            return
        try:
            await self._upload(placed, kept, progress)
        except (tweepy.BadRequest, tweepy.NotFound):
            if not kept:
                raise
            # X no longer knows what an earlier attempt began, or took its lost finalize: begin anew, once.
            await self._upload(placed, {}, progress)

    def _kept(self, placed: Placed, progress: Progress) -> Json:
        kept = progress.get(step_of(placed)) or {}
        if "at" not in kept or self.clock() - datetime.fromisoformat(kept["at"]) > KEEPS:
            return {}
        return kept

    async def _upload(self, placed: Placed, kept: Json, progress: Progress) -> None:
        state = dict(kept) if kept else await self._initialize(placed)
        step = step_of(placed)
        path = self.media.open(placed.rendition.digest)
        while (sent := int(state["sent"])) < placed.rendition.size:
            chunk = await asyncio.to_thread(_read, path, sent, self.chunk_bytes)
            await self._append(state, chunk)
            state |= {"sent": sent + len(chunk), "segment": int(state["segment"]) + 1}
            await progress.save(step, dict(state))
        if not state.get("final"):
            answer = await self.client.send_json("POST", f"/2/media/upload/{state['id']}/finalize")
            state["final"] = True
            await progress.save(step, dict(state))
        else:
            answer = await self._status(state)
        await self._processed(state, answer)
        if placed.alt and placed.kind is MediaKind.PHOTO:
            metadata = {"alt_text": {"text": placed.alt}}
            await self.client.send_json("POST", "/2/media/metadata", json={"id": state["id"], "metadata": metadata})
        await progress.save(step, {"id": state["id"], "at": state["at"], "ready": True})

    async def _initialize(self, placed: Placed) -> Json:
        body = {
            "media_type": placed.rendition.media_type,
            "media_category": _CATEGORY[placed.kind],
            "total_bytes": placed.rendition.size,
        }
        answer = await self.client.send_json("POST", "/2/media/upload/initialize", json=body)
        media_id = _data(answer).get("id")
        if not isinstance(media_id, str) or not media_id.isdigit():
            raise Unreadable("X gave no media id")
        return {"id": media_id, "at": self.clock().isoformat(), "sent": 0, "segment": 0}

    async def _append(self, state: Json, chunk: bytes) -> None:
        if not chunk:
            raise MediaFailed("the rendition on disk is shorter than it was")
        form = aiohttp.FormData()
        form.add_field("segment_index", str(state["segment"]))
        form.add_field("media", io.BytesIO(chunk), filename="media", content_type="application/octet-stream")
        await self.client.request("POST", f"/2/media/upload/{state['id']}/append", user_auth=True, data=form)

    async def _status(self, state: Json) -> Json:
        params = {"command": "STATUS", "media_id": state["id"]}
        return await self.client.send_json("GET", "/2/media/upload", params=params)

    async def _processed(self, state: Json, answer: Json) -> None:
        """Wait until X has processed the file, as long as `patience` allows; X names the pauses."""
        left = self.patience
        while (info := _data(answer).get("processing_info")) is not None:
            if not isinstance(info, dict):
                raise Unreadable("processing_info is no object")
            if info.get("state") == "succeeded":
                return
            if info.get("state") == "failed":
                raise MediaFailed(f"X could not process it: {_why(answer, info)}")
            pause = max(float(info.get("check_after_secs") or 0), 0.05)
            if pause > left:
                raise StillProcessing(pause)
            left -= pause
            await asyncio.sleep(pause)
            answer = await self._status(state)


def _why(answer: Json, info: Json) -> str:
    """X tells it in `errors` (API v2); in `processing_info.error` as its older interface did."""
    told = [problem.get("detail") for problem in answer.get("errors") or () if isinstance(problem, dict)]
    return "; ".join(str(words) for words in [*told, info.get("error")] if words)[:300] or "no reason given"


def _data(answer: Json) -> Json:
    data = answer.get("data")
    if not isinstance(data, dict):
        raise Unreadable("the answer has no data")
    return data


def _read(path: Path, offset: int, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(size)
