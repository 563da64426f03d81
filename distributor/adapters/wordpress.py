"""A WordPress site: files into its library, a draft, and the draft published by its number.

May touch: the site, through its REST API with an application password; the renditions' files. Repeatable: once the
draft's number is known, publishing twice is publishing once.
"""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import Any

from distributor.adapters.wordpress_answers import GONE, after
from distributor.adapters.wordpress_client import ERRORS, Client, Json, Refusal, Unreadable
from distributor.adapters.wordpress_posts import Files, Posts, file_name, number, packed, unpacked
from distributor.adapters.wordpress_render import File, content, first_photo, profile, render
from distributor.adapters.wordpress_settings import WordPressSettings
from distributor.core.asset import Asset, Profile
from distributor.core.channel import Action, Allowance, Health, Job, Progress, Source, Traits
from distributor.core.outcome import (
    Absent,
    Deferred,
    Finding,
    LookAgain,
    Outcome,
    Receipt,
    Rejected,
    Sent,
    Unknown,
    nothing_stood,
)
from distributor.core.ports import Surroundings
from distributor.core.rendering import Problem, Rendering

__all__ = ["WordPress", "WordPressSettings"]

_NEEDED = ("publish_posts", "edit_published_posts", "delete_published_posts", "upload_files")
_NOTHING = nothing_stood()


class WordPress:
    """The channel (core.channel.Channel)."""

    def __init__(self, name: str, settings: WordPressSettings, surroundings: Surroundings) -> None:
        self.name = name
        self.traits = Traits(repeatable=True, actions=frozenset({Action.PUBLISH, Action.CORRECT, Action.WITHDRAW}))
        self._settings = settings
        self._clock = surroundings.clock
        self._client = Client(settings)
        self._posts = Posts(self._client, surroundings.media)

    def own_address(self) -> str:
        """The site's API."""
        return self._settings.api_url

    def profiles(self, asset: Asset) -> tuple[Profile, ...]:
        """One form of each photo or video."""
        return (profile(asset, self._settings.photo_bytes, self._settings.video_bytes),)

    def render(self, source: Source) -> Rendering | None:
        """The post."""
        return render(source, self.name, self._settings.photo_bytes, self._settings.video_bytes)

    def check(self, rendering: Rendering) -> tuple[Problem, ...]:
        """Nothing: a post takes whatever a release may hold."""
        return ()

    async def prepare(self, job: Job, progress: Progress) -> Outcome | None:
        """Bring the files, and make the draft where there is no post yet."""
        if job.action is Action.WITHDRAW:
            return None
        try:
            standing = await self._standing(job)
            gone = job.before is not None and standing is None and _post_of(job) is not None
            if gone:
                return Rejected("post_gone", "the post is no longer on the site: somebody deleted it there")
            known = _files_of(job)
            for placed in job.rendering.parts[0].media:
                await self._posts.ensure(placed, job, progress, known)
            if not (progress.get("post") or {}).get("id"):
                post = standing or await self._draft(job, progress)
                await progress.save("post", {"id": number(post)})
        except OSError as error:
            return Deferred("media_missing", f"a file is not in the media store: {error.strerror}")
        except ERRORS as error:
            return after(error, self._clock())
        return None

    async def _standing(self, job: Job) -> Json | None:
        """The post that a correction works on; None where none stands."""
        if job.before is None:
            return None
        post_id = _post_of(job)
        if post_id is None:
            return next(iter(await self._posts.find(job.release_id, job.slug)), None)
        post = await self._posts.read(post_id)
        return None if post is None or post.get("status") == "trash" else post

    async def _draft(self, job: Job, progress: Progress) -> Json:
        """A draft of ours that an earlier call made, or a new one."""
        found = await self._posts.find(job.release_id, job.slug)
        if found:
            return found[0]
        fields = self._fields(job, progress) | {"status": "draft", "slug": job.slug}
        return await self._client.post("wp/v2/posts", fields)

    def _fields(self, job: Job, progress: Progress) -> dict[str, Any]:
        part, settings, brought = job.rendering.parts[0], self._settings, _brought(job, progress)
        files = [brought[placed.rendition.digest] for placed in part.media]
        first = first_photo(part) if settings.featured_image else None
        noted = job.before is not None
        terms = {"categories": settings.categories, "tags": settings.tags}
        return {
            "title": escape(part.fields["title"], quote=False),
            "excerpt": escape(part.fields["lead"], quote=False),
            "content": content(part, job.release_id, files, featured=settings.featured_image, noted=noted),
            "featured_media": 0 if first is None else files[first].id,
            **{name: list(given) for name, given in terms.items() if given},
        }

    async def publish(self, job: Job, progress: Progress) -> Outcome:
        """Publish the draft, or put the new version over the old one; or take the post down.

        A post without files comes here unprepared: its draft is made now, which may be repeated all the same.
        """
        if job.action is not Action.WITHDRAW and not (progress.get("post") or {}).get("id"):
            ready = await self.prepare(job, progress)
            if ready is not None:
                return ready
        try:
            if job.action is Action.WITHDRAW:
                return await self._withdraw(job)
            return await self._put(job, progress)
        except ERRORS as error:
            if isinstance(error, Refusal) and error.code in GONE and job.action is Action.PUBLISH:
                await progress.save("post", {})
                return Deferred("draft_gone", "somebody deleted the draft on the site; it is made again")
            outcome = after(error, self._clock())
            # The post may be public all the same: should this be given up, what follows must look for it.
            unsure = not isinstance(error, Refusal) or error.status >= 500
            return replace(outcome, doubt=True) if unsure and isinstance(outcome, Deferred) else outcome

    async def _put(self, job: Job, progress: Progress) -> Outcome:
        post_id = (progress.get("post") or {})["id"]
        answer = await self._client.post(f"wp/v2/posts/{post_id}", self._fields(job, progress) | {"status": "publish"})
        if number(answer) != post_id:
            return Unknown("no_id", "the site answered with the number of another post")
        if answer.get("status") != "publish":
            return Rejected("not_published", f"the site keeps the post as {answer.get('status')!r} for its own reasons")
        files = _brought(job, progress)
        for digest, file in _files_of(job).items():
            if digest not in files:
                await self._posts.remove(file)
        return _sent(answer, files)

    async def _withdraw(self, job: Job) -> Outcome:
        """Everything of the release goes: the post into the trash, its files for good."""
        if job.before is None:
            return _NOTHING
        post_id, files = _post_of(job), _files_of(job)
        ids = {post_id} if post_id is not None else set()
        if post_id is None or job.before.doubt:
            ids |= {number(post) for post in await self._posts.find(job.release_id, job.slug)}
            for placed in job.before.rendering.parts[0].media:
                digest = placed.rendition.digest
                found = files.get(digest) or await self._posts.by_name(file_name(job.release_id, digest))
                if found is not None:
                    files[digest] = found
        for one in sorted(ids):
            await self._posts.take_down(one)
        for file in files.values():
            await self._posts.remove(file)
        return Sent(Receipt((), detail={"taken_down": ", ".join(map(str, sorted(ids)))})) if ids or files else _NOTHING

    async def reconcile(self, job: Job, progress: Progress) -> Finding:
        """Read the post by its number. What is not known of an edit or a withdrawal is done again."""
        post_id = (progress.get("post") or {}).get("id")
        if job.action is not Action.PUBLISH or not post_id:
            return Absent("it can be done again without a second effect")
        try:
            post = await self._posts.read(int(post_id))
            if post is not None and post.get("status") == "publish":
                return _sent(post, _brought(job, progress))
        except ERRORS as error:
            outcome = after(error, self._clock())
            wait = outcome.retry_after if isinstance(outcome, Deferred) else None
            return LookAgain(outcome.reason, 30.0 if wait is None else wait)
        return Absent("the post is not published")

    def allowance(self) -> Allowance | None:
        """Nothing: WordPress tells no counts."""
        return None

    async def probe(self) -> Health:
        """Who we are there, and what that user may do."""
        try:
            me = await self._client.get("wp/v2/users/me", context="edit")
        except ERRORS as error:
            return Health(False, problems=(after(error, self._clock()).reason,))
        may = me.get("capabilities", {}) if isinstance(me, dict) else {}
        problems = tuple(f"the user may not {name.replace('_', ' ')}" for name in _NEEDED if not may.get(name))
        return Health(not problems, str(me.get("name", "")) if isinstance(me, dict) else "", problems)

    async def aclose(self) -> None:
        """Close the session."""
        await self._client.aclose()


def _post_of(job: Job) -> int | None:
    """The number of the post that stands, as far as a receipt tells it."""
    receipt = job.before.receipt if job.before else None
    return int(receipt.remote_ids[0]) if receipt and receipt.remote_ids else None


def _files_of(job: Job) -> Files:
    """The files of the post that stands."""
    receipt = job.before.receipt if job.before else None
    return unpacked(receipt.detail.get("media", "")) if receipt else {}


def _brought(job: Job, progress: Progress) -> Files:
    """The files of this version, in its order, as far as they were brought."""
    kept = {one.rendition.digest: progress.get(f"media:{one.rendition.digest}") for one in job.rendering.parts[0].media}
    return {digest: File(int(file["id"]), str(file["url"])) for digest, file in kept.items() if file}


def _sent(answer: Json, files: Files) -> Sent:
    link = answer.get("link")
    if not isinstance(link, str) or not link:
        raise Unreadable("a post without an address")
    ids = (str(number(answer)), *(str(file.id) for file in files.values()))
    return Sent(Receipt(ids, (link,), {"media": packed(files)}))
