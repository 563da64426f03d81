"""What the adapters' tests share: a media library, the sandbox, and channels opened in it. A test file that needs
another kind of one has its own under the same name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from distributor.adapters.facebook import Facebook, FacebookSettings
from distributor.adapters.telegram import Telegram
from distributor.adapters.x import X, XSettings
from distributor.sandbox import Accounts, Sandbox
from tests.adapters.support import Desk
from tests.adapters.telegram_after import Clock
from tests.adapters.telegram_stage import Stage, settings

APP_SECRET = "sandbox-app-secret"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all tests: a rendition made once is found again."""
    return tmp_path_factory.mktemp("media")


@pytest_asyncio.fixture
async def desk(folder: Path) -> AsyncIterator[Desk]:
    """A newsroom over the folder."""
    made = Desk.at(folder)
    yield made
    await made.aclose()


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """The platforms. No call of a test may carry Facebook's token in its query string."""
    async with Sandbox(accounts=Accounts(facebook_app_secret=APP_SECRET)) as made:
        yield made
        assert made.facebook.leaks == []


@pytest_asyncio.fixture
async def open_x(sandbox: Sandbox, desk: Desk) -> AsyncIterator[Callable[..., X]]:
    """Opens an account of X; settings may be given."""
    made: list[X] = []

    def opened(**changes: Any) -> X:
        keys = sandbox.accounts.x_keys
        facts = {"api_url": sandbox.x.api_url, "account": "mia_sandbox"}
        names = ("consumer_key", "consumer_secret", "access_token", "access_token_secret")
        secrets = {name: getattr(keys, name) for name in names}
        made.append(X("x", XSettings.model_validate(facts | secrets | changes), desk.surroundings))
        return made[-1]

    yield opened
    for one in made:
        await one.aclose()


@pytest_asyncio.fixture
async def open_page(sandbox: Sandbox, desk: Desk) -> AsyncIterator[Callable[..., Facebook]]:
    """Opens a page of Facebook; settings may be given."""
    made: list[Facebook] = []

    def opened(**changes: Any) -> Facebook:
        facts = {
            "api_url": sandbox.facebook.api_url,
            "page": sandbox.accounts.facebook_page,
            "token": sandbox.accounts.facebook_token,
            "app_secret": APP_SECRET,
        }
        made.append(Facebook("facebook", FacebookSettings.model_validate(facts | changes), desk.surroundings))
        return made[-1]

    yield opened
    for one in made:
        await one.aclose()


@pytest.fixture
def page(open_page: Callable[..., Facebook]) -> Facebook:
    """A page with the usual settings."""
    return open_page()


@pytest.fixture
def clock() -> Clock:
    """The time of a sandbox, which a test may move."""
    return Clock()


@pytest.fixture
async def opened(folder: Path, clock: Clock) -> AsyncIterator[Callable[..., Awaitable[Stage]]]:
    """Opens a Telegram channel; settings may be given. All of a test share one sandbox, as processes would."""
    async with AsyncExitStack() as closing:
        sandbox = await closing.enter_async_context(Sandbox(clock=clock))
        desk = Desk.at(folder)
        closing.push_async_callback(desk.aclose)

        async def make(**changes: Any) -> Stage:
            channel = Telegram("public", settings(sandbox, **changes), desk.surroundings, settles=timedelta(0))
            closing.push_async_callback(channel.aclose)
            return Stage(sandbox, desk, channel)

        yield make


@pytest.fixture
async def stage(opened: Callable[..., Awaitable[Stage]]) -> Stage:
    """A channel with the usual settings."""
    return await opened()
