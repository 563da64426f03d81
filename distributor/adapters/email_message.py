"""The bytes of one mail to one reader: headers, parts, signature.

Touches nothing: the picture and the key are handed in. The same job gives the same bytes at every attempt, so that a
relay or a mailbox that knows the Message-ID sees one mail. Never lets a line break into a header.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime
from urllib.parse import quote

import dkim

from distributor.adapters.email_render import UNSUBSCRIBE, content_id
from distributor.adapters.email_settings import EmailSettings, plain_address, split_address
from distributor.core.channel import Job
from distributor.core.rendering import Part
from distributor.core.text import faults_in

# RFC 8058 wants these two signed, and readers parse them by line: they are never folded nor encoded.
_WHOLE_LINES = frozenset({"list-unsubscribe", "list-unsubscribe-post", "message-id", "list-id", "references"})
_LONGEST_LINE = 998  # RFC 5322, 2.1.1

# Signed once more than they occur, so that nobody can add a second one unseen (RFC 6376, 8.15).
_ONCE = (b"from", b"to", b"subject", b"date", b"message-id", b"reply-to")
_SEALED = (*_ONCE, b"list-unsubscribe", b"list-unsubscribe-post")
_SIGNED = (*_SEALED, b"mime-version", b"content-type", b"content-language", b"list-id")


class Unsendable(ValueError):
    """This mail must not be sent as it is. `code` is stable; the message says why."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True)
class Mail:
    """What goes to the relay. `utf8`: the relay must offer SMTPUTF8, for the address is not ASCII."""

    envelope_sender: str
    recipient: str
    message_id: str
    data: bytes
    utf8: bool


@dataclass(frozen=True, slots=True)
class DkimKey:
    """A private key in PEM and what it signs for."""

    selector: str
    domain: str
    pem: bytes

    def __repr__(self) -> str:
        return f"DkimKey({self.selector!r}, {self.domain!r})"


class _MailPolicy(EmailPolicy):
    """The standard library's SMTP policy, but that some headers stay one line whatever their length.

    A longer `max_line_length` for all would do it too, and would make encoded-words longer than the 75 characters
    that RFC 2047 allows.
    """

    def fold(self, name: str, value: str) -> str:
        if name.lower() in _WHOLE_LINES:
            return f"{name}: {value}{self.linesep}"
        folded: str = super().fold(name, value)
        return folded

    def fold_binary(self, name: str, value: str) -> bytes:
        return self.fold(name, value).encode("utf-8" if self.utf8 else "ascii", "surrogateescape")


_POLICY = _MailPolicy(linesep=SMTP.linesep, cte_type="7bit", verify_generated_headers=True)


class _Signer(dkim.DKIM):  # type: ignore[misc]  # dkimpy ships no types
    """dkimpy's signer without the time of signing, an optional tag that would make every attempt differ."""

    def gen_header(self, fields, *args, **kwargs):  # type: ignore[no-untyped-def]  # as above
        return super().gen_header([field for field in fields if field[0] != b"t"], *args, **kwargs)


def compose(
    job: Job,
    settings: EmailSettings,
    office_name: str,
    base_url: str,
    picture: bytes | None = None,
    key: DkimKey | None = None,
) -> Mail:
    """The mail of a job. `picture` is the content of the part's one rendition. Unsendable says what is wrong."""
    part = job.rendering.parts[0]
    recipient = _recipient(job)
    utf8 = not recipient.isascii()
    message = EmailMessage(policy=_POLICY.clone(utf8=utf8))
    _headers(message, job, part, settings, office_name, recipient)
    link = _unsubscribe_link(job, settings, base_url)
    message["List-Unsubscribe"] = f"<{link}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    _body(message, job, part, settings, link, picture)
    data = message.as_bytes()
    if key is not None:
        data = sign(data, key)
    return Mail(settings.envelope_sender(job.delivery_id), recipient, str(message["Message-ID"])[1:-1], data, utf8)


def sign(data: bytes, key: DkimKey) -> bytes:
    """The mail with a DKIM signature before it. Unsendable where the key is no RSA key."""
    present = {line.partition(b":")[0].strip().lower() for line in data.partition(b"\r\n\r\n")[0].split(b"\r\n")}
    names = [name for name in _SIGNED if name in present] + list(_SEALED)
    try:
        signer = _Signer(data, signature_algorithm=b"rsa-sha256")
        return bytes(signer.sign(key.selector.encode(), key.domain.encode(), key.pem, include_headers=names)) + data
    except dkim.DKIMException as error:
        raise Unsendable("dkim", f"the DKIM key cannot sign: {type(error).__name__}") from None


def one_line(text: str, code: str, what: str) -> str:
    """The text, or Unsendable where it could end a header line or turn the direction of reading."""
    if faults_in(text, one_line=True) or re.search("[\ud800-\udfff]", text):
        raise Unsendable(code, f"{what} holds a line break, a control or a direction character")
    return text


def _spaced(text: str) -> str:
    """Runs of spaces as one: header folding could not keep them."""
    return re.sub(r"[ \t]+", " ", text).strip()


def _recipient(job: Job) -> str:
    try:
        return plain_address(job.destination.address)
    except ValueError as error:
        raise Unsendable("bad_address", str(error)) from None


def _headers(
    message: EmailMessage, job: Job, part: Part, settings: EmailSettings, office_name: str, recipient: str
) -> None:
    domain = settings.sender_domain
    left = job.key if re.fullmatch(r"[A-Za-z0-9_-]{1,200}", job.key) else hashlib.sha256(job.key.encode()).hexdigest()
    subject = one_line(part.fields["subject"], "bad_subject", "the title")
    message["From"] = _mailbox(settings.sender, one_line(settings.sender_name or office_name, "bad_name", "the name"))
    if settings.reply_to:
        message["Reply-To"] = _mailbox(settings.reply_to)
    message["To"] = _mailbox(recipient, one_line(job.destination.label, "bad_name", "the reader's name"))
    message["Subject"] = _spaced(subject)
    message["Date"] = format_datetime(_date(job, part))
    message["Message-ID"] = f"<{left}@{domain}>"
    message["Content-Language"] = one_line(job.rendering.language, "bad_language", "the language")
    message["List-Id"] = f"<{re.sub('[^A-Za-z0-9-]', '-', job.destination.channel)}.{domain}>"
    # Written by people and approved by them, so not Auto-Submitted; but no holiday notices in answer, please.
    message["Precedence"] = "bulk"
    message["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    if part.fields.get("kind") == "emergency":
        message["Importance"] = "high"


def _mailbox(address: str, name: str = "") -> Address:
    local, domain = split_address(address)
    return Address(_spaced(name), local, domain)


def _date(job: Job, part: Part) -> datetime:
    """When it became free to go: known before the first attempt and the same at every later one."""
    not_before = part.fields.get("not_before", "")
    return max(job.approved_at, datetime.fromisoformat(not_before)) if not_before else job.approved_at


def _unsubscribe_link(job: Job, settings: EmailSettings, base_url: str) -> str:
    if not job.destination.token:
        raise Unsendable("no_unsubscribe", "the destination has no token for its unsubscribe link")
    template = settings.unsubscribe_url or f"{base_url}/unsubscribe/{{token}}"
    link = template.replace("{token}", quote(job.destination.token, safe=""))
    if not link.isascii() or re.search(r"[\s<>\x00-\x1f\x7f]", link) or len(link) > _LONGEST_LINE - 30:
        raise Unsendable("no_unsubscribe", "the unsubscribe link cannot stand in a header")
    return link


def _body(
    message: EmailMessage, job: Job, part: Part, settings: EmailSettings, link: str, picture: bytes | None
) -> None:
    text = link.join(part.text.rsplit(UNSUBSCRIBE, 1))
    html = link.replace("&", "&amp;").replace('"', "%22").join(part.html.rsplit(UNSUBSCRIBE, 1))
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    if part.media and picture is not None:
        *_, rich = message.iter_parts()
        cid = content_id(part.media[0].rendition, settings.sender_domain)
        rich.make_related()
        rich.attach(_picture(picture, part, cid))
        rich.set_param("type", "text/html")  # RFC 2387 wants it; receivers cope without
    for number, node in enumerate(node for node in message.walk() if node.is_multipart()):
        # Random by default; '=_' cannot occur in quoted-printable or base64.
        node.set_boundary(f"=_{hashlib.sha256(job.key.encode()).hexdigest()[:24]}_{number}")


def _picture(picture: bytes, part: Part, cid: str) -> MIMEPart:
    image = MIMEPart(policy=_POLICY)
    image["Content-Type"] = part.media[0].rendition.media_type
    image["Content-Transfer-Encoding"] = "base64"
    image["Content-ID"] = f"<{cid}>"
    image["Content-Disposition"] = "inline"
    image.set_payload(base64.encodebytes(picture).decode("ascii"))
    return image
