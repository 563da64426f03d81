"""The witness: a second bot in the channel, asked what was posted there after an answer was lost.

Touches the Bot API as that second bot, by reading calls only (getUpdates, getMe, getChat, getChatMember,
getWebhookInfo). Never posts, and never proves an absence: a witness may have been away, so that what it did not see
goes to a person.

Telegram keeps a bot's updates for a day, or until a call with a higher offset confirms them. Several processes may ask
with the same bot, and any of them may start anew; so updates are left unconfirmed, for others to read again, for as
long as one page holds them all. A full page hides what comes after it: then those older than an hour are confirmed,
and where there are none, the whole page. This process remembers them; another one may miss them, and asks a person.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from telegram import Bot, Chat, Message, Update

from distributor.adapters.telegram_parts import answers, ids_of
from distributor.adapters.telegram_probe import absence, asked, probe_witness
from distributor.adapters.telegram_sighting import groups, has_words, media_count, shows
from distributor.adapters.telegram_transport import close
from distributor.core.channel import Health, Job, Progress
from distributor.core.outcome import CannotTell, LookAgain
from distributor.core.ports import Clock
from distributor.core.rendering import Part

SETTLES = timedelta(seconds=25)
"""How long after the first look a post may still turn up."""

SLACK = timedelta(seconds=5)  # between our clock and Telegram's, whose dates are whole seconds
KEPT_FOR = timedelta(hours=1)  # and longer, where there is room
AGAIN = 10.0  # seconds between two looks; the worker allows five in all
PAGE = 100  # updates: the most that one call gives
MOST_PAGES = 100
_WANTED = [Update.CHANNEL_POST, Update.EDITED_CHANNEL_POST]
MOST_POSTS = 2000  # kept in memory: more than an hour of what Telegram lets into one channel

Failure = CannotTell | LookAgain


@dataclass(frozen=True, slots=True)
class _Look:
    """One reading of the updates: when it began (the loop's time and the clock's), and what it failed of."""

    begun: float
    at: datetime
    failure: Failure | None


class Witness:
    """What a second bot saw in one channel. `settles`: how long after the first look a post may still turn up."""

    def __init__(self, bot: Bot, chat: str, clock: Clock, settles: timedelta = SETTLES) -> None:
        self._bot = bot
        self._chat = chat
        self._clock = clock
        self._settles = settles
        self._posts: dict[int, Message] = {}
        self._edited: dict[int, Message] = {}
        self._owners: dict[int, int] = {}
        self._one = asyncio.Lock()
        self._last: _Look | None = None

    def credit(self, delivery_id: int, messages: Sequence[Message]) -> None:
        """These messages are this delivery's: no other one, with the same words, is found in them."""
        for message in messages:
            self._owners[message.message_id] = delivery_id
        _bound(self._owners)

    async def find(
        self,
        job: Job,
        index: int,
        progress: Progress,
        *,
        part: Part | None = None,
        reply_to: int | None = None,
        taken: frozenset[int] = frozenset(),
    ) -> tuple[Message, ...] | Failure:
        """The messages that part `index` of a delivery became, or why they were not found. `part`, where it was sent
        otherwise than the rendering has it, with the message that it answers; `taken` are other parts' messages."""
        look = await self._look()
        if look.failure is not None:
            return look.failure
        if part is None:
            part, reply_to = job.rendering.parts[index], answers(job, index, progress)
        candidates = [post for post in self._candidates(job, progress) if post.message_id not in taken]
        alike = [group for group in groups(candidates) if has_words(group, part)]
        same = [group for group in alike if shows(group, part, reply_to)]
        if len(same) == 1:
            self.credit(job.delivery_id, same[0])
            return same[0]
        if same:
            numbers = ", ".join(str(group[0].message_id) for group in same)
            return CannotTell(
                f"the witness saw {len(same)} equal posts (messages {numbers}) and cannot tell which is ours"
            )
        left = (await self._first_look(job, index, progress, look) + self._settles - look.at).total_seconds()
        if left > 0:
            return LookAgain("the witness has not seen it yet; a post may take a while to appear", min(left, AGAIN))
        return _halfway(alike, part) if alike else await self._not_seen()

    def _candidates(self, job: Job, progress: Progress) -> list[Message]:
        """Posts since the intent that are nobody else's, nor another part of this delivery."""
        since = (job.intended_at or job.approved_at) - SLACK
        parts = set(ids_of(job, progress))
        return [
            post
            for number, post in self._posts.items()
            if post.date >= since and number not in parts and self._owners.get(number) in (None, job.delivery_id)
        ]

    async def _first_look(self, job: Job, index: int, progress: Progress, look: _Look) -> datetime:
        """When this part was first looked for, after this attempt; kept, so that a restart does not begin anew.

        Not the time of the intent: a call that timed out is older than any settling time when it is first looked for,
        and may be carried out just then.
        """
        kept = progress.get("witness") or {}
        if (kept.get("part"), kept.get("attempt")) != (index, job.attempt):
            kept = {"part": index, "attempt": job.attempt, "since": look.at.isoformat()}
            await progress.save("witness", kept)
        return datetime.fromisoformat(kept["since"])

    async def _not_seen(self) -> Failure:
        """Nothing with its words was seen; says so, or why the witness could not have seen it."""
        away = await asked(absence(self._bot, self._chat))
        if isinstance(away, CannotTell | LookAgain):
            return away
        if away:
            return CannotTell(f"the witness cannot have seen it: {away}")
        return CannotTell("the witness saw no post with its words, which proves nothing: it may have been away")

    async def _look(self) -> _Look:
        """A reading that began after this call, made once for all that wait for one: the server gives little to those
        who ask the same again at once."""
        called = asyncio.get_running_loop().time()
        async with self._one:
            if self._last is None or self._last.begun < called:
                begun, at = asyncio.get_running_loop().time(), self._clock()
                self._last = _Look(begun, at, await asked(self._read()))
            return self._last

    async def _read(self) -> LookAgain | None:
        """Take in every update that waits. Raises what the Bot API answers."""
        offset = 0
        for _ in range(MOST_PAGES):
            page = await self._bot.get_updates(offset, PAGE, timeout=0, allowed_updates=_WANTED)
            for update in page:
                self._keep(update)
            following = _following(page, offset, self._clock() - KEPT_FOR)
            if following is None:
                return None
            offset = following
        return LookAgain("the witness has more updates than can be read at once", 1.0)

    def _keep(self, update: Update) -> None:
        """Remember a post of our channel as it was when it was posted, and as it was last edited."""
        if (post := update.channel_post) is not None and _is_in(post.chat, self._chat):
            self._posts.setdefault(post.message_id, post)
            _bound(self._posts)
        if (edited := update.edited_channel_post) is not None and _is_in(edited.chat, self._chat):
            self._edited.pop(edited.message_id, None)  # the newest edit is the last to be forgotten
            self._edited[edited.message_id] = edited
            _bound(self._edited)

    async def seen(self) -> list[Message] | Failure:
        """Every post of our channel that is remembered, as it stands by all that this witness was told, after a look of
        now. Of an edited one that may be old, too."""
        look = await self._look()
        return look.failure if look.failure is not None else list((self._posts | self._edited).values())

    async def probe(self) -> Health:
        """Could this witness see a post? Says in words what keeps it from that."""
        health = await probe_witness(self._bot, self._chat)
        if not health.ok:
            return health
        look = await self._look()  # also tells Telegram that the witness wants channel posts from now on
        if look.failure is not None:
            return Health(False, health.account, (f"witness {health.account}: {look.failure.reason}",))
        seen = f"posts seen: {len(self._posts)}" if self._posts else "no post seen yet"
        return Health(True, f"{health.account} ({seen})")

    async def aclose(self) -> None:
        """Release connections."""
        await close(self._bot)


def _following(page: Sequence[Update], offset: int, old: datetime) -> int | None:
    """The offset of the next call, which confirms all updates below it; None where everything was read."""
    if len(page) < PAGE:
        # Who asks with the same offset as the call before, within half a second of it, is given one update only
        # (tdlib/telegram-bot-api, Client.cpp, process_get_updates_query): ask with another one, which confirms nothing.
        return page[0].update_id if len(page) == 1 and not offset else None
    following = page[-1].update_id + 1
    young = next((update.update_id for update in page if _date(update, old) > old), following)
    return young if young > page[0].update_id else following


def _date(update: Update, otherwise: datetime) -> datetime:
    if (edited := update.edited_channel_post) is not None:
        return edited.edit_date or edited.date
    return update.channel_post.date if update.channel_post else otherwise


def _is_in(chat: Chat, address: str) -> bool:
    if address.startswith("@"):
        return (chat.username or "").lower() == address[1:].lower()
    return chat.id == int(address)


def _halfway(alike: Sequence[Sequence[Message]], part: Part) -> CannotTell:
    """Its words are there, and what goes with them is not."""
    wanted = sum(item.role == "main" for item in part.media)
    found = "; ".join(f"message {group[0].message_id} with {media_count(group)}" for group in alike)
    return CannotTell(f"the witness saw its words, but not as they were sent with {wanted} photos or videos: {found}")


def _bound(kept: dict[int, Message] | dict[int, int]) -> None:
    """Forget the oldest."""
    while len(kept) > MOST_POSTS:
        kept.pop(next(iter(kept)))
