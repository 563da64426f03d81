"""The Telegram channel: one approved rendering into one chat, part by part, with a receipt or a reason.

Touches the Bot API and reads renditions from disk. Never sends a part twice by itself: what Telegram left open ends as
Unknown, since it has neither idempotency keys nor a history that a bot may read. A witness, where the settings name
one, is asked what was posted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import SecretStr
from telegram import Bot
from telegram.error import TelegramError

from distributor.adapters import telegram_watch
from distributor.adapters.telegram_calls import Calls, NoId
from distributor.adapters.telegram_check import check
from distributor.adapters.telegram_edits import Edits
from distributor.adapters.telegram_failures import Throttled
from distributor.adapters.telegram_follow import Follow
from distributor.adapters.telegram_notices import posts_of
from distributor.adapters.telegram_parts import (
    answers,
    ask,
    done,
    in_doubt,
    kept_of,
    missing,
    placed_in,
    receipt,
    unasked,
)
from distributor.adapters.telegram_posting import Posting
from distributor.adapters.telegram_probe import probe
from distributor.adapters.telegram_render import (
    LOCAL_BYTES,
    VIDEO_BYTES,
    Manner,
    profiles,
    render,
)
from distributor.adapters.telegram_settings import TelegramSettings, is_chat
from distributor.adapters.telegram_staging import Staging
from distributor.adapters.telegram_transport import Timeouts, close, open_bot
from distributor.adapters.telegram_witness import SETTLES, Witness
from distributor.core.asset import Asset, Profile
from distributor.core.channel import Action, Allowance, Health, Job, Posts, Progress, Source, Traits
from distributor.core.outcome import Absent, CannotTell, Finding, Outcome, Receipt, nothing_stood
from distributor.core.ports import Surroundings
from distributor.core.refusal import Refused
from distributor.core.rendering import Part, Problem, Rendering

__all__ = ["Telegram", "TelegramSettings"]

# What a chat of the public can do; a hold is told to subscribers, who have the release to use it.
_ACTIONS = frozenset({Action.PUBLISH, Action.CORRECT, Action.WITHDRAW})


def _follows(job: Job) -> bool:
    """True where what stands is to be changed; without it a correction publishes."""
    return job.action in (Action.CORRECT, Action.WITHDRAW) and job.before is not None


def _nothing_stands(job: Job) -> bool:
    """True where there is nothing to withdraw, and no reader to tell of it or of a hold: he never got the release."""
    return job.before is None and job.action not in (Action.PUBLISH, Action.CORRECT)


class Telegram:
    """`core.channel.Channel`, `Previewer`, `Readable` and `Addressed` over one bot."""

    costly = False

    def __init__(
        self, name: str, settings: TelegramSettings, surroundings: Surroundings, *, settles: timedelta = SETTLES
    ) -> None:
        self.name = name
        self.settings = settings
        self.traits = Traits(
            bulk=not settings.chat,
            prepares=bool(settings.staging_chat),
            media_count=True,
            actions=_ACTIONS if settings.chat else _ACTIONS | {Action.HOLD, Action.LIFT},
        )
        self._manner = Manner(
            channel=name,
            long_text=settings.long_text,
            silent=settings.silent,
            link_preview=settings.link_preview,
            page_link=settings.page_link,
            video_bytes=LOCAL_BYTES if settings.local_mode else VIDEO_BYTES,
            time_zone="" if settings.chat else surroundings.time_zone,  # subscribers, some of them trusted
        )
        self._bot = self._open(settings.token)
        self._calls = Calls(self._bot, surroundings.media)
        self._witness: Witness | None = None
        if settings.witness_token.get_secret_value():
            second = self._open(settings.witness_token)
            self._witness = Witness(second, settings.chat, surroundings.clock, settles)
        self._posting = Posting(self._calls, settings.chat, self._witness)
        self._staging = Staging(self._calls, settings.staging_chat)
        self._follow = Follow(Edits(self._calls), self._posting)

    def _open(self, token: SecretStr) -> Bot:
        """A bot at the Bot API of the settings."""
        return open_bot(
            token,
            self.settings.api_url,
            timeouts=Timeouts(self.settings.connect_timeout, self.settings.read_timeout, self.settings.write_timeout),
            ca_file=self.settings.ca_file,
            local_mode=self.settings.local_mode,
        )

    def own_address(self) -> str:
        """The channel's chat; '' where it has subscribers only."""
        return self.settings.chat

    def address_fault(self, address: str) -> str:
        """'chat' where this is no chat's number and no @name; '' where it is one."""
        return "" if is_chat(address) else "chat"

    def profiles(self, asset: Asset) -> tuple[Profile, ...]:
        """A photo of 2560 pixels; of a video the film and its thumbnail."""
        return profiles(asset, self._manner)

    def render(self, source: Source) -> Rendering | None:
        """The messages of a release, in order."""
        return render(source, self._manner)

    def check(self, rendering: Rendering) -> tuple[Problem, ...]:
        """What Telegram would refuse, and what readers would miss."""
        found = check(rendering, self._manner.video_bytes)
        return tuple(replace(problem, channel=self.name) for problem in found)

    async def prepare(self, job: Job, progress: Progress) -> Outcome | None:
        """Bring every photo and video into the staging chat, where there is one."""
        return await self._staging.prepare(job, progress) if self.settings.staging_chat else None

    async def publish(self, job: Job, progress: Progress) -> Outcome:
        """Every part that is not there yet, each in one call; Sent once all are there. What follows a publication
        changes what stands."""
        if _follows(job):
            return await self._follow.run(job, progress)
        if _nothing_stands(job):
            return nothing_stood()
        parts = posts_of(job.rendering)
        for index, part in enumerate(parts):
            if done(progress, index) is None:
                failed = await self._post(job, progress, index, part, last=index + 1 == len(parts))
                if failed is not None:
                    return placed_in(failed, index, len(parts))
        return receipt(job, progress)

    async def _post(self, job: Job, progress: Progress, index: int, part: Part, *, last: bool) -> Outcome | None:
        """One irrevocable call, kept by progress; or the outcome that ends the attempt."""
        step = f"part:{index}" if index else "publish"
        if index:
            await progress.begin(step)
        if (doubt := await in_doubt(progress, step, index)) is not None:
            return doubt
        messages = await self._posting.post(job, progress, step, part, answers(job, index, progress))
        if not isinstance(messages, tuple):
            return messages
        if last:
            progress.note(f"part:{index}", kept_of(messages))
        else:
            await progress.save(f"part:{index}", kept_of(messages))
        return None

    async def reconcile(self, job: Job, progress: Progress) -> Finding:
        """Ask the witness; without one a person has to look, for Telegram shows a bot no history.

        Absent only for later messages, which are never begun before the one that was found had come back.
        """
        if _follows(job):
            return await self._follow.look(job, progress)
        if _nothing_stands(job):
            return Absent("there was nothing to do")
        index = missing(job, progress)
        if index is None:
            return receipt(job, progress)
        if index and unasked(progress, index):
            return Absent("the first message is there; before the next one is posted, it is looked for by itself")
        await ask(progress, index)
        where = job.destination.label or job.destination.address
        witness = self._posting.watched(job)
        if witness is None:
            return CannotTell(f"Telegram keeps no history that a bot may read: look into {where} whether it is there")
        found = await witness.find(job, index, progress)
        if isinstance(found, CannotTell):
            return CannotTell(f"{found.reason}; look into {where} whether it is there")
        if not isinstance(found, tuple):
            return found
        await progress.save(f"part:{index}", kept_of(found))
        if missing(job, progress) is None:
            return receipt(job, progress)
        count = len(posts_of(job.rendering))
        return Absent(f"message {index + 1} of {count} is there; the next one was not begun, and follows now")

    def allowance(self) -> Allowance | None:
        """Nothing: the Bot API tells no counts. Its limits stand in the settings; a 429 says how long to wait."""
        return None

    async def probe(self) -> Health:
        """Token, chat, right to post; and whether the witness could see a post."""
        chats = {"chat": self.settings.chat, "staging chat": self.settings.staging_chat}
        health = await probe(self._bot, {purpose: chat for purpose, chat in chats.items() if chat})
        if self._witness is None:
            return health
        seen = await self._witness.probe()
        account = f"{health.account}, witness {seen.account}" if health.account and seen.account else health.account
        return replace(health, ok=health.ok and seen.ok, account=account, problems=health.problems + seen.problems)

    async def preview(self, rendering: Rendering, chat: int) -> None:
        """The same parts, by the same calls, into a person's own chat. Raises Refused('preview_failed')."""
        first: int | None = None
        for part in rendering.parts:
            reply = first if "reply_to" in part.fields else None
            for patience in (True, True, False):
                try:
                    messages = await self._calls.send(part, str(chat), reply)
                    break
                except Throttled as error:  # nothing was sent; the desk's own messages used up this chat's rate
                    if not patience or error.retry_after > timedelta(seconds=60):
                        raise Refused("preview_failed", reason=str(error)) from None
                    await asyncio.sleep(error.retry_after.total_seconds())
                except (TelegramError, NoId, OSError) as error:
                    raise Refused("preview_failed", reason=str(error)) from None
            first = first or messages[0].message_id

    def words(self, rendering: Rendering) -> frozenset[str]:
        """As what the witness saw is compared."""
        return telegram_watch.words(rendering)

    def kept(self, receipt: Receipt | None, progress: Mapping[str, Any]) -> frozenset[str]:
        """Messages that Telegram let us neither change nor delete."""
        return telegram_watch.kept(receipt, progress)

    async def posts(self, since: datetime) -> Posts | None:
        """What the witness saw in the channel."""
        return await telegram_watch.posts(self._witness, since)

    async def aclose(self) -> None:
        """Release connections."""
        await close(self._bot)
        if self._witness is not None:
            await self._witness.aclose()
