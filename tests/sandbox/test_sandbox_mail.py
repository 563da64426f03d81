"""The simulated relay: extensions, credentials, TLS, and every fault that can befall a mail."""

from __future__ import annotations

import asyncio
import ssl
from email.message import EmailMessage
from typing import Any

import aiosmtplib
import pytest

from distributor.sandbox import Accounts, Sandbox


def letter() -> EmailMessage:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "თემა", "press@office.example", "editor@tv.example"
    message["Message-ID"] = "<1@office.example>"
    message.set_content("ტექსტი")
    return message


async def send(sandbox: Sandbox, **options: object) -> None:
    client = aiosmtplib.SMTP(
        hostname=sandbox.smtp_host,
        port=sandbox.smtp_port,
        timeout=3,
        **{"start_tls": False, **options},  # type: ignore[arg-type]  # keywords of aiosmtplib
    )
    async with client:
        await client.send_message(letter())


async def test_a_mail_arrives_whole(sandbox: Sandbox) -> None:
    await send(sandbox)
    mail = sandbox.mail.messages[0]
    assert (mail.mail_from, mail.rcpt, str(mail.message["Subject"])) == (
        "press@office.example",
        ("editor@tv.example",),
        "თემა",
    )
    assert b"Subject: =?utf-8?" in mail.raw
    assert sandbox.effects("smtp", "mail")[0]["message_id"] == "<1@office.example>"
    assert sandbox.mail.to("editor@tv.example") == [mail]


async def test_it_offers_what_real_relays_offer(sandbox: Sandbox) -> None:
    async with aiosmtplib.SMTP(hostname=sandbox.smtp_host, port=sandbox.smtp_port, start_tls=False) as client:
        await client.ehlo()
        assert all(client.supports_extension(name) for name in ("size", "8bitmime", "smtputf8"))
        assert not client.supports_extension("starttls")


async def test_tls_and_credentials() -> None:
    accounts = Accounts(smtp_credentials=("office", "password"), smtp_auth_required=True, smtp_tls=True)
    async with Sandbox(accounts=accounts) as sandbox:
        trust = ssl.create_default_context(cafile=str(sandbox.mail.ca_file))
        secure = {"start_tls": True, "tls_context": trust}
        await send(sandbox, **secure, username="office", password="password")
        assert (sandbox.mail.messages[0].tls, sandbox.mail.messages[0].user) == (True, "office")
        with pytest.raises(aiosmtplib.SMTPAuthenticationError):
            await send(sandbox, **secure, username="office", password="wrong")
        with pytest.raises(aiosmtplib.SMTPResponseException):
            await send(sandbox, **secure)
        assert len(sandbox.mail.messages) == 1


async def test_one_recipient_is_refused_and_another_not(sandbox: Sandbox) -> None:
    sandbox.faults.order("smtp", "smtp.rcpt", "smtp_error", times=None, address="*@gone.example", code=550)
    async with aiosmtplib.SMTP(hostname=sandbox.smtp_host, port=sandbox.smtp_port, start_tls=False) as client:
        refused, _ = await client.sendmail("a@b.example", ["x@gone.example", "y@tv.example"], b"Subject: x\r\n\r\nx")
    assert list(refused) == ["x@gone.example"]
    assert sandbox.mail.messages[0].rcpt == ("y@tv.example",)


@pytest.mark.parametrize(
    ("method", "kind", "options", "accepted"),
    [
        ("smtp.data", "reset_before", {}, 0),
        ("smtp.data", "reset_after", {}, 1),
        ("smtp.data", "reset_after", {"effect": False}, 0),
        ("smtp.rcpt", "reset_before", {}, 0),
        ("smtp.connect", "reset_before", {}, 0),
        ("smtp.data", "hang", {"seconds": 0.05, "effect": True}, 1),
    ],
)
async def test_connections_that_break(
    sandbox: Sandbox, method: str, kind: str, options: dict[str, Any], accepted: int
) -> None:
    sandbox.faults.order("smtp", method, kind, **options)
    with pytest.raises((aiosmtplib.SMTPException, ConnectionError)):
        await send(sandbox)
    assert len(sandbox.mail.messages) == accepted
    assert sandbox.faults.fired == [("smtp", method, kind)]
    await send(sandbox)
    assert len(sandbox.mail.messages) == accepted + 1


@pytest.mark.parametrize("method", ["smtp.connect", "smtp.mail", "smtp.data"])
async def test_421_closes_the_conversation(sandbox: Sandbox, method: str) -> None:
    sandbox.faults.order("smtp", method, "smtp_error", code=421, text="4.3.2 Going down")
    with pytest.raises(aiosmtplib.SMTPException):
        await send(sandbox)
    assert sandbox.mail.messages == []


async def test_a_drop_at_data_comes_before_354(sandbox: Sandbox) -> None:
    sandbox.faults.order("smtp", "smtp.data", "reset_before")
    reader, writer = await asyncio.open_connection(sandbox.smtp_host, sandbox.smtp_port)
    await reader.readline()
    for line in (b"HELO office.example", b"MAIL FROM:<o@office.example>", b"RCPT TO:<e@tv.example>"):
        writer.write(line + b"\r\n")
        assert (await reader.readline()).startswith(b"250")
    writer.write(b"DATA\r\n")
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_the_final_dot_is_lost_for_one_recipient_only(sandbox: Sandbox) -> None:
    sandbox.faults.order("smtp", "smtp.data", "reset_after", address="b@tv.example")
    async with aiosmtplib.SMTP(hostname=sandbox.smtp_host, port=sandbox.smtp_port, start_tls=False) as client:
        await client.sendmail("o@office.example", ["a@tv.example"], b"Subject: x\r\n\r\nx")
        with pytest.raises((aiosmtplib.SMTPServerDisconnected, ConnectionError)):
            await client.sendmail("o@office.example", ["b@tv.example"], b"Subject: x\r\n\r\nx")
    assert [mail.rcpt for mail in sandbox.mail.messages] == [("a@tv.example",), ("b@tv.example",)]


async def test_a_slow_banner(sandbox: Sandbox) -> None:
    sandbox.faults.order("smtp", "smtp.connect", "latency", seconds=0.2)
    began = asyncio.get_running_loop().time()
    await send(sandbox)
    assert asyncio.get_running_loop().time() - began >= 0.2
