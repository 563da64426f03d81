"""One mail on its way through one transaction: what is written for it, and what it came to.

Pure but for the future in which its outcome is put.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

from distributor.adapters.email_answers import Phase
from distributor.adapters.email_message import Mail
from distributor.core.outcome import Outcome, Rejected, Scope

_SAFE = re.compile(r"[^\x00-\x20<>\x7f-\x9f]+")


class Transaction:
    """`phase` is the command whose answer it waits for; DOT from the moment its final dot is handed over.

    `extensions` is what the relay offered in EHLO, by names in small letters.
    """

    __slots__ = ("done", "mail", "phase", "refusal")

    def __init__(self, mail: Mail) -> None:
        self.mail = mail
        self.phase = Phase.MAIL
        self.done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.refusal: Outcome | None = None  # by the answer to MAIL or RCPT: what follows it changes nothing

    def settle(self, outcome: Outcome) -> None:
        """What it came to. Where nobody waits any more, nobody is told."""
        if not self.done.done():
            self.done.set_result(self.refusal or outcome)

    def cannot_go(self, extensions: Mapping[str, str]) -> Outcome | None:
        """Why this relay cannot carry it; None where it can."""
        if self.mail.utf8 and "smtputf8" not in extensions:
            reason = "the address is not ASCII and the relay does not offer SMTPUTF8"
            return Rejected("no_smtputf8", reason, Scope.DESTINATION)
        if not (_SAFE.fullmatch(self.mail.recipient) and _SAFE.fullmatch(self.mail.envelope_sender)):
            return Rejected("bad_address", "an address that would break a command", Scope.DESTINATION)
        return None

    def commands(self, extensions: Mapping[str, str]) -> tuple[bytes, bytes, bytes]:
        """MAIL, RCPT and DATA."""
        mail = self.mail
        size = f" SIZE={len(mail.data)}" if "size" in extensions else ""
        utf8 = " SMTPUTF8 BODY=8BITMIME" if mail.utf8 else ""
        return (
            f"MAIL FROM:<{mail.envelope_sender}>{size}{utf8}\r\n".encode(),
            f"RCPT TO:<{mail.recipient}>\r\n".encode(),
            b"DATA\r\n",
        )

    def content(self) -> bytes:
        """What goes after 354, but for the final dot (RFC 5321, 4.5.2)."""
        data = self.mail.data.replace(b"\n.", b"\n..")
        return (b"." if data.startswith(b".") else b"") + data + (b"" if data.endswith(b"\r\n") else b"\r\n")
