"""The e-mail list when things go wrong: every answer and every silence of the relay, by the phase it came in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiosmtpd.smtp import SMTP as Relay

from distributor.adapters.email import Email
from distributor.core.channel import Expiring, Health
from distributor.core.outcome import CannotTell, Sent
from distributor.core.rendering import Severity
from distributor.sandbox import Accounts, Sandbox
from tests.adapters.email_stage import READER, Stage, on_stage, settings, told, write_key
from tests.adapters.support import Desk, Recorder


@pytest_asyncio.fixture(params=[True, False], ids=["pipelined", "one by one"])
async def stage(folder: Path, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with on_stage(folder) as made:
        made.sandbox.mail.pipelining = request.param
        yield made


async def test_f05_connection_refused_or_name_not_found_is_repeated_safely(stage: Stage) -> None:
    job = stage.to(READER, await stage.rendering())
    for changes in ({"port": 1}, {"host": "no-such-host.invalid"}):
        channel = Email("list", settings(stage.sandbox, **changes), stage.desk.surroundings)
        assert told(await channel.publish(job, Recorder())) == ("Deferred", "connection", "delivery")
    assert isinstance(await stage.publish(job), Sent)


@pytest.mark.parametrize("method", ["smtp.connect", "smtp.ehlo", "smtp.mail", "smtp.rcpt", "smtp.data"])
async def test_f05_a_connection_lost_before_the_final_dot_is_repeated_safely(stage: Stage, method: str) -> None:
    stage.order(method, "reset_before")
    job = stage.to(READER, await stage.rendering())
    assert told(await stage.publish(job)) == ("Deferred", "connection", "delivery")
    assert stage.mails == []
    assert isinstance(await stage.publish(job), Sent)
    assert len(stage.mails) == 1


@pytest.mark.parametrize("method", ["smtp.connect", "smtp.mail", "smtp.rcpt"])
async def test_silence_before_the_content_is_repeated_safely(stage: Stage, method: str) -> None:
    quick = settings(stage.sandbox, connect_timeout=0.1, command_timeout=0.1)
    stage.channel = Email("list", quick, stage.desk.surroundings)
    stage.order(method, "hang", seconds=0.3)
    assert told(await stage.send()) == ("Deferred", "connection", "delivery")
    assert stage.mails == []


async def test_f34_a_line_break_in_a_title_or_name_is_refused_before_queueing(stage: Stage) -> None:
    for end in ("\r\n", "\n", "\r", "\u2028", "\x0b", "\x00"):
        evil = f"A title{end}Bcc: everybody@paper.example"
        rendering = await stage.rendering(title=evil)
        (problem,) = stage.channel.check(rendering)
        assert (problem.severity, problem.code) == (Severity.BLOCKING, "mail.bad_subject")
        by_title = stage.to(READER, rendering)
        by_label = stage.to(READER, await stage.rendering(), label=f"Nino{end}Bcc: everybody@paper.example")
        by_address = stage.to(f"{READER}{end}Bcc: everybody@paper.example", await stage.rendering())
        assert told(await stage.publish(by_title)) == ("Rejected", "bad_subject", "delivery")
        assert told(await stage.publish(by_label)) == ("Rejected", "bad_name", "delivery")
        assert told(await stage.publish(by_address)) == ("Rejected", "bad_address", "destination")
        refused = await stage.channel.prepare(by_title, Recorder())
        assert refused is not None
        assert told(refused) == ("Rejected", "bad_subject", "delivery")
    assert stage.sandbox.calls("smtp") == 0


async def test_f44_each_recipient_has_an_outcome_of_his_own(stage: Stage) -> None:
    stage.channel = Email("list", settings(stage.sandbox, connections=1), stage.desk.surroundings)
    stage.order("smtp.rcpt", "smtp_error", code=550, text="5.1.1 No such user", address="gone@*")
    stage.order("smtp.rcpt", "smtp_error", code=450, text="4.2.0 Greylisted", address="grey@*")
    rendering = await stage.rendering()
    names = ("first", "gone", "grey", "last")
    outcomes = [await stage.publish(stage.to(f"{name}@paper.example", rendering)) for name in names]
    assert [told(outcome) for outcome in outcomes] == [
        ("Sent", "", ""),
        ("Rejected", "recipient_refused", "destination"),
        ("Deferred", "recipient_later", "delivery"),
        ("Sent", "", ""),
    ]
    assert [mail.rcpt for mail in stage.mails] == [("first@paper.example",), ("last@paper.example",)]
    assert stage.sandbox.calls("smtp", "smtp.connect") == 1  # RSET, and on with the same connection
    await stage.channel.aclose()


async def test_f45_lost_after_the_final_dot_is_unknown_for_that_recipient_only(stage: Stage) -> None:
    stage.order("smtp.data", "reset_after", after=1)
    rendering = await stage.rendering()
    jobs = [stage.to(f"reader{number}@paper.example", rendering) for number in range(3)]
    outcomes = [await stage.publish(job) for job in jobs]
    assert [told(outcome)[:2] for outcome in outcomes] == [("Sent", ""), ("Unknown", "after_dot"), ("Sent", "")]
    assert len(stage.sandbox.mail.to("reader1@paper.example")) == 1  # it is there, and was not sent again
    finding = await stage.channel.reconcile(jobs[1], Recorder())
    assert isinstance(finding, CannotTell)
    assert "abcdefghjk-1-publish-2" in finding.reason


async def test_f45_silence_after_the_final_dot_is_unknown(stage: Stage) -> None:
    stage.channel = Email("list", settings(stage.sandbox, data_timeout=0.1), stage.desk.surroundings)
    stage.order("smtp.data", "hang", seconds=0.3)
    assert told(await stage.send())[:2] == ("Unknown", "after_dot")
    assert isinstance(await stage.send(), Sent)
    await stage.channel.aclose()


async def test_a_relay_that_hangs_up_amid_the_content_has_nothing(stage: Stage) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        for answer in (b"250 relay", b"250 OK", b"250 OK", b"354 go on"):
            await reader.readline()
            writer.write(answer + b"\r\n")
        await asyncio.sleep(0.05)  # reads nothing more: the content fills every buffer on the way
        writer.transport.abort()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0, limit=1024)
    port = server.sockets[0].getsockname()[1]
    stage.channel = Email("list", settings(stage.sandbox, port=port), stage.desk.surroundings)
    outcome = await stage.publish(stage.to(READER, await stage.rendering(body="word " * 2_000_000)))
    assert told(outcome) == ("Deferred", "connection", "delivery")
    server.close()


async def test_an_answer_that_means_nothing_after_the_dot_is_unknown(stage: Stage) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        for answer in (b"250 relay", b"250 OK", b"250 OK", b"354 go on"):
            await reader.readline()
            writer.write(answer + b"\r\n")
        await reader.readuntil(b"\r\n.\r\n")
        writer.write(b"<html>Gateway</html>\r\n")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0, limit=1 << 20)
    port = server.sockets[0].getsockname()[1]
    stage.channel = Email("list", settings(stage.sandbox, port=port), stage.desk.surroundings)
    assert told(await stage.send())[:2] == ("Unknown", "after_dot")
    server.close()


async def test_421_means_later_and_with_fewer_connections(stage: Stage) -> None:
    stage.channel = Email("list", settings(stage.sandbox, connections=2), stage.desk.surroundings)
    stage.order("smtp.rcpt", "smtp_error", code=421, text="4.7.0 Too many connections")
    assert told(await stage.send()) == ("Deferred", "relay_busy", "delivery")
    rendering = await stage.rendering()
    before = stage.sandbox.calls("smtp", "smtp.connect")
    jobs = [stage.to(f"reader{number}@paper.example", rendering) for number in range(10)]
    assert all(isinstance(one, Sent) for one in await asyncio.gather(*(stage.publish(job) for job in jobs)))
    assert stage.sandbox.calls("smtp", "smtp.connect") - before == 1
    await stage.channel.aclose()


async def test_after_a_calm_while_the_connections_come_back(stage: Stage) -> None:
    stage.channel = Email("list", settings(stage.sandbox, connections=2), stage.desk.surroundings)
    stage.order("smtp.connect", "smtp_error", code=421, text="4.3.2 Busy")
    assert told(await stage.send()) == ("Deferred", "relay_busy", "delivery")
    assert stage.channel._pool.limit == 1
    rendering = await stage.rendering()
    for number in range(50):
        await stage.publish(stage.to(f"reader{number}@paper.example", rendering))
    assert stage.channel._pool.limit == 2
    await stage.channel.aclose()


async def test_a_connection_that_the_relay_closed_while_idle_costs_nothing(stage: Stage) -> None:
    assert isinstance(await stage.send(), Sent)
    for conversation in list(stage.sandbox.mail._open):
        conversation.transport.close()  # type: ignore[union-attr]  # it is connected
    await asyncio.sleep(0.05)
    assert isinstance(await stage.send(), Sent)
    assert len(stage.mails) == 2


async def test_a_cancelled_delivery_leaves_no_half_conversation_behind(stage: Stage) -> None:
    stage.order("smtp.rcpt", "latency", seconds=0.5)
    task = asyncio.create_task(stage.send())
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stage.channel._pool.in_use == 0
    assert isinstance(await stage.send("gia@paper.example"), Sent)
    assert [mail.rcpt for mail in stage.mails] == [("gia@paper.example",)]


async def test_a_refused_password_concerns_the_whole_lane_and_appears_nowhere(folder: Path) -> None:
    desk = Desk.at(folder)
    accounts = Accounts(smtp_credentials=("press", "right"), smtp_auth_required=True, smtp_tls=True)
    async with Sandbox(accounts=accounts) as sandbox:
        tls = {"security": "starttls", "ca_file": sandbox.mail.ca_file}
        wrong = settings(sandbox, username="press", password="canary-wrong-password", **tls)
        stage = Stage(sandbox, desk, Email("list", wrong, desk.surroundings))
        outcome = await stage.send()
        assert told(outcome) == ("Deferred", "credential", "lane")
        health = await stage.channel.probe()
        assert not health.ok
        assert "535" in health.problems[0]
        assert "canary-wrong-password" not in f"{outcome} {health}"
        nobody = Email("list", settings(sandbox, **tls), desk.surroundings)
        assert told(await nobody.publish(stage.to(READER, await stage.rendering()), Recorder())) == (
            "Deferred", "credential", "lane",
        )  # fmt: skip
        await nobody.aclose()
        assert stage.mails == []
    await desk.aclose()


async def test_nothing_is_sent_in_clear_where_encryption_is_asked_for(stage: Stage) -> None:
    for changes in ({"security": "starttls"}, {"security": "tls"}):
        channel = Email("list", settings(stage.sandbox, **changes), stage.desk.surroundings)
        outcome = await channel.publish(stage.to(READER, await stage.rendering()), Recorder())
        assert told(outcome) == ("Deferred", "connection", "delivery")
        assert not (await channel.probe()).ok
    assert stage.mails == []


async def test_a_certificate_that_nobody_vouches_for_is_refused(folder: Path) -> None:
    desk = Desk.at(folder)
    async with Sandbox(accounts=Accounts(smtp_tls=True)) as sandbox:
        stage = Stage(sandbox, desk, Email("list", settings(sandbox, security="starttls"), desk.surroundings))
        outcome = await stage.send()
        assert told(outcome) == ("Deferred", "connection", "delivery")
        assert "certificate" in getattr(outcome, "reason", "")
        assert stage.mails == []
    await desk.aclose()


async def test_an_address_that_the_relay_cannot_carry_is_refused_with_the_reason(stage: Stage) -> None:
    class Nothing:
        pass

    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Relay(Nothing(), enable_SMTPUTF8=False, loop=loop), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    stage.channel = Email("list", settings(stage.sandbox, port=port), stage.desk.surroundings)
    outcome = await stage.send("нино@paper.example")
    assert told(outcome) == ("Rejected", "no_smtputf8", "destination")
    await stage.channel.aclose()
    server.close()


async def test_a_key_that_cannot_be_used_pauses_the_lane_and_the_probe_names_it(stage: Stage, tmp_path: Path) -> None:
    def channel(key: Path) -> Email:
        dkim = {"dkim_selector": "press", "dkim_domain": "mia.example", "dkim_key_file": key}
        return Email("list", settings(stage.sandbox, **dkim), stage.desk.surroundings)

    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_bytes(b"no key")
    job = stage.to(READER, await stage.rendering())
    for path in (tmp_path / "missing.pem", nonsense):
        made = channel(path)
        assert told(await made.publish(job, Recorder())) == ("Deferred", "dkim_key", "lane")
        health = await made.probe()
        assert not health.ok
        assert "dkim_key_file" in health.problems[0]
    good = channel(write_key(tmp_path))
    assert await good.probe() == Health(
        True,
        "press@mia.example",
        facts={
            "relay": f"127.0.0.1:{stage.sandbox.smtp_port}",
            "security": "none",
            "dkim": "mia.example",
            "one_click": "yes",
        },
        expiring=Expiring.CERTIFICATE,
    )
    foreign = {"dkim_selector": "press", "dkim_domain": "other.example", "dkim_key_file": tmp_path / "dkim.pem"}
    strange = await Email("list", settings(stage.sandbox, **foreign), stage.desk.surroundings).probe()
    assert "DMARC" in strange.problems[0]
    assert stage.mails == []


async def test_a_picture_that_is_gone_is_not_left_out_in_silence(stage: Stage) -> None:
    job = stage.to(READER, await stage.rendering(photo_count=1))
    digest = job.rendering.parts[0].media[0].rendition.digest
    path = stage.desk.library.open(digest)
    content = path.read_bytes()
    path.unlink()
    try:
        assert told(await stage.publish(job)) == ("Rejected", "media_missing", "delivery")
    finally:
        path.write_bytes(content)
    assert stage.mails == []
