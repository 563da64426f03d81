"""After publishing on a Facebook page: what stands there of a release, how it is corrected, and taking it away.

Touches the network through `facebook_graph`. Edits and deletions may be repeated: the same text again changes nothing,
what is gone already is gone. Graph lets an app change the message of a post that it made itself, and of a video the
description. It has no call that changes the photos of a post: a photo has no update at all, and what `/{post}` is told
of media it ignores without an error (facebook-sdk #486). But a photo is an object of its own: deleted, it disappears
from its post, and so it goes alone as long as another one stays. A post whose last photo goes may go with it, so
there the whole post is deleted and made anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from distributor.adapters.facebook_answers import ERRORS, after_prepare, is_gone, said
from distributor.adapters.facebook_feed import all_with
from distributor.adapters.facebook_graph import FacebookClient, GraphRefusal, Unreadable
from distributor.adapters.facebook_media import step_of
from distributor.adapters.facebook_text import CORRECTED, EDIT, POST, REPOST, caption, is_video
from distributor.core.channel import RESTORED, Action, Before, Job, Progress
from distributor.core.data import digest
from distributor.core.outcome import (
    NOTHING_STOOD,
    Deferred,
    Old,
    Outcome,
    Receipt,
    Rejected,
    Sent,
    names_all,
    nothing_stood,
)
from distributor.core.ports import Clock
from distributor.core.rendering import Part

SETTLES = timedelta(seconds=15)  # how long a post may take to appear in its page's feed
VIDEO_SETTLES = timedelta(seconds=120)  # a video is processed before it appears
MARGIN = timedelta(minutes=2)  # between our clock and that of Facebook


@dataclass(frozen=True, slots=True)
class Plan:
    """The form that this delivery takes, the posts that stand before it, and the photos or video that they show, by the
    original's digest: those that are deleted, and those that stay. `said`: what stands with those that stay, as
    `said_with` has it; None in a plan that an older version kept. `unsure`: another post may stand."""

    form: str = POST
    old: tuple[str, ...] = ()
    drops: Mapping[str, str] = field(default_factory=dict)
    stays: Mapping[str, str] = field(default_factory=dict)
    said: Mapping[str, str] | None = None
    unsure: bool = False

    def part(self, job: Job) -> Part:
        """The part of the rendering that is posted, or whose text is written over the old one."""
        wanted = [part for part in job.rendering.parts if (part.kind == CORRECTED) == (self.form != POST)]
        return wanted[0]

    def old_stands(self, job: Job) -> Old | None:
        """What readers may see of the old version. The order of photos is none of it."""
        changed = self.form == EDIT and self.said is not None and self.said != said_with(self.part(job))
        return Old.UNKNOWN if self.unsure else Old.MEDIA if changed else None

    @property
    def clears(self) -> tuple[str, ...]:
        """Everything that is deleted first."""
        gone = (*self.old, *self.drops.values()) if self.form == REPOST else tuple(self.drops.values())
        return tuple(dict.fromkeys(gone))


@dataclass(frozen=True, slots=True)
class Found:
    """The posts that stand. `certain`: nothing else does."""

    posts: tuple[str, ...]
    certain: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """The posts of one page. `page_url`: where a person sees them."""

    client: FacebookClient
    clock: Clock
    page: str
    page_url: str

    async def plan(self, job: Job, progress: Progress) -> Plan | Deferred | Rejected:
        """How this delivery is made. Once it is decided it stays, whatever is tried again."""
        if job.action is not Action.CORRECT:
            return Plan()
        if (kept := kept_plan(progress)) is not None:
            return kept
        if job.before is None:
            return await keep(Plan(), progress)
        found = await self.find(job.before)
        if not isinstance(found, Found):
            return found
        if not found.posts and not found.certain:
            return self._ask("the old post was not found, so it cannot be corrected", job.before)
        return await keep(_planned(job, job.before, found) if found.posts else Plan(), progress)

    async def recovered(self, job: Job, progress: Progress, since: datetime) -> Plan | Deferred | Rejected:
        """The form of a correction of which a restored database does not know whether it was made: as it would be
        decided now, but for a labelled post that the feed shows already. Raises what the client raises."""
        made = await self.plan(job, progress)
        if not isinstance(made, Plan):
            return made
        seen, _ = await all_with(self.client, self.page, [made.part(job).text], since)
        own = [post for post in seen if made.form == REPOST or (made.form == EDIT and post not in made.old)]
        if own:
            old = tuple(post for post in made.old if post not in own) if made.form == REPOST else ()
            made = await keep(replace(made, form=REPOST, old=old), progress)
        await progress.save(RESTORED, {"asked": [0]})
        return made

    async def find(self, before: Before) -> Found | Deferred | Rejected:
        """The posts that stand. The feed is read only where the ids are not known, or not all of them."""
        known = before.receipt.remote_ids if before.receipt else _ids(before)
        if before.receipt and known and not before.doubt and names_all(before.receipt):
            return Found(known, certain=True)
        texts = [part.text for part in before.rendering.parts if part.text]
        try:
            seen, complete = await all_with(self.client, self.page, texts, min(before.at, before.first_at) - MARGIN)
        except ERRORS as error:
            return after_prepare(error)
        posts = tuple(dict.fromkeys((*known, *seen)))
        if before.receipt:  # a person's word that it stands, or something else of which nobody knows
            return Found(posts, certain=len(posts) > len(known))
        if posts or not complete or before.progress.get("duplicate"):
            return Found(posts, certain=bool(posts))
        if (left := self._unsettled(before)) > 0:
            return Deferred("settling", "what may have been posted is not in the feed yet", left, throttled=True)
        return Found((), certain=True)

    async def edit(self, plan: Plan, part: Part) -> Outcome | None:
        """Write the new text over the old one. None: it stands there now."""
        video = next(iter(plan.stays.values()), "") if is_video(part) else ""
        target, name = (video, "description") if video else (plan.old[0], "message")
        try:
            answer = await self.client.post(target, **{name: part.text})
        except GraphRefusal as refusal:
            return await self._cannot_edit(target, refusal) if is_gone(refusal) else after_prepare(refusal)
        except ERRORS as error:
            return after_prepare(error)
        worked = answer.body.get("success") is True
        return None if worked else Deferred("no_success", "Facebook did not say that the edit worked")

    async def _cannot_edit(self, target: str, refusal: GraphRefusal) -> Outcome:
        """Facebook says the same of a post that is gone and of one that another app made."""
        try:
            await self.client.get(target, fields="id")
        except ERRORS as error:
            if is_gone(error):
                return Deferred("gone", f"the old post is not there any more: {said(refusal)}", retry_after=0.0)
            return after_prepare(error)
        return Rejected("not_editable", f"the app may not change {self.page_url}: {said(refusal)}")

    async def withdraw(self, job: Job, progress: Progress) -> Outcome:
        """Delete the posts of the release, and what they show: a photo is an object of its own."""
        if job.before is None:
            return nothing_stood()
        found = await self.find(job.before)
        if not isinstance(found, Found):
            return found
        shown = tuple(shown_by(job.before).values())
        failed = await self.clear(dict.fromkeys((*found.posts, *shown)), progress)
        if failed is not None:
            return failed
        # A video is known by its own id from the start: deleted by that it is nowhere, whatever the feed says.
        by_id = bool(shown) and is_video(job.before.rendering.parts[0]) and not job.before.receipt
        if not found.certain and not by_id:
            words = "what is known was deleted, but another post may stand" if found.posts else "the post was not found"
            return self._ask(words, job.before)
        gone = " ".join(deleted(progress))
        return Sent(Receipt((), detail={"deleted": gone} if gone else dict(NOTHING_STOOD)))

    async def clear(self, ids: Iterable[str], progress: Progress) -> Deferred | Rejected | None:
        """Delete objects, one after the other. None: all of them are gone."""
        for target in ids:
            gone = deleted(progress)
            if target in gone:
                continue
            try:
                answer = await self.client.delete(target)
                if answer.body.get("success") is not True:
                    raise Unreadable(200, "without saying that it was deleted")
            except ERRORS as error:
                if not is_gone(error):
                    return after_prepare(error)
            await progress.save("deleted", {"ids": [*gone, target]})
        return None

    def _unsettled(self, before: Before) -> float:
        """Seconds until a post that was tried must be in the feed."""
        tried = str((before.progress.get("tried") or {}).get("at") or "")
        last = max(before.at, datetime.fromisoformat(tried)) if tried else before.at
        settles = VIDEO_SETTLES if is_video(before.rendering.parts[0]) else SETTLES
        return (last + settles - self.clock()).total_seconds()

    def _ask(self, words: str, before: Before) -> Rejected:
        since = min(before.at, before.first_at).isoformat(timespec="minutes")
        return Rejected(
            "where_unknown", f"{words}: look at {self.page_url} for posts of this release since {since}, by hand"
        )


def _planned(job: Job, before: Before, found: Found) -> Plan:
    """An edit, or where that cannot make what must disappear disappear, a new post."""
    part = next(part for part in job.rendering.parts if part.kind == CORRECTED)
    shown = shown_by(before)
    wanted = {item.rendition.asset for item in part.media}
    drops = {asset: thing for asset, thing in shown.items() if asset not in wanted}
    stays = {asset: thing for asset, thing in shown.items() if asset in wanted}
    unknown = {item.rendition.asset for item in before.rendering.parts[0].media} - wanted - set(shown)
    must_go = bool(drops and not stays) or bool(unknown and "shown" not in before.progress)
    unsure = not found.certain
    if must_go or part.fields.get("how") == REPOST or len(found.posts) > 1:
        return Plan(REPOST, found.posts, shown, unsure=unsure)
    kept = before.progress.get("said")
    stood = said_with(before.rendering.parts[0]) if kept is None else kept
    said = {asset: mark for asset, mark in stood.items() if asset in wanted}
    return Plan(EDIT, found.posts, drops, stays, said, unsure)


def shown_by(before: Before) -> dict[str, str]:
    """What the old post shows: the ids of its photos or its video, by the originals' digests."""
    if "shown" in before.progress:
        return dict(before.progress["shown"])
    placed = before.rendering.parts[0].media
    return {item.rendition.asset: str(id_) for item in placed if (id_ := _id_of(before.progress.get(step_of(item))))}


def said_with(part: Part) -> dict[str, str]:
    """What a post says with each photo, which cannot be changed, as a mark; of a video only that it shows it."""
    if is_video(part):
        return {item.rendition.asset: "" for item in part.media}
    return {item.rendition.asset: digest([item.alt, caption(item)])[:16] for item in part.media}


def _id_of(kept: Any) -> str:
    return str(kept.get("id") or "") if isinstance(kept, dict) else ""


def _ids(before: Before) -> tuple[str, ...]:
    """What an earlier delivery that did not end as sent knows of its post."""
    post = _id_of(before.progress.get("part:0"))
    return (post,) if post else ()


def deleted(progress: Progress) -> list[str]:
    """The ids of what was deleted."""
    return list((progress.get("deleted") or {}).get("ids", ()))


def may_be_old(progress: Progress) -> bool:
    """True where a backup was restored, and nobody has looked yet whether the correction was made since."""
    kept = progress.get(RESTORED)
    return kept is not None and not kept["asked"]


def kept_plan(progress: Progress) -> Plan | None:
    """What was decided, or None."""
    kept = progress.get("form")
    return Plan(**{**kept, "old": tuple(kept["old"])}) if kept else None


async def keep(plan: Plan, progress: Progress) -> Plan:
    """Commit what was decided."""
    await progress.save("form", {**asdict(plan), "old": list(plan.old)})
    return plan
