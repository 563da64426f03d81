"""The simulated mail relay: real SMTP (aiosmtpd) on the running loop, with a mailbox that keeps what it accepted.

Offers SIZE, 8BITMIME, SMTPUTF8, PIPELINING (unless told otherwise), and on wish STARTTLS (with a certificate made for
this run) and AUTH. Relays nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import email
import hmac
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from distributor.sandbox.effects import Record
from distributor.sandbox.faults import Fault, Faults
from distributor.sandbox.mail_certificate import make_certificate

SIZE_AT_MOST = 25 * 1024 * 1024


@dataclass(frozen=True)
class Mail:
    """One accepted mail. `raw` is what came between DATA and the final dot, `message` the same parsed."""

    number: int
    at: datetime
    peer: Any
    mail_from: str
    rcpt: tuple[str, ...]
    raw: bytes
    message: EmailMessage
    tls: bool
    user: str | None


class MailBox:
    """The relay. `messages` is everything it accepted, in order."""

    def __init__(
        self, record: Record, faults: Faults, *, credentials: tuple[str, str] | None, tls: bool, auth_required: bool
    ) -> None:
        self.record = record
        self.faults = faults
        self.messages: list[Mail] = []
        self.credentials = credentials
        self.auth_required = auth_required
        self.tls = tls
        self.pipelining = True
        self.ca_file: Path | None = None
        """With TLS: the certificate to trust, as a PEM file that lives as long as the relay."""
        self.certificate_days = (1, 90)
        """Since when and for how long it is good, in days; taken at the start."""
        self.host, self.port = "", 0
        self._server: asyncio.Server | None = None
        self._context: ssl.SSLContext | None = None
        self._open: set[Conversation] = set()

    async def start(self, host: str, port: int) -> None:
        """Listens."""
        if self.tls:
            self._context, self.ca_file = make_certificate(host, *self.certificate_days)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._conversation, host, port)
        self.host, self.port = self._server.sockets[0].getsockname()[:2]

    def _conversation(self) -> Conversation:
        conversation = Conversation(
            self, enable_SMTPUTF8=True, hostname="mail.sandbox.invalid", ident="Sandbox ESMTP",
            data_size_limit=SIZE_AT_MOST, tls_context=self._context, loop=asyncio.get_running_loop(),
            auth_required=self.auth_required, auth_require_tls=self.tls or self.credentials is None,
            authenticator=self._authenticate, auth_exclude_mechanism=None if self.credentials else ("PLAIN", "LOGIN"),
        )  # fmt: skip
        self._open.add(conversation)
        return conversation

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        if self.credentials is None or not isinstance(data, LoginPassword):
            return AuthResult(success=False, handled=False)
        name, password = (one.encode() for one in self.credentials)
        right = hmac.compare_digest(data.login, name) & hmac.compare_digest(data.password, password)
        session.login_name = data.login.decode() if right else None  # type: ignore[attr-defined]  # read by accept
        return AuthResult(success=bool(right), handled=False)

    def accept(self, session: Session, envelope: Envelope) -> Mail:
        """Takes a mail in: the effect of a finished DATA."""
        raw = envelope.original_content or b""
        message = email.message_from_bytes(raw, _class=EmailMessage, policy=policy.default)
        mail = Mail(
            len(self.messages) + 1, self.record.now(), session.peer, envelope.mail_from or "",
            tuple(envelope.rcpt_tos), raw, message, session.ssl is not None, getattr(session, "login_name", None),
        )  # fmt: skip
        self.messages.append(mail)
        self.record.effect(
            "smtp", "mail", number=mail.number, mail_from=mail.mail_from, rcpt=list(mail.rcpt),
            message_id=_header(message, "Message-ID"), subject=_header(message, "Subject"),
        )  # fmt: skip
        return mail

    def to(self, address: str) -> list[Mail]:
        """The mails that were accepted for one recipient."""
        return [mail for mail in self.messages if address in mail.rcpt]

    def forget(self, conversation: Conversation) -> None:
        """A conversation ended."""
        self._open.discard(conversation)

    async def stop(self) -> None:
        """Stops listening and ends open conversations."""
        if self._server is not None:
            self._server.close()
            for conversation in list(self._open):
                if conversation.transport is not None:
                    conversation.transport.abort()  # type: ignore[attr-defined]  # a socket's transport has it
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._server.wait_closed(), 1)
            self._server = None
        if self.ca_file is not None:
            self.ca_file.unlink(missing_ok=True)


def _header(message: EmailMessage, name: str) -> str:
    try:
        return str(message[name] or "")
    except (ValueError, IndexError, TypeError, AttributeError):  # what the standard library raises on broken headers
        return ""


class Conversation(SMTP):
    """One connection, with the faults that befall its commands."""

    def __init__(self, box: MailBox, **options: Any) -> None:
        self.box = box
        super().__init__(self, **options)

    def connection_lost(self, error: Exception | None) -> None:
        """Forgets itself."""
        self.box.forget(self)
        super().connection_lost(error)

    async def _drop(self) -> None:
        """Breaks the connection. Its end cancels this conversation, so nothing after the call runs."""
        if self.transport is not None:
            self.transport.abort()  # type: ignore[attr-defined]  # a socket's transport has it
        await asyncio.get_running_loop().create_future()

    async def _suffer(self, method: str, **context: str) -> str | None:
        """Plays the fault on a command that has no effect of its own; gives the reply it orders."""
        self.box.record.call("smtp", method, **context)
        fault = self.box.faults.take("smtp", method, **context)
        if fault is None:
            return None
        if fault.kind in ("latency", "hang"):
            await self.box.record.pause(fault.seconds(0.2 if fault.kind == "latency" else 30))
        if fault.kind in ("reset_before", "reset_after", "hang"):
            await self._drop()
        return await self._reply(fault) if fault.kind == "smtp_error" else None

    async def _reply(self, fault: Fault) -> str:
        code = int(fault.options.get("code", 451))
        text = str(fault.options.get("text", "4.7.1 Try again later" if code < 500 else "5.1.1 User unknown"))
        if code == 421:
            await self.push(f"421 {text}")
            if self.transport is not None:
                self.transport.close()
            await asyncio.get_running_loop().create_future()
        return f"{code} {text}"

    async def _handle_client(self) -> None:
        reply = await self._suffer("smtp.connect")
        if reply is not None:
            await self.push(reply)
            if self.transport is not None:
                self.transport.close()
            return
        await super()._handle_client()

    async def smtp_EHLO(self, hostname: str) -> None:
        """EHLO."""
        reply = await self._suffer("smtp.ehlo")
        await (self.push(reply) if reply else super().smtp_EHLO(hostname))

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """What is offered: aiosmtpd takes commands one after another however they come, but does not say so."""
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]] if self.box.pipelining else responses

    async def smtp_MAIL(self, arg: str | None) -> None:
        """MAIL FROM."""
        reply = await self._suffer("smtp.mail")
        await (self.push(reply) if reply else super().smtp_MAIL(arg))

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Sequence[str]
    ) -> str:
        """RCPT TO, after its syntax was checked."""
        reply = await self._suffer("smtp.rcpt", address=address)
        if reply is not None:
            return reply
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def smtp_DATA(self, arg: str | None) -> None:
        """DATA. "reset_before" drops here, before 354: surely nothing was sent."""
        context = {"address": self.envelope.rcpt_tos[0]} if self.envelope and self.envelope.rcpt_tos else {}
        coming = next((one for one in self.box.faults.ordered if one.concerns("smtp", "smtp.data", context)), None)
        if coming is not None and coming.kind == "reset_before" and coming.after == 0:
            await self._suffer("smtp.data", **context)
        await super().smtp_DATA(arg)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """After the final dot: the effect, and what befalls its answer."""
        box = self.box
        box.record.call("smtp", "smtp.data", address=envelope.rcpt_tos[0])
        fault = box.faults.take("smtp", "smtp.data", address=envelope.rcpt_tos[0])
        if fault is None:
            return self._queued(box.accept(session, envelope))
        if fault.kind == "latency":
            await box.record.pause(fault.seconds(0.2))
            return self._queued(box.accept(session, envelope))
        if fault.effect(fault.kind == "reset_after"):
            box.accept(session, envelope)
        if fault.kind == "hang":
            await box.record.pause(fault.seconds(30))
        if fault.kind != "smtp_error":
            await self._drop()
        return await self._reply(fault)

    @staticmethod
    def _queued(mail: Mail) -> str:
        return f"250 2.0.0 OK queued as SANDBOX{mail.number:06d}"
