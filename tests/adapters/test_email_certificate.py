"""What the probe of an e-mail list says about the relay's certificate: the day on which it ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvloop

from distributor.adapters.email import Email
from distributor.core.channel import Expiring, Health
from distributor.sandbox import Accounts, Sandbox
from tests.adapters.email_stage import settings
from tests.adapters.support import Desk


async def probed(folder: Path, begun: int, days: int) -> Health:
    """What the probe finds at a relay whose certificate was made so many days ago, for so many more."""
    desk = Desk.at(folder)
    sandbox = Sandbox(accounts=Accounts(smtp_tls=True))
    sandbox.mail.certificate_days = (begun, days)
    async with sandbox:
        known = settings(sandbox, security="starttls", ca_file=sandbox.mail.ca_file)
        channel = Email("list", known, desk.surroundings)
        try:
            return await channel.probe()
        finally:
            await channel.aclose()
            await desk.aclose()


def ends_in(health: Health, days: int) -> bool:
    """Whether what ends is a certificate, on that day."""
    assert health.expires is not None
    late = datetime.now(UTC) + timedelta(days=days) - health.expires
    return health.expiring is Expiring.CERTIFICATE and timedelta(0) <= late < timedelta(minutes=1)


async def test_the_probe_tells_when_the_relays_certificate_ends(folder: Path) -> None:
    health = await probed(folder, 80, 10)
    assert health.ok
    assert ends_in(health, 10)


def test_so_it_does_on_the_loop_that_serves(folder: Path) -> None:
    assert ends_in(uvloop.run(probed(folder, 80, 10)), 10)


async def test_a_certificate_that_a_machine_renews_every_few_days_is_not_counted_down(folder: Path) -> None:
    health = await probed(folder, 1, 6)
    assert (health.ok, health.expires) == (True, None)


async def test_an_ended_certificate_is_named(folder: Path) -> None:
    health = await probed(folder, 90, -1)
    assert not health.ok
    assert "certificate has expired" in health.problems[0]


async def test_without_encryption_nothing_ends(sandbox: Sandbox, desk: Desk) -> None:
    assert (await Email("list", settings(sandbox), desk.surroundings).probe()).expires is None
