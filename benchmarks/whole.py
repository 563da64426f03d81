"""Mails and Bot API sends a second through the whole engine: a row each, intent and outcome committed, audit included.

May touch: smtp-sink, a server with one fixed answer, databases and processes of ours, all on the loopback address. Held
against what the sender alone can do (groups `mail` and `http`), measured earlier in the same run.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import child, engine, mail
from benchmarks.engine import STANDS
from benchmarks.engine_worker import mail_settings
from benchmarks.results import Result, median, result
from distributor.adapters.email import Email
from distributor.core.channel import Source
from distributor.core.release import Kind, LanguageVersion, Revision
from distributor.core.rendering import Rendering
from tests.adapters.support import Desk

SETUP = (
    "One release to 20,000 readers by e-mail to smtp-sink, and to 10,000 chats by the Telegram adapter to a server "
    "with one fixed answer; one worker process of ours, 64 at a time, a row each, outcomes in groups; medians of 3."
)
MAILS, SENDS = 20_000, 10_000
RUNS = 3
MAIL_AIM, SEND_AIM = 8000.0, 3000.0


async def measure(*, quick: bool = False) -> list[Result]:
    """Both, on SQLite + memory and on PostgreSQL + Redis, on both event loops."""
    results: list[Result] = []
    shown = await _mail()
    runs = 1 if quick else RUNS
    for stand in STANDS:
        if stand.workers > 1:
            continue
        async with mail.sink() as port:
            count = MAILS // 10 if quick else MAILS
            taken = [await engine.run(stand, count, "mail", str(port), shown) for _ in range(runs)]
        rate = median(one.rate for one in taken)
        results.append(result(f"durable mails through the engine, {stand.name}", rate, "mails/s", MAIL_AIM))
        each = median(one.busy for one in taken) * 1e6
        results.append(result(f"processor time of a durable mail, {stand.name}", each, "µs"))
        async with child.serving("benchmarks.http_server", "fixed", "uvloop") as ready:
            count = SENDS // 10 if quick else SENDS
            taken = [await engine.run(stand, count, "chats", ready["api_url"]) for _ in range(runs)]
        rate = median(one.rate for one in taken)
        results.append(result(f"durable Bot API sends through the engine, {stand.name}", rate, "sends/s", SEND_AIM))
        each = median(one.busy for one in taken) * 1e6
        results.append(result(f"processor time of a durable Bot API send, {stand.name}", each, "µs"))
    return results


async def _mail() -> Rendering:
    """A Georgian release as the e-mail adapter shows it."""
    with TemporaryDirectory(prefix="distributor-bench-") as folder:
        desk = Desk.at(Path(folder))
        channel = Email("press", mail_settings(25), desk.surroundings)
        version = LanguageVersion("ka", "თბილისში ხანძარი ლიკვიდირებულია", "", "მეხანძრეებმა ხანძარი ჩააქრეს. " * 4)
        revision = Revision("abcdefghjk", 1, 1, Kind.NEWS, (version,), at=datetime(2026, 3, 5, tzinfo=UTC))
        page = "https://newsroom.example/releases/khandzari-abcdefghjk"
        shown = channel.render(Source(revision, ("ka",), {}, page, "შსს პრესსამსახური"))
        await channel.aclose()
        await desk.aclose()
    assert shown is not None
    return shown
