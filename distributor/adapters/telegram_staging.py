"""The staging chat: media is uploaded there first, so that publishing is one small request with file ids.

Touches the Bot API and reads renditions from disk. Every call may be repeated: it only adds a message to the staging
chat, which keeps them all; beside the log they are the only trace of what was uploaded when.
"""

from __future__ import annotations

from telegram.error import ChatMigrated, TelegramError

from distributor.adapters.telegram_calls import Calls, NoId
from distributor.adapters.telegram_errors import Call, item_name, outcome_of
from distributor.adapters.telegram_render import main_items
from distributor.adapters.telegram_slots import key_of, standing
from distributor.core.channel import Job, Progress
from distributor.core.outcome import Deferred, Outcome, Rejected, Scope
from distributor.core.rendering import Placed


class Staging:
    """Uploads into one chat, by one bot."""

    def __init__(self, calls: Calls, chat: str) -> None:
        self._calls = calls
        self._chat = chat

    async def prepare(self, job: Job, progress: Progress) -> Outcome | None:
        """Bring every photo and video into the staging chat, one call each, and keep their file ids: a refused item
        then has its name. Goes on where an earlier try stopped; leaves out what the release's post shows already."""
        items = [pair for part in job.rendering.parts for pair in main_items(part.media)]
        there = {slot.media for slot in standing(job, progress).slots}
        for index, (item, poster) in enumerate(items):
            step = f"media:{item.rendition.digest}"
            if progress.get(step) or key_of(item) in there:
                continue
            file_id = self._calls.file_id(item.rendition.digest)
            if not file_id:
                staged = await self._stage(item, poster, item_name([main for main, _ in items], index))
                if not isinstance(staged, str):
                    return staged
                file_id = staged
            await progress.save(step, {"file_id": file_id} if file_id else {"direct": True})
        return None

    async def _stage(self, item: Placed, poster: Placed | None, what: str) -> str | Deferred | Rejected:
        """The file id, or why there is none. A repeat is harmless here, so nothing ends Unknown."""
        try:
            return await self._calls.upload(item, poster, self._chat)
        except ChatMigrated as moved:  # the chat of the settings moved, not the delivery's destination
            reason = f"the staging chat became {moved.new_chat_id}: write that into the settings"
            return Deferred("credential", reason, scope=Scope.LANE)
        except TelegramError as error:
            outcome = outcome_of(error, Call(step="", own=True, what=f"staging {what}"))
            return outcome if isinstance(outcome, Rejected | Deferred) else Deferred("odd_answer", error.message)
        except NoId as error:
            return Deferred("no_id", f"staging {what}: {error}")
        except OSError as error:
            return Deferred("media_missing", f"{what}: {error.strerror}")
