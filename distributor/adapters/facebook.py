"""A Facebook page: one post with text, up to ten photos or one video.

Touches the network through `facebook_graph` and reads renditions from the media library. Photos are uploaded unseen,
videos up to their last phase; one call then publishes: `/{page}/feed`, or the phase `finish` of `/{page}/videos`.
Graph knows no idempotency key: after a lost answer the page's feed is read, and nothing is sent again before that.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, Field, HttpUrl, SecretStr

from distributor.adapters import facebook_text
from distributor.adapters.facebook_answers import ALREADY, ERRORS, after_prepare, after_publish
from distributor.adapters.facebook_feed import look
from distributor.adapters.facebook_graph import Access, Answer, FacebookClient, GraphRefusal, Waits
from distributor.adapters.facebook_media import Uploads, step_of
from distributor.adapters.facebook_quota import NEARLY_USED_UP, Usage, usage
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
from distributor.core.rendering import Part, Placed, Problem, Rendering

SETTLES = timedelta(seconds=15)  # how long a post may take to appear in its page's feed
VIDEO_SETTLES = timedelta(seconds=120)  # a video is processed before it appears
MARGIN = timedelta(minutes=2)  # between our clock and that of Facebook
_GRAPH = "https://graph.facebook.com"
_GRAPH_VIDEO = "https://graph-video.facebook.com"  # Graph API, "Video uploads"
# An upload that Facebook no longer holds, at the publishing call: subcodes of 100, and the code of a lost session.
_GONE_PHOTO = 1366051
_GONE_SESSION = 6000


class FacebookSettings(BaseModel, extra="forbid"):
    """What an operator sets for one page. Times in seconds."""

    api_url: HttpUrl = HttpUrl(_GRAPH)
    video_api_url: HttpUrl | None = None  # where videos go; empty: Facebook's own host for them, else api_url
    web_url: HttpUrl = HttpUrl("https://www.facebook.com")  # in front of the public links
    version: str = Field("v26.0", pattern=r"^v\d{1,3}\.\d$")
    page: str = Field(pattern=r"^\d{1,32}$")
    token: SecretStr
    app_secret: SecretStr | None = None  # set where the app requires appsecret_proof
    link: bool = False
    connect_timeout: float = Field(10, gt=0)
    answer_timeout: float = Field(30, gt=0)
    upload_timeout: float = Field(120, gt=0)
    chunk_bytes: int = Field(4_194_304, ge=16_384, le=33_554_432)
    threads: int = Field(4, ge=1, le=32)
    ca_file: str | None = None

    @property
    def video_host(self) -> str:
        """Where the phases of a video go."""
        if self.video_api_url is not None:
            return str(self.video_api_url)
        own = str(self.api_url).rstrip("/")
        return _GRAPH_VIDEO if own == _GRAPH else own


class Facebook:
    """The channel. One instance serves one page."""

    traits = Traits()

    def __init__(self, name: str, settings: FacebookSettings, surroundings: Surroundings) -> None:
        self.name = name
        self.settings = settings
        self._clock = surroundings.clock
        secret = settings.app_secret.get_secret_value().strip() if settings.app_secret else ""
        access = Access(settings.token.get_secret_value().strip(), secret)
        waits = Waits(settings.connect_timeout, settings.answer_timeout, settings.upload_timeout)
        self._client = FacebookClient(
            str(settings.api_url),
            settings.video_host,
            settings.version,
            access,
            waits,
            settings.ca_file,
            settings.threads,
            Usage(self._clock),
        )
        self._uploads = Uploads(self._client, surroundings.media, self._clock, settings.page, settings.chunk_bytes)

    def own_address(self) -> str:
        """The page's id."""
        return self.settings.page

    def profiles(self, asset: Asset) -> tuple[Profile, ...]:
        """One form of each photo, one of each video."""
        return (facebook_text.PHOTO if asset.kind is MediaKind.PHOTO else facebook_text.VIDEO,)

    def render(self, source: Source) -> Rendering | None:
        """The post."""
        return facebook_text.render(self.name, source, link=self.settings.link)

    def check(self, rendering: Rendering) -> tuple[Problem, ...]:
        """Length, and media left out."""
        return facebook_text.check(rendering)

    async def prepare(self, job: Job, progress: Progress) -> Outcome | None:
        """Upload the photos, or the video up to its last phase."""
        if _done(progress):
            return None
        placed = job.rendering.parts[0].media
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
        """The one irrevocable call."""
        if _done(progress):
            return self._sent(job, progress, {})
        part = job.rendering.parts[0]
        ready = [self._uploads.ready(item, progress) for item in part.media]
        if not all(ready):
            return Deferred("media_expired", "Facebook keeps an upload for a day; it is uploaded again")
        if job.attempt > 1:
            # `intended_at` is the first try's; a look after this one must wait from now on.
            await progress.save("tried", {"at": self._clock().isoformat()})
        try:
            answer = await (self._finish(part, ready[0]) if part.kind == "video" else self._post(part, ready))
        except ERRORS as error:
            return await self._failed(error, job, part, progress)
        post = ready[0]["id"] if part.kind == "video" else answer.body.get("id")
        if part.kind == "video" and answer.body.get("success") is not True:
            return Unknown("no_success", "Facebook answered the last phase of the video without saying that it worked")
        if not isinstance(post, str) or not post.replace("_", "").isdigit():
            return Unknown("no_id", "Facebook accepted the post but gave no id")
        await progress.save("part:0", {"id": post})
        used = usage(answer.headers)
        return self._sent(job, progress, {"usage": str(int(used))} if used >= NEARLY_USED_UP else {})

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
        if isinstance(error, GraphRefusal) and part.media and _upload_gone(error, part.media, job.uncertain):
            for item in part.media:
                await progress.save(step_of(item), {})
            return Deferred("media_expired", "Facebook no longer holds the uploads; they are uploaded again")
        outcome = after_publish(error, uncertain=job.uncertain)
        if isinstance(outcome, Unknown) and outcome.code in ALREADY:
            await progress.save("duplicate", {"at": self._clock().isoformat()})
        return outcome

    def _sent(self, job: Job, progress: Progress, detail: dict[str, str]) -> Sent:
        post = str((_done(progress) or {}).get("id") or "")
        if not post:
            return Sent(Receipt((), detail=detail))
        front = str(self.settings.web_url).rstrip("/")
        video = job.rendering.parts[0].kind == "video" and "_" not in post
        link = f"{front}/{self.settings.page}/videos/{post}" if video else f"{front}/{post}"
        return Sent(Receipt((post,), (link,), detail))

    async def reconcile(self, job: Job, progress: Progress) -> Finding:
        """Read the page's feed since the first intent and compare messages; look at a video by its id too.

        Absent only where the feed was read completely, time enough has passed for a post to appear, and Facebook has
        not said "duplicate" to a later attempt.
        """
        part, begun = job.rendering.parts[0], job.intended_at or job.approved_at
        if _done(progress):
            return self._sent(job, progress, {})
        video = (
            (progress.get(step_of(part.media[0])) or {}).get("id", "") if part.kind == "video" and part.media else ""
        )
        try:
            seen = await look(self._client, self.settings.page, part.text, begun - MARGIN, str(video))
        except ERRORS as error:
            outcome = after_prepare(error)
            retry_after = outcome.retry_after if isinstance(outcome, Deferred) else None
            return LookAgain(outcome.reason, 30.0 if retry_after is None else retry_after)
        if seen.post:
            await progress.save("part:0", {"id": seen.post})
            return self._sent(job, progress, {})
        if progress.get("duplicate"):
            return CannotTell("Facebook says that it stands already, but the feed does not show it")
        if not seen.complete:
            return CannotTell("the feed is too long to be read back to the attempt")
        tried = (progress.get("tried") or {}).get("at")
        settles = VIDEO_SETTLES if part.kind == "video" else SETTLES
        settled = max(begun, datetime.fromisoformat(tried) if tried else begun) + settles
        if (left := (settled - self._clock()).total_seconds()) > 0:
            return LookAgain("not in the feed yet; a post may take a while to appear", left)
        return Absent(f"the feed since {begun.isoformat()} was read, and it is not there")

    def allowance(self) -> Allowance | None:
        """What Facebook last said is left; nothing while there is plenty."""
        return self._client.usage.allowance()

    async def probe(self) -> Health:
        """Which page the token belongs to, and whether the page may post."""
        try:
            mine = (await self._client.get("me", fields="id,name")).body
            page = (await self._client.get(self.settings.page, fields="id,name,link,can_post,is_published")).body
        except ERRORS as error:
            return Health(False, problems=(after_prepare(error).reason,))
        problems = []
        if str(mine.get("id")) != self.settings.page:
            problems.append(f"the token belongs to {mine.get('id')} and not to the page {self.settings.page}")
        if page.get("can_post") is False:
            problems.append("the token may not post to the page: pages_manage_posts is missing")
        if page.get("is_published") is False:
            problems.append("the page is not published: nobody sees its posts")
        known: tuple[str, ...] = ("link", "can_post", "is_published")
        facts = {name: str(page[name]) for name in known if name in page}
        return Health(not problems, str(page.get("name") or self.settings.page), tuple(problems), facts=facts)

    async def aclose(self) -> None:
        """Close the session and end the threads."""
        await self._client.aclose()


def _done(progress: Progress) -> dict[str, Any] | None:
    """What is kept of the post once it is out: `id`, or `confirmed` by a person."""
    kept = progress.get("part:0")
    return kept if kept and (kept.get("id") or kept.get("confirmed")) else None


def _upload_gone(error: GraphRefusal, media: tuple[Placed, ...], uncertain: bool) -> bool:
    """Whether it failed because Facebook dropped the upload. A video's session also ends by a lost `finish`."""
    if media[0].kind is MediaKind.VIDEO:
        return error.number == _GONE_SESSION and not uncertain
    return error.number == 100 and error.subcode == _GONE_PHOTO
