"""The e-mail list when all goes well: what a mail looks like, who gets it, how it is signed and sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from pathlib import Path

import pytest
import pytest_asyncio
import uvloop
from PIL import Image

from distributor.adapters.email import Email
from distributor.core.channel import Channel, Source
from distributor.core.outcome import Receipt, Sent
from distributor.core.release import Kind, LanguageVersion, Revision, Status
from distributor.core.rendering import Severity
from distributor.sandbox import Accounts, Sandbox
from tests.adapters.email_stage import READER, Stage, on_stage, parsed, settings, verified, write_key
from tests.adapters.support import BODY, LEAD, TITLE, URL, Desk


@pytest_asyncio.fixture
async def stage(folder: Path) -> AsyncIterator[Stage]:
    async with on_stage(folder) as made:
        yield made


@pytest.fixture
def signed(stage: Stage, tmp_path: Path) -> Stage:
    changes = {"dkim_selector": "press", "dkim_domain": "mia.example", "dkim_key_file": write_key(tmp_path)}
    stage.channel = Email("list", settings(stage.sandbox, **changes), stage.desk.surroundings)
    return stage


async def test_a_reader_gets_text_and_html_with_the_picture_inside(stage: Stage) -> None:
    job = stage.to(READER, await stage.rendering(photo_count=3, videos=1))
    assert isinstance(await stage.publish(job), Sent)
    (mail,) = stage.mails
    message = parsed(mail.raw)
    assert message.get_content_type() == "multipart/alternative"
    text, rich = message.iter_parts()
    assert text.get_content_type() == "text/plain"
    html, picture = rich.iter_parts()
    assert html.get_content_type() == "text/html"
    assert picture.get_content_type() == "image/jpeg"
    assert picture["Content-Disposition"] == "inline"
    assert f'src="cid:{picture["Content-ID"][1:-1]}"' in html.get_content()
    assert (
        picture.get_content() == stage.desk.library.open(job.rendering.parts[0].media[0].rendition.digest).read_bytes()
    )
    assert len(picture.get_content()) <= 300_000


async def test_the_words_are_those_of_the_release_in_both_parts(stage: Stage) -> None:
    await stage.publish(stage.to(READER, await stage.rendering(photo_count=2, videos=1)))
    message = parsed(stage.mails[0].raw)
    text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    for words in (TITLE, LEAD, "ოთხი", "წარწერა 1", "შსს / ნ. ბერიძე", URL, "https://newsroom.example/media/"):
        assert words in text.get_content()
        assert words in html.get_content()
    assert text.get_content().count("https://newsroom.example/media/") == 3
    assert ".mp4" in text.get_content()
    assert 'alt="აღწერა 1"' in html.get_content()
    assert '<html lang="ka">' in html.get_content()
    assert message["Content-Language"] == "ka"
    assert "text-transform" not in html.get_content()


async def test_a_georgian_subject_travels_as_encoded_words_and_reads_the_same(stage: Stage) -> None:
    await stage.send()
    raw = stage.mails[0].raw
    head = raw.partition(b"\r\n\r\n")[0]
    assert head.isascii()
    assert b"=?utf-8?" in head
    words = [word for line in head.split(b"\r\n") for word in line.split() if word.startswith(b"=?")]
    assert all(len(word) <= 75 for word in words)  # RFC 2047, 2
    message = parsed(raw)
    assert message["Subject"] == TITLE
    # Not message["From"]: Python 3.11 leaves a space between the encoded-words of a name (python/cpython#92081).
    assert str(make_header(decode_header(message_from_bytes(raw)["From"]))) == "შსს პრესსამსახური <press@mia.example>"
    assert message["From"].addresses[0].addr_spec == "press@mia.example"
    assert message["To"].addresses[0].addr_spec == READER


async def test_the_unsubscribe_headers_are_whole_signed_and_verify(signed: Stage) -> None:
    token = "t" * 180
    job = signed.to(READER, await signed.rendering(photo_count=1))
    job = signed.desk.job(
        signed.channel, job.rendering, destination=type(job.destination)(1, "list", READER, token=token)
    )
    assert isinstance(await signed.publish(job), Sent)
    raw = signed.mails[0].raw
    link = f"https://newsroom.example/unsubscribe/{token}".encode()
    assert b"\r\nList-Unsubscribe: <" + link + b">\r\n" in raw
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw
    assert verified(raw)
    names = {name.strip() for name in parsed(raw)["DKIM-Signature"].partition("h=")[2].partition(";")[0].split(":")}
    assert {"from", "subject", "list-unsubscribe", "list-unsubscribe-post"} <= names
    assert not verified(raw.replace(b"List-Unsubscribe=One-Click", b"List-Unsubscribe=Two-Click"))
    assert not verified(raw.replace(b"List-Unsubscribe: <https", b"List-Unsubscribe: <http"))
    assert not verified(raw.replace(b"\r\nTo: ", b"\r\nSubject: another\r\nTo: "))


async def test_both_parts_lead_to_the_readers_own_unsubscribe_page(stage: Stage) -> None:
    rendering = await stage.rendering(body="Text with {unsubscribe} in it.")
    await stage.publish(stage.to(READER, rendering))
    await stage.publish(stage.to("gia@paper.example", rendering))
    for number, mail in enumerate(stage.mails, 1):
        message = parsed(mail.raw)
        for kind in ("plain", "html"):
            part = message.get_body((kind,))
            assert part is not None
            assert part.get_content().count(f"https://newsroom.example/unsubscribe/token-{number}") == 1
            assert "Text with {unsubscribe} in it." in part.get_content()


async def test_every_attempt_has_the_same_bytes(signed: Stage) -> None:
    job = signed.to(READER, await signed.rendering(photo_count=1))
    await signed.publish(job)
    signed.desk.time.pass_by(3600)
    again = Email("list", settings(signed.sandbox), signed.desk.surroundings)
    again._settings = signed.channel._settings
    await again.publish(job, None)  # type: ignore[arg-type]  # a mail keeps no progress
    await again.aclose()
    first, second = signed.mails
    assert first.raw == second.raw
    assert " t=" not in first.message["DKIM-Signature"]  # the second of signing would differ in the next second
    assert first.message["Message-ID"] == "<abcdefghjk-1-publish-1@mia.example>"


async def test_bounces_come_back_with_the_number_of_the_delivery(stage: Stage) -> None:
    rendering = await stage.rendering()
    for address in (READER, "gia@paper.example"):
        await stage.publish(stage.to(address, rendering))
    assert [(mail.mail_from, mail.rcpt) for mail in stage.mails] == [
        ("bounces+1@bounces.mia.example", (READER,)),
        ("bounces+2@bounces.mia.example", ("gia@paper.example",)),
    ]
    assert len({mail.message["Message-ID"] for mail in stage.mails}) == 2


async def test_the_receipt_holds_the_message_id_and_the_relays_queue_number(stage: Stage) -> None:
    assert await stage.send() == Sent(
        Receipt(("abcdefghjk-1-publish-1@mia.example",), detail={"relay": "250 2.0.0 OK queued as SANDBOX000001"})
    )


async def test_the_headers_of_a_list_are_there(stage: Stage) -> None:
    await stage.send()
    message = stage.mails[0].message
    assert message["List-Id"] == "<list.mia.example>"
    assert message["Precedence"] == "bulk"
    assert message["MIME-Version"] == "1.0"
    assert "Importance" not in message


async def test_an_emergency_is_marked_important(stage: Stage) -> None:
    await stage.publish(stage.to(READER, await stage.rendering(kind=Kind.EMERGENCY)))
    assert stage.mails[0].message["Importance"] == "high"


async def test_an_exercise_says_so_before_anything_else(stage: Stage) -> None:
    await stage.publish(stage.to(READER, await stage.rendering(status=Status.EXERCISE)))
    assert stage.mails[0].message["Subject"] == f"[სწავლება] {TITLE}"


async def test_a_mail_is_dated_when_it_became_free_to_go(stage: Stage) -> None:
    approved, embargo = datetime(2026, 3, 2, 9, tzinfo=UTC), datetime(2026, 3, 5, 6, tzinfo=UTC)
    revision = await stage.desk.release()
    changed = Revision("abcdefghjk", 1, 1, Kind.NEWS, revision.versions, embargo=embargo)
    rendering = await stage.desk.rendering(stage.channel, changed)
    await stage.publish(stage.to(READER, rendering, approved_at=approved))
    assert stage.mails[0].message["Date"].datetime == embargo
    await stage.publish(stage.to(READER, rendering, approved_at=embargo + timedelta(hours=1)))
    assert stage.mails[1].message["Date"].datetime == embargo + timedelta(hours=1)


async def test_a_reader_gets_the_language_he_prefers(stage: Stage) -> None:
    versions = (LanguageVersion("ka", TITLE, LEAD, BODY), LanguageVersion("en", "A fire is out", "", "Nobody hurt."))
    revision = Revision("abcdefghjk", 1, 1, Kind.NEWS, versions)
    for languages, title in ((("en", "ka"), "A fire is out"), (("ka", "en"), TITLE)):
        rendering = stage.channel.render(Source(revision, languages, {}, URL, "შსს"))
        assert rendering is not None
        assert (rendering.language, rendering.parts[0].fields["subject"]) == (languages[0], title)
    assert stage.channel.render(Source(revision, ("az",), {}, URL, "შსს")) is None


async def test_connections_are_kept_and_never_more_than_allowed(stage: Stage) -> None:
    stage.channel = Email("list", settings(stage.sandbox, connections=2), stage.desk.surroundings)
    rendering = await stage.rendering()
    jobs = [stage.to(f"reader{number}@paper.example", rendering) for number in range(20)]
    outcomes = await asyncio.gather(*(stage.publish(job) for job in jobs))
    assert all(isinstance(outcome, Sent) for outcome in outcomes)
    assert sorted(mail.rcpt[0] for mail in stage.mails) == sorted(job.destination.address for job in jobs)
    assert stage.sandbox.calls("smtp", "smtp.connect") == 2
    await stage.channel.aclose()


async def test_a_connection_is_made_anew_after_so_many_mails(stage: Stage) -> None:
    stage.channel = Email(
        "list", settings(stage.sandbox, connections=1, messages_per_connection=2), stage.desk.surroundings
    )
    rendering = await stage.rendering()
    for number in range(5):
        await stage.publish(stage.to(f"reader{number}@paper.example", rendering))
    assert stage.sandbox.calls("smtp", "smtp.connect") == 3
    await stage.channel.aclose()


async def test_lines_that_begin_with_a_dot_arrive_whole(stage: Stage) -> None:
    rendering = await stage.rendering(title="Dots", lead="", body="One\n\n.two\n\n..\n\n.\n\nend", language="en")
    await stage.publish(stage.to(READER, rendering))
    text = stage.mails[0].message.get_body(("plain",))
    assert text is not None
    assert "\n.two\n\n..\n\n.\n\nend\n" in text.get_content().replace("\r\n", "\n")


@pytest.mark.parametrize("security", ["none", "starttls"])
def test_it_works_on_the_faster_event_loop_too(folder: Path, security: str) -> None:
    async def send() -> None:
        desk = Desk.at(folder)
        async with Sandbox(accounts=Accounts(smtp_tls=security != "none")) as sandbox:
            changes = {"security": security, "ca_file": sandbox.mail.ca_file}
            stage = Stage(sandbox, desk, Email("list", settings(sandbox, **changes), desk.surroundings))
            rendering = await stage.rendering(body="word " * 400_000)  # more than any buffer on the way
            assert isinstance(await stage.publish(stage.to(READER, rendering)), Sent)
            assert stage.mails[0].tls is (security == "starttls")
            await stage.channel.aclose()
        await desk.aclose()

    uvloop.run(send())


async def test_starttls_and_sign_in_with_an_own_certificate(folder: Path) -> None:
    desk = Desk.at(folder)
    accounts = Accounts(smtp_credentials=("press", "canary-secret"), smtp_auth_required=True, smtp_tls=True)
    async with Sandbox(accounts=accounts) as sandbox:
        known = {"security": "starttls", "username": "press", "password": "canary-secret"}
        channel = Email("list", settings(sandbox, ca_file=sandbox.mail.ca_file, **known), desk.surroundings)
        stage = Stage(sandbox, desk, channel)
        assert isinstance(await stage.send(), Sent)
        assert (stage.mails[0].tls, stage.mails[0].user) == (True, "press")
        assert (await channel.probe()).ok
        assert len(stage.mails) == 1
        assert "canary-secret" not in repr(channel._settings)
        await channel.aclose()
    await desk.aclose()


@pytest.mark.parametrize(
    ("address", "envelope"),
    [("нино@paper.example", "нино@paper.example"), ("nino@გაზეთი.გე", "nino@xn--…")],
)
async def test_addresses_beyond_ascii_are_reached(stage: Stage, address: str, envelope: str) -> None:
    assert isinstance(await stage.send(address), Sent)
    (mail,) = stage.mails
    assert mail.rcpt[0].partition("@")[0] == envelope.partition("@")[0]
    assert mail.rcpt[0].partition("@")[2].isascii()
    assert f"\r\nTo: <{mail.rcpt[0]}>\r\n".encode() in mail.raw


def test_it_is_a_channel_with_subscribers_only(tmp_path: Path) -> None:
    channel: Channel = Email("list", settings(), Desk.at(tmp_path).surroundings)
    assert channel.own_address() == ""
    assert channel.traits.bulk
    assert not channel.traits.repeatable


async def test_the_picture_inside_carries_no_place(stage: Stage) -> None:
    job = stage.to(READER, await stage.rendering(photo_count=1))
    revision = await stage.desk.release(photo_count=1)
    assert revision.media[0].asset.has_location
    with Image.open(stage.desk.library.open(job.rendering.parts[0].media[0].rendition.digest)) as picture:
        assert not picture.getexif()


async def test_check_names_what_is_wrong(stage: Stage) -> None:
    assert stage.channel.check(await stage.rendering()) == ()
    stage.channel = Email("list", settings(max_message_bytes=50_000), stage.desk.surroundings)
    problems = stage.channel.check(await stage.rendering(body="სიტყვა " * 6000))
    assert [(problem.severity, problem.code) for problem in problems] == [
        (Severity.BLOCKING, "mail.too_large"),
        (Severity.WARNING, "mail.clipped"),
    ]
