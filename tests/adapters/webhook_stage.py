"""A channel of webhooks before the sandbox's endpoints: what the tests of the adapter share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from distributor.adapters.webhook import Webhook, WebhookSettings
from distributor.adapters.webhook_signing import message_id
from distributor.core.channel import Action, Before, Destination, Job, Source
from distributor.core.outcome import Receipt
from distributor.core.release import Revision
from distributor.core.rendering import Rendering
from distributor.sandbox import Sandbox
from tests.adapters.support import Desk

SECRET = "a-channel-secret-by-chance-0123456789"
TOKEN = "token-of-the-subscriber"


def settings_for(sandbox: Sandbox, **changes: Any) -> WebhookSettings:
    """The settings of a channel whose subscribers live in the sandbox."""
    port = int(sandbox.http_url.rpartition(":")[2])
    own = {"secret": SECRET, "allow_http": True, "allow_private": True, "ports": (port,), "timeout": 2}
    return WebhookSettings.model_validate(own | changes)


@dataclass
class Stage:
    """Sandbox, desk and channel of one test."""

    sandbox: Sandbox
    desk: Desk
    channel: Webhook

    @property
    def all(self) -> tuple[Desk, Webhook, Sandbox]:
        """The three by themselves."""
        return self.desk, self.channel, self.sandbox

    def at(self, name: str = "radio", token: str = TOKEN) -> Destination:
        """A subscriber's endpoint."""
        return Destination(1, "hooks", f"{self.sandbox.webhook.api_url}/{name}", token=token)

    def job(self, rendering: Rendering | None, **changes: Any) -> Job:
        """A claimed delivery to an endpoint."""
        assert rendering is not None
        facts: dict[str, Any] = {"destination": self.at(), "key": "abcdefghjk-1-publish-7"}
        return self.desk.job(self.channel, rendering, **(facts | changes))

    async def claimed(self, **release: Any) -> Job:
        """A release, rendered and claimed."""
        return self.job(await self.desk.rendering(self.channel, await self.desk.release(**release)))


@asynccontextmanager
async def on_stage(folder: Path, **changes: Any) -> AsyncIterator[Stage]:
    """The stage of a test, with settings changed."""
    async with Sandbox() as sandbox:
        desk = Desk.at(folder)
        channel = Webhook("hooks", settings_for(sandbox, **changes), desk.surroundings)
        sandbox.webhook.secrets["radio"] = channel.secret_of(TOKEN)
        try:
            yield Stage(sandbox, desk, channel)
        finally:
            await channel.aclose()
            await desk.aclose()


def standing(job: Job) -> Before:
    """What stands after a job was sent."""
    receipt, sent = Receipt((message_id(job.key),)), job.approved_at
    return Before(job.revision, job.rendering, receipt, {}, sent, sent, job.key, job.key)


def follow(job: Job, channel: Webhook, source: Source, revision: Revision) -> Job:
    """The job of a revision that follows, at an endpoint that has the first."""
    follows = replace(source, revision=revision, before=source.revision)
    if revision.action is not Action.CORRECT:
        follows = replace(follows, renditions={})
    rendering = channel.render(follows)
    assert rendering is not None
    key = f"abcdefghjk-2-{revision.action.value}-8"
    return replace(job, action=revision.action, revision=2, rendering=rendering, before=standing(job), key=key)
