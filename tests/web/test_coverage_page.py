"""The console's and the command line's proof of a release: who has which version, and why not, with a real worker."""

from __future__ import annotations

import asyncio
import dataclasses
import html
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from distributor.demo.stage import EDITOR
from distributor.office.coverage import CoverageOf
from tests.web.after import at_revision, correct, page_when, withdraw
from tests.web.conftest import GEORGIAN, Site, website

ROOT = Path(__file__).parents[2]
FIXED = dataclasses.replace(GEORGIAN, title="მაშველებმა სამი ტურისტი იპოვეს")


async def when_counted(site: Site, release_id: str, channel: str = "press", **wanted: int) -> CoverageOf:
    """Wait until the destinations of a channel stand so."""
    counts: dict[str, int] = {}
    for _ in range(500):
        found = await site.stage.parts.office.coverage.of_release(release_id)
        those = [one for one in found.channels if one.name == channel]
        counts = {status.value: n for one in those for status, n in one.counts.items()}
        if counts == wanted:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(counts)


async def one_that_fails(site: Site) -> str:
    """A release that all three readers have, and whose correction one of them refuses."""
    release_id = await site.write(GEORGIAN, channels=("newsroom", "press"))
    await site.approve(release_id)
    await when_counted(site, release_id, current=3)
    site.stage.sandbox.faults.order("smtp", "smtp.rcpt", "smtp_error", code=550, text="5.1.1 no such mailbox")
    await correct(site.stage, release_id, versions=(FIXED,))
    await page_when(site.stage, release_id, at_revision(2))
    await when_counted(site, release_id, current=2, old=1)
    return release_id


async def command(site: Site, *arguments: str) -> tuple[int, str]:
    """The command line, as an operator uses it."""
    words = ("-m", "distributor", "--config", str(site.stage.settings_file), "coverage", *arguments)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *words,
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "160"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


async def test_the_page_names_who_shows_the_old_version_and_why(site: Site) -> None:
    release_id = await one_that_fails(site)
    path = f"/admin/releases/{release_id}/coverage"
    assert (await site.get(path))[0].status == 401
    await site.sign_in(EDITOR)
    answer, text = await site.get(path)
    assert answer.status == 200
    (old,) = await site.stage.parts.office.coverage.holders(release_id, status="old")
    for part in ("ვერ მიეწოდა", "5.1.1", old["address"], f"/admin/deliveries/{old['delivery_id']}", FIXED.title):
        assert part in html.unescape(text), part
    assert "ძველი ვერსია ჯერ კიდევ ჩანს 1 ადგილას" in text
    _, listed = await site.get(f"{path}?status=current&channel=press")
    assert old["address"] not in listed
    assert listed.count("/admin/deliveries/") == 2
    for query in ("?status=nonsense", "?after=x", "?after=99999999999999999999", "?channel=%27%22%3Cscript%3E"):
        answer, text = await site.get(path + query)
        assert answer.status == 200
        assert "<script>" not in text
    assert (await site.get("/admin/releases/nothing/coverage"))[0].status == 404
    for linking in (f"/admin/releases/{release_id}", f"/admin/deliveries?release={release_id}"):
        assert path in (await site.get(linking))[1], linking
    _, text = await site.get(f"/admin/deliveries/{old['delivery_id']}")
    assert path in text
    assert "შესწორება" in text


async def test_below_a_correction_on_x_the_old_post_stands_and_the_page_and_the_command_say_so(tmp_path: Path) -> None:
    async with website(tmp_path / "stage", channels=("x",)) as site:
        release_id = await site.write(GEORGIAN, channels=("newsroom", "x"))
        await site.approve(release_id)
        await when_counted(site, release_id, "x", current=1)
        await correct(site.stage, release_id, versions=(FIXED,))
        await page_when(site.stage, release_id, at_revision(2))
        found = await when_counted(site, release_id, "x", labelled=1)
        old, answer = (post["text"] for post in reversed(site.stage.sandbox.x.timeline()))
        assert (GEORGIAN.title in old, FIXED.title in answer) == (True, True)
        assert (found.old, found.labelled, found.complete) == (0, 1, False)
        await site.sign_in(EDITOR)
        _, text = await site.get(f"/admin/releases/{release_id}/coverage?status=labelled")
        for part in ("ძველი ვერსია 1 ადგილას ისევ ჩანს", "ძველი პოსტი ადგილზეა", "mia_sandbox"):
            assert part in text, part
        for part in ("ძველი ვერსია არსად ჩანს", "ყველგან არ არის ცნობილი"):
            assert part not in text, part
        code, out = await command(site, release_id, "--json")
        told = json.loads(out)
        assert (code, told["complete"]) == (1, False)
        (row,) = told["destinations"]
        assert (row["channel"], row["status"], row["because"]) == ("x", "labelled", "old_answered")
        code, out = await command(site, release_id)
        assert "At 1 destination the old version still stands" in out
        await withdraw(site.stage, release_id)  # which takes both posts away
        assert (await when_counted(site, release_id, "x", gone=1)).labelled == 0
        assert site.stage.sandbox.x.timeline() == []


async def test_an_acknowledgement_is_shown_beside_its_reader(site: Site) -> None:
    release_id = await one_that_fails(site)
    reader = (await site.stage.parts.office.coverage.holders(release_id, status="current", channel="press"))[0]
    assert await acknowledge(site, release_id, reader)
    await site.sign_in()
    _, text = await site.get(f"/admin/releases/{release_id}/coverage?status=current&channel=press")
    assert text.count("<time datetime=") == 1
    found = await site.stage.parts.office.coverage.of_release(release_id)
    assert {one.name: one.acknowledged for one in found.channels} == {"newsroom": 0, "press": 1}


async def acknowledge(site: Site, release_id: str, reader: dict[str, Any]) -> bool:
    """By the reader's own link."""
    everyone = await site.stage.parts.office.subscriptions.everyone("press")
    (token,) = [one["token"] for one in everyone if one["address"] == reader["address"]]
    return await site.stage.parts.office.acknowledging.acknowledge(token, release_id, 2)


async def test_the_command_says_the_same_and_ends_with_1_while_somebody_shows_the_old(site: Site) -> None:
    release_id = await one_that_fails(site)
    code, out = await command(site, release_id, "--json")
    told = json.loads(out)
    assert (code, told["complete"], told["revision"], told["action"]) == (1, False, 2, "correct")
    (press,) = [one for one in told["channels"] if one["channel"] == "press"]
    assert press["counts"] == {"current": 2, "old": 1}
    (behind,) = press["behind"]
    assert (behind["because"], behind["shown"], behind["count"]) == ("dead_letter", 1, 1)
    (wrong,) = told["destinations"]
    assert (wrong["status"], wrong["because"]) == ("old", "dead_letter")
    assert "5.1.1" in wrong["reason"]
    code, out = await command(site, release_id)
    assert code == 1
    assert wrong["address"] in out
    await withdraw(site.stage, release_id)  # the address was suspended when its relay did not know it
    found = await when_counted(site, release_id, gone=2, old=1)
    assert [group.because for one in found.channels for group in one.groups] == ["suspended"]
    row = await site.publish(GEORGIAN)
    code, out = await command(site, row["release_id"], "--json")
    told = json.loads(out)
    assert (code, told["complete"], told["action"], told["destinations"]) == (0, True, "publish", [])
