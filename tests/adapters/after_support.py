"""What follows a publication, for an adapter's tests: what stands, and the revision that corrects or withdraws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from distributor.core.channel import Action, Before, Channel, Job
from distributor.core.outcome import Outcome, Sent
from distributor.core.release import MediaItem, Notice, Revision
from distributor.core.rendering import Rendering
from tests.adapters.support import Desk, Recorder

WORDS = "დაზუსტდა დროის მონაცემი."


@dataclass
class Out:
    """A delivery that went out, and what it left behind."""

    revision: Revision
    job: Job
    outcome: Outcome
    progress: Recorder = field(default_factory=Recorder)

    @property
    def ids(self) -> tuple[str, ...]:
        """What its receipt names."""
        assert isinstance(self.outcome, Sent)
        return self.outcome.receipt.remote_ids

    def before(self, **changes: Any) -> Before:
        """As the next delivery is told of it."""
        receipt = self.outcome.receipt if isinstance(self.outcome, Sent) else None
        at = self.job.intended_at or self.job.approved_at
        facts: dict[str, Any] = {
            "revision": self.revision.number,
            "rendering": self.job.rendering,
            "receipt": receipt,
            "progress": dict(self.progress.kept),
            "at": at,
            "first_at": at,
            "key": self.job.key,
            "sent_key": self.job.key,
            "doubt": receipt is None,
        }
        return Before(**(facts | changes))


async def go(channel: Channel, job: Job, progress: Recorder) -> Outcome:
    """Prepare and publish, as the worker does."""
    return await channel.prepare(job, progress) or await channel.publish(job, progress)


async def published(desk: Desk, channel: Channel, **release: Any) -> Out:
    """A release that is out."""
    revision = await desk.release(**release)
    job, progress = desk.job(channel, await desk.rendering(channel, revision)), Recorder()
    return Out(revision, job, await go(channel, job, progress), progress)


def corrected(
    revision: Revision, *, lead: str = "", media: Sequence[MediaItem] | None = None, words: str = WORDS, **notice: Any
) -> Revision:
    """A later revision with another lead, and other media where these are given."""
    version = replace(revision.versions[0], lead=lead or revision.versions[0].lead)
    return replace(
        revision,
        number=revision.number + 1,
        versions=(version,),
        media=tuple(revision.media if media is None else media),
        notice=Notice(Action.CORRECT, {version.language: words} if words else {}, **notice),
    )


async def follows(desk: Desk, channel: Channel, revision: Revision, before: Revision) -> Rendering:
    """The rendering of a revision that follows another."""
    beside = revision.action is not Action.CORRECT
    source = await desk.source(channel, replace(revision, media=()) if beside else revision)
    rendering = channel.render(replace(source, revision=revision, before=before, renditions=source.renditions))
    assert rendering is not None
    return rendering


async def correction(desk: Desk, channel: Channel, out: Out, revision: Revision, **changes: Any) -> Job:
    """A claimed correction of what is out."""
    rendering = await follows(desk, channel, revision, out.revision)
    facts = {"action": Action.CORRECT, "before": out.before(), "revision": revision.number, "key": "abcdefghjk-2-2"}
    return desk.job(channel, rendering, **(facts | changes))


async def withdrawal(desk: Desk, channel: Channel, out: Out, **changes: Any) -> Job:
    """A claimed withdrawal of what is out."""
    revision = replace(out.revision, number=out.revision.number + 1, notice=Notice(Action.WITHDRAW, {}, "reason"))
    rendering = await follows(desk, channel, revision, out.revision)
    facts = {"action": Action.WITHDRAW, "before": out.before(), "revision": revision.number, "key": "abcdefghjk-3-3"}
    return desk.job(channel, rendering, **(facts | changes))
