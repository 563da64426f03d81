"""One process that mails: `python -m benchmarks.mail_client WAY LOOP PORT COUNT [PROFILE]`.

Touches the relay at PORT of the loopback address and a temporary folder. Publishes a Georgian release to COUNT readers
through the e-mail adapter, AT_ONCE at a time as the engine would, each with a Job and an outcome of his own; `signed`
with DKIM (RSA, 2048 bits), `unsigned` without. Answers with seconds passed, seconds of processor time, the size of one
mail in bytes, the microseconds of processor time that composing one takes, and the largest resident size in MB. With
PROFILE, a path, it writes a profile for `python -m pstats` there.
"""

from __future__ import annotations

import asyncio
import cProfile
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from benchmarks import child
from benchmarks.memory import most_resident
from distributor.adapters.email import Email, EmailSettings
from distributor.adapters.email_message import template
from distributor.core.channel import Action, Destination, Job, Source
from distributor.core.outcome import Sent
from distributor.core.release import Kind, LanguageVersion, Revision
from tests.adapters.support import Desk, Recorder

AT_ONCE = 64
CONNECTIONS = 8
_WARM_UP = 256
_TITLE = "თბილისში ხანძარი ლიკვიდირებულია"
_BODY = "მეხანძრე-მაშველებმა ხანძარი 40 წუთში ჩააქრეს, დაშავებული არავინაა. მიმდინარეობს გამოძიება."


def settings(way: str, port: int, folder: Path) -> EmailSettings:
    """A list that sends to the sink, with what it sends on a connection left as it is by default."""
    facts: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "sender": "press@mia.example",
        "envelope_domain": "bounces.mia.example",
        "connections": CONNECTIONS,
    }
    if way == "signed":
        path = folder / "dkim.pem"
        key = rsa.generate_private_key(65537, 2048)
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        facts |= {"dkim_selector": "press", "dkim_domain": "mia.example", "dkim_key_file": path}
    return EmailSettings.model_validate(facts)


def deliveries(channel: Email) -> Iterator[Job]:
    """One for each reader, without end, made as they are taken: what waits must not count as memory."""
    version = LanguageVersion("ka", _TITLE, "", _BODY)
    revision = Revision("abcdefghjk", 1, 1, Kind.NEWS, (version,))
    page = "https://newsroom.example/releases/khandzari-abcdefghjk"
    rendering = channel.render(Source(revision, ("ka",), {}, page, "შსს პრესსამსახური"))
    assert rendering is not None
    reader = Destination(1, "list", "")
    approved = datetime(2026, 3, 5, tzinfo=UTC)
    job = Job(1, Action.PUBLISH, "", rendering, reader, "abcdefghjk", 1, "khandzari", page, 1, approved)
    number = 0
    while True:
        number += 1
        address = f"reader{number}@paper{number % 50}.example"
        his = replace(reader, id=number, address=address, token=f"{number:032d}")
        yield replace(job, delivery_id=number, key=f"abcdefghjk-1-publish-{number}", destination=his)


async def publish(channel: Email, jobs: Iterator[Job], count: int) -> None:
    """`count` mails, AT_ONCE at a time. AssertionError where one is not sent."""
    numbers, progress = iter(range(count)), Recorder()

    async def lane() -> None:
        for _ in numbers:
            outcome = await channel.publish(next(jobs), progress)
            assert isinstance(outcome, Sent), outcome

    await asyncio.gather(*(lane() for _ in range(AT_ONCE)))


def composing(channel: Email, of: EmailSettings, jobs: Iterator[Job]) -> tuple[int, float]:
    """The size of a mail in bytes, and microseconds for one of many of the same rendering."""
    shared = template(next(jobs), of, "Office", "https://newsroom.example")
    some = [next(jobs) for _ in range(5000)]
    began = time.process_time()
    mails = [shared.mail(job) for job in some]
    return len(mails[0].data), (time.process_time() - began) / len(some) * 1e6


async def _main(way: str, port: int, count: int, profile: str | None) -> None:
    with tempfile.TemporaryDirectory(prefix="distributor-bench-") as folder:
        desk, of = Desk.at(Path(folder)), settings(way, port, Path(folder))
        channel = Email("list", of, desk.surroundings)
        jobs = deliveries(channel)
        await publish(channel, jobs, _WARM_UP)
        profiler = cProfile.Profile() if profile else None
        if profiler:
            profiler.enable()
        began, processor = time.perf_counter(), time.process_time()
        await publish(channel, jobs, count)
        seconds, spent = time.perf_counter() - began, time.process_time() - processor
        if profiler and profile:
            profiler.disable()
            profiler.dump_stats(profile)
        resident = most_resident() / 2**20
        size, microseconds = composing(channel, of, jobs)
        await channel.aclose()
        await desk.aclose()
    answer = {"seconds": seconds, "processor": spent, "bytes": size, "composing": microseconds, "resident": resident}
    child.say(answer)


if __name__ == "__main__":
    _way, _loop, _port, _count, *_profile = sys.argv[1:]
    child.run(_loop, _main(_way, int(_port), int(_count), _profile[0] if _profile else None))
