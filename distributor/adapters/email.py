"""The e-mail list: every subscriber gets a mail of his own, through one relay.

May touch: the relay, the renditions' files, the DKIM key's file. Has no account of its own, only subscribers. One
recipient a transaction; what happened to one never decides about another. Never sends a mail twice by itself.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Hashable
from datetime import datetime

from distributor.adapters.email_conversation import Conversation
from distributor.adapters.email_dkim import DkimKey, dkim_key, sign
from distributor.adapters.email_frame import SHORT
from distributor.adapters.email_headers import Unsendable, one_line
from distributor.adapters.email_message import Mail, Template, signed, template, template_key
from distributor.adapters.email_pool import Pool
from distributor.adapters.email_render import profiles, render
from distributor.adapters.email_settings import EmailSettings, plain_address
from distributor.adapters.email_smtp import NotOpened, open_conversation, tls_context
from distributor.core.asset import Asset, Profile
from distributor.core.channel import Action, Allowance, Expiring, Health, Job, Progress, Source, Traits
from distributor.core.outcome import (
    Absent,
    CannotTell,
    Deferred,
    Finding,
    Outcome,
    Rejected,
    Scope,
    nothing_stood,
)
from distributor.core.ports import Surroundings
from distributor.core.rendering import Problem, Rendering, Severity

__all__ = ["Email", "EmailSettings"]

_CLIPPED = 102_000  # Gmail shows so many bytes of HTML and hides the rest, the unsubscribe link with it
_LONGEST_SUBJECT = 255  # Outlook cuts a longer one off: of a notice the labels alone would stay
_KEPT_TEMPLATES = 16  # releases and languages that go out at once; with a picture each weighs half a megabyte


class Email:
    """The channel (core.channel.Channel)."""

    def __init__(self, name: str, settings: EmailSettings, surroundings: Surroundings) -> None:
        self.name = name
        self.traits = Traits(bulk=True, prepares=False, actions=frozenset(Action))
        self._settings = settings
        self._around = surroundings
        self._pool = Pool(self._open, settings.connections, settings.messages_per_connection)
        self._context: ssl.SSLContext | None = None
        self._key: DkimKey | None = None
        self._templates: dict[Hashable, Template] = {}
        self._making = asyncio.Lock()  # of a template: a thousand mails that need the same one make it once

    def own_address(self) -> str:
        """None: a list has subscribers only."""
        return ""

    def profiles(self, asset: Asset) -> tuple[Profile, ...]:
        """The picture inside the mail, and the file on the website that the mail leads to."""
        return profiles(asset, self._settings.max_inline_bytes)

    def render(self, source: Source) -> Rendering | None:
        """One mail in the reader's language."""
        limits = (self._settings.sender_domain, self._settings.max_inline_bytes)
        return render(source, self.name, self._around.base_url, *limits, self._around.time_zone)

    def check(self, rendering: Rendering) -> tuple[Problem, ...]:
        """A title that would break a header, pictures without words, mails too heavy or clipped by readers."""
        part = rendering.parts[0]
        where = {"language": rendering.language}
        found: list[Problem] = []
        try:
            one_line(part.fields["subject"], "bad_subject", "the title")
        except Unsendable as problem:
            found.append(Problem(Severity.BLOCKING, f"mail.{problem.code}", where, self.name))
        if len(part.fields["subject"]) > _LONGEST_SUBJECT:
            size = {"length": str(len(part.fields["subject"])), "limit": str(_LONGEST_SUBJECT)}
            found.append(Problem(Severity.WARNING, "mail.long_subject", where | size, self.name))
        for placed in part.media:
            if not placed.alt.strip():
                found.append(Problem(Severity.WARNING, "mail.no_alt", where, self.name))
        html = len(part.html.encode())
        # Base64 and quoted-printable make three bytes four, or a Georgian letter nine.
        weight = (len(part.text.encode()) + html) * 3 + sum(placed.rendition.size for placed in part.media) * 4 // 3
        if weight > self._settings.max_message_bytes:
            size = {"size": str(weight), "limit": str(self._settings.max_message_bytes)}
            found.append(Problem(Severity.BLOCKING, "mail.too_large", where | size, self.name))
        if html > _CLIPPED:
            size = {"size": str(html), "limit": str(_CLIPPED)}
            found.append(Problem(Severity.WARNING, "mail.clipped", where | size, self.name))
        return tuple(found)

    async def prepare(self, job: Job, progress: Progress) -> Outcome | None:
        """Nothing reaches the relay before the mail itself. What surely cannot be sent is refused here already."""
        if _nothing_stands(job):
            return None
        composed = await self._unsigned(job)
        return None if isinstance(composed, Mail) else composed

    async def publish(self, job: Job, progress: Progress) -> Outcome:
        """One transaction for one reader. What follows a publication is a mail of its own: a sent one stays sent."""
        if _nothing_stands(job):
            return nothing_stood()
        composed = await self._unsigned(job)
        if isinstance(composed, Mail) and self._settings.dkim_key_file is not None:
            composed = await self._signed(composed)
        return await self._pool.deliver(composed) if isinstance(composed, Mail) else composed

    async def reconcile(self, job: Job, progress: Progress) -> Finding:
        """SMTP cannot be asked what became of a mail: its relay's log tells, and a person reads it."""
        if _nothing_stands(job):
            return Absent("no mail was sent: there is no reader to tell")
        return CannotTell(
            f"the relay got the whole mail and its answer was lost; look for Message-ID {job.key} or for "
            f"{self._settings.envelope_sender(job.delivery_id)} in the relay's log"
        )

    def allowance(self) -> Allowance | None:
        """Nothing: a relay tells no counts; it defers what is too much."""
        return None

    async def probe(self) -> Health:
        """Connect, encrypt, sign in, hang up; sign a word with the DKIM key. Sends nothing. What ends is the
        certificate of the relay."""
        facts = {"relay": f"{self._settings.host}:{self._settings.port}", "security": self._settings.security}
        problems: list[str] = []
        ends: datetime | None = None
        try:
            talk = await self._open()
            ends = talk.certificate_ends
            await talk.quit()
        except NotOpened as problem:
            problems.append(f"the relay: {problem}")
        try:
            key = await asyncio.to_thread(self._read_key)
            if key is not None:
                await asyncio.to_thread(sign, b"From: a@example.org\r\n\r\n", key)
        except (OSError, Unsendable) as error:
            problems.append(f"the DKIM key in dkim_key_file: {getattr(error, 'strerror', '') or error}")
        facts |= self._alignment(problems)
        sender = plain_address(self._settings.sender)
        return Health(not problems, sender, tuple(problems), ends, facts, Expiring.CERTIFICATE)

    def _alignment(self, problems: list[str]) -> dict[str, str]:
        """What the big mailboxes ask of a list: a signature that DMARC counts, unsubscribing over https."""
        signs, sends = self._settings.dkim_domain, self._settings.sender_domain
        if signs and sends != signs and not sends.endswith(f".{signs}"):
            problems.append(f"dkim_domain {signs} is not the domain of the sender, {sends}: DMARC will not count it")
        link = self._settings.unsubscribe_url or self._around.base_url
        return {"dkim": signs or "unsigned", "one_click": "yes" if link.startswith("https:") else "no: not https"}

    async def aclose(self) -> None:
        """Close the connections."""
        await self._pool.aclose()

    async def _open(self) -> Conversation:
        if self._context is None:
            try:
                self._context = await asyncio.to_thread(tls_context, self._settings)
            except OSError as error:
                reason = f"ca_file cannot be used: {error.strerror or type(error).__name__}"
                raise NotOpened(Deferred("ca_file", reason, scope=Scope.LANE)) from None
        return await open_conversation(self._settings, self._context)

    async def _unsigned(self, job: Job) -> Mail | Outcome:
        """The mail for this reader, or why there can be none. No thread: it would cost more than the work."""
        try:
            return (self._templates.get(template_key(job)) or await self._template(job)).mail(job)
        except FileNotFoundError:
            return Rejected("media_missing", "the picture inside the mail is not in the media store")
        except Unsendable as problem:
            return _refused(problem)

    async def _signed(self, mail: Mail) -> Mail | Outcome:
        """Signing is arithmetic, which no other channel should wait for."""
        try:
            key = self._key or await asyncio.to_thread(self._read_key)
            return mail if key is None else await asyncio.to_thread(signed, mail, key)
        except OSError as error:
            return Deferred("dkim_key", f"dkim_key_file cannot be read: {error.strerror}", scope=Scope.LANE)
        except Unsendable as problem:
            return _refused(problem)

    async def _template(self, job: Job) -> Template:
        async with self._making:
            key = template_key(job)
            if key not in self._templates:
                made = await asyncio.to_thread(self._make, job)
                while len(self._templates) >= _KEPT_TEMPLATES:
                    self._templates.pop(next(iter(self._templates)))
                self._templates[key] = made
            return self._templates[key]

    def _make(self, job: Job) -> Template:
        media = job.rendering.parts[0].media
        picture = self._read_file(media[0].rendition.digest) if media else None
        return template(
            job, self._settings, self._around.office_name, self._around.base_url, picture, self._around.time_zone
        )

    def _read_file(self, digest: str) -> bytes:
        return self._around.media.open(digest).read_bytes()

    def _read_key(self) -> DkimKey | None:
        if self._key is None and self._settings.dkim_key_file is not None:
            pem = self._settings.dkim_key_file.read_bytes()
            self._key = dkim_key(self._settings.dkim_selector, self._settings.dkim_domain, pem)
        return self._key


def _nothing_stands(job: Job) -> bool:
    """True where there is no reader to tell: he never got the release."""
    return job.before is None and job.action in SHORT


def _refused(problem: Unsendable) -> Outcome:
    if problem.code == "dkim":
        return Deferred("dkim_key", str(problem), scope=Scope.LANE)
    scope = Scope.DESTINATION if problem.code == "bad_address" else Scope.DELIVERY
    return Rejected(problem.code, str(problem), scope)
