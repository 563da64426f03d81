"""One conversation with the relay: one transaction after another, pipelined where the relay offers it (RFC 2920).

Touches one connection, from the moment at which it is greeted, encrypted and signed in. Always knows how far each
transaction came; never tries one twice.

MAIL, RCPT and DATA go in one write. The answer to DATA must come before the content may go, so DATA ends the group; the
end of the content may begin the next. So at most two mails are under way: one whose final dot waits for its answer, and
one whose commands wait behind it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from distributor.adapters.email_answers import Phase, outcome_of, silence
from distributor.adapters.email_line import Line
from distributor.adapters.email_replies import Reply
from distributor.adapters.email_settings import EmailSettings
from distributor.adapters.email_transaction import Transaction
from distributor.core.outcome import Outcome

_SURE_SECONDS = 5.0  # a connection used so lately is taken to be alive
_AT_ONCE = 16_384  # bytes that surely fit into a socket's buffer, so that the dot goes with them
_START_INPUT = 354
_GOOD, _REFUSED = range(200, 300), range(400, 600)


class Source(Protocol):
    """Where a conversation gets its mails, and who wants to know how it stands."""

    def take(self, conversation: Conversation) -> Transaction | None:
        """The next mail for it; None where there is none, or none for this conversation."""

    def rests(self, conversation: Conversation) -> None:
        """Nothing is under way on it."""

    def gone(self, conversation: Conversation) -> None:
        """It is closed. Its `busy` tells whether the relay asked for fewer connections."""


class Conversation(Line):
    """A connection that is greeted, encrypted and signed in. `extensions`: what EHLO offered, in small letters."""

    def __init__(
        self, transport: asyncio.WriteTransport, extensions: Mapping[str, str], settings: EmailSettings
    ) -> None:
        super().__init__(transport, min(settings.command_timeout, settings.data_timeout))
        self.transactions = 0
        self.busy = False  # the relay said 421: fewer connections, please
        self.certificate_ends: datetime | None = None  # as whoever opened it has seen
        self._extensions = extensions
        self._settings = settings
        self._source: Source | None = None
        self._expected: deque[Transaction | None] = deque()  # one for each answer to come; None: to RSET
        self._commands: deque[tuple[bytes, Transaction | None]] = deque()  # not written yet: no pipelining
        self._open: Transaction | None = None  # begun, its content not written
        self._writing: Transaction | None = None  # its content is being written, the final dot is not
        self._dotted: Transaction | None = None  # its final dot waits for an answer
        self._unfinished = False  # the relay may hold half a transaction: RSET goes before the next

    def begin(self, source: Source) -> None:
        """From now on it takes mails from the source."""
        self._source = source
        self._take_or_rest()

    def wake(self) -> None:
        """There are mails to take. After a long rest it first asks whether the relay still listens."""
        if self.idle_seconds < _SURE_SECONDS or self.broken:
            self._take_or_rest()
        else:
            self._expected.append(None)
            self.write(b"RSET\r\n")
            self._watch()

    def abandon(self, about: Transaction) -> None:
        """Nobody waits for it any more. Before its final dot it is stopped by closing the connection; where that would
        hurt the mail before it, whose answer is still to come, this happens after that answer."""
        if self._dotted is None and (about is self._open or about is self._writing):
            self.close("the delivery was stopped")

    def heard(self, reply: Reply) -> None:
        """An answer to the oldest question, or to none."""
        if not self._expected:
            self.close(f"the relay said, without being asked: {reply.code} {reply.text}")
            return
        about = self._expected.popleft()
        phase = about.phase if about is not None else Phase.MAIL
        if reply.code == 421:
            if about is not None:  # else it only ends a long rest
                self.busy = True
                about.settle(outcome_of(phase, reply.code, reply.text))
            self.close("the relay closed the conversation")
        elif not self._in_step(phase, reply.code):
            if about is not None and phase is not Phase.DOT:
                about.refusal = None  # who knows whose answer that was
            self.close(f"an answer out of step: {reply.code} {reply.text}")
        elif about is None:
            self._next_command()
        elif phase is Phase.DOT:
            self._dotted = None
            about.settle(outcome_of(phase, reply.code, reply.text, about.mail.message_id))
        elif phase is Phase.DATA:
            self._heard_data(about, reply)
        else:
            self._heard_envelope(about, reply)

    def heard_all(self) -> None:
        """Go on with the next mail where everything is answered."""
        if self._expected or self._writing is not None:
            self._watch()
        elif self.pending:
            self.close("the relay said more than it was asked")
        else:
            self._take_or_rest()

    def written(self) -> None:
        """The content has left: now the dot."""
        if self._writing is not None:
            self._write_dot(self._writing, b"")

    def lost(self, reason: str) -> None:
        """Each mail under way comes to what its own phase says (fault 45)."""
        for about in (self._dotted, self._writing, self._open):
            if about is not None:
                about.settle(silence(about.phase, reason))
        self._dotted = self._writing = self._open = None
        if self._source is not None:
            self._source.gone(self)

    def _in_step(self, phase: Phase, code: int) -> bool:
        """Whether this can be the answer in this phase. 354 comes at DATA only, and with the last answer of a group
        nothing may come that was not asked for: it would be taken for the answer to a dot that is not even written."""
        if phase is Phase.DOT:
            return code in _GOOD or code in _REFUSED
        if self.pending and not self._expected:
            return False
        return code in _REFUSED or (code == _START_INPUT if phase is Phase.DATA else code in _GOOD)

    def _heard_envelope(self, about: Transaction, reply: Reply) -> None:
        if reply.code in _REFUSED and about.refusal is None:
            about.refusal = outcome_of(about.phase, reply.code, reply.text)
        about.phase = Phase.RCPT if about.phase is Phase.MAIL else Phase.DATA
        if about.refusal is not None and self._commands:
            self._refused(about, about.refusal)  # its other commands were not written, so nothing more will come
        else:
            self._next_command()

    def _heard_data(self, about: Transaction, reply: Reply) -> None:
        if reply.code != _START_INPUT:
            self._refused(about, outcome_of(Phase.DATA, reply.code, reply.text))
        elif about.done.done():
            self.close("the delivery was stopped")
        elif about.refusal is not None:
            self._write_dot(about, b"")  # RFC 2920, 3.1: an empty message, for nobody
        else:
            self._write_content(about, about.content())

    def _refused(self, about: Transaction, outcome: Outcome) -> None:
        about.settle(outcome)
        self._open = None
        self._commands.clear()
        self._unfinished = True

    def _write_content(self, about: Transaction, content: bytes) -> None:
        """A short one goes with its dot. Of a long one part may stay here for long, and the dot until all has left:
        without it a lost connection has done nothing."""
        if len(content) <= _AT_ONCE:
            self._write_dot(about, content)
            return
        self._open, self._writing = None, about
        self.write(content)
        if not self.paused:
            self._write_dot(about, b"")

    def _write_dot(self, about: Transaction, content: bytes) -> None:
        """The end of the message and, with pipelining, the next mail's commands."""
        if self.broken:
            self.close("the connection was lost")
            return
        self._open, self._writing, self._dotted = None, None, about
        about.phase = Phase.DOT
        self._expected.append(about)
        self.write(content + b".\r\n" + (self._next_mail() if self._pipelining else b""))
        self._watch()

    def _take_or_rest(self) -> None:
        if self.broken:
            self.close("the connection was lost")
        elif commands := self._next_mail():
            self.write(commands)
            self._watch()
        else:
            self.wait(None)
            if self._source is not None:
                self._source.rests(self)

    def _next_mail(self) -> bytes:
        """What begins the next mail; b'' where there is none."""
        about = self._take()
        if about is None:
            return b""
        self._open = about
        self.transactions += 1
        if self._unfinished:
            self._commands.append((b"RSET\r\n", None))
            self._unfinished = False
        self._commands.extend((command, about) for command in about.commands(self._extensions))
        written = [self._commands.popleft() for _ in range(len(self._commands) if self._pipelining else 1)]
        self._expected.extend(question for _, question in written)
        return b"".join(command for command, _ in written)

    def _next_command(self) -> None:
        if self._commands:
            command, question = self._commands.popleft()
            self._expected.append(question)
            self.write(command)

    def _take(self) -> Transaction | None:
        while self._source is not None and (about := self._source.take(self)) is not None:
            refusal = about.cannot_go(self._extensions)
            if refusal is None:
                return about
            about.settle(refusal)
        return None

    @property
    def _pipelining(self) -> bool:
        return "pipelining" in self._extensions

    def _watch(self) -> None:
        about = self._expected[0] if self._expected else self._writing
        dot = about is not None and about.phase is Phase.DOT
        self.wait(self._settings.data_timeout if dot else self._settings.command_timeout)
