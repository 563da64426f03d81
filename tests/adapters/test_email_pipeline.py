"""Pipelining (RFC 2920): what goes together, and what becomes of each mail when two are under way on one connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from distributor.adapters.email import Email
from distributor.core.channel import Job
from distributor.core.outcome import Sent
from tests.adapters.email_relay import ONE_BY_ONE, Play, Talk, relay
from tests.adapters.email_stage import Stage, on_stage, settings, told

SENT = ("Sent", "", "")
UNKNOWN = ("Unknown", "after_dot")
LATER = ("Deferred", "connection")


@pytest_asyncio.fixture
async def stage(folder: Path) -> AsyncIterator[Stage]:
    async with on_stage(folder) as made:
        yield made


def channel(stage: Stage, port: int, **changes: Any) -> Email:
    """A list that sends over one connection."""
    facts = {"port": port, "connections": 1} | changes
    return Email("list", settings(stage.sandbox, **facts), stage.desk.surroundings)


async def jobs(stage: Stage, count: int, **release: Any) -> list[Job]:
    """Deliveries of one release, approved once: they share a template, so that all are composed in the same moment."""
    rendering, approved_at = await stage.rendering(**release), stage.desk.time()
    names = (f"reader{number}@paper.example" for number in range(count))
    return [stage.to(name, rendering, approved_at=approved_at) for name in names]


async def both(stage: Stage, *plays: Play, **changes: Any) -> list[tuple[str, str, str]]:
    """What becomes of two mails that are published at once, over the connections that play so."""
    async with relay(*plays) as server:
        made = channel(stage, server.port, **changes)
        first, second = await jobs(stage, 2)
        outcomes = await asyncio.gather(made.publish(first, None), made.publish(second, None))  # type: ignore[arg-type]  # a mail keeps no progress
        await made.aclose()
    return [told(outcome) for outcome in outcomes]


async def first_dot(talk: Talk) -> None:
    """Greets, and reads up to the moment at which one mail's dot waits and the next one's commands lie behind it."""
    await talk.greet()
    await talk.envelope()
    talk.say("250 ok", "250 ok", "354 go on")
    await talk.content()
    assert b"reader1@" in await talk.envelope()  # before the dot is answered


async def test_commands_go_together_and_the_next_ones_with_the_final_dot(stage: Stage) -> None:
    async def play(talk: Talk) -> None:
        await talk.greet()
        group = await talk.envelope()  # no answer was given yet
        assert [line.split(b" ")[0].split(b":")[0] for line in group.splitlines()] == [b"MAIL", b"RCPT", b"DATA"]
        assert await talk.quiet()  # the content waits for 354
        talk.say("250 ok", "250 ok", "354 go on")
        await talk.content()
        assert b"reader1@" in await talk.envelope()
        assert await talk.quiet()
        talk.say("250 queued", "250 ok", "250 ok", "354 go on")
        await talk.content()
        assert await talk.quiet()
        talk.say("250 queued")

    assert await both(stage, play) == [SENT, SENT]


async def test_without_pipelining_each_command_waits_for_the_answer_before_it(stage: Stage) -> None:
    async def play(talk: Talk) -> None:
        await talk.greet(ONE_BY_ONE)
        for _ in range(2):
            for command, answer in ((b"MAIL", "250 ok"), (b"RCPT", "250 ok"), (b"DATA", "354 go on")):
                assert (await talk.until(b"\r\n")).startswith(command)
                assert await talk.quiet()
                talk.say(answer)
            await talk.content()
            assert await talk.quiet()
            talk.say("250 queued")

    assert await both(stage, play) == [SENT, SENT]


async def test_a_refused_reader_whose_data_is_accepted_gets_an_empty_message(stage: Stage) -> None:
    async def play(talk: Talk) -> None:
        await talk.greet()
        await talk.envelope()
        talk.say("250 ok", "550 5.1.1 unknown", "354 go on")
        assert await talk.content() == b".\r\n"
        assert (await talk.envelope()).startswith(b"MAIL")  # nothing is left to reset
        talk.say("250 queued as nothing", "250 ok", "250 ok", "354 go on")
        await talk.content()
        talk.say("250 queued")

    assert await both(stage, play) == [("Rejected", "recipient_refused", "destination"), SENT]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (("250 ok", "550 5.1.1 unknown", "503 no reader"), ("Rejected", "recipient_refused", "destination")),
        (("250 ok", "450 4.2.0 greylisted", "554 no reader"), ("Deferred", "recipient_later", "delivery")),
        (("451 4.3.0 later", "503 no MAIL", "503 no RCPT"), ("Deferred", "relay_later", "delivery")),
        (("250 ok", "250 ok", "452 4.3.1 disk full"), ("Deferred", "relay_later", "delivery")),
        (("552 5.3.4 too big", "503 no MAIL", "503 no RCPT"), ("Rejected", "too_large", "delivery")),
    ],
)
async def test_the_first_refusal_of_a_group_decides_and_the_next_mail_begins_with_a_reset(
    stage: Stage, answers: tuple[str, ...], expected: tuple[str, str, str]
) -> None:
    async def play(talk: Talk) -> None:
        await talk.greet()
        await talk.envelope()
        talk.say(*answers)
        assert (await talk.taken("250 reset", "250 ok", "250 ok", "354 go on")).startswith(b"RSET\r\nMAIL")

    assert await both(stage, play) == [expected, SENT]


async def test_f45_two_under_way_on_a_lost_connection_one_unknown_one_for_later(stage: Stage) -> None:
    async def play(talk: Talk) -> None:
        await first_dot(talk)
        talk.hang_up()

    first, second = await both(stage, play)
    assert (first[:2], second[:2]) == (UNKNOWN, LATER)


async def test_f45_two_under_way_and_silence_one_unknown_one_for_later(stage: Stage) -> None:
    first, second = await both(stage, first_dot, data_timeout=0.2)
    assert (first[:2], second[:2]) == (UNKNOWN, LATER)


async def test_f45_an_answer_that_drips_for_ever_is_none(stage: Stage) -> None:
    async def play(talk: Talk) -> None:
        await first_dot(talk)
        while not talk.writer.is_closing():
            talk.say("250-and")
            await asyncio.sleep(0.05)

    began = asyncio.get_running_loop().time()
    first, second = await both(stage, play, data_timeout=0.3)
    assert (first[:2], second[:2]) == (UNKNOWN, LATER)
    assert asyncio.get_running_loop().time() - began < 2


@pytest.mark.parametrize("answer", ["nonsense", "2x0 ok", "354 go on", "100 well", "250-one\r\n251 two", "2" * 40_000])
async def test_f45_an_answer_to_the_dot_that_is_none_leaves_it_unknown(stage: Stage, answer: str) -> None:
    async def play(talk: Talk) -> None:
        await first_dot(talk)
        talk.say(answer)

    first, second = await both(stage, play)
    assert (first[:2], second[:2]) == (UNKNOWN, LATER)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (("421 4.3.2 shutting down",), [("Deferred", "relay_busy"), LATER]),
        (("250 queued", "421 4.7.0 enough"), [("Sent", ""), ("Deferred", "relay_busy")]),
        (("250 queued", "250 ok", "421 4.7.0 enough"), [("Sent", ""), ("Deferred", "relay_busy")]),
        (("250 queued", "250 ok", "250 ok", "421 4.7.0 enough"), [("Sent", ""), ("Deferred", "relay_busy")]),
        (("250 queued", "250 ok", "550 5.1.1 gone", "421 x"), [("Sent", ""), ("Rejected", "recipient_refused")]),
    ],
)  # fmt: skip
async def test_421_concerns_the_mail_it_answers_and_closes_for_the_other(
    stage: Stage, answers: tuple[str, ...], expected: list[tuple[str, str]]
) -> None:
    async def play(talk: Talk) -> None:
        await first_dot(talk)
        talk.say(*answers)
        talk.writer.close()

    assert [one[:2] for one in await both(stage, play)] == expected


@pytest.mark.parametrize("surplus", ["250 queued", "550 no", "354 go on", "2", "nonsense"])
async def test_what_comes_with_354_is_no_answer_to_a_dot_that_was_not_written(stage: Stage, surplus: str) -> None:
    async def play(talk: Talk) -> None:
        await talk.greet()
        await talk.envelope()
        talk.writer.write(f"250 ok\r\n250 ok\r\n354 go on\r\n{surplus}".encode())
        talk.writer.write(b"\r\n" if len(surplus) > 1 else b"")
        assert await talk.reader.read() == b""  # no content came, not a byte

    async def well(talk: Talk) -> None:
        await talk.greet()
        await talk.taken()

    first, second = await both(stage, play, well)
    assert (first[:2], second) == (LATER, SENT)


@pytest.mark.parametrize("surplus", ["250 again", "550 5.7.1 no", "451 later"])
async def test_an_answer_too_much_never_becomes_the_next_mails(stage: Stage, surplus: str) -> None:
    async def play(talk: Talk) -> None:
        await first_dot(talk)
        talk.say("250 queued", surplus, "250 ok", "250 ok", "354 go on")

    first, second = await both(stage, play)
    assert (first, second[:2]) == (SENT, LATER)


async def test_an_answer_too_much_after_all_is_answered_costs_the_connection_only(stage: Stage) -> None:
    async def play(talk: Talk) -> None:
        await talk.greet()
        await talk.envelope()
        talk.say("250 ok", "250 ok", "354 go on")
        await talk.content()
        await talk.envelope()
        talk.say("250 queued", "250 ok", "250 ok", "354 go on")
        await talk.content()
        talk.say("250 queued", "250 and again")

    async def well(talk: Talk) -> None:
        await talk.greet()
        await talk.taken()

    async with relay(play, well) as server:
        made = channel(stage, server.port)
        first, second, third = await jobs(stage, 3)
        publish: Callable[[Job], Any] = lambda job: made.publish(job, None)  # type: ignore[arg-type]  # noqa: E731  # short
        assert all(isinstance(one, Sent) for one in await asyncio.gather(publish(first), publish(second)))
        assert isinstance(await publish(third), Sent)
        assert server.connections == 2
        await made.aclose()


async def test_answers_of_several_lines_and_in_single_bytes_are_understood(stage: Stage) -> None:
    async def drip(talk: Talk, *lines: str) -> None:
        for byte in "".join(f"{line}\r\n" for line in lines).encode():
            talk.writer.write(bytes([byte]))
            await asyncio.sleep(0.001)

    async def play(talk: Talk) -> None:
        await talk.greet()
        await talk.envelope()
        await drip(talk, "250-ok", "250 ok", "250-2.1.5 who", "250", "354-go", "354 on")
        await talk.content()
        await talk.envelope()
        await drip(talk, "250-2.0.0 queued", "250 as 1", "250 ok", "250 ok", "354 go on")
        await talk.content()
        await drip(talk, "250 queued")

    assert await both(stage, play) == [SENT, SENT]
