"""An e-mail list before the sandbox's relay: what the tests of the e-mail adapter share."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from functools import cache
from pathlib import Path
from typing import Any

import dkim
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from distributor.adapters.email import Email, EmailSettings
from distributor.core.channel import Destination, Job
from distributor.core.outcome import Outcome
from distributor.core.rendering import Rendering
from distributor.sandbox import Mail, Sandbox
from tests.adapters.support import Desk, Recorder

READER = "nino@paper.example"


@cache
def key() -> rsa.RSAPrivateKey:
    """One key for all tests."""
    return rsa.generate_private_key(65537, 2048)


def write_key(folder: Path) -> Path:
    """The private key as an operator keeps it."""
    path = folder / "dkim.pem"
    path.write_bytes(key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


def verified(data: bytes) -> bool:
    """Whether a reader's server would find the signature good, with the public key as DNS gives it."""
    public = base64.b64encode(key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    def dns(name: bytes | str, timeout: int = 5) -> bytes:
        wanted = name if isinstance(name, str) else name.decode()
        assert wanted.rstrip(".") == "press._domainkey.mia.example"
        return b"v=DKIM1; k=rsa; p=" + public

    return bool(dkim.verify(data, dnsfunc=dns))


def parsed(data: bytes) -> EmailMessage:
    """A mail as a reader's program takes it apart."""
    return BytesParser(EmailMessage, policy=policy.default).parsebytes(data)


def settings(sandbox: Sandbox | None = None, **changes: Any) -> EmailSettings:
    """A list that sends through the sandbox."""
    facts: dict[str, Any] = {
        "host": sandbox.smtp_host if sandbox else "127.0.0.1",
        "port": sandbox.smtp_port if sandbox else 25,
        "security": "none",
        "sender": "press@mia.example",
        "sender_name": "შსს პრესსამსახური",
        "envelope_domain": "bounces.mia.example",
        "connect_timeout": 2,
        "command_timeout": 2,
        "data_timeout": 2,
    }
    return EmailSettings.model_validate(facts | changes)


@dataclass
class Stage:
    """Sandbox, desk and list of one test."""

    sandbox: Sandbox
    desk: Desk
    channel: Email
    numbers: list[int] = field(default_factory=list)

    async def rendering(self, **release: Any) -> Rendering:
        """A release as a mail."""
        return await self.desk.rendering(self.channel, await self.desk.release(**release))

    def to(self, address: str, rendering: Rendering, **changes: Any) -> Job:
        """A delivery to one reader, with a number of its own."""
        self.numbers.append(number := len(self.numbers) + 1)
        reader = Destination(number, self.channel.name, address, changes.pop("label", ""), token=f"token-{number}")
        facts = {"delivery_id": number, "key": f"abcdefghjk-1-publish-{number}", "destination": reader}
        return self.desk.job(self.channel, rendering, **(facts | changes))

    async def send(self, address: str = READER, **changes: Any) -> Outcome:
        """A small release to one reader."""
        return await self.publish(self.to(address, await self.rendering(), **changes))

    async def publish(self, job: Job) -> Outcome:
        """What the worker does."""
        return await self.channel.publish(job, Recorder())

    def order(self, method: str, kind: str, **options: Any) -> None:
        """A fault of the relay."""
        self.sandbox.faults.order("smtp", method, kind, **options)

    @property
    def mails(self) -> list[Mail]:
        """What the relay took."""
        return self.sandbox.mail.messages


@asynccontextmanager
async def on_stage(folder: Path) -> AsyncIterator[Stage]:
    """A list before a sandbox of its own."""
    desk = Desk.at(folder)
    async with Sandbox() as sandbox:
        made = Stage(sandbox, desk, Email("list", settings(sandbox), desk.surroundings))
        yield made
        await made.channel.aclose()
    await desk.aclose()


def told(outcome: Outcome) -> tuple[str, str, str]:
    """Kind, code and scope of an outcome, for comparing."""
    return type(outcome).__name__, getattr(outcome, "code", ""), str(getattr(outcome, "scope", ""))
