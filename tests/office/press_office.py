"""A small press office: people who joined by invitation, a website, a Telegram channel and a press list.

The channels are the real adapters; nothing connects, because nothing is sent here.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import select

from distributor.adapters import registry
from distributor.adapters.email import EmailSettings
from distributor.adapters.newsroom import NewsroomSettings
from distributor.adapters.telegram import TelegramSettings
from distributor.config import find_places
from distributor.core import audit as mathematics
from distributor.core.approval import Decision
from distributor.core.audit import Event
from distributor.core.people import Person, Role
from distributor.core.places import Place, Places
from distributor.core.ports import Surroundings
from distributor.core.refusal import Refused
from distributor.core.release import Kind, LanguageVersion
from distributor.media.service import MediaLibrary
from distributor.office.auditing import SigningKey
from distributor.office.context import Context, Seat
from distributor.office.drafts import Submitted
from distributor.office.office import Office
from distributor.queue.events import LocalEvents
from distributor.storage import Database, audit
from distributor.storage.pages import NewsroomPages
from distributor.storage.schema import deliveries, destinations

START = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)
BASE = "https://press.example"
KA = LanguageVersion("ka", "ორი ტურისტი იპოვეს", "ორივე უვნებელია.", "დღეს დილით იპოვეს.")
EN = LanguageVersion("en", "Two tourists found", "Both are unharmed.", "They were found this morning.")
AUTHOR, EDITOR, ADMINISTRATOR = 501, 502, 503
TOPICS = Places({"fire": Place("fire", {"ka": "ხანძარი"}), "fire.forest": Place("fire.forest", {}, "fire")})


class PressOffice:
    """An office with the time in hand. `seats` may be changed before it is used."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.now = START
        self.woken = 0
        self.media = MediaLibrary(folder / "media")
        self.events = LocalEvents()
        around = Surroundings(self.media, NewsroomPages(database), self.clock, BASE, "შსს")
        telegram = TelegramSettings(token=SecretStr("1234567:" + "A" * 35), chat="@ministry")
        press = EmailSettings(host="mail.invalid", sender="press@mia.example")
        self.seats = {
            "website": Seat("website", registry.build("newsroom", "website", NewsroomSettings(), around), ("ka", "en")),
            "telegram": Seat("telegram", registry.build("telegram", "telegram", telegram, around), ("ka", "en")),
            "press": Seat("press", registry.build("email", "press", press, around), ("ka", "en"), live=False),
        }
        self.office = self._office()
        self.people: dict[int, Person] = {}

    def _office(self, **changed: Any) -> Office:
        context = Context(
            database=self.database,
            media=self.media,
            seats=self.seats,
            clock=self.clock,
            wake=self._wake,
            events=self.events,
            office_name="შსს",
            base_url=BASE,
            regions=find_places("regions", None),
            topics=TOPICS,
            **changed,
        )
        return Office(context, SigningKey(self.folder / "audit.key"))

    def clock(self) -> datetime:
        """The present of this office."""
        return self.now

    def wait(self, **time: float) -> None:
        """Let time pass."""
        self.now += timedelta(**time)

    async def _wake(self) -> None:
        self.woken += 1

    def reopen(self, **changed: Any) -> None:
        """The same office with other settings of its own (office.context.Context)."""
        self.office = self._office(**changed)

    def seat(self, name: str, **changed: Any) -> None:
        """Change what the office decides about a channel."""
        self.seats[name] = replace(self.seats[name], **changed)

    async def begin(self) -> None:
        """An author, an editor and an administrator join."""
        for telegram_id, role in ((AUTHOR, Role.AUTHOR), (EDITOR, Role.EDITOR), (ADMINISTRATOR, Role.ADMINISTRATOR)):
            invitation = await self.office.people.invite(role, None, role.value)
            self.people[telegram_id] = (await self.office.people.join(invitation.token, telegram_id, "x")).person

    async def close(self) -> None:
        """Release everything but the database."""
        for seat in self.seats.values():
            await seat.adapter.aclose()
        await self.events.aclose()
        await self.media.aclose()

    async def draft(self, *versions: LanguageVersion, **content: Any) -> str:
        """A draft by the author; its id."""
        content = {"kind": Kind.NEWS, "regions": ("GE-TB",)} | content
        made = await self.office.drafts.create(self.people[AUTHOR], versions=versions or (KA,), **content)
        return made.id

    async def submitted(self, *versions: LanguageVersion, **content: Any) -> Submitted:
        """A draft, submitted."""
        return await self.office.drafts.submit(await self.draft(*versions, **content), self.people[AUTHOR])

    async def decide(self, release_id: str, decision: Decision, by: int = EDITOR, reason: str = "") -> int:
        """Over the release as it stands now."""
        standing = await self.office.reading.standing(release_id)
        assert standing.revision is not None
        return await self.office.approvals.decide(
            self.people[by].id, decision, release_id, standing.release.revision, standing.revision.content_hash, reason
        )

    async def approved(self, *versions: LanguageVersion, **content: Any) -> str:
        """Written, submitted and approved; its id."""
        release_id = (await self.submitted(*versions, **content)).release.id
        await self.decide(release_id, Decision.APPROVE)
        return release_id

    async def problems(self, *versions: LanguageVersion, **content: Any) -> dict[str, list[dict[str, str]]]:
        """What preflight finds: '<severity> <code>' → the params of each."""
        checked = await self.office.drafts.preflight(await self.draft(*versions, **content))
        found: dict[str, list[dict[str, str]]] = {}
        for problem in checked.preflight.problems:
            where = {"channel": problem.channel} if problem.channel else {}
            found.setdefault(f"{problem.severity.value} {problem.code}", []).append(problem.params | where)
        return found

    async def rows(self, release_id: str = "") -> list[dict[str, Any]]:
        """The delivery rows with their addresses, by id."""
        query = select(deliveries, destinations.c.address).join(
            destinations, destinations.c.id == deliveries.c.destination_id
        )
        if release_id:
            query = query.where(deliveries.c.release_id == release_id)
        async with self.database.read() as connection:
            return [dict(row) for row in (await connection.execute(query.order_by(deliveries.c.id))).mappings()]

    async def log(self, kind: str = "") -> list[Event]:
        """The audit events, of one kind or all, oldest first."""
        async with self.database.read() as connection:
            found = [event async for event in audit.events(connection)]
        previous = mathematics.GENESIS
        for event in found:
            assert (event.previous, event.computed()) == (previous, event.hash)
            previous = event.hash
        return [event for event in found if kind in {"", event.kind}]


async def refusal(awaitable: Any) -> str:
    """The code with which it is refused; fails where it is not."""
    try:
        await awaitable
    except Refused as refused:
        return refused.code
    raise AssertionError("it was not refused")
