"""A release on a stage with one worker, its course, and the watch over it: for the tests of the reckoning."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import Sequence

from distributor.demo import Stage
from distributor.demo.stage import CHANNEL_CHAT, SUBSCRIBERS
from distributor.sandbox.mail import Mail
from distributor.sandbox.telegram_world import Message
from tests.chaos.desk import Desk
from tests.chaos.follow import Follow
from tests.chaos.plan import OWN_CHANNELS, Care, Writing
from tests.chaos.tally import Tally, Watch
from tests.queue.acts import all_in, until

WRITING = Writing(0.0, 1, (*OWN_CHANNELS, "press"), photos=1, long=True)
PROMISED = len(OWN_CHANNELS) + len(SUBSCRIBERS)


class Brought:
    """A release on a stage, and the watch over it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.effects = stage.sandbox.record.effects
        self.desk = Desk(stage)
        self.follow = Follow(stage)
        self.watch = Watch(stage, self.desk.released, self.follow.done)

    async def bring(self, *states: str, writing: Writing = WRITING, course: Sequence[Care] = ()) -> None:
        """Write, approve, and wait until every delivery is in one of the states; then go through a course."""
        await self.desk.prepare()
        await self.desk.bring_out(writing)
        await until(self.stage, all_in("sent", *states), seconds=30)
        await self.go_on(*course)

    async def go_on(self, *course: Care, states: Sequence[str] = ()) -> None:
        """Do more to it, and wait until every delivery was sent, was cancelled, or is in one of the states."""
        ((release_id, writing),) = self.desk.released.items()
        for care in course:
            await self.follow.take(release_id, writing, care)
            await until(self.stage, all_in("sent", "cancelled", *states), seconds=30)

    async def tally(self, promised: int = PROMISED) -> Tally:
        """Count now."""
        return await self.watch.tally(promised)

    @property
    def chat(self) -> dict[int, Message]:
        """The channel's messages."""
        return self.stage.sandbox.telegram.chat(CHANNEL_CHAT).messages

    async def send_again(self, mail: Mail) -> None:
        """The same mail a second time, to its first reader."""

        def send() -> None:
            with smtplib.SMTP(self.stage.sandbox.smtp_host, self.stage.sandbox.smtp_port) as relay:
                relay.sendmail(mail.mail_from, [mail.rcpt[0]], mail.raw)

        await asyncio.to_thread(send)

    async def faults(self) -> set[tuple[str, str]]:
        """Where something is wrong now, and whether it is lost or doubled."""
        return {(one.words.partition(" ")[0], one.kind) for one in (await self.tally()).findings}
