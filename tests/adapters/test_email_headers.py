"""No title, name, address or answer of a database can put a header into a mail: held for any text there is."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import compat32

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from distributor.adapters.email_headers import Unsendable
from distributor.adapters.email_message import template
from distributor.adapters.email_settings import EmailSettings, plain_address
from distributor.core.channel import Action, Destination, Job
from distributor.core.rendering import Part, Rendering

_NAMES = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Content-Language",
    "List-Id",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Precedence",
    "X-Auto-Response-Suppress",
    "Content-Type",
    "MIME-Version",
]
_LIST = EmailSettings(host="127.0.0.1", security="none", sender="press@mia.example")

# Everything, surrogates too, and often what ends lines or begins encoded-words.
_hostile = st.lists(
    st.one_of(
        st.text(st.characters(), max_size=8),
        st.sampled_from(
            [
                "\r\n",
                "\n",
                "\r",
                "\r\n ",
                "\u2028",
                "\x85",
                "\x0b",
                "\x0c",
                "\x00",
                "\nBcc: x@y.example",
                "=?utf-8?q?",
                "?=",
            ]
        ),
        st.sampled_from(
            ["თბილისი ", "=0D=0ABcc:_x", "<x@y>", '"', "\\", ",", ";", "@", ":", "(", ")", "a" * 90, "👮🏽‍♀️"]
        ),
    ),
    max_size=8,
).map("".join)


def job(title: str = "Title", label: str = "", address: str = "nino@paper.example", **changes: str) -> Job:
    rendering = Rendering("list", changes.get("language", "en"), (Part("mail", "text", fields={"subject": title}),))
    return Job(
        delivery_id=7,
        action=Action.PUBLISH,
        key=changes.get("key", "abc-1-publish-7"),
        rendering=rendering,
        destination=Destination(7, changes.get("channel", "list"), address, label, token=changes.get("token", "tkn")),
        release_id="abc",
        revision=1,
        slug="slug",
        permanent_url="https://newsroom.example/releases/slug",
        attempt=1,
        approved_at=datetime(2026, 3, 5, tzinfo=UTC),
    )


def composed(delivery: Job, office: str = "Office") -> bytes | None:
    """The bytes, or None where the mail is refused."""
    try:
        return template(delivery, _LIST, office, "https://newsroom.example").mail(delivery).data
    except Unsendable:
        return None


def assert_only_our_headers(data: bytes) -> None:
    """The head holds our headers, each once, in lines that a relay accepts; nothing more."""
    head = data.partition(b"\r\n\r\n")[0]
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", head)
    lines = head.split(b"\r\n")
    assert sorted(line.partition(b":")[0].decode() for line in lines if not line.startswith(b" ")) == sorted(_NAMES)
    assert all(len(line.strip()) > 0 and len(line) <= 998 for line in lines)
    assert sorted(message_from_bytes(data, policy=compat32).keys()) == sorted(_NAMES)


@given(_hostile)
@example("=?utf-8?q?=0D=0ABcc:_x@y.example?=")
@example(" ".join(["word"] * 60))
@example("ა" * 300)
@settings(max_examples=300, deadline=None)
def test_f34_no_title_makes_a_header_and_every_title_reads_as_written(title: str) -> None:
    data = composed(job(title=title))
    if data is None:
        return
    assert_only_our_headers(data)
    raw = message_from_bytes(data, policy=compat32)["Subject"]
    assert all(len(word) <= 75 for word in raw.split() if word.startswith("=?"))
    read = str(make_header(decode_header(re.sub(r"\r\n(?=[ \t])", "", raw))))
    assert read == re.sub(r"[ \t]+", " ", title).strip()


@given(_hostile, _hostile)
@settings(max_examples=200, deadline=None)
def test_f34_no_name_makes_a_header(label: str, office: str) -> None:
    data = composed(job(label=label), office)
    if data is not None:
        assert_only_our_headers(data)


@given(_hostile, _hostile, _hostile, _hostile)
@settings(max_examples=200, deadline=None)
def test_f34_no_key_token_language_or_channel_makes_a_header(key: str, token: str, language: str, channel: str) -> None:
    try:
        data = composed(job(key=key, token=token, language=language, channel=channel))
    except UnicodeEncodeError:  # half a character is no text; a database holds none
        assert re.search("[\ud800-\udfff]", key + token + language + channel)
        return
    if data is not None:
        assert_only_our_headers(data)


@given(st.one_of(_hostile, st.tuples(_hostile, _hostile).map("@".join), st.emails()))
@example("a@b.example> SIZE=1")
@example("a@b.example\r\nRCPT TO:<x@y.example>")
@example('"a\r\nb"@b.example')
@settings(max_examples=300, deadline=None)
def test_f34_an_address_is_safe_for_the_envelope_or_refused(address: str) -> None:
    try:
        plain = plain_address(address)
    except ValueError:
        assert composed(job(address=address)) is None
        return
    assert not re.search(r"[\s<>\"(),:;\[\]\\\x00-\x1f\x7f-\x9f]", plain)
    assert plain.count("@") == 1
    data = composed(job(address=address))
    assert data is not None
    assert_only_our_headers(data)


@pytest.mark.parametrize("address", ["nino@paper.example", "n.i-n+o@sub.paper.example", "o'neil@paper.example"])
def test_everyday_addresses_stay_as_they_are(address: str) -> None:
    assert plain_address(address) == address


@pytest.mark.parametrize(
    "address", ["", "nino", "@paper.example", "nino@", "a b@c.example", "a@b@c.example", ".a@b.example", "a@-b.example"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"the part|an address"):
        plain_address(address)
