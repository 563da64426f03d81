"""The servers that other tests rely on really start, answer, and are gone afterwards."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import asyncpg
import pytest
import redis.asyncio
from playwright.async_api import async_playwright

from tests import services

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.redis
async def test_redis_answers_loses_its_data_on_restart_and_leaves_nothing_behind() -> None:
    with services.redis_server() as server:
        async with redis.asyncio.from_url(server.url, decode_responses=True) as client:
            await client.set("key", "ქალაქი")
            assert await client.get("key") == "ქალაქი"
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        async with redis.asyncio.from_url(server.url) as client:
            assert await client.get("key") is None
        assert server.process is not None
        pid, folder = server.process.pid, server.folder
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.redis
async def test_the_projects_redis_configuration_is_accepted_and_refuses_writes_when_full() -> None:
    with services.redis_server(ROOT / "config" / "redis.conf") as server:
        async with redis.asyncio.from_url(server.url, decode_responses=True) as client:
            wanted = {"maxmemory-policy": "noeviction", "appendonly": "no", "protected-mode": "yes"}
            for key, value in wanted.items():
                assert await client.config_get(key) == {key: value}
            await client.config_set("maxmemory", "1kb")
            with pytest.raises(redis.exceptions.OutOfMemoryError):
                await client.set("key", "value")


@pytest.mark.postgres
@pytest.mark.parametrize("durable", [False, True])
async def test_postgresql_answers_and_is_durable_only_when_asked(durable: bool) -> None:
    with services.postgres_server(durable=durable) as server:
        url = server.create_database()
        link = await asyncpg.connect(url)
        await link.execute("CREATE TABLE note (said text)")
        await link.execute("INSERT INTO note VALUES ($1)", "მარტი")
        assert await link.fetchval("SHOW fsync") == ("on" if durable else "off")
        assert await link.fetchval("SHOW server_encoding") == "UTF8"
        await link.close()
        await asyncio.to_thread(server.kill if durable else server.stop)
        await asyncio.to_thread(server.start)
        link = await asyncpg.connect(url)
        assert await link.fetchval("SELECT said FROM note") == "მარტი"
        await link.close()
        folder = server.folder
    assert not folder.exists()


@pytest.mark.postgres
def test_postgresql_databases_are_apart() -> None:
    with services.postgres_server() as server:
        first, second = server.create_database(), server.create_database()
        server.sql("CREATE TABLE mine (n int)", first.rpartition("/")[2])
        with pytest.raises(services.ServiceFailed, match='"mine" does not exist'):
            server.sql("SELECT * FROM mine", second.rpartition("/")[2])


@pytest.mark.browser
async def test_chromium_opens_a_page() -> None:
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=services.find_chromium(), args=["--no-sandbox"])
        page = await browser.new_page()
        await page.set_content("<h1 id=title>პოლიცია</h1>")
        assert await page.locator("#title").inner_text() == "პოლიცია"
        await browser.close()


def test_a_missing_program_is_an_error_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(services.ServiceMissing, match="make services"), services.redis_server():
        pass


def test_a_server_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    config = tmp_path / "redis.conf"
    config.write_text("no-such-directive yes\n")
    with pytest.raises(services.ServiceFailed, match="no-such-directive"), services.redis_server(config):
        pass
