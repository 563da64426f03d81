"""One approval, every channel: the engine against all five sandbox platforms."""

from __future__ import annotations

import pytest

from distributor.demo import Stage
from tests.queue.acts import all_in, approve, until, write


@pytest.mark.parametrize(("photos", "film"), [(0, False), (1, False), (10, False), (0, True)])
async def test_an_approved_release_reaches_all_five_channels_once(stage: Stage, photos: int, film: bool) -> None:
    release_id = await write(stage, photos=photos, film=film)
    promised = await approve(stage, release_id)
    assert promised == 7  # four accounts of our own, three subscribers
    found = await until(stage, all_in("sent"), release_id)
    assert {row["channel"] for row in found} == {"newsroom", "telegram", "x", "facebook", "press"}
    assert len(stage.sandbox.effects("telegram", chat_id=-100300)) == 1
    assert len(stage.sandbox.effects("x", kind="post")) == 1
    assert len(stage.sandbox.effects("facebook", kind="post")) == 1
    assert len(stage.sandbox.mail.messages) == 3
    standing = await stage.parts.office.reading.standing(release_id)
    assert standing.release.state.value == "distributed"
    assert (await stage.parts.office.auditing.verify()).fault == ""
