"""X: one post (or a thread) of an own account, with up to four photos or one video.

Touches the network through `x_client` and reads renditions from the media library. Uploads are prepared and seen by
nobody; `POST /2/tweets` is the one irrevocable call of each part. X knows no idempotency key: after a lost answer the
own timeline is read, and nothing is sent again before that.
"""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta
from typing import Any

import tweepy
from pydantic import BaseModel, Field, HttpUrl, SecretStr, field_validator

from distributor.adapters import x_text, x_timeline
from distributor.adapters.x_answers import after_prepare, after_publish
from distributor.adapters.x_client import Keys, Waits, XClient
from distributor.adapters.x_media import MediaFailed, StillProcessing, Uploads, step_of
from distributor.adapters.x_quota import Quotas
from distributor.core.asset import Asset, MediaKind, Profile
from distributor.core.channel import Allowance, Health, Job, Progress, Source, Traits
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
)
from distributor.core.ports import Surroundings
from distributor.core.rendering import Part, Problem, Rendering

SETTLES = timedelta(seconds=15)  # how long a post may take to appear in its author's timeline
MARGIN = timedelta(minutes=2)  # between our clock and that of X


class XSettings(BaseModel, extra="forbid"):
    """What an operator sets for one account of X. Times in seconds."""

    api_url: HttpUrl = HttpUrl("https://api.x.com")
    web_url: HttpUrl = HttpUrl("https://x.com")  # in front of the public links
    account: str = Field(pattern=r"^\w{1,15}$")
    consumer_key: SecretStr
    consumer_secret: SecretStr
    access_token: SecretStr
    access_token_secret: SecretStr
    link: bool = False  # a post with a link costs $0.200, one without $0.015 (pay per use, April 2026)
    thread: bool = False
    connect_timeout: float = Field(10, gt=0)
    answer_timeout: float = Field(30, gt=0)
    upload_timeout: float = Field(120, gt=0)
    processing_patience: float = Field(20, gt=0)
    chunk_bytes: int = Field(4_000_000, ge=16_384, le=4_000_000)  # X takes 5 MB
    ca_file: str | None = None

    @field_validator("account", mode="before")
    @classmethod
    def _handle(cls, value: Any) -> Any:
        return value.removeprefix("@") if isinstance(value, str) else value


class X:
    """The channel. One instance serves one account."""

    traits = Traits()

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

    def own_address(self) -> str:
        """The account's handle."""
        return self.settings.account

    def profiles(self, asset: Asset) -> tuple[Profile, ...]:
        """One form of each photo, one of each video."""
        return (x_text.PHOTO if asset.kind is MediaKind.PHOTO else x_text.VIDEO,)

    def render(self, source: Source) -> Rendering | None:
        """The post, or the thread."""
        return x_text.render(self.name, source, link=self.settings.link, thread=self.settings.thread)

    def check(self, rendering: Rendering) -> tuple[Problem, ...]:
        """Length, media left out, price."""
        return x_text.check(rendering)

    async def prepare(self, job: Job, progress: Progress) -> Outcome | None:
        """Upload and describe the media of every part that is not out yet."""
        placed = [
            item for index, part in enumerate(job.rendering.parts) if not _done(progress, index) for item in part.media
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
        """Send the parts that are not out yet, each as a reply to the one before it."""
        for index, part in enumerate(job.rendering.parts):
            if _done(progress, index):
                continue
            parent = str((_done(progress, index - 1) or {}).get("id", "")) if index else ""
            if index and not parent:
                return Rejected("thread_parent", f"part {index + 1} answers a post whose id is not known")
            if index or job.attempt > 1:
                # `intended_at` is the first try's; a look after this one must wait from now on.
                await progress.save("tried", {"at": self._clock().isoformat()})
            step = "publish"
            if index:
                step = f"part:{index}"
                await progress.begin(step)
            outcome = await self._post(job, part, progress, parent, step)
            if not isinstance(outcome, str):
                return outcome
            await progress.save(f"part:{index}", {"id": outcome})
        return self._sent(job, progress, self._client.limits)

    async def _post(self, job: Job, part: Part, progress: Progress, parent: str, step: str) -> str | Outcome:
        """One irrevocable call: the id of the post, or the outcome that ends the attempt."""
        media = [self._uploads.id_of(item, progress) for item in part.media]
        if not all(media):
            return Deferred("media_expired", "X keeps an upload for a day; it is uploaded again")
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

    def _sent(self, job: Job, progress: Progress, detail: dict[str, str]) -> Sent:
        found = [_done(progress, index) or {} for index in range(len(job.rendering.parts))]
        ids = tuple(str(item["id"]) for item in found if item.get("id"))
        front = f"{str(self.settings.web_url).rstrip('/')}/{self.settings.account}/status"
        return Sent(Receipt(ids, tuple(f"{front}/{post}" for post in ids), dict(detail)))

    async def reconcile(self, job: Job, progress: Progress) -> Finding:
        """Read the own timeline since the first intent and compare texts.

        Absent only where the timeline was read completely, time enough has passed for a post to appear, and X has
        not said "duplicate" to a later attempt.
        """
        begun = job.intended_at or job.approved_at
        try:
            timeline = await x_timeline.read(self._client, begun - MARGIN)
        except tweepy.TweepyException as error:
            outcome = after_prepare(error, self._clock())
            retry_after = outcome.retry_after if isinstance(outcome, Deferred) else None
            return LookAgain(outcome.reason, 30.0 if retry_after is None else retry_after)
        for index, part in enumerate(job.rendering.parts):
            if not _done(progress, index) and (found := timeline.find(part.text)):
                await progress.save(f"part:{index}", {"id": found})
        if all(_done(progress, index) for index in range(len(job.rendering.parts))):
            return self._sent(job, progress, {})
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

    async def aclose(self) -> None:
        """Close the session."""
        await self._client.aclose()


def _done(progress: Progress, index: int) -> dict[str, Any] | None:
    """What is kept of a part that is out: `id`, or `confirmed` by a person."""
    kept = progress.get(f"part:{index}")
    return kept if kept and (kept.get("id") or kept.get("confirmed")) else None
