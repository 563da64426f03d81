"""The law of outcomes, held over seeds: a relay that does anything, and a ledger of what it really took.

Sent: taken once. Deferred or Rejected: never taken. Unknown: only what was wholly handed over. A seed repeats the
relay's behaviour; how the two sides' bytes meet is real and is not repeated.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import settings as given_settings
from hypothesis import strategies as st

from distributor.adapters.email_replies import Replies, Reply
from distributor.core.channel import Job
from distributor.core.outcome import Outcome, Sent, Unknown
from tests.adapters.email_relay import OFFERED, ONE_BY_ONE, Talk, relay
from tests.adapters.email_stage import Stage, on_stage
from tests.adapters.support import Recorder
from tests.adapters.test_email_pool import channel, jobs


@pytest_asyncio.fixture
async def stage(folder: Path) -> AsyncIterator[Stage]:
    async with on_stage(folder) as made:
        yield made


class Whim:
    """A relay whose answers chance decides, within what a relay may do. `taken` counts what it took for each reader."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311  # repeatable, not secret
        self.taken: Counter[str] = Counter()

    def odds(self, share: float) -> bool:
        """True in so many of all cases."""
        return self.chance.random() < share

    async def play(self, talk: Talk) -> None:
        """One connection."""
        if self.odds(0.05):
            return talk.say("421 4.3.2 busy") if self.odds(0.5) else talk.hang_up()
        await talk.greet(OFFERED if self.odds(0.7) else ONE_BY_ONE)
        return await Session(self, talk).run()


class Session:
    """One connection, until it or the relay's patience ends."""

    def __init__(self, whim: Whim, talk: Talk) -> None:
        self.whim, self.talk = whim, talk
        self.begun, self.reader = False, ""

    async def run(self) -> None:
        """Commands, one after another."""
        odds, talk = self.whim.odds, self.talk
        while (line := await talk.reader.readline()) not in (b"", b"QUIT\r\n"):
            if odds(0.01):
                return talk.hang_up()
            if odds(0.01):
                return talk.say("421 4.3.2 enough")
            if line != b"DATA\r\n":
                talk.say(self.envelope(line))
            elif not self.reader and odds(0.5):
                talk.say("554 nobody")
            elif odds(0.03):
                talk.say("452 4.3.1 full")
            elif not await self.data():
                return talk.hang_up()
        return talk.say("221 bye")

    def envelope(self, line: bytes) -> str:
        """The answer to RSET, MAIL or RCPT."""
        if line.startswith(b"RSET"):
            self.begun, self.reader = False, ""
        elif line.startswith(b"MAIL"):
            if self.begun:
                return "503 nested"
            if self.whim.odds(0.03):
                return "451 4.3.0 later"
            self.begun = True
        elif not self.begun:
            return "503 MAIL first"
        elif self.whim.odds(0.1):
            return self.whim.chance.choice(["550 5.1.1 gone", "450 4.2.0 grey", "550-5.1.1 not\r\n550 here"])
        else:
            self.reader = line.decode().partition("<")[2].partition(">")[0]
        return "250 ok"

    async def data(self) -> bool:
        """354, the content, and an answer; False where the relay goes."""
        odds, talk = self.whim.odds, self.talk
        talk.say("354 go on")
        if odds(0.02):
            return False
        try:
            await talk.content()
        except asyncio.IncompleteReadError:
            return False  # our side's patience ended first (a busy machine): not wholly handed over, so not taken
        reader, self.begun, self.reader = self.reader, False, ""
        if odds(0.03):
            talk.say(self.whim.chance.choice(["451 4.3.0 later", "554 5.7.1 spam"]))
            return True
        if reader:
            self.whim.taken[reader] += 1
        if odds(0.02):
            return False
        talk.say(self.whim.chance.choice(["250 queued", "250-2.0.0 queued\r\n250 well", "250"]))
        return not odds(0.02)


def assert_the_law(job: Job, outcome: Outcome, whim: Whim) -> None:
    """What we say of this mail agrees with what the relay has of it."""
    name = job.destination.address
    if isinstance(outcome, Sent):
        assert whim.taken[name] == 1, (name, outcome)
    elif isinstance(outcome, Unknown):
        assert whim.taken[name] <= 1, (name, outcome)
    else:
        assert whim.taken[name] == 0, (name, outcome)


@pytest.mark.parametrize("seed", range(12))
async def test_every_outcome_agrees_with_what_the_relay_took(stage: Stage, seed: int) -> None:
    whim = Whim(seed)
    async with relay(whim.play) as server:
        made = channel(stage, port=server.port, connections=4, messages_per_connection=20, data_timeout=1)
        work = await jobs(stage, 150)
        outcomes = await asyncio.gather(*(made.publish(job, Recorder()) for job in work))
        await made.aclose()
    kinds = Counter(type(outcome).__name__ for outcome in outcomes)
    assert kinds["Sent"] > 20
    assert kinds["Deferred"] > 0
    for job, outcome in zip(work, outcomes, strict=True):
        assert_the_law(job, outcome, whim)
    assert max(whim.taken.values()) == 1


_LINE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
_REPLY = st.tuples(st.integers(200, 599), st.lists(_LINE, min_size=1, max_size=4))


@given(st.lists(_REPLY, max_size=6), st.lists(st.integers(1, 12), min_size=1), st.sampled_from(["\r\n", "\n"]))
@given_settings(max_examples=200, deadline=None)
def test_replies_are_the_same_however_the_bytes_are_cut(
    replies: list[tuple[int, list[str]]], cuts: list[int], end: str
) -> None:
    said = [[f"{code}{'-' if n < len(lines) else ' '}{line}{end}" for n, line in enumerate(lines, 1)]
            for code, lines in replies]  # fmt: skip
    data = "".join(line for lines in said for line in lines).encode()
    parser, heard, at = Replies(), [], 0
    while at < len(data):
        size = cuts[at % len(cuts)]
        parser.feed(data[at : at + size])
        at += size
        while (reply := parser.next()) is not None:
            heard.append(reply)
    assert heard == [Reply(code, "\n".join(line.strip() for line in lines)) for code, lines in replies]
    assert not parser.pending


@pytest.mark.parametrize("said", [b"hello\r\n", b"25\r\n", b"2500 x\r\n", b"250_x\r\n", b"\r\n", b"250-a\r\n251 b\r\n"])
def test_what_is_no_reply_is_told(said: bytes) -> None:
    parser = Replies()
    parser.feed(said)
    reply = parser.next()
    assert reply is not None
    assert reply.code == -1


@pytest.mark.parametrize("said", [b"2" * 10, b"250-" + b"x" * 100 + b"\r\n"])
def test_a_reply_without_end_is_cut_off(said: bytes) -> None:
    parser = Replies()
    fed = 0
    while (reply := parser.next()) is None:
        parser.feed(said)
        fed += len(said)
        assert fed < 40_000
    assert reply.code == -1
    assert fed > 30_000
