"""A stage with a worker, a newsroom and a press list, and the website on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr

from distributor.core.approval import Decision
from distributor.core.people import Person
from distributor.core.release import Kind, LanguageVersion, MediaItem
from distributor.demo.stage import ADMINISTRATOR, AUTHOR, EDITOR, Stage
from distributor.media.samples import sample_photos, sample_video
from distributor.web import Server, build, readiness

SECRET = "canary-hook-secret-0123456789"
GEORGIAN = LanguageVersion("ka", "მაშველებმა ორი ტურისტი იპოვეს", "ორივე უვნებელია.", "დღეს **დილით** იპოვეს.")
ENGLISH = LanguageVersion("en", "Rescuers find two tourists", "Both are safe.", "They were found *this morning*.")


@dataclass
class Time:
    """The present, which a test may move."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        """UTC."""
        return datetime.now(UTC) + self.ahead


@dataclass
class Site:
    """The website as a visitor and as an administrator see it."""

    stage: Stage
    time: Time
    app: web.Application
    url: str
    http: aiohttp.ClientSession
    updates: list[dict[str, Any]] = field(default_factory=list)

    async def get(self, path: str, **options: Any) -> tuple[aiohttp.ClientResponse, str]:
        """An answer and its text; redirections are not followed."""
        async with self.http.get(self.url + path, allow_redirects=False, **options) as answer:
            return answer, (await answer.read()).decode(errors="replace")

    async def post(self, path: str, data: Any = None, **options: Any) -> tuple[aiohttp.ClientResponse, str]:
        """As `get`."""
        async with self.http.post(self.url + path, data=data, allow_redirects=False, **options) as answer:
            return answer, await answer.text()

    async def write(self, *versions: LanguageVersion, photos: int = 0, videos: int = 0, **content: Any) -> str:
        """A draft; its id."""
        media = []
        for name, raw in [*(sample_photos(photos) if photos else []), *([sample_video(1.0)] * videos)]:
            asset = await self.stage.parts.media.ingest(raw, name)
            media.append(MediaItem(asset, {"ka": "მთის ხედი"}, "შსს / ნ. ბერიძე", {"ka": "სამძებრო სამუშაოები"}))
        content = {"kind": Kind.NEWS, "channels": ("newsroom",)} | content
        author = self.stage.people[AUTHOR]
        made = await self.stage.parts.office.drafts.create(
            author, versions=versions or (GEORGIAN,), media=tuple(media), **content
        )
        return made.id

    async def approve(self, release_id: str) -> None:
        """Submitted by the author, approved by the editor."""
        office, people = self.stage.parts.office, self.stage.people
        done = await office.drafts.submit(release_id, people[AUTHOR])
        await office.approvals.decide(
            people[EDITOR].id, Decision.APPROVE, release_id, done.release.revision, done.content_hash
        )

    async def publish(self, *versions: LanguageVersion, **content: Any) -> dict[str, Any]:
        """A release on the website, brought there by the worker; its page's row."""
        release_id = await self.write(*versions, **content)
        await self.approve(release_id)
        return await self.page(release_id)

    async def page(self, release_id: str) -> dict[str, Any]:
        """Wait for a release's page."""
        for _ in range(500):
            row = await self.stage.parts.pages.by_id(release_id)
            if row is not None:
                return row
            await asyncio.sleep(0.02)
        raise AssertionError("the release did not reach the website")

    async def sign_in(self, telegram_id: int = ADMINISTRATOR) -> Person:
        """By a one-time link, as a person does: the page, then its button."""
        person = self.stage.people[telegram_id]
        link = await self.stage.parts.office.signin.link(person)
        path = link.removeprefix(self.stage.parts.office.context.base_url)
        _, text = await self.get(path)
        token = re.search(r'name="token" value="([^"]+)"', text)
        assert token is not None
        answer, _ = await self.post("/admin/enter", {"token": token[1]})
        assert answer.status == 303
        return person

    async def form_token(self) -> str:
        """What the console's forms carry now."""
        _, text = await self.get("/admin/lanes")
        found = re.search(r'name="form_token" value="([0-9a-f]+)"', text)
        assert found is not None
        return found[1]


@contextlib.asynccontextmanager
async def website(
    folder: Path, changes: Mapping[str, Any] | None = None, channels: Collection[str] = ()
) -> AsyncIterator[Site]:
    """The stage, and the website on it; `changes` to the stage's settings, `channels` beside newsroom and mails."""
    time = Time()
    others: dict[str, Any] = {f"channels.{name}": None for name in {"telegram", "x", "facebook"} - {*channels}}
    stage = Stage(folder, roles=frozenset({"worker"}), changes={**others, **(changes or {})}, clock=time)
    await stage.start()
    updates: list[dict[str, Any]] = []

    async def hook(update: dict[str, Any]) -> None:
        updates.append(update)

    app = build(
        stage.parts.office, stage.parts.pages, hook=hook, hook_secret=SecretStr(SECRET), secure_cookies=False,
        ready=lambda: readiness(stage.parts.office, stale_after=60), trusted_proxies=("127.0.0.0/8",),
    )  # fmt: skip
    server = Server()
    await server.start(app, "127.0.0.1", 0)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        yield Site(stage, time, app, server.url, http, updates)
    await server.stop()
    await stage.stop()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with website(tmp_path / "stage") as made:
        yield made
