"""A Telegram channel before the sandbox: what the tests of the Telegram adapter share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from distributor.adapters.telegram import Telegram, TelegramSettings
from distributor.core.channel import Destination, Job
from distributor.core.outcome import Outcome
from distributor.sandbox import Sandbox
from tests.adapters.support import Desk, Recorder

TOKEN = "1000001:sandbox-desk-token"
CHANNEL, STAGING, GROUP, READER = -100300, -100400, -100200, 501


@dataclass
class Stage:
    """Sandbox, desk and channel of one test."""

    sandbox: Sandbox
    desk: Desk
    channel: Telegram

    async def publish(self, progress: Recorder | None = None, **release: Any) -> Outcome:
        """A release with these properties, sent into the channel."""
        return await self.channel.publish(await self.desk.claimed(self.channel, **release), progress or Recorder())

    async def to_reader(self, chat: int, **release: Any) -> Job:
        """A release for a subscriber's chat."""
        reader = Destination(7, self.channel.name, str(chat), token="unsubscribe-token")
        rendering = await self.desk.rendering(self.channel, await self.desk.release(**release))
        return self.desk.job(self.channel, rendering, destination=reader)

    @property
    def posts(self) -> list[dict[str, Any]]:
        """What stands in the channel."""
        return self.sandbox.telegram.messages(CHANNEL)

    def order(self, method: str, kind: str, **options: Any) -> None:
        """A fault of the Bot API."""
        self.sandbox.faults.order("telegram", method, kind, **options)


def settings(sandbox: Sandbox, **changes: Any) -> TelegramSettings:
    """The settings of a channel in the sandbox."""
    facts: dict[str, Any] = {"token": TOKEN, "api_url": sandbox.telegram.api_url, "chat": "@mia_sandbox"}
    return TelegramSettings.model_validate(facts | changes)
