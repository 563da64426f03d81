"""The connections to the relay: who waits for whom, what a stopped delivery leaves behind, how long content goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import uvloop

from distributor.adapters.email import Email
from distributor.core.channel import Job
from distributor.core.outcome import Outcome, Sent
from tests.adapters.email_relay import Talk, relay
from tests.adapters.email_stage import Stage, on_stage, settings, told
from tests.adapters.support import Recorder


@pytest_asyncio.fixture
async def stage(folder: Path) -> AsyncIterator[Stage]:
    async with on_stage(folder) as made:
        yield made


def channel(stage: Stage, **changes: Any) -> Email:
    """A list with settings of its own, before the sandbox's relay unless told otherwise."""
    return Email("list", settings(stage.sandbox, **changes), stage.desk.surroundings)


async def jobs(stage: Stage, count: int, **release: Any) -> list[Job]:
    """Deliveries of one release, approved once: they share a template, so that all are composed in the same moment."""
    rendering, approved_at = await stage.rendering(**release), stage.desk.time()
    names = (f"reader{number}@paper.example" for number in range(count))
    return [stage.to(name, rendering, approved_at=approved_at) for name in names]


async def serve(talk: Talk) -> None:
    """A relay that takes everything."""
    await talk.greet()
    while (await talk.until(b"\r\n")).startswith(b"MAIL"):
        await talk.taken()
    talk.say("221 bye")


async def test_nothing_waits_behind_a_slow_connection(stage: Stage) -> None:
    async def stuck(talk: Talk) -> None:
        await talk.greet()
        await talk.envelope()
        talk.say("250 ok", "250 ok")  # and no answer to DATA
        await talk.reader.read()

    async with relay(stuck, serve) as server:
        made = channel(stage, port=server.port, connections=2)
        tasks = [asyncio.create_task(made.publish(job, Recorder())) for job in await jobs(stage, 20)]
        done, late = await asyncio.wait(tasks, timeout=1)
        assert len(done) == 19
        assert all(isinstance(task.result(), Sent) for task in done)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        await made.aclose()


async def test_a_relay_that_takes_fewer_connections_costs_no_mail_its_attempt(stage: Stage) -> None:
    async def full(talk: Talk) -> None:
        talk.say("421 4.7.0 too many connections")

    async with relay(serve, full) as server:
        made = channel(stage, port=server.port, connections=5)
        first, *others = await jobs(stage, 40)
        outcomes = [await made.publish(first, Recorder())]
        outcomes += await asyncio.gather(*(made.publish(job, Recorder()) for job in others))
        assert all(isinstance(outcome, Sent) for outcome in outcomes)
        await asyncio.gather(*made._pool._opens)
        assert made._pool.limit == 1
        await made.aclose()


async def test_a_connection_that_failed_is_tried_again_while_mails_wait_behind_a_slow_one(stage: Stage) -> None:
    async def slow(talk: Talk) -> None:
        await talk.greet()
        await talk.envelope()
        await talk.reader.read()

    async def gone(talk: Talk) -> None:
        talk.hang_up()

    async with relay(slow, gone, serve) as server:
        made = channel(stage, port=server.port, connections=2, command_timeout=20)
        tasks = [asyncio.create_task(made.publish(job, Recorder())) for job in await jobs(stage, 5)]
        done, late = await asyncio.wait(tasks, timeout=2)
        assert [isinstance(task.result(), Sent) for task in done] == [True] * 4
        assert server.connections == 3
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        await made.aclose()


async def test_no_relay_at_all_is_told_to_everybody_who_waits(stage: Stage) -> None:
    made = channel(stage, port=1, connections=3)
    outcomes = await asyncio.gather(*(made.publish(job, Recorder()) for job in await jobs(stage, 30)))
    assert {told(outcome) for outcome in outcomes} == {("Deferred", "connection", "delivery")}
    assert made._pool.in_use == 0


async def test_a_relay_that_comes_back_is_used_at_once(stage: Stage) -> None:
    made = channel(stage, connections=3)
    await stage.sandbox.mail.stop()
    (job,) = await jobs(stage, 1)
    assert told(await made.publish(job, Recorder())) == ("Deferred", "connection", "delivery")
    await stage.sandbox.mail.start(stage.sandbox.mail.host, stage.sandbox.mail.port)
    assert isinstance(await made.publish(job, Recorder()), Sent)
    await made.aclose()


async def test_a_delivery_stopped_behind_another_ones_dot_harms_neither_it_nor_the_truth(stage: Stage) -> None:
    answered, played = asyncio.Event(), asyncio.Event()

    async def play(talk: Talk) -> None:
        await talk.greet()
        await talk.envelope()
        talk.say("250 ok", "250 ok", "354 go on")
        await talk.content()
        await talk.envelope()
        await asyncio.wait_for(answered.wait(), 5)
        talk.say("250 queued", "250 ok", "250 ok", "354 go on")
        assert await talk.reader.read(1) == b""  # the end, and no content for who was stopped
        played.set()

    async with relay(play) as server:
        made = channel(stage, port=server.port, connections=1)
        tasks = [asyncio.create_task(made.publish(job, Recorder())) for job in await jobs(stage, 2)]
        await asyncio.sleep(0.2)
        tasks[1].cancel()
        await asyncio.sleep(0.05)
        answered.set()
        first, second = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(first, Sent)
        assert isinstance(second, asyncio.CancelledError)
        await asyncio.wait_for(played.wait(), 1)


async def test_a_delivery_stopped_while_it_waits_is_never_begun(stage: Stage) -> None:
    stage.order("smtp.rcpt", "latency", seconds=0.3)
    made = channel(stage, connections=1)
    tasks = [asyncio.create_task(made.publish(job, Recorder())) for job in await jobs(stage, 3)]
    await asyncio.sleep(0.1)
    tasks[1].cancel()
    tasks[2].cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome).__name__ for outcome in outcomes] == ["Sent", "CancelledError", "CancelledError"]
    await asyncio.sleep(0.05)
    assert [mail.rcpt for mail in stage.mails] == [("reader0@paper.example",)]
    assert stage.sandbox.calls("smtp", "smtp.mail") == 1
    assert stage.sandbox.calls("smtp", "smtp.connect") == 1
    await made.aclose()


async def test_closing_leaves_no_task_and_no_connection_behind(stage: Stage) -> None:
    made = channel(stage, connections=3)
    await asyncio.gather(*(made.publish(job, Recorder()) for job in await jobs(stage, 12)))
    before = asyncio.all_tasks()
    await made.aclose()
    await asyncio.sleep(0.05)
    assert asyncio.all_tasks() <= before
    assert made._pool._all == set()
    assert stage.sandbox.mail._open == set()


async def test_closing_while_the_relay_does_not_answer_turns_away_what_waits(stage: Stage) -> None:
    async def mute(talk: Talk) -> None:
        await talk.reader.read()

    async with relay(mute) as server:
        made = channel(stage, port=server.port, connect_timeout=30)
        task = asyncio.create_task(made.publish((await jobs(stage, 1))[0], Recorder()))
        await asyncio.sleep(0.1)
        await made.aclose()
        assert told(await asyncio.wait_for(task, 1)) == ("Deferred", "connection", "delivery")


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("faster", [True, False])
def test_content_of_any_length_arrives_whole_and_in_its_own_mail(folder: Path, pipelining: bool, faster: bool) -> None:
    async def send() -> None:
        async with on_stage(folder) as stage:
            stage.sandbox.mail.pipelining = pipelining
            made = channel(stage, connections=1)
            lengths = [*range(15_500, 16_900, 100), 60_000, 600_000]
            mails = [await stage.rendering(lead="", body=f"{size}\n\n.\n\n" + "abc " * (size // 4)) for size in lengths]
            work = [stage.to(f"reader{n}@paper.example", mails[n % len(mails)]) for n in range(2 * len(mails))]
            outcomes: list[Outcome] = await asyncio.gather(*(made.publish(job, Recorder()) for job in work))
            assert all(isinstance(outcome, Sent) for outcome in outcomes)
            for job in work:
                (mail,) = stage.sandbox.mail.to(job.destination.address)
                text = mail.message.get_body(("plain",))
                assert text is not None
                words = job.rendering.parts[0].text.partition("-- \n")[0]
                assert text.get_content().replace("\r\n", "\n").startswith(words)
            await made.aclose()

    uvloop.run(send()) if faster else asyncio.run(send())
