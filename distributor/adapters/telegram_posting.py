"""One new message, photo, video or album in a chat: the call that must not be repeated.

Touches the Bot API, and the delivery's progress where a file id has grown stale.
"""

from __future__ import annotations

from telegram import Message
from telegram.error import TelegramError

from distributor.adapters.telegram_calls import Calls, NoId
from distributor.adapters.telegram_errors import Call, outcome_of
from distributor.adapters.telegram_parts import staged
from distributor.adapters.telegram_render import main_items
from distributor.adapters.telegram_witness import Witness
from distributor.core.channel import Job, Progress
from distributor.core.outcome import Deferred, Outcome, Unknown
from distributor.core.rendering import Part, Placed


class Posting:
    """`chat` is the channel's own, where the witness, if there is one, sees what is posted."""

    def __init__(self, calls: Calls, chat: str, witness: Witness | None) -> None:
        self._calls = calls
        self._chat = chat
        self.witness = witness

    def watched(self, job: Job) -> Witness | None:
        """The witness, where it sees what this delivery posts."""
        return self.witness if job.destination.address == self._chat else None

    async def post(
        self, job: Job, progress: Progress, step: str, part: Part, reply_to: int | None
    ) -> tuple[Message, ...] | Outcome:
        """The messages that the part became; or the outcome that ends the attempt. The caller has begun `step`."""
        items = [item for item, _ in main_items(part.media)]
        call = Call(step, own=not job.destination.token, items=items)
        try:
            messages = await self._calls.send(part, job.destination.address, reply_to, staged(items, progress))
        except TelegramError as error:
            outcome = outcome_of(error, call)
            if isinstance(outcome, Deferred) and outcome.code == "stale_file":
                await self.forget(items, progress)
            return outcome
        except NoId as error:
            return Unknown("no_id", str(error), step=step)
        except OSError as error:
            return Deferred("media_missing", f"a file to upload cannot be read: {error.strerror}")
        if witness := self.watched(job):
            witness.credit(job.delivery_id, messages)
        return messages

    async def forget(self, items: list[Placed], progress: Progress) -> None:
        """File ids that Telegram no longer knows: the next attempt uploads again."""
        for item in items:
            self._calls.forget(item.rendition.digest)
            if progress.get(f"media:{item.rendition.digest}"):
                await progress.save(f"media:{item.rendition.digest}", {})
