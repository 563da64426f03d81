"""The bytes of one mail to one reader: head, parts, signature.

Touches nothing: the picture and the key are handed in. What all readers of a rendering share is built once; a mail is
that with the reader's own lines put between. The same job gives the same bytes at every attempt, so that a relay or a
mailbox that knows the Message-ID sees one mail.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass, replace
from urllib.parse import quote

from distributor.adapters.email_dkim import DkimKey, sign
from distributor.adapters.email_fitting import early, fitting, is_new, marked, only_heard
from distributor.adapters.email_headers import Unsendable, message_id, one_line, reader_head, release_head, thread_head
from distributor.adapters.email_mime import Body, body
from distributor.adapters.email_notices import ACKNOWLEDGE, FIRST, MAIL, PLACES, when
from distributor.adapters.email_render import content_id
from distributor.adapters.email_settings import EmailSettings, plain_address
from distributor.core.channel import Job

_LONGEST_LINK = 900  # RFC 5322, 2.1.1: a line has 998 characters at most
_LINK = re.compile(r"https?://[!-;=?-~]+")


@dataclass(frozen=True, slots=True)
class Mail:
    """What goes to the relay. `utf8`: the relay must offer SMTPUTF8, for the address is not ASCII."""

    envelope_sender: str
    recipient: str
    message_id: str
    data: bytes
    utf8: bool


@dataclass(frozen=True, slots=True)
class Template:
    """The mails of one rendering, but for what differs from reader to reader."""

    settings: EmailSettings
    domain: str  # the sender's
    unsubscribe: str  # with {token}
    before: bytes  # headers before the reader's own
    after: bytes  # and after them
    body: Body
    kind: str = MAIL  # Part.kind
    acknowledge: str = ""  # the page, without what follows its '?'
    time_zone: str = ""

    def mail(self, job: Job) -> Mail:
        """The mail of a job with this rendering, unsigned. Unsendable says what is wrong."""
        reader = job.destination
        try:
            recipient = plain_address(reader.address)
        except ValueError as error:
            raise Unsendable("bad_address", str(error)) from None
        link = _unsubscribe_link(self.unsubscribe, reader.token)
        identity = message_id(job.key, self.domain)
        own = reader_head(reader.label, recipient, identity, link)
        values = [link.encode()]
        if self.kind != MAIL:
            values = [self._own(place, job, link).encode() for place in PLACES[self.kind]]
            own += thread_head(job.before, self.domain) if job.before else b""
        data = b"".join((self.before, own, self.after, *self.body.filled(*values)))
        sender = self.settings.envelope_sender(job.delivery_id)
        return Mail(sender, recipient, identity, data, utf8=not recipient.isascii())

    def _own(self, place: str, job: Job, unsubscribe: str) -> str:
        """What stands in a place of this reader's mail."""
        language = job.rendering.language
        if place == ACKNOWLEDGE:
            token, release, shown = (quote(word, safe="") for word in (job.destination.token, job.release_id, language))
            return f"{self.acknowledge}?token={token}&release={release}&revision={job.revision}&lang={shown}"
        if place == FIRST:
            if job.before is None:
                raise Unsendable("nothing_before", "this mail tells of an earlier one, and there was none")
            return when(job.before.first_at, language, self.time_zone)
        return unsubscribe


def template(
    job: Job,
    settings: EmailSettings,
    office_name: str,
    base_url: str,
    picture: bytes | None = None,
    time_zone: str = "Asia/Tbilisi",
) -> Template:
    """What a job's mail shares with every other of the same `template_key`. `picture` is the content of the part's one
    rendition. Unsendable where no reader could get it."""
    job = fitting(job)
    part, domain = job.rendering.parts[0], settings.sender_domain
    before, after = release_head(job, settings, office_name)
    cid = ""
    if part.media:
        one_line(part.media[0].rendition.media_type, "bad_picture", "the picture's type")
        cid = content_id(part.media[0].rendition, domain)
    unsubscribe = settings.unsubscribe_url or f"{base_url}/unsubscribe/{{token}}"
    read = f"{base_url}/acknowledge"
    made = body(part, picture, cid)
    return Template(settings, domain, unsubscribe, before, after, made, part.kind, read, time_zone)


def template_key(job: Job) -> Hashable:
    """Equal for jobs that share a template, and only for them: all of a job that enters it."""
    rendering, part = job.rendering, job.rendering.parts[0]
    pictures = tuple((placed.rendition.digest, placed.rendition.media_type) for placed in part.media)
    return (
        part.kind, part.text, part.html, *part.fields.items(), pictures,
        rendering.language, job.destination.channel, job.approved_at, early(job, part), is_new(job), marked(job),
        only_heard(job),
    )  # fmt: skip


def signed(mail: Mail, key: DkimKey) -> Mail:
    """The mail with a DKIM signature, half a millisecond's work. Unsendable where the key cannot sign."""
    return replace(mail, data=sign(mail.data, key))


def _unsubscribe_link(address: str, token: str) -> str:
    if not token:
        raise Unsendable("no_unsubscribe", "the destination has no token for its unsubscribe link")
    link = address.replace("{token}", quote(token, safe=""))
    if not _LINK.fullmatch(link) or len(link) > _LONGEST_LINK:
        raise Unsendable("no_unsubscribe", "the unsubscribe link cannot stand in a header")
    return link
