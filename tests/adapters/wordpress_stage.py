"""A WordPress channel before the sandbox's site: what the tests of the adapter share."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp

from distributor.adapters.wordpress import WordPress, WordPressSettings
from distributor.core.channel import Action, Before, Job
from distributor.core.outcome import Outcome, Receipt, Sent
from distributor.core.release import Revision
from distributor.sandbox import Sandbox
from distributor.sandbox.wordpress_site import Post, WordPressSite
from tests.adapters.support import Desk, Recorder

SLUG = "khandzari-abcdefghjk"


def settings_for(sandbox: Sandbox, **changes: Any) -> WordPressSettings:
    """The settings of the sandbox's site."""
    own = {
        "api_url": sandbox.wordpress.api_url,
        "user": sandbox.accounts.wordpress_user,
        "application_password": sandbox.accounts.wordpress_password,
        "answer_timeout": 2,
        "connect_timeout": 1,
    }
    return WordPressSettings.model_validate(own | changes)


@dataclass
class Stage:
    """Sandbox, desk and channel of one test."""

    sandbox: Sandbox
    desk: Desk
    channel: WordPress

    @property
    def site(self) -> WordPressSite:
        """What the site holds."""
        return self.sandbox.wordpress.site

    async def job(self, revision: Revision, **changes: Any) -> Job:
        """A claimed delivery of a revision."""
        source = await self.desk.source(self.channel, revision, url=f"https://newsroom.example/releases/{SLUG}")
        rendering = self.channel.render(source)
        assert rendering is not None
        facts = {"action": revision.action, "revision": revision.number}
        return self.desk.job(self.channel, rendering, **(facts | changes))

    async def bring(self, job: Job, progress: Recorder | None = None) -> Outcome:
        """What the worker does: prepare, then publish."""
        kept = progress or Recorder()
        return await self.channel.prepare(job, kept) or await self.channel.publish(job, kept)

    async def published(self, revision: Revision) -> tuple[Job, Sent]:
        """A release that is out."""
        job = await self.job(revision)
        done = await self.bring(job)
        assert isinstance(done, Sent)
        return job, done

    def order(self, method: str, kind: str, **options: Any) -> None:
        """A fault of the site."""
        self.sandbox.faults.order("wordpress", method, kind, **options)

    @property
    def post(self) -> Post:
        """The only post that visitors see."""
        (post,) = self.site.standing()
        return post

    async def seen(self, address: str) -> tuple[int, str]:
        """What a visitor gets at an address."""
        async with aiohttp.ClientSession() as session, session.get(address) as answer:
            return answer.status, (await answer.read()).decode(errors="replace")

    def pictures(self) -> list[str]:
        """The addresses of the files in the post's text."""
        return re.findall(r'src="([^"]+)"', self.post.content)


@asynccontextmanager
async def on_stage(folder: Path, **changes: Any) -> AsyncIterator[Stage]:
    """The stage of a test, with settings changed."""
    async with Sandbox() as sandbox:
        desk = Desk.at(folder)
        channel = WordPress("site", settings_for(sandbox, **changes), desk.surroundings)
        try:
            yield Stage(sandbox, desk, channel)
        finally:
            await channel.aclose()
            await desk.aclose()


def standing(job: Job, receipt: Receipt | None, *, doubt: bool = False) -> Before:
    """What stands after a job."""
    sent = job.approved_at
    return Before(job.revision, job.rendering, receipt, {}, sent, sent, job.key, job.key, doubt)


async def follow(stage: Stage, revision: Revision, before: Before | None) -> Job:
    """The job of a revision that corrects or withdraws."""
    if revision.action is Action.WITHDRAW:
        revision = replace(revision, media=())
    return await stage.job(revision, before=before, key=f"abcdefghjk-{revision.number}-{revision.action.value}-9")
