"""X: one post (or a thread) of an own account, with up to four photos or one video.

Touches the network through `x_client` and reads renditions from the media library. Uploads are prepared and seen by
nobody; `POST /2/tweets` is the one irrevocable call of each part. X knows no idempotency key: after a lost answer the
own timeline is read, and nothing is sent again before that. For corrections and withdrawals see `x_after`.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import tweepy

from distributor.adapters import x_after, x_text, x_timeline, x_watch
from distributor.adapters.x_after import ALONE, MARGIN, SETTLES, Plan, Standing, keep, kept_plan, may_be_old
from distributor.adapters.x_answers import after_prepare, after_publish
from distributor.adapters.x_client import Keys, Waits, XClient
from distributor.adapters.x_media import MediaFailed, StillProcessing, Uploads, step_of
from distributor.adapters.x_quota import Quotas
from distributor.adapters.x_settings import XSettings as XSettings
from distributor.core.asset import Asset, MediaKind, Profile
from distributor.core.channel import Action, Allowance, Health, Job, Posts, Progress, Source, Traits
from distributor.core.outcome import (
    Absent,
    CannotTell,
    Deferred,
    Finding,
    LookAgain,
    Outcome,
    Receipt,
    Rejected,
    Sent,
    Unknown,
    old_stands,
)
from distributor.core.ports import Surroundings
from distributor.core.rendering import Part, Problem, Rendering

_EXPIRED = Deferred("media_expired", "X keeps an upload for a day; it is uploaded again")


class X:
    """The channel. One instance serves one account."""

    traits = Traits(actions=frozenset({Action.PUBLISH, Action.CORRECT, Action.WITHDRAW}))
    costly = True

    def __init__(self, name: str, settings: XSettings, surroundings: Surroundings) -> None:
        self.name = name
        self.settings = settings
        self._clock = surroundings.clock
        secrets = (
            settings.consumer_key,
            settings.consumer_secret,
            settings.access_token,
            settings.access_token_secret,
        )
        waits = Waits(settings.connect_timeout, settings.answer_timeout, settings.upload_timeout)
        tls = ssl.create_default_context(cafile=settings.ca_file) if settings.ca_file else None
        keys = Keys(*(secret.get_secret_value() for secret in secrets))
        self._client = XClient(str(settings.api_url), keys, waits, Quotas(self._clock), tls)
        self._uploads = Uploads(
            self._client, surroundings.media, self._clock, settings.chunk_bytes, settings.processing_patience
        )
        self._standing = Standing(self._client, self._clock, settings.profile_url)

    def own_address(self) -> str:
        """The account's handle."""
        return self.settings.account

    def profiles(self, asset: Asset) -> tuple[Profile, ...]:
        """One form of each photo, one of each video."""
        return (x_text.PHOTO if asset.kind is MediaKind.PHOTO else x_text.VIDEO,)

    def render(self, source: Source) -> Rendering | None:
        """The post, or the thread; of a correction every form that may be needed."""
        wishes = self.settings
        repost = wishes.correction == "repost"
        return x_text.render(self.name, source, link=wishes.link, thread=wishes.thread, repost=repost)

    def check(self, rendering: Rendering) -> tuple[Problem, ...]:
        """Length, media left out, price."""
        return x_text.check(rendering)

    async def prepare(self, job: Job, progress: Progress) -> Outcome | None:
        """Upload and describe the media of every part that is not out yet."""
        if job.action is Action.WITHDRAW:
            return None
        plan = await self._standing.plan(job, progress)
        if not isinstance(plan, Plan):
            return plan
        placed = [
            item for index, part in enumerate(plan.parts(job)) if not _done(progress, index) for item in part.media
        ]
        for number, item in enumerate(placed, 1):
            where = f"{item.kind.value} {number} of {len(placed)} ({item.name or 'without a name'})"
            try:
                await self._uploads.ensure(item, progress)
            except StillProcessing as slow:
                return Deferred("processing", f"{where}: {slow}", slow.seconds, throttled=True)
            except MediaFailed as failure:
                return Rejected("media_refused", f"{where}: {failure}")
            except OSError as error:
                return Deferred("media_missing", f"{where}: {error.strerror or type(error).__name__}")
            except tweepy.TweepyException as error:
                outcome = after_prepare(error, self._clock())
                if isinstance(outcome, Rejected):
                    return Rejected("media_refused", f"{where}: {outcome.reason}")
                return outcome
        return None

    async def publish(self, job: Job, progress: Progress) -> Outcome:
        """Send the parts that are not out yet, each as a reply to the one before it; a correction after what it
        replaces was deleted, or as a reply to it. A withdrawal deletes."""
        if job.action is Action.WITHDRAW:
            return await self._standing.withdraw(job, progress)
        plan = await self._standing.plan(job, progress)
        if not isinstance(plan, Plan):
            return plan
        if plan.form == x_text.REPOST:
            left = [part for index, part in enumerate(plan.parts(job)) if not _done(progress, index)]
            if not all(self._uploads.id_of(item, progress) for part in left for item in part.media):
                return _EXPIRED  # the old post stays until the new one can follow at once
            if (failed := await self._standing.clear(plan.old, progress)) is not None:
                return failed
        for index, part in enumerate(plan.parts(job)):
            if _done(progress, index):
                continue
            parent = str((_done(progress, index - 1) or {}).get("id", "")) if index else ""
            if index and not parent:
                return Rejected("thread_parent", f"part {index + 1} answers a post whose id is not known")
            if index or job.attempt > 1 or plan.old:
                # `intended_at` is the first try's; a look after this one must wait from now on.
                await progress.save("tried", {"at": self._clock().isoformat()})
            step = "publish"
            if index:
                step = f"part:{index}"
                await progress.begin(step)
            parent = plan.old[-1] if plan.form == x_text.REPLY else parent
            outcome = await self._post(job, part, progress, parent, step)
            if not isinstance(outcome, str):
                return await self._reconsidered(outcome, plan, progress)
            await progress.save(f"part:{index}", {"id": outcome})
        return self._sent(job, plan, progress, self._client.limits)

    async def _reconsidered(self, outcome: Outcome, plan: Plan, progress: Progress) -> Outcome:
        """Where X takes no answer to the old post (it is gone, or X does not let us answer), the labelled correction
        goes on its own: readers must have it."""
        if (
            plan.form != x_text.REPLY
            or not isinstance(outcome, Rejected)
            or outcome.code not in ("forbidden", "not_found")
        ):
            return outcome
        try:
            there = await self._standing.those_there(plan.old)
        except tweepy.TweepyException as error:
            return after_prepare(error, self._clock())
        await keep(Plan(ALONE, there, plan.unsure), progress)
        return Deferred("reply_refused", f"the correction goes on its own: {outcome.reason}", retry_after=0.0)

    async def _post(self, job: Job, part: Part, progress: Progress, parent: str, step: str) -> str | Outcome:
        """One irrevocable call: the id of the post, or the outcome that ends the attempt."""
        media = [self._uploads.id_of(item, progress) for item in part.media]
        if not all(media):
            return _EXPIRED
        try:
            answer = await self._client.create_tweet(
                text=part.text, media_ids=media or None, in_reply_to_tweet_id=parent or None, user_auth=True
            )
        except tweepy.BadRequest as error:
            if part.media and "media id" in error.response.body[:20_000].decode("utf-8", "replace").lower():
                for item in part.media:
                    await progress.save(step_of(item), {})
                return Deferred("media_expired", "X no longer knows the uploads; they are uploaded again")
            return after_publish(error, uncertain=job.uncertain, step=step, now=self._clock())
        except tweepy.TweepyException as error:
            outcome = after_publish(error, uncertain=job.uncertain, step=step, now=self._clock())
            if isinstance(outcome, Unknown) and outcome.code == "duplicate":
                await progress.save("duplicate", {"at": self._clock().isoformat()})
            return outcome
        found = answer.data.get("id") if isinstance(answer.data, dict) else None
        if not isinstance(found, str) or not found.isdigit():
            return Unknown("no_id", "X accepted the post but gave no id", step)
        return found

    def _sent(self, job: Job, plan: Plan, progress: Progress, detail: dict[str, str]) -> Sent:
        """With everything that stands now, so that the next correction, or a withdrawal, finds it."""
        found = [_done(progress, index) or {} for index in range(len(plan.parts(job)))]
        ids = (*plan.stays, *(str(item["id"]) for item in found if item.get("id")))
        links = tuple(f"{self.settings.profile_url}/status/{post}" for post in ids)
        corrects = {"form": plan.form} | old_stands(plan.old_stands)
        return Sent(Receipt(ids, links, detail | (corrects if job.action is Action.CORRECT else {})))

    async def reconcile(self, job: Job, progress: Progress) -> Finding:
        """Read the own timeline since the first intent and compare texts.

        Absent only where the timeline was read completely, time enough has passed for a post to appear, and X has
        not said "duplicate" to a later attempt. A deletion may be repeated, so it is not looked for.
        """
        corrects = job.action is Action.CORRECT
        if job.action is Action.WITHDRAW or (corrects and not kept_plan(progress) and not may_be_old(progress)):
            return Absent("no post was begun; what it deletes may be deleted again")
        plan: Plan | Deferred | Rejected = kept_plan(progress) or Plan()
        begun = job.intended_at or job.approved_at
        try:
            timeline = await x_timeline.read(self._client, begun - MARGIN)
            if corrects and may_be_old(progress):
                plan = await self._standing.recovered(job, progress, timeline)
        except tweepy.TweepyException as error:
            return _later(after_prepare(error, self._clock()))
        if not isinstance(plan, Plan):
            return _later(plan)
        parts = plan.parts(job)
        for index, part in enumerate(parts):
            if not _done(progress, index) and (found := timeline.find(part.text)):
                await progress.save(f"part:{index}", {"id": found})
        if all(_done(progress, index) for index in range(len(parts))):
            return self._sent(job, plan, progress, {})
        if progress.get("duplicate"):
            return CannotTell("X calls the text a duplicate, but the timeline does not show it")
        if not timeline.complete:
            return CannotTell("the timeline is too long to be read back to the attempt")
        tried = (progress.get("tried") or {}).get("at")
        settled = max(begun, datetime.fromisoformat(tried) if tried else begun) + SETTLES
        if (left := (settled - self._clock()).total_seconds()) > 0:
            return LookAgain("not in the timeline yet; a post may take a while to appear", left)
        return Absent(f"the timeline since {begun.isoformat()} was read, and it is not there")

    def allowance(self) -> Allowance | None:
        """What X last said is left for posts; nothing before the first answer."""
        return self._client.quotas.allowance()

    async def probe(self) -> Health:
        """Whose keys these are, and whether they may write (the `x-access-level` header, where X gives it)."""
        try:
            _, account = await x_timeline.whoami(self._client)
        except tweepy.TweepyException as error:
            return Health(False, problems=(after_prepare(error, self._clock()).reason,))
        problems = []
        if account.casefold() != self.settings.account.casefold():
            problems.append(f"the keys belong to @{account}, but the settings say @{self.settings.account}")
        access = self._client.access_level
        if access and "write" not in access:
            problems.append(f"the keys may only {access}: give the app read and write permission, then renew the token")
        return Health(not problems, f"@{account}", tuple(problems), facts={"access": access} if access else {})

    def words(self, rendering: Rendering) -> frozenset[str]:
        """As the timeline's texts are compared."""
        return frozenset(x_text.comparable(part.text) for part in rendering.parts)

    def kept(self, receipt: Receipt | None, progress: Mapping[str, Any]) -> frozenset[str]:
        """The posts that a correction answers; they stand as they were."""
        return x_after.kept(progress)

    async def posts(self, since: datetime) -> Posts:
        """The own timeline."""
        return await x_watch.posts(self._client, since, self.settings.profile_url, self._clock())

    async def aclose(self) -> None:
        """Close the session."""
        await self._client.aclose()


def _later(outcome: Outcome) -> Finding:
    """What a look comes to whose reading failed: it is done again, and a person is asked only after many."""
    retry_after = outcome.retry_after if isinstance(outcome, Deferred) else None
    reason = outcome.reason if isinstance(outcome, Deferred | Rejected) else "X could not be read"
    return LookAgain(reason, 30.0 if retry_after is None else retry_after)


def _done(progress: Progress, index: int) -> dict[str, Any] | None:
    """What is kept of a part that is out: `id`, or `confirmed` by a person."""
    kept = progress.get(f"part:{index}")
    return kept if kept and (kept.get("id") or kept.get("confirmed")) else None
