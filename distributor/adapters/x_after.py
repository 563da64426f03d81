"""After publishing on X: what stands there of a release, how it is corrected, and taking it away.

Touches the network through `x_client`. A deletion may be repeated: what is gone already is gone. It deletes nothing
that is not known to be ours: an id that X gave us, a text that we sent, a labelled correction in our own conversation.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import tweepy

from distributor.adapters import x_timeline
from distributor.adapters.x_answers import after_delete, after_prepare
from distributor.adapters.x_client import Unreadable, XClient
from distributor.adapters.x_text import POST, REPLY, REPOST
from distributor.core.channel import RESTORED, Action, Before, Job, Progress
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

SETTLES = timedelta(seconds=15)  # how long a post may take to appear in its author's timeline
MARGIN = timedelta(minutes=2)  # between our clock and that of X
ALONE = "alone"  # labelled, on its own, beside an old post that may stand
_KIND = {POST: POST, REPLY: REPLY, REPOST: REPOST, ALONE: REPOST}
_GONE = "resource-not-found"


@dataclass(frozen=True, slots=True)
class Plan:
    """The form that this delivery takes, and the posts that stand before it, oldest first. `unsure`: others may."""

    form: str = POST
    old: tuple[str, ...] = ()
    unsure: bool = False

    def parts(self, job: Job) -> tuple[Part, ...]:
        """The parts of the rendering that are posted."""
        return tuple(part for part in job.rendering.parts if part.kind == _KIND[self.form])

    @property
    def stays(self) -> tuple[str, ...]:
        """Old posts that stand beside the new ones."""
        return () if self.form == REPOST else self.old

    @property
    def old_stands(self) -> Old | None:
        """What readers may see of the old version beside the new posts."""
        return Old.UNKNOWN if self.unsure else Old.ANSWERED if self.stays else None


@dataclass(frozen=True, slots=True)
class Found:
    """What stands, oldest first. `certain`: nothing else does."""

    ids: tuple[str, ...]
    certain: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """The posts of one account. `profile_url`: where a person sees them."""

    client: XClient
    clock: Clock
    profile_url: str

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
        must_go = _must_go(job, job.before)
        if not found.ids and not found.certain and must_go:
            return self._ask("the old post was not found, so it cannot be deleted", job.before)
        if not found.ids:
            plan = Plan(POST if found.certain else ALONE, unsure=not found.certain)
        else:
            plan = Plan(REPOST if must_go else REPLY, found.ids, not found.certain)
        return await keep(plan, progress)

    async def recovered(
        self, job: Job, progress: Progress, timeline: x_timeline.Timeline
    ) -> Plan | Deferred | Rejected:
        """The form of a correction of which a restored database does not know whether it was made: the one that the
        timeline shows, else the one that would be decided now. Raises what the client raises."""
        made = await self.plan(job, progress)
        forms = [made.form] if isinstance(made, Plan) else []
        for form in (*forms, REPLY, ALONE):
            own = timeline.matching(part.text for part in Plan(form).parts(job) if part.text)
            if not own:
                continue
            old = [post for post in made.old if post not in own] if isinstance(made, Plan) else ()
            # A labelled post stands in the place of the old ones, or beside those that are still there.
            there = tuple(old) if form in forms else await self.those_there(old)
            made = await keep(Plan(form, there, made.unsure if isinstance(made, Plan) else True), progress)
            break
        if isinstance(made, Plan):
            await progress.save(RESTORED, {"asked": [0]})
        return made

    async def find(self, before: Before) -> Found | Deferred | Rejected:
        """The posts that stand. The timeline is read only where the ids are not known, or not all of them."""
        if before.receipt and before.receipt.remote_ids and not before.doubt and names_all(before.receipt):
            return Found(_rising(before.receipt.remote_ids), certain=True)
        known = set(before.receipt.remote_ids if before.receipt else ()) | _ids(before)
        try:
            timeline = await x_timeline.read(self.client, min(before.at, before.first_at) - MARGIN)
        except tweepy.TweepyException as error:
            return after_prepare(error, self.clock())
        texts = [part.text for part in before.rendering.parts if part.text]
        seen = timeline.matching(texts)
        ids = known | seen | timeline.corrections(known | seen)
        if before.receipt:  # a person's word that it stands, or something else of which nobody knows
            return Found(_rising(ids), certain=bool(ids - known))
        if not timeline.complete or before.progress.get("duplicate"):
            return Found(_rising(ids), certain=False)
        if (left := self._unsettled(before)) > 0:
            return Deferred("settling", "what may have been posted is not in the timeline yet", left, throttled=True)
        return Found(_rising(ids), certain=True)

    async def withdraw(self, job: Job, progress: Progress) -> Outcome:
        """Delete every post of the release."""
        if job.before is None:
            return nothing_stood()
        found = await self.find(job.before)
        if not isinstance(found, Found):
            return found
        failed = await self.clear(found.ids, progress)
        if failed is not None:
            return failed
        gone = _deleted(progress)
        if not found.certain:
            words = "what is known was deleted, but another post may stand" if gone else "the post was not found"
            return self._ask(words, job.before)
        return Sent(Receipt((), detail={"deleted": " ".join(gone)} if gone else dict(NOTHING_STOOD)))

    async def clear(self, ids: Iterable[str], progress: Progress) -> Deferred | Rejected | None:
        """Delete posts, the first one first: it is the one that is shared. None: all of them are gone."""
        for post in ids:
            gone = _deleted(progress)
            if post in gone:
                continue
            failed = await self._delete(post)
            if failed is not None:
                return failed
            await progress.save("deleted", {"ids": [*gone, post]})
        return None

    async def those_there(self, ids: Iterable[str]) -> tuple[str, ...]:
        """Those posts that X still shows. Raises what the client raises."""
        return tuple([post for post in ids if not await self._is_gone(post)])

    async def _delete(self, post: str) -> Deferred | Rejected | None:
        try:
            try:
                answer = await self.client.delete_tweet(post, user_auth=True)
            except tweepy.NotFound:
                answer = None
            # X says 'deleted: false', or 404, of what is not there: looked at, for a wrong address is a 404 as well.
            if answer is not None and isinstance(answer.data, dict) and answer.data.get("deleted") is True:
                return None
            if await self._is_gone(post):
                return None
        except tweepy.TweepyException as error:
            return after_delete(error, self.clock())
        return Rejected("not_deleted", f"X did not delete {self.profile_url}/status/{post}: delete it by hand")

    async def _is_gone(self, post: str) -> bool:
        """Whether X says that there is no such post."""
        try:
            answer = await self.client.get_tweet(post, user_auth=True)
        except tweepy.NotFound as error:
            if _GONE in error.response.body[:20_000].decode("utf-8", "replace"):
                return True
            raise
        if answer.data is not None:
            return False
        if any(str(error.get("type", "")).endswith(_GONE) for error in answer.errors if isinstance(error, dict)):
            return True
        raise Unreadable("X neither shows the post nor says that it is gone")

    def _unsettled(self, before: Before) -> float:
        """Seconds until a post that was tried must be in the timeline."""
        tried = str((before.progress.get("tried") or {}).get("at") or "")
        last = max(before.at, datetime.fromisoformat(tried)) if tried else before.at
        return (last + SETTLES - self.clock()).total_seconds()

    def _ask(self, words: str, before: Before) -> Rejected:
        since = min(before.at, before.first_at).isoformat(timespec="minutes")
        return Rejected(
            "where_unknown",
            f"{words}: look at {self.profile_url} for posts of this release since {since} and delete them by hand",
        )


def may_be_old(progress: Progress) -> bool:
    """True where a backup was restored, and nobody has looked yet whether the correction was made since."""
    kept = progress.get(RESTORED)
    return kept is not None and not kept["asked"]


def kept_plan(progress: Progress) -> Plan | None:
    """What was decided, or None."""
    kept = progress.get("form")
    return Plan(str(kept["form"]), tuple(map(str, kept["old"])), kept.get("unsure", False)) if kept else None


async def keep(plan: Plan, progress: Progress) -> Plan:
    """Commit what was decided."""
    await progress.save("form", {"form": plan.form, "old": list(plan.old), "unsure": plan.unsure})
    return plan


def kept(progress: Mapping[str, Any]) -> frozenset[str]:
    """The ids of the posts that a correction let stand, and '' beside them: others may stand that were not found."""
    plan = progress.get("form") or {}
    return frozenset({"", *map(str, plan["old"])}) if plan.get("form") in (REPLY, ALONE) else frozenset()


def _must_go(job: Job, before: Before) -> bool:
    """Whether the old post must be deleted: the setting that was approved says so, or it shows what must disappear, for
    a picture cannot be taken out of a post."""
    if any(part.fields.get("how") == REPOST for part in job.rendering.parts):
        return True
    there = {item.rendition.asset for part in before.rendering.parts for item in part.media}
    stays = {item.rendition.asset for part in job.rendering.parts if part.kind == POST for item in part.media}
    return bool(there - stays)


def _ids(before: Before) -> set[str]:
    """What an earlier delivery knows of its posts, and of those that it let stand, where its receipt does not say."""
    kept = [value for name, value in before.progress.items() if name.startswith("part:") and isinstance(value, dict)]
    old = (before.progress.get("form") or {}).get("old", ())  # one that is gone meanwhile does no harm
    return {*(str(value["id"]) for value in kept if value.get("id")), *map(str, old)}


def _rising(ids: Collection[str]) -> tuple[str, ...]:
    """Ids of X rise with time."""
    return tuple(sorted(ids, key=int))


def _deleted(progress: Progress) -> list[str]:
    return list((progress.get("deleted") or {}).get("ids", ()))
