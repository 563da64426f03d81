"""After a publication: what the tests of Telegram's corrections and withdrawals share.

A release is published into the sandbox by the real adapter; what follows it gets a `Before` as the database would
give it: what was only noted is not in its progress.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from distributor.core.channel import Action, Before, Destination, Job
from distributor.core.outcome import Finding, Outcome, Receipt, Sent
from distributor.core.release import Notice, Revision
from distributor.core.rendering import Rendering
from tests.adapters.support import Recorder
from tests.adapters.telegram_stage import CHANNEL, Stage

DAYS = 49 * 3600.0  # after which Telegram deletes nothing for a bot


@dataclass
class Kept(Recorder):
    """Progress that knows what a database would have after a kill: notes are written with the next save only."""

    committed: dict[str, Any] = field(default_factory=dict)

    async def save(self, step: str, value: dict[str, Any]) -> None:
        """Keep, and everything noted before."""
        await super().save(step, value)
        self.committed = dict(self.kept)

    def revived(self) -> Kept:
        """What another process reads after this one was killed."""
        return Kept(dict(self.committed), committed=dict(self.committed))


@dataclass
class Release:
    """A release in one chat, and everything that was done to it."""

    stage: Stage
    revision: Revision
    before: Before
    destination: Destination
    progress: Kept = field(default_factory=Kept)

    @property
    def ids(self) -> list[int]:
        """The messages of the publication, or of the newest correction."""
        return [int(number) for number in self.before.receipt.remote_ids] if self.before.receipt else []

    def changed(self, *, photos: Sequence[int] | None = None, **facts: Any) -> Revision:
        """The next version. `photos`: which of the old ones stay, in which order."""
        version = self.revision.versions[0]
        texts = {name: facts.pop(name) for name in ("title", "lead", "body") if name in facts}
        media = self.revision.media if photos is None else tuple(self.revision.media[at] for at in photos)
        facts = {"media": media} | facts
        return replace(self.revision, number=self.revision.number + 1, versions=(replace(version, **texts),), **facts)

    async def job(self, revision: Revision, action: Action, words: str = "", **facts: Any) -> Job:
        """A claimed delivery of what follows. `before` may be given, else it is what stands."""
        notice = Notice(action, {"ka": words} if words else {}, "reason", facts.pop("withdrawn", ()))
        revision = replace(revision, notice=notice)
        if action is Action.CORRECT:
            source = await self.stage.desk.source(self.stage.channel, revision)
        else:
            source = await self.stage.desk.source(self.stage.channel, replace(revision, media=()))
            source = replace(source, revision=revision)
        rendering = self.stage.channel.render(replace(source, before=self.revision))
        assert rendering is not None
        facts = {"before": self.before, "destination": self.destination} | facts
        return self.stage.desk.job(
            self.stage.channel, rendering, action=action, delivery_id=2, revision=revision.number, **facts
        )

    async def correct(self, revision: Revision, words: str = "დაზუსტდა დაშავებულთა რიცხვი", **facts: Any) -> Outcome:
        """A correction, once; its progress is kept for another try."""
        return await self.stage.channel.publish(await self.job(revision, Action.CORRECT, words, **facts), self.progress)

    async def withdraw(self, words: str = "", **facts: Any) -> Outcome:
        """A withdrawal, once."""
        job = await self.job(replace(self.revision, number=9), Action.WITHDRAW, words, **facts)
        return await self.stage.channel.publish(job, self.progress)

    async def with_photos(self, count: int) -> Revision:
        """The next version, with so many photos."""
        return replace(self.changed(), media=(await self.stage.desk.release(photo_count=count)).media)

    async def look(self, job: Job) -> Finding:
        """A look by another process."""
        return await self.stage.channel.reconcile(job, self.progress.revived())

    def follows(self, revision: Revision, rendering: Rendering, outcome: Outcome) -> Release:
        """The release after a correction that was sent."""
        assert isinstance(outcome, Sent)
        before = replace(
            self.before,
            revision=revision.number,
            rendering=rendering,
            receipt=outcome.receipt,
            progress=dict(self.progress.committed),
            doubt=False,
        )
        return Release(self.stage, revision, before, self.destination)

    async def corrected(self, revision: Revision, words: str = "დაზუსტდა") -> Release:
        """The release after a correction, ready for the next."""
        job = await self.job(revision, Action.CORRECT, words)
        return self.follows(revision, job.rendering, await self.stage.channel.publish(job, self.progress))


async def published(
    stage: Stage, destination: Destination | None = None, *, photos: Sequence[int] | None = None, **facts: Any
) -> Release:
    """A release in the channel, or at another destination. `photos`: which of its pictures it has at first."""
    revision = await stage.desk.release(**facts)
    if photos is not None:
        revision = replace(revision, media=tuple(revision.media[at] for at in photos))
    rendering = await stage.desk.rendering(stage.channel, revision)
    where = destination or Destination(1, stage.channel.name, stage.channel.own_address())
    job, progress = stage.desk.job(stage.channel, rendering, destination=where), Kept()
    outcome = await stage.channel.publish(job, progress)
    assert isinstance(outcome, Sent)
    now = stage.desk.time()
    before = Before(1, rendering, outcome.receipt, progress.committed, now, now, job.key, job.key)
    return Release(stage, revision, before, where)


@dataclass
class Clock:
    """The sandbox's time, which a test may move."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


def sent(outcome: Outcome) -> Receipt:
    """The receipt, which there is."""
    assert isinstance(outcome, Sent), outcome
    return outcome.receipt


def calls(stage: Stage) -> list[str]:
    """The calls that came, in order."""
    return [call.method for call in stage.sandbox.record.calls if call.platform == "telegram"]


def numbers(stage: Stage, chat: int = CHANNEL) -> list[int]:
    """The messages of a chat."""
    return [post["message_id"] for post in stage.sandbox.telegram.messages(chat)]


def shown(post: dict[str, Any]) -> str:
    """The words of a post."""
    return str(post.get("text") or post.get("caption") or "")


def pictures(stage: Stage, chat: int = CHANNEL) -> list[str]:
    """The bytes that each message of a chat shows, by their digest; '' for a text."""
    posts = stage.sandbox.telegram.messages(chat)
    return [post["media"][0]["sha256"] if post["media"] else "" for post in posts]


def of(rendering: Rendering) -> list[str]:
    """The digests of a rendering's own photos and films."""
    return [item.rendition.digest for part in rendering.parts for item in part.media if item.role == "main"]
