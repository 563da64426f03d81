"""A Facebook page after an upgrade: what an older version kept of a correction that it had begun."""

from __future__ import annotations

from dataclasses import replace

from distributor.adapters.facebook import Facebook
from distributor.core.outcome import Deferred, Sent
from distributor.sandbox import Sandbox
from tests.adapters.after_support import Out, corrected, correction, go, published
from tests.adapters.support import Desk, Recorder

NEW = "ხანძარი 45 წუთში ჩააქრეს."


async def test_a_plan_that_does_not_know_what_stood_with_the_photos_does_not_say_that_they_are_old(
    page: Facebook, sandbox: Sandbox, desk: Desk
) -> None:
    out = await published(desk, page, photo_count=2)
    second, progress = corrected(out.revision, lead=NEW), Recorder()
    job = await correction(desk, page, out, second)
    sandbox.faults.order("facebook", "object.update", "graph_error", code=2)
    assert isinstance(await go(page, job, progress), Deferred)
    del progress.kept["form"]["said"]  # an older version kept none
    outcome = await go(page, job, progress)
    assert isinstance(outcome, Sent)
    assert outcome.receipt.detail == {"form": "edit"}

    out = Out(second, job, outcome, progress)
    outcome = await go(page, await correction(desk, page, out, corrected(second, lead="ჩააქრეს.")), Recorder())
    assert isinstance(outcome, Sent)
    assert outcome.receipt.detail == {"form": "edit"}, "nor does the next correction"

    first, last = second.media
    third = corrected(second, media=[first, replace(last, caption={"ka": "სხვა"})])
    outcome = await go(page, await correction(desk, page, out, third), Recorder())
    assert isinstance(outcome, Sent)
    assert outcome.receipt.detail["old_stands"] == "media", "a caption that changed since is told as ever"
