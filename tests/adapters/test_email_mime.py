"""The fast way to a mail's bytes gives what the standard library would have made of the same parts, for any text."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import SMTP, compat32
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import example, given, settings
from hypothesis import strategies as st

from distributor.adapters.email_headers import message_id, reader_head, release_head
from distributor.adapters.email_message import template, template_key
from distributor.adapters.email_mime import linked
from distributor.adapters.email_notices import UNSUBSCRIBE
from distributor.adapters.email_render import content_id
from distributor.adapters.email_settings import EmailSettings, plain_address
from distributor.core.asset import MediaKind, Rendition
from distributor.core.channel import Action, Destination, Job
from distributor.core.outcome import Sent
from distributor.core.rendering import Part, Placed, Rendering
from tests.adapters.email_stage import Stage, on_stage
from tests.adapters.support import Recorder

_LIST = EmailSettings(
    host="127.0.0.1", security="none", sender="press@mia.example", reply_to="desk@mia.example",
    envelope_domain="bounces.mia.example",
)  # fmt: skip
_LINKED = EmailSettings(
    host="127.0.0.1",
    security="none",
    sender="press@mia.example",
    unsubscribe_url="https://mia.example/u?a='&t={token}&b",
)
_BASE = "https://newsroom.example"
_APPROVED = datetime(2026, 3, 5, tzinfo=UTC)
_PICTURE = Rendition("a" * 64, "mail", "b" * 64, "image/jpeg", 3, 1, 1, None)

_letters = st.characters(exclude_categories=["Cs"])
_pieces = st.one_of(
    st.text(_letters, max_size=30),
    st.sampled_from(["\n", "\r\n", "\r", ".", "\n.\n", "-- \n", " \n", "\t\n", "=", "=_", "From ", UNSUBSCRIBE]),
    st.sampled_from(["\x85", "\u2028", "\x0c", "\x1c", "\x00", "👮🏽‍♀️", "<p>&amp;", "a" * 80, "x" * 1200]),
    st.sampled_from(["თბილისი ", "Москва ", "Երևան "]),
)
_texts = st.lists(_pieces, max_size=14).map("".join)
_foots = st.sampled_from(["", f"\n-- \nგამოწერა: {UNSUBSCRIBE}\n", f'<a href="{UNSUBSCRIBE}">x</a></p>\n</html>\n'])
_parts = st.tuples(_texts, _foots).map("".join)
_tokens = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=1, max_size=60)
_names = st.one_of(st.just(""), st.text(st.characters(categories=["L", "Nd", "Zs"]), max_size=40))
_pictures = st.one_of(st.none(), st.binary(min_size=1, max_size=300))
_places = st.emails().filter(lambda address: _reachable(address))


def _reachable(address: str) -> bool:
    try:
        return bool(plain_address(address))
    except ValueError:
        return False


def delivery(text: str, html: str, **changes: Any) -> Job:
    """A job with a rendering of these texts."""
    media = (Placed(_PICTURE, MediaKind.PHOTO),) if changes.pop("picture", False) else ()
    part = Part("mail", text, html=html, media=media, fields={"subject": "ხანძარი", "kind": "news", "not_before": ""})
    reader = Destination(
        7, "list", changes.pop("address", "nino@paper.example"), changes.pop("label", ""),
        token=changes.pop("token", "token"),
    )  # fmt: skip
    facts: dict[str, Any] = {"key": "abc-1-publish-7", "approved_at": _APPROVED} | changes
    rendering = Rendering("list", "ka", (part,))
    return Job(7, Action.PUBLISH, facts["key"], rendering, reader, "abc", 1, "slug", "", 1, facts["approved_at"])


def fast(job: Job, picture: bytes | None, of: EmailSettings = _LIST) -> bytes:
    """As the service does it."""
    return template(job, of, "Office", _BASE, picture).mail(job).data


def slow(job: Job, picture: bytes | None, of: EmailSettings = _LIST) -> bytes:
    """The same mail, its parts encoded by the standard library."""
    part = job.rendering.parts[0]
    raw = fast(job, picture, of)
    found = re.search(rb"\r\nList-Unsubscribe: <(.*)>\r\n", raw)
    assert found is not None
    link = found[1].decode()
    before, after = release_head(job, of, "Office")
    identity = message_id(job.key, "mia.example")
    own = reader_head(job.destination.label, plain_address(job.destination.address), identity, link)
    message = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    message.set_content(link.join(part.text.rsplit(UNSUBSCRIBE, 1)))
    in_html = link.replace("&", "&amp;").replace('"', "%22")
    message.add_alternative(in_html.join(part.html.rsplit(UNSUBSCRIBE, 1)), subtype="html")
    if picture is not None:
        *_, rich = message.iter_parts()
        cid = f"<{content_id(part.media[0].rendition, 'mia.example')}>"
        rich.add_related(picture, "image", "jpeg", cid=cid, disposition="inline")
        rich.set_param("type", "text/html")
    return before + own + after + message.as_bytes()


def shape(message: Message) -> list[tuple[str, str, bytes]]:
    """Type, disposition and Content-ID of every part, and what is in it."""
    return [
        (
            node.get_content_type(),
            f"{node['Content-Disposition']} {node['Content-ID']} {node.get_param('charset')} {node.get_param('type')}",
            b"" if node.is_multipart() else lines(node),
        )
        for node in message.walk()
    ]


def lines(node: Message) -> bytes:
    """The content, with one end of line: those of a text are no part of it (RFC 2046, 4.1.1)."""
    content = node.get_payload(decode=True)
    assert isinstance(content, bytes)
    if node.get_content_maintype() != "text":
        return content
    return content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").rstrip(b"\n")


@given(_parts, _parts, _places, _names, _tokens, _pictures, st.sampled_from([_LIST, _LINKED]))
@example(f"one\n{UNSUBSCRIBE}", f"{UNSUBSCRIBE}\nlast", "a@b.example", "", "t", b"\xff\xd8", _LINKED)
@example("", "", "a@b.example", "", "t", None, _LIST)
@example("ა" * 19 + UNSUBSCRIBE, "ა" * 20 + UNSUBSCRIBE + "ბ", "a@b.example", "ნინო", "t" * 60, None, _LIST)
@settings(max_examples=400, deadline=None)
def test_the_fast_way_and_the_slow_one_give_the_same_mail(
    text: str, html: str, address: str, label: str, token: str, picture: bytes | None, of: EmailSettings
) -> None:
    job = delivery(text, html, address=address, label=label, token=token, picture=picture is not None)
    made, reference = (message_from_bytes(way(job, picture, of), policy=compat32) for way in (fast, slow))
    own = ("Content-Type", "Content-Transfer-Encoding")
    assert [item for item in made.items() if item[0] not in own] == sorted_like(made, reference, own)
    assert shape(made) == shape(reference)


def sorted_like(made: Message, reference: Message, without: tuple[str, ...]) -> list[tuple[str, str]]:
    """The reference's headers in the order of the other's: only MIME-Version stands elsewhere."""
    names = [name for name in made if name not in without]
    assert sorted(names) == sorted(name for name in reference if name not in without)
    return [(name, str(reference[name])) for name in names]


@given(_parts, _parts, _tokens, _pictures)
@example("x" * 74 + " \n" + "x" * 75 + "\t\n" + "x" * 73 + "é \n", "", "t", None)
@settings(max_examples=300, deadline=None)
def test_every_line_may_travel_as_it_is(text: str, html: str, token: str, picture: bytes | None) -> None:
    raw = fast(delivery(text, html, token=token, picture=picture is not None), picture)
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", raw)
    head, _, content = raw.partition(b"\r\n\r\n")
    assert content.isascii()
    assert all(len(line) <= 76 for line in content.split(b"\r\n"))
    assert all(len(line) <= 998 for line in head.split(b"\r\n"))
    assert raw.endswith(b"--\r\n")


@given(_parts, st.lists(_tokens, min_size=2, max_size=4, unique=True))
@settings(max_examples=100, deadline=None)
def test_one_template_serves_all_readers_and_mixes_up_none(text: str, tokens: list[str]) -> None:
    jobs = [delivery(text, text, token=token, key=f"abc-1-publish-{n}") for n, token in enumerate(tokens)]
    shared = template(jobs[0], _LIST, "Office", _BASE)
    assert len({template_key(job) for job in jobs}) == 1
    first = [shared.mail(job).data for job in jobs]
    assert first == [fast(job, None) for job in jobs] == [shared.mail(job).data for job in jobs]
    assert len(set(first)) == len(jobs)


def test_what_differs_in_a_template_differs_in_its_key() -> None:
    job = delivery("text", "html")
    part = job.rendering.parts[0]

    def with_part(**changes: Any) -> Job:
        return replace(job, rendering=replace(job.rendering, parts=(replace(part, **changes),)))

    others = [
        with_part(text="other"),
        with_part(html="other"),
        with_part(fields=part.fields | {"subject": "other"}),
        with_part(fields=part.fields | {"kind": "emergency"}),
        with_part(fields=part.fields | {"not_before": "2026-04-01T00:00:00+00:00"}),
        with_part(media=(Placed(_PICTURE, MediaKind.PHOTO),)),
        with_part(media=(Placed(replace(_PICTURE, digest="c" * 64), MediaKind.PHOTO),)),
        replace(job, rendering=replace(job.rendering, language="en")),
        replace(job, approved_at=_APPROVED + timedelta(seconds=1)),
        replace(job, destination=replace(job.destination, channel="other")),
    ]
    assert len({template_key(one) for one in [job, *others]}) == len(others) + 1
    same = replace(job, delivery_id=8, key="k", attempt=2, destination=replace(job.destination, address="x@y.example"))
    assert template_key(same) == template_key(job)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Plain words.\n" * 20, "quoted-printable"),
        ("თბილისი\n" * 20, "base64"),
        ("Un café au lait.\n" * 20, "quoted-printable"),
    ],
)
def test_a_text_stays_readable_where_that_is_shorter(text: str, encoding: str) -> None:
    assert linked(text * 20 + UNSUBSCRIBE).encoding == encoding


@pytest_asyncio.fixture
async def stage(folder: Path) -> AsyncIterator[Stage]:
    async with on_stage(folder) as made:
        yield made


async def test_an_unsigned_mail_needs_no_thread_once_its_rendering_is_known(stage: Stage) -> None:
    class Refusing(ThreadPoolExecutor):
        def submit(self, *args: Any, **kwargs: Any) -> Any:
            raise AssertionError("a thread was asked for")

    rendering, approved_at = await stage.rendering(photo_count=1), stage.desk.time()
    first, second = (stage.to(f"{name}@paper.example", rendering, approved_at=approved_at) for name in ("a", "b"))
    assert isinstance(await stage.channel.publish(first, Recorder()), Sent)
    asyncio.get_running_loop().set_default_executor(Refusing())
    assert isinstance(await stage.channel.publish(second, Recorder()), Sent)
    assert len(stage.mails) == 2


async def test_many_mails_at_once_make_their_template_once(stage: Stage) -> None:
    class Counting(ThreadPoolExecutor):
        asked = 0

        def submit(self, *args: Any, **kwargs: Any) -> Any:
            self.asked += 1
            return super().submit(*args, **kwargs)

    rendering, approved_at = await stage.rendering(photo_count=1), stage.desk.time()
    jobs = [stage.to(f"reader{n}@paper.example", rendering, approved_at=approved_at) for n in range(30)]
    asyncio.get_running_loop().set_default_executor(threads := Counting())
    assert all(isinstance(one, Sent) for one in await asyncio.gather(*(stage.publish(job) for job in jobs)))
    # The template, and for each of four connections its TLS context and its name.
    assert 0 < threads.asked <= 1 + 4 * 2


async def test_the_templates_kept_are_few(stage: Stage) -> None:
    for number in range(20):
        await stage.publish(stage.to("a@paper.example", await stage.rendering(title=f"Title {number}")))
    assert len(stage.channel._templates) == 16
    assert [mail.message["Subject"] for mail in stage.mails] == [f"Title {number}" for number in range(20)]
