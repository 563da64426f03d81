"""The guard of addresses: which are inner ones, which a subscriber may have; a call goes where it was checked."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from distributor.adapters.webhook import Webhook, WebhookSettings
from distributor.adapters.webhook_guard import Forbidden, Guard, inner
from distributor.core.channel import Destination
from distributor.core.outcome import Deferred, Outcome, Rejected, Sent
from distributor.sandbox.mail_certificate import make_certificate
from tests.adapters.support import Recorder
from tests.adapters.webhook_stage import SECRET, Stage, on_stage, settings_for
from tests.names import Names

# Public by its number, and given to nobody: a connection to it ends at the next router, or before.
NOWHERE = "2e00::1"


@pytest_asyncio.fixture
async def stage(folder: Path) -> AsyncIterator[Stage]:
    async with on_stage(folder) as made:
        yield made


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    made = Names()
    made.install(monkeypatch)
    return made


@pytest.mark.parametrize(
    "number",
    [
        "127.0.0.1", "127.8.9.1", "0.1.2.3", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fe80::1%eth0",
        "169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.8", "192.0.2.1", "198.18.0.1",
        "198.51.100.1", "203.0.113.9",
        "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "192.88.99.1", "168.63.129.16",
        "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "fe80::1",
        "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "64:ff9b::127.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::1",
        "2002:7f00:1::", "2002:a00:1::1", "2001::1", "2001:db8::1", "3fff::1", "100::1", "4000::1",
    ],
)  # fmt: skip
def test_inner_addresses_in_every_disguise(number: str) -> None:
    assert inner(number)
    with pytest.raises(Forbidden):
        Guard(allow_private=False).socket((2, 1, 6, "", (number, 443)))


@pytest.mark.parametrize(
    "number", ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2a00::1"]
)
def test_public_addresses_pass(number: str) -> None:
    assert not inner(number)


@given(st.ip_addresses(v=4))
def test_whatever_passes_is_public_by_the_standard_librarys_word_too(address: ipaddress.IPv4Address) -> None:
    if not inner(str(address)):
        assert address.is_global
        assert not address.is_multicast
        assert not inner(f"::ffff:{address}")


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("https://radio.example/hook?key=1", ""),
        ("https://რადიო.example/hook", ""),
        ("https://radio.example:443/", ""),
        ("https://8.8.8.8/", ""),
        ("http://radio.example/", "scheme"),
        ("ftp://radio.example/", "scheme"),
        ("radio.example/hook", "scheme"),
        ("news@radio.example", "scheme"),
        ("https://radio.example:8443/", "port"),
        ("https://radio.example:22/", "port"),
        ("https://user:word@radio.example/", "form"),
        ("https://user@radio.example/", "form"),
        ("https://8.8.8.8\\@127.0.0.1/", "form"),
        ("https:///hook", "form"),
        ("https://radio.example/#part", "form"),
        ("https://radio.example/a b", "form"),
        ("https://radio.example/\r\nX: y", "form"),
        ("https://radio.example:99999/", "form"),
        ("https://[::1/", "form"),
        (f"https://radio.example/{'x' * 2000}", "form"),
        ("https://127.0.0.1/", "private"),
        ("https://[::ffff:10.0.0.1]/", "private"),
        ("https://169.254.169.254/latest/meta-data", "private"),
    ],
)
def test_which_addresses_a_subscriber_may_have(address: str, fault: str) -> None:
    assert WebhookSettings(secret=SECRET).address_fault(address) == fault


def test_http_and_other_ports_only_where_the_settings_say_so() -> None:
    open_ = WebhookSettings.model_validate({"secret": SECRET, "allow_http": True, "ports": (443, 8443)})
    assert open_.address_fault("http://radio.example/") == ""
    assert open_.address_fault("https://radio.example:8443/") == ""
    assert open_.address_fault("http://radio.example:81/") == "port"
    assert WebhookSettings.model_validate({"secret": SECRET}).address_fault("https://radio.example:80/") == "port"


async def told(stage: Stage, address: str, **changes: object) -> Outcome:
    """What becomes of a call to an address, by a channel with these settings."""
    channel = Webhook("hooks", settings_for(stage.sandbox, **changes), stage.desk.surroundings)
    job = await stage.claimed()
    try:
        there = Destination(1, "hooks", address, token="token")
        return await channel.publish(replace(job, destination=there), Recorder())
    finally:
        await channel.aclose()


@pytest.mark.parametrize("numbers", [["127.0.0.1"], ["::ffff:127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::1", NOWHERE]])
async def test_a_name_that_leads_inward_is_not_called(stage: Stage, names: Names, numbers: list[str]) -> None:
    names.answers["radio.example"] = [numbers]
    port = stage.sandbox.http_url.rpartition(":")[2]
    outcome = await told(stage, f"http://radio.example:{port}/webhook/radio", allow_private=False)
    assert outcome == Rejected("forbidden_address", "not called: it leads into an inner network")
    assert stage.sandbox.calls("webhook") == 0
    # The same address where inner networks are allowed: nothing else held the call up.
    names.answers["radio.example"] = [["127.0.0.1"]]
    outcome = await told(stage, f"http://radio.example:{port}/webhook/other", allow_private=True)
    assert isinstance(outcome, Sent)


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1", "[::ffff:7f00:1]", "localhost"])
async def test_numbers_written_otherwise_lead_nowhere(stage: Stage, host: str) -> None:
    port = stage.sandbox.http_url.rpartition(":")[2]
    outcome = await told(stage, f"http://{host}:{port}/webhook/radio", allow_private=False)
    assert isinstance(outcome, Rejected | Deferred)
    assert stage.sandbox.calls("webhook") == 0


async def test_the_call_goes_to_the_address_that_was_checked(stage: Stage, names: Names) -> None:
    """Asked a second time the name would lead elsewhere: nobody asks."""
    port = stage.sandbox.http_url.rpartition(":")[2]
    names.answers["radio.example"] = [["127.0.0.1"], ["127.0.0.2"]]
    assert isinstance(await told(stage, f"http://radio.example:{port}/webhook/other"), Sent)
    assert names.asked == ["radio.example"]


@asynccontextmanager
async def endpoint(host: str) -> AsyncIterator[tuple[int, Path, list[str]]]:
    """An endpoint over TLS whose certificate is for a name: its port, its authority, the names it was asked for."""
    context, authority = make_certificate(host)
    seen: list[str] = []
    context.sni_callback = lambda _socket, name, _context: seen.append(name)

    async def take(request: web.Request) -> web.Response:
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/hook", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    try:
        yield runner.addresses[0][1], authority, seen
    finally:
        await runner.cleanup()
        authority.unlink()


async def test_the_certificate_must_be_for_the_name_and_not_for_the_number(stage: Stage, names: Names) -> None:
    names.answers = {"radio.example": [["127.0.0.1"]], "other.example": [["127.0.0.1"]]}
    async with endpoint("radio.example") as (port, authority, seen):
        trusting = {"ports": (port,), "ca_file": authority, "allow_http": False}
        assert isinstance(await told(stage, f"https://radio.example:{port}/hook", **trusting), Sent)
        assert seen == ["radio.example"]
        for changes in ({"host": "other.example"}, {"ca_file": None}):  # another name; an authority we do not know
            host = changes.pop("host", "radio.example")
            outcome = await told(stage, f"https://{host}:{port}/hook", **(trusting | changes))
            assert isinstance(outcome, Deferred)
            assert outcome.code == "endpoint_certificate"
