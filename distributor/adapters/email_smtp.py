"""The beginning of a conversation with the relay: connected, greeted, encrypted, signed in.

Touches one connection. Done by the library, which does it well and where speed does not count; then our own protocol
takes the connection over. Nothing is sent here.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from distributor.adapters.email_answers import Phase, outcome_of, readable, silence
from distributor.adapters.email_conversation import Conversation
from distributor.adapters.email_settings import EmailSettings
from distributor.core.outcome import Deferred, Outcome, Scope

_SHORT_LIVED = 14 * 86_400  # seconds


class NotOpened(Exception):
    """No conversation came about; `outcome` says why. Nothing was sent."""

    def __init__(self, outcome: Outcome, *, busy: bool = False) -> None:
        super().__init__(getattr(outcome, "reason", ""))
        self.outcome = outcome
        self.busy = busy  # the relay said 421: fewer connections, please


async def open_conversation(settings: EmailSettings, context: ssl.SSLContext | None) -> Conversation:
    """Connect, encrypt, sign in. `context` is None where the settings ask for no encryption. Raises NotOpened."""
    client = SMTP(
        hostname=settings.host,
        port=settings.port,
        timeout=settings.command_timeout,
        local_hostname=settings.helo_name or settings.sender_domain,
        use_tls=settings.security == "tls",
        start_tls=settings.security == "starttls",
        tls_context=context,
    )
    phase = Phase.CONNECT
    try:
        await client.connect(timeout=settings.connect_timeout)
        await client.ehlo(timeout=settings.connect_timeout)
        phase = Phase.AUTH
        if settings.username:
            await _sign_in(client, settings)
        return _taken_over(client, settings)
    except NotOpened:
        raise
    except SMTPResponseException as error:
        client.close()
        raise NotOpened(outcome_of(phase, error.code, error.message), busy=error.code == 421) from None
    except (SMTPException, OSError, TimeoutError) as error:
        client.close()
        raise NotOpened(silence(phase, _what(error))) from None
    except BaseException:
        client.close()
        raise


def _taken_over(client: SMTP, settings: EmailSettings) -> Conversation:
    transport = client.protocol.transport if client.protocol else None
    if transport is None or transport.is_closing():
        raise NotOpened(silence(Phase.CONNECT, "the relay hung up"))
    # isinstance would fail: uvloop's transports inherit nothing.
    talk = Conversation(cast(asyncio.WriteTransport, transport), client.esmtp_extensions, settings)
    talk.certificate_ends = certificate_end(transport.get_extra_info("peercert"))
    return talk


def certificate_end(certificate: Mapping[str, Any] | None) -> datetime | None:
    """When a certificate that a relay has shown ends; None without encryption, and for one that lives two weeks or
    less: a machine renews it every few days, and each of its days would be the last but few."""
    if not certificate:
        return None
    begins, ends = (ssl.cert_time_to_seconds(certificate[name]) for name in ("notBefore", "notAfter"))
    return datetime.fromtimestamp(ends, UTC) if ends - begins > _SHORT_LIVED else None


async def _sign_in(client: SMTP, settings: EmailSettings) -> None:
    if not client.supported_auth_methods:
        client.close()
        reason = "auth: the relay offers no way to sign in that we know"
        raise NotOpened(Deferred("credential", reason, scope=Scope.LANE))
    await client.login(settings.username, settings.password.get_secret_value(), timeout=settings.connect_timeout)


def tls_context(settings: EmailSettings) -> ssl.SSLContext | None:
    """What the relay's certificate is checked against. OSError where the CA file cannot be read."""
    if settings.security == "none":
        return None
    return ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)


def _what(error: BaseException) -> str:
    return readable(str(error)) or type(error).__name__
