"""From the press of Approve to the first byte at a channel, on the embedded default.

May touch: a temporary folder and the loopback address. Measured from the moment at which the simulated Telegram
hands the press to the bot's long poll, to the moment at which the sandbox has the first call that publishes; both in
one process, so that the figure includes the sandbox's own work. The lanes' rates are lifted: they would be
measured. Text only: with media, uploads come before the first publishing byte.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from distributor.core.approval import Decision
from distributor.core.release import Kind, LanguageVersion
from distributor.demo.play import button_of
from distributor.demo.stage import AUTHOR, CHANNEL_CHAT, DESK_CHAT, EDITOR, Stage
from distributor.locale import texts
from distributor.storage.reports import DeliveryFilter

SETUP = (
    "The demo's stage in one process: SQLite, memory queue, the sandbox beside them; text only, rates lifted. Median "
    "and 95th percentile of 30 releases; the ratio is to the aim."
)
RUNS = 30
WARM_UP = 3
AIM = 20.0  # milliseconds
UNLIMITED: dict[str, list[str]] = {
    "channels.telegram.rates": [],
    "channels.telegram.destination_rates": [],
    "channels.x.rates": [],
}


async def measure() -> list[dict[str, Any]]:
    """Medians and 95th percentiles, in milliseconds: from the decision, and from the press in Telegram."""
    with tempfile.TemporaryDirectory(prefix="distributor-bench-") as folder:
        stage = Stage(Path(folder), changes=UNLIMITED)
        await stage.start()
        try:
            from_decision = [await _run(stage, number, _decide) for number in range(RUNS + WARM_UP)][WARM_UP:]
            from_press = [await _run(stage, 1000 + number, _press) for number in range(RUNS + WARM_UP)][WARM_UP:]
        finally:
            await stage.stop()
    return [
        *_results("decision given to the office to first byte at a channel", from_decision),
        *_results("press of Approve in Telegram to first byte at a channel", from_press),
    ]


def _results(name: str, taken: list[float]) -> list[dict[str, Any]]:
    median, late = statistics.median(taken), statistics.quantiles(taken, n=20)[18]
    return [
        {"name": f"{name}, median", "value": median, "unit": "ms", "against": AIM, "ratio": median / AIM},
        {"name": f"{name}, 95th percentile", "value": late, "unit": "ms", "against": None, "ratio": None},
    ]


Approve = Callable[[Stage, str, int, str, str], Awaitable[float]]


async def _run(stage: Stage, number: int, approve: Approve) -> float:
    """One release, text only; milliseconds from its approval to the first call that publishes."""
    office = stage.parts.office
    title = f"Measurement {number}"
    version = LanguageVersion("ka", title, "", "Text.")
    draft = await office.drafts.create(stage.people[AUTHOR], kind=Kind.NEWS, versions=(version,))
    submitted = await office.drafts.submit(draft.id, stage.people[AUTHOR])
    before = _published(stage)
    began = await approve(stage, draft.id, submitted.release.revision, submitted.content_hash, title)
    while _published(stage) == before:
        if time.perf_counter() - began > 10:
            rows = await office.reading.deliveries(DeliveryFilter(release_id=draft.id))
            raise TimeoutError(f"{title} did not leave: {[(row['channel'], row['state']) for row in rows]}")
        await asyncio.sleep(0.001)  # less than half a millisecond is none on uvloop: it would spin
    taken = (time.perf_counter() - began) * 1000
    while True:
        standing = await office.reading.standing(draft.id)
        if standing.release.state.value == "distributed":
            return taken
        await asyncio.sleep(0.01)


def _published(stage: Stage) -> int:
    """Calls and mails that have reached a channel, but for the desk's own messages."""
    box = stage.sandbox
    posts = len(box.effects("telegram", chat_id=CHANNEL_CHAT))
    return posts + box.calls("x", "tweets.create") + box.calls("facebook", "feed.create") + len(box.mail.messages)


async def _decide(stage: Stage, release_id: str, revision: int, seen: str, _title: str) -> float:
    began = time.perf_counter()
    await stage.parts.office.approvals.decide(stage.people[EDITOR].id, Decision.APPROVE, release_id, revision, seen)
    return began


async def _press(stage: Stage, _release_id: str, _revision: int, _seen: str, title: str) -> float:
    label = texts("ka").get("decision.approve")

    def wanted(message: dict[str, Any]) -> bool:
        return title in str(message.get("text", "")) and button_of(message, label) is not None

    message = await stage.sandbox.telegram.wait_for(DESK_CHAT, wanted, 10)
    began = time.perf_counter()
    await stage.sandbox.telegram.press(EDITOR, DESK_CHAT, message["message_id"], button_of(message, label) or label)
    return began
