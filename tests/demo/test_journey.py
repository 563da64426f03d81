"""What a new user does after publishing, in a real browser, from the desk's chat in the sandbox's page."""

from __future__ import annotations

from pathlib import Path

import pytest

from distributor.core.release import ReleaseState
from distributor.demo.stage import Stage
from tests.demo.journey import journey, walk
from tests.demo.standing import Platforms


@pytest.mark.browser
@pytest.mark.timeout(150)
async def test_approve_correct_a_word_withdraw_a_photo_and_withdraw_the_whole(tmp_path: Path) -> None:
    stage = Stage(tmp_path, further=True)
    await stage.start()
    try:
        async with journey(stage) as one:
            await walk(one, Platforms(stage))
        (release,) = await stage.parts.office.reading.releases("withdrawn")
        assert release.state is ReleaseState.WITHDRAWN
        assert (await stage.parts.office.auditing.verify()).fault == ""
    finally:
        await stage.stop()
