"""One conversation with the relay: opened, used for one transaction after another, closed.

Touches one connection. Always knows how far a transaction came, which is why it writes the content itself: the
library's `data` hides whether the final dot was already written when a connection is lost. Never tries twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from time import monotonic
from typing import cast

from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from distributor.adapters.email_answers import Phase, outcome_of, readable, silence
from distributor.adapters.email_message import Mail
from distributor.adapters.email_settings import EmailSettings
from distributor.core.outcome import Deferred, Outcome, Rejected, Scope

_FARE_WELL_SECONDS = 2.0
_START_INPUT = 354


class NotOpened(Exception):
    """No conversation came about; `outcome` says why. Nothing was sent."""

    def __init__(self, outcome: Outcome, *, busy: bool = False) -> None:
        super().__init__(getattr(outcome, "reason", ""))
        self.outcome = outcome
        self.busy = busy  # the relay said 421: fewer connections, please


class Conversation:
    """A connection that is greeted, encrypted and signed in as the settings say."""

    def __init__(self, client: SMTP, settings: EmailSettings) -> None:
        protocol, transport = client.protocol, client.transport
        if protocol is None or transport is None:
            raise NotOpened(silence(Phase.CONNECT, "the relay hung up"))
        self._client = client
        self._protocol = protocol
        self._settings = settings
        # At a high mark of 0 `drain` returns only when nothing is left to write.
        stream = cast(asyncio.WriteTransport, transport)  # isinstance would fail: uvloop's transports inherit nothing
        stream.set_write_buffer_limits(high=0)
        self._writer = asyncio.StreamWriter(stream, protocol, None, asyncio.get_running_loop())
        self.transactions = 0
        self.busy_signal = False  # the relay said 421: fewer connections, please
        self._begun = False
        self._used_at = monotonic()

    @property
    def idle_seconds(self) -> float:
        """Since the last answer."""
        return monotonic() - self._used_at

    @property
    def usable(self) -> bool:
        """False once it is closed."""
        return self._client.is_connected

    @property
    def clean(self) -> bool:
        """False where a transaction was begun and not finished: RSET is needed."""
        return not self._begun

    async def deliver(self, mail: Mail) -> Outcome:
        """One transaction with one recipient. Raises nothing but a cancellation, which closes the connection."""
        phase = Phase.MAIL
        options = [f"SIZE={len(mail.data)}"] if self._client.supports_extension("size") else []
        if mail.utf8:
            if not self._client.supports_extension("smtputf8"):
                reason = "the address is not ASCII and the relay does not offer SMTPUTF8"
                return Rejected("no_smtputf8", reason, Scope.DESTINATION)
            options += ["SMTPUTF8", "BODY=8BITMIME"]
        encoding = "utf-8" if mail.utf8 else "ascii"
        self.transactions += 1
        self._begun = True
        try:
            await self._client.mail(mail.envelope_sender, options=options, encoding=encoding)
            phase = Phase.RCPT
            await self._client.rcpt(mail.recipient, encoding=encoding)
            phase = Phase.DATA
            answer = await self._client.execute_command(b"DATA")
            if answer.code == _START_INPUT:
                await self._write_content(mail.data)
                self._protocol.write(b".\r\n")  # raises, and writes nothing, where the connection is gone
                phase = Phase.DOT
                answer = await self._protocol.read_response(timeout=self._settings.data_timeout)
                self._begun = False
            return self._heard(phase, answer.code, answer.message, mail)
        except SMTPResponseException as error:
            return self._heard(phase, error.code, error.message, mail)
        except (SMTPServerDisconnected, SMTPTimeoutError, OSError, TimeoutError) as error:
            self.abort()
            return silence(phase, _what(error))
        except BaseException:
            self.abort()
            raise
        finally:
            self._used_at = monotonic()

    def _heard(self, phase: Phase, code: int, text: str, mail: Mail) -> Outcome:
        if code == 421:
            self.busy_signal = True
        if code == 421 or not 200 <= code < 600:
            self.abort()  # closing, or out of step: nothing on this connection can be trusted any more
        return outcome_of(phase, code, text, mail.message_id)

    async def _write_content(self, data: bytes) -> None:
        """Everything but the final dot, until it has left this process."""
        stuffed = re.sub(rb"(?m)^\.", b"..", data)
        self._protocol.write(stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n")
        await asyncio.wait_for(self._writer.drain(), self._settings.command_timeout)

    async def reset(self) -> bool:
        """Forget a transaction that was not finished, and see whether the relay still listens."""
        try:
            await self._client.rset()
        except (SMTPException, OSError):
            self.abort()
            return False
        self._begun = False
        self._used_at = monotonic()
        return True

    async def close(self) -> None:
        """Say good-bye, without waiting long for the answer."""
        with contextlib.suppress(SMTPException, OSError, TimeoutError):  # it is over, whatever the relay says
            await self._client.quit(timeout=_FARE_WELL_SECONDS)
        self.abort()

    def abort(self) -> None:
        """Close at once. Without the final dot the relay forgets what it got."""
        self._client.close()


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
        return Conversation(client, settings)
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
