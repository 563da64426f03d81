"""The site's posts and files as the channel works with them: each step may be taken again without a second effect.

May touch: the site, the renditions' files. A slug is no key (WordPress changes a taken one without a word), so a post
is known by the marker in it, and a file by a name that nobody else gives.
"""

from __future__ import annotations

import json
from typing import Any

from distributor.adapters.wordpress_answers import GONE, NO_TRASH, TRASHED
from distributor.adapters.wordpress_client import Client, Json, Refusal, Unreadable
from distributor.adapters.wordpress_render import File, caption, marker
from distributor.core.asset import Media
from distributor.core.channel import Job, Progress
from distributor.core.rendering import Placed

_NOT_IN_TRASH = "publish,future,draft,pending,private"
_ENDINGS = {"image/jpeg": "jpg", "video/mp4": "mp4"}

Files = dict[str, File]
"""Rendition's digest → its file at the site."""


class Posts:
    """What a channel does at its site."""

    def __init__(self, client: Client, media: Media) -> None:
        self.client = client
        self._media = media

    async def find(self, release_id: str, slug: str) -> list[Json]:
        """The posts of a release that are not in the trash, the oldest first."""
        mark = marker(release_id)
        found: dict[int, Json] = {}
        for query in ({"slug": slug}, {"search": mark}):
            seen = await self.client.get("wp/v2/posts", status=_NOT_IN_TRASH, context="edit", per_page="50", **query)
            for post in seen if isinstance(seen, list) else []:
                if f"<!-- {mark} -->" in str((post.get("content") or {}).get("raw", "")):
                    found[number(post)] = post
        return [found[key] for key in sorted(found)]

    async def read(self, post_id: int) -> Json | None:
        """A post, or None where there is none (any more)."""
        try:
            post = await self.client.get(f"wp/v2/posts/{post_id}", context="edit")
        except Refusal as error:
            if error.code in GONE:
                return None
            raise
        if not isinstance(post, dict):
            raise Unreadable("a list where one post was asked for")
        return post

    async def ensure(self, placed: Placed, job: Job, progress: Progress, known: Files) -> None:
        """See to it that a file is in the library, with its words. `known` are those that stand there already."""
        digest = placed.rendition.digest
        step = f"media:{digest}"
        kept = progress.get(step)
        file = File(int(kept["id"]), str(kept["url"])) if kept else known.get(digest)
        if file is not None and not await self._describe(file, placed):
            file = None  # somebody took it out of the library
        if file is None:
            file = await self._uploaded(placed, job.release_id)
            await self._describe(file, placed)
        if kept != {"id": file.id, "url": file.url}:
            await progress.save(step, {"id": file.id, "url": file.url})

    async def _uploaded(self, placed: Placed, release_id: str) -> File:
        stem = file_name(release_id, placed.rendition.digest)
        found = await self.by_name(stem)
        if found is not None:  # an earlier call brought it, whose answer was lost
            return found
        kind = placed.rendition.media_type
        path = self._media.open(placed.rendition.digest)
        return _file(await self.client.upload(path, kind, f"{stem}.{_ENDINGS[kind]}"))

    async def by_name(self, stem: str) -> File | None:
        """The file with this name, or None."""
        seen = await self.client.get("wp/v2/media", slug=stem, context="edit")
        return _file(seen[0]) if isinstance(seen, list) and seen else None

    async def _describe(self, file: File, placed: Placed) -> bool:
        """Give a file its words. False where it is not there."""
        said = {"alt_text": placed.alt, "caption": caption(placed)}
        try:
            await self.client.post(f"wp/v2/media/{file.id}", said)
        except Refusal as error:
            if error.code in GONE:
                return False
            raise
        return True

    async def take_down(self, post_id: int) -> None:
        """Into the trash; for good where the site keeps none. Once more has no effect."""
        try:
            await self.client.delete(f"wp/v2/posts/{post_id}", force=False)
        except Refusal as error:
            if error.code in NO_TRASH:
                await self._delete(f"wp/v2/posts/{post_id}")
            elif error.code not in GONE | TRASHED:
                raise

    async def remove(self, file: File) -> None:
        """Delete a file for good. Once more has no effect."""
        await self._delete(f"wp/v2/media/{file.id}")

    async def _delete(self, path: str) -> None:
        try:
            await self.client.delete(path, force=True)
        except Refusal as error:
            if error.code not in GONE:
                raise


def file_name(release_id: str, digest: str) -> str:
    """The name of a file in the library, and so its slug."""
    return f"{release_id}-{digest[:16]}"


def number(answer: Json) -> int:
    """The number of what an answer tells of; Unreadable where it has none."""
    found = answer.get("id")
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise Unreadable("an answer without a number")
    return found


def packed(files: Files) -> str:
    """Files as one text of a receipt."""
    return json.dumps({digest: [file.id, file.url] for digest, file in files.items()})


def unpacked(text: str) -> Files:
    """The files of a receipt; none where it has none."""
    found: dict[str, Any] = json.loads(text) if text else {}
    return {digest: File(int(id_), str(url)) for digest, (id_, url) in found.items()}


def _file(answer: Json) -> File:
    address = answer.get("source_url")
    if not isinstance(address, str) or not address.startswith(("https://", "http://")):
        raise Unreadable("a file without an address")
    return File(number(answer), address)
