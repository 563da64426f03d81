"""A Facebook page: one post with text, up to ten photos or one video.

Touches the network through `facebook_graph` and reads renditions from the media library. Photos are uploaded unseen,
videos up to their last phase; one call then publishes: `/{page}/feed`, or the phase `finish` of `/{page}/videos`.
Graph knows no idempotency key: after a lost answer the page's feed is read, and nothing is sent again before that.
For corrections and withdrawals see `facebook_after`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from distributor.adapters import facebook_probe, facebook_text, facebook_watch
from distributor.adapters.facebook_after import (
    MARGIN,
    SETTLES,
    VIDEO_SETTLES,
    Plan,
    Standing,
    keep,
    kept_plan,
    may_be_old,
)
from distributor.adapters.facebook_answers import ALREADY, ERRORS, after_prepare, after_publish, upload_gone
from distributor.adapters.facebook_feed import look
from distributor.adapters.facebook_graph import Access, Answer, FacebookClient, GraphRefusal, Waits
from distributor.adapters.facebook_media import Uploads, step_of
from distributor.adapters.facebook_quota import NEARLY_USED_UP, Usage, usage
from distributor.adapters.facebook_settings import FacebookSettings as FacebookSettings
from distributor.adapters.facebook_text import EDIT, REPOST, is_video
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


class Facebook:
    """The channel. One instance serves one page."""

    traits = Traits(actions=frozenset({Action.PUBLISH, Action.CORRECT, Action.WITHDRAW}))
    costly = False

    def __init__(self, name: str, settings: FacebookSettings, surroundings: Surroundings) -> None:
        self.name = name
        self.settings = settings
        self._clock = surroundings.clock
        secret = settings.app_secret.get_secret_value().strip() if settings.app_secret else ""
        self._client = self._line(Access(settings.token.get_secret_value().strip(), secret))
        # Facebook takes id and secret together for a token of the app itself.
        app = Access(f"{settings.app_id}|{secret}", secret)
        self._asking = self._line(app) if settings.app_id else self._client
        self._uploads = Uploads(self._client, surroundings.media, self._clock, settings.page, settings.chunk_bytes)
        self._standing = Standing(self._client, self._clock, settings.page, settings.page_url)

    def _line(self, access: Access) -> FacebookClient:
        settings = self.settings
        waits = Waits(settings.connect_timeout, settings.answer_timeout, settings.upload_timeout)
        return FacebookClient(
            str(settings.api_url),
            settings.video_host,
            settings.version,
            access,
            waits,
            settings.ca_file,
            settings.threads,
            Usage(self._clock),
        )

    def own_address(self) -> str:
        """The page's id."""
        return self.settings.page

    def profiles(self, asset: Asset) -> tuple[Profile, ...]:
        """One form of each photo, one of each video."""
        return (facebook_text.PHOTO if asset.kind is MediaKind.PHOTO else facebook_text.VIDEO,)

    def render(self, source: Source) -> Rendering | None:
        """The post; of a correction the labelled one too."""
        repost = self.settings.photos == "repost"
        return facebook_text.render(self.name, source, link=self.settings.link, repost=repost)

    def check(self, rendering: Rendering) -> tuple[Problem, ...]:
        """Length, and media left out."""
        return facebook_text.check(rendering)

    async def prepare(self, job: Job, progress: Progress) -> Outcome | None:
        """Upload the photos, or the video up to its last phase."""
        if _done(progress) or job.action is Action.WITHDRAW:
            return None
        plan = await self._standing.plan(job, progress)
        if not isinstance(plan, Plan):
            return plan
        placed = () if plan.form == EDIT else plan.part(job).media
        for number, item in enumerate(placed, 1):
            where = f"{item.kind.value} {number} of {len(placed)} ({item.name or 'without a name'})"
            try:
                await self._uploads.ensure(item, progress)
            except OSError as error:
                return Deferred("media_missing", f"{where}: {error.strerror or type(error).__name__}")
            except ERRORS as error:
                outcome = after_prepare(error)
                if isinstance(outcome, Rejected):
                    return Rejected("media_refused", f"{where}: {outcome.reason}")
                return outcome
        return None

    async def publish(self, job: Job, progress: Progress) -> Outcome:
        """The one irrevocable call; of a correction an edit, or that call after the old post was deleted. A withdrawal
        deletes."""
        if job.action is Action.WITHDRAW:
            return await self._standing.withdraw(job, progress)
        plan = await self._standing.plan(job, progress)
        if not isinstance(plan, Plan):
            return plan
        if _done(progress):
            return self._sent(job, plan, progress, {})
        if plan.form == EDIT:
            return await self._edit(job, plan, progress)
        part = plan.part(job)
        ready = [self._uploads.ready(item, progress) for item in part.media]
        if not all(ready):
            return Deferred("media_expired", "Facebook keeps an upload for a day; it is uploaded again")
        # Only now: the old post stays until the new one can follow at once.
        if (failed := await self._standing.clear(plan.clears, progress)) is not None:
            return failed
        if job.attempt > 1 or plan.old:
            # `intended_at` is the first try's; a look after this one must wait from now on.
            await progress.save("tried", {"at": self._clock().isoformat()})
        return await self._publish(job, plan, ready, progress)

    async def _publish(self, job: Job, plan: Plan, ready: list[dict[str, Any]], progress: Progress) -> Outcome:
        part = plan.part(job)
        try:
            answer = await (self._finish(part, ready[0]) if is_video(part) else self._post(part, ready))
        except ERRORS as error:
            return await self._failed(error, job, part, progress)
        post = ready[0]["id"] if is_video(part) else answer.body.get("id")
        if is_video(part) and answer.body.get("success") is not True:
            return Unknown("no_success", "Facebook answered the last phase of the video without saying that it worked")
        if not isinstance(post, str) or not post.replace("_", "").isdigit():
            return Unknown("no_id", "Facebook accepted the post but gave no id")
        await progress.save("part:0", {"id": post})
        used = usage(answer.headers)
        return self._sent(job, plan, progress, {"usage": str(int(used))} if used >= NEARLY_USED_UP else {})

    async def _edit(self, job: Job, plan: Plan, progress: Progress) -> Outcome:
        """Photos that must disappear go first. Where the old post is gone, the labelled one is posted: readers must
        have it."""
        if (failed := await self._standing.clear(plan.clears, progress)) is not None:
            return failed
        outcome = await self._standing.edit(plan, plan.part(job))
        if isinstance(outcome, Deferred) and outcome.code == "gone":
            await keep(Plan(REPOST, (), dict(plan.stays), unsure=plan.unsure), progress)
        if outcome is not None:
            return outcome
        if plan.said is not None:
            progress.note("said", dict(plan.said))
        await progress.save("shown", dict(plan.stays))
        await progress.save("part:0", {"id": plan.old[0]})
        return self._sent(job, plan, progress, {})

    async def _post(self, part: Part, ready: list[dict[str, Any]]) -> Answer:
        fields = {"message": part.text}
        if "link" in part.fields:
            fields["link"] = part.fields["link"]
        if ready:
            fields["attached_media"] = json.dumps([{"media_fbid": item["id"]} for item in ready])
        return await self._client.post(f"{self.settings.page}/feed", **fields)

    async def _finish(self, part: Part, video: dict[str, Any]) -> Answer:
        return await self._client.send_video(
            f"{self.settings.page}/videos",
            upload_phase="finish",
            upload_session_id=video["session"],
            description=part.text,
            published="true",
        )

    async def _failed(self, error: Exception, job: Job, part: Part, progress: Progress) -> Outcome:
        if isinstance(error, GraphRefusal) and part.media and upload_gone(error, is_video(part), job.uncertain):
            for item in part.media:
                await progress.save(step_of(item), {})
            return Deferred("media_expired", "Facebook no longer holds the uploads; they are uploaded again")
        outcome = after_publish(error, uncertain=job.uncertain)
        if isinstance(outcome, Unknown) and outcome.code in ALREADY:
            await progress.save("duplicate", {"at": self._clock().isoformat()})
        return outcome

    def _sent(self, job: Job, plan: Plan, progress: Progress, detail: dict[str, str]) -> Sent:
        post = str((_done(progress) or {}).get("id") or "")
        if job.action is Action.CORRECT:
            detail = detail | {"form": plan.form} | old_stands(plan.old_stands(job))
        if not post:
            return Sent(Receipt((), detail=detail))
        front = str(self.settings.web_url).rstrip("/")
        video = is_video(plan.part(job)) and "_" not in post
        link = f"{front}/{self.settings.page}/videos/{post}" if video else f"{front}/{post}"
        return Sent(Receipt((post,), (link,), detail))

    async def reconcile(self, job: Job, progress: Progress) -> Finding:
        """Read the page's feed since the first intent and compare messages; look at a video by its id too.

        Absent only where the feed was read completely, time enough has passed for a post to appear, and Facebook has
        not said "duplicate" to a later attempt. Edits and deletions may be repeated, so they are not looked for.
        """
        plan, begun = kept_plan(progress), job.intended_at or job.approved_at
        if job.action is Action.CORRECT and may_be_old(progress):
            try:
                found = await self._standing.recovered(job, progress, begun - MARGIN)
            except ERRORS as error:
                found = after_prepare(error)
            if not isinstance(found, Plan):
                return _later(found)
            plan = found
        if _done(progress):  # an edit too: the outcome alone was lost
            return self._sent(job, plan or Plan(), progress, {})
        if job.action is Action.WITHDRAW or (job.action is Action.CORRECT and (plan is None or plan.form == EDIT)):
            return Absent("nothing was posted; what it edits and deletes may be edited and deleted again")
        plan = plan or Plan()
        part = plan.part(job)
        video = (progress.get(step_of(part.media[0])) or {}).get("id", "") if is_video(part) else ""
        try:
            seen = await look(self._client, self.settings.page, part.text, begun - MARGIN, str(video))
        except ERRORS as error:
            return _later(after_prepare(error))
        if seen.post:
            await progress.save("part:0", {"id": seen.post})
            return self._sent(job, plan, progress, {})
        if progress.get("duplicate"):
            return CannotTell("Facebook says that it stands already, but the feed does not show it")
        if not seen.complete:
            return CannotTell("the feed is too long to be read back to the attempt")
        tried = (progress.get("tried") or {}).get("at")
        settles = VIDEO_SETTLES if is_video(part) else SETTLES
        settled = max(begun, datetime.fromisoformat(tried) if tried else begun) + settles
        if (left := (settled - self._clock()).total_seconds()) > 0:
            return LookAgain("not in the feed yet; a post may take a while to appear", left)
        return Absent(f"the feed since {begun.isoformat()} was read, and it is not there")

    def allowance(self) -> Allowance | None:
        """What Facebook last said is left; nothing while there is plenty."""
        return self._client.usage.allowance()

    async def probe(self) -> Health:
        """Which page the token belongs to, whether the page may post, and how long the token lasts."""
        return await facebook_probe.probe(self._client, self._asking, self.settings)

    def words(self, rendering: Rendering) -> frozenset[str]:
        """As the feed's messages are compared."""
        return frozenset(facebook_text.comparable(part.text) for part in rendering.parts)

    def kept(self, receipt: Receipt | None, progress: Mapping[str, Any]) -> frozenset[str]:
        """None: a correction writes over the old words, or the post is deleted."""
        return frozenset()

    async def posts(self, since: datetime) -> Posts:
        """The page's feed."""
        return await facebook_watch.posts(self._client, self.settings.page, since, str(self.settings.web_url))

    async def aclose(self) -> None:
        """Close the sessions and end the threads."""
        for line in {self._client, self._asking}:
            await line.aclose()


def _later(outcome: Deferred | Rejected) -> LookAgain:
    """What a look comes to whose reading failed: it is done again, and a person is asked only after many."""
    retry_after = outcome.retry_after if isinstance(outcome, Deferred) else None
    return LookAgain(outcome.reason, 30.0 if retry_after is None else retry_after)


def _done(progress: Progress) -> dict[str, Any] | None:
    """What is kept of the post once it is out: `id`, or `confirmed` by a person."""
    kept = progress.get("part:0")
    return kept if kept and (kept.get("id") or kept.get("confirmed")) else None
