"""The demo's further channels: a release reaches the WordPress site and the newsrooms' endpoints."""

from __future__ import annotations

from pathlib import Path

from distributor.demo import Stage
from distributor.demo.further import ENDPOINTS
from tests.queue.acts import TEXT, all_in, approve, until, write


async def test_a_release_reaches_the_site_and_every_endpoint(tmp_path: Path) -> None:
    stage = Stage(tmp_path, roles=frozenset({"worker"}), further=True)
    await stage.start()
    try:
        release_id = await write(stage, photos=1, channels=("wordpress", "webhooks", "newsroom"))
        await approve(stage, release_id)
        await until(stage, all_in("sent"), release_id)
        (post,) = stage.sandbox.wordpress.site.standing()
        assert post.title == TEXT.title
        events = stage.sandbox.webhook.events
        assert {event.endpoint for event in events} == {name for name, _ in ENDPOINTS}
        assert all(event.verified for event in events)
    finally:
        await stage.stop()
