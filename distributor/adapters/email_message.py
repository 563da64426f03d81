"""The bytes of one mail to one reader: head, parts, signature.

Touches nothing: the picture and the key are handed in. The same job gives the same bytes at every attempt, so that a
relay or a mailbox that knows the Message-ID sees one mail.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP
from urllib.parse import quote

import dkim

from distributor.adapters.email_headers import Unsendable, head, message_id
from distributor.adapters.email_render import UNSUBSCRIBE, content_id
from distributor.adapters.email_settings import EmailSettings, plain_address
from distributor.core.channel import Job
from distributor.core.rendering import Part

_LONGEST_LINK = 900  # RFC 5322, 2.1.1: a line has 998 characters at most
_LINK = re.compile(r"https?://[!-;=?-~]+")

# Signed once more than they occur, so that nobody can add a second one unseen (RFC 6376, 8.15).
_ONCE = (b"from", b"to", b"subject", b"date", b"message-id", b"reply-to")
_SEALED = (*_ONCE, b"list-unsubscribe", b"list-unsubscribe-post")
_SIGNED = (*_SEALED, b"mime-version", b"content-type", b"content-language", b"list-id")

# Seven bits: a relay that cannot do eight would change the content on the way, and the signature would be void.
_POLICY = SMTP.clone(cte_type="7bit")


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
    try:
        recipient = plain_address(job.destination.address)
    except ValueError as error:
        raise Unsendable("bad_address", str(error)) from None
    link = _unsubscribe_link(job, settings, base_url)
    data = head(job, settings, office_name, recipient, link) + _body(job, settings, link, picture)
    if key is not None:
        data = sign(data, key)
    sender = settings.envelope_sender(job.delivery_id)
    return Mail(sender, recipient, message_id(job, settings), data, utf8=not recipient.isascii())


def sign(data: bytes, key: DkimKey) -> bytes:
    """The mail with a DKIM signature before it. Unsendable where the key is no RSA key."""
    present = {line.partition(b":")[0].lower() for line in data.partition(b"\r\n\r\n")[0].split(b"\r\n")}
    names = [name for name in _SIGNED if name in present] + list(_SEALED)
    try:
        signer = _Signer(data, signature_algorithm=b"rsa-sha256")
        return bytes(signer.sign(key.selector.encode(), key.domain.encode(), key.pem, include_headers=names)) + data
    except dkim.DKIMException as error:
        raise Unsendable("dkim", f"the DKIM key cannot sign: {type(error).__name__}") from None


def _unsubscribe_link(job: Job, settings: EmailSettings, base_url: str) -> str:
    if not job.destination.token:
        raise Unsendable("no_unsubscribe", "the destination has no token for its unsubscribe link")
    template = settings.unsubscribe_url or f"{base_url}/unsubscribe/{{token}}"
    link = template.replace("{token}", quote(job.destination.token, safe=""))
    if not _LINK.fullmatch(link) or len(link) > _LONGEST_LINK:
        raise Unsendable("no_unsubscribe", "the unsubscribe link cannot stand in a header")
    return link


def _body(job: Job, settings: EmailSettings, link: str, picture: bytes | None) -> bytes:
    """The MIME headers, an empty line, and the parts."""
    part = job.rendering.parts[0]
    message = EmailMessage(policy=_POLICY)
    message.set_content(link.join(part.text.rsplit(UNSUBSCRIBE, 1)))
    in_html = link.replace("&", "&amp;").replace('"', "%22")
    message.add_alternative(in_html.join(part.html.rsplit(UNSUBSCRIBE, 1)), subtype="html")
    if part.media and picture is not None:
        *_, rich = message.iter_parts()
        rich.make_related()
        rich.attach(_picture(picture, part, content_id(part.media[0].rendition, settings.sender_domain)))
        rich.set_param("type", "text/html")  # RFC 2387
    for number, node in enumerate(node for node in message.walk() if node.is_multipart()):
        # Random by default; '=_' cannot occur in quoted-printable or base64.
        node.set_boundary(f"=_{hashlib.sha256(job.key.encode()).hexdigest()[:24]}_{number}")
    return message.as_bytes()


def _picture(picture: bytes, part: Part, cid: str) -> MIMEPart:
    image = MIMEPart(policy=_POLICY)
    image["Content-Type"] = part.media[0].rendition.media_type
    image["Content-Transfer-Encoding"] = "base64"
    image["Content-ID"] = f"<{cid}>"
    image["Content-Disposition"] = "inline"
    image.set_payload(base64.encodebytes(picture).decode("ascii"))
    return image
