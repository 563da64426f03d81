"""The audit log: verify it, export it, sign checkpoints of it.

May touch: audit_events, attempts, checkpoints, and the signing key's file; reads revisions and renderings. Verifying
needs nothing but the database and the published public key.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from distributor.core import audit as mathematics
from distributor.core.approval import content_hash
from distributor.core.data import from_micros, to_micros
from distributor.core.ports import Clock
from distributor.storage import Connection, Database, audit, releases


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found. `fault` names the first thing that is wrong, '' where nothing is."""

    events: int
    outcomes: int
    checkpoints: int
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed statement: so many events, and this was the last one's hash."""

    seq: int
    head: str
    at: int
    public_key: str
    signature: str


class SigningKey:
    """An Ed25519 key in a file that only its owner may read; made when it is first needed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def public(self) -> str:
        """The public half in hex; empty where there is no key here. Makes none: who verifies writes nothing."""
        try:
            key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(self._path.read_text().strip()))
        except FileNotFoundError:
            return ""
        return key.public_key().public_bytes_raw().hex()

    def load(self) -> Ed25519PrivateKey:
        """The key, new where there was none."""
        with contextlib.suppress(FileNotFoundError):
            return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(self._path.read_text().strip()))
        key = Ed25519PrivateKey.generate()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:  # another process was faster
            return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(self._path.read_text().strip()))
        with os.fdopen(handle, "w") as file:
            file.write(key.private_bytes_raw().hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        return key


class Auditing:
    """Uses around the audit log. `office` names the log in its checkpoints."""

    def __init__(self, database: Database, clock: Clock, key: SigningKey, office: str) -> None:
        self._database = database
        self._clock = clock
        self._key = key
        self._office = office

    async def checkpoint(self) -> Checkpoint | None:
        """Sign the present head. None where nothing was added since the last checkpoint."""
        async with self._database.transaction(logged=True) as connection:
            seq, head = await audit.head(connection)
            known = await audit.all_checkpoints(connection)
            if seq == 0 or (known and known[-1]["seq"] >= seq):
                return None
            key = self._key.load()
            now = self._clock()
            signed = key.sign(mathematics.checkpoint_text(self._office, seq, head, to_micros(now))).hex()
            public = key.public_key().public_bytes_raw().hex()
            await audit.add_checkpoint(connection, seq, head, now, public, signed)
            await connection.commit()
        return Checkpoint(seq, head, to_micros(now), public, signed)

    async def checkpoints(self) -> list[Checkpoint]:
        """Every checkpoint, in order, for publishing."""
        async with self._database.read() as connection:
            rows = await audit.all_checkpoints(connection)
        return [
            Checkpoint(row["seq"], row["head"], to_micros(row["at"]), row["public_key"], row["signature"])
            for row in rows
        ]

    async def export(self) -> AsyncIterator[dict[str, Any]]:
        """The whole log as JSON objects: events, each followed by the outcome rows that it vouches for."""
        async with self._database.read() as connection:
            async for event in audit.events(connection):
                yield {
                    "event": event.seq,
                    "at": from_micros(event.at).isoformat(),
                    "actor": event.actor,
                    "kind": event.kind,
                    "subject": event.subject,
                    "data": event.data,
                    "previous": event.previous,
                    "hash": event.hash,
                }
                if event.kind == "outcomes":
                    for row in await audit.batch(connection, event.seq):
                        plain = {key: value for key, value in row.items() if key not in {"leaf", "id"}}
                        plain |= {name: row[name].isoformat() for name in ("started_at", "finished_at")}
                        yield {"outcome": plain, "leaf": row["leaf"].hex()}

    async def verify(self, kept: list[Checkpoint] | None = None) -> Verdict:
        """Check every hash, every Merkle root, every signature, what was approved against what stands there now, and
        every 'sent' against its outcome.

        `kept`: checkpoints from outside the database (published ones); with them a tail that was cut off together with
        its checkpoints is found too.
        """
        async with self._database.read() as connection:
            signed = list(await self.checkpoints())
            wanted = {point.seq: point for point in [*signed, *(kept or [])]}
            for point in wanted.values():
                if not self._genuine(point):
                    return Verdict(0, 0, len(wanted), f"checkpoint {point.seq}: the signature does not fit")
            seen = _Seen()
            async for event in audit.events(connection):
                fault = await self._event_fault(connection, event, seen, wanted)
                if fault:
                    return Verdict(seen.events, seen.outcomes, len(wanted), fault)
            fault = await _end_fault(connection, seen, wanted)
            return Verdict(seen.events, seen.outcomes, len(wanted), fault)

    def _genuine(self, point: Checkpoint) -> bool:
        text = mathematics.checkpoint_text(self._office, point.seq, point.head, point.at)
        own = self._key.public()
        if own and point.public_key != own:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(point.public_key)).verify(
                bytes.fromhex(point.signature), text
            )
        except (InvalidSignature, ValueError):
            return False
        return True

    async def _event_fault(
        self, connection: Connection, event: mathematics.Event, seen: _Seen, wanted: dict[int, Checkpoint]
    ) -> str:
        if event.seq != seen.events + 1:
            return f"event {seen.events + 1}: removed (the next one is {event.seq})"
        if event.previous != seen.head:
            return (
                f"event {event.seq}: does not follow from event {seen.events}: one of the two was altered or inserted"
            )
        if event.computed() != event.hash:
            return f"event {event.seq}: altered ({event.kind}, {event.subject})"
        if event.seq in wanted and wanted[event.seq].head != event.hash:
            return (
                f"event {event.seq}: not the one that checkpoint {event.seq} was signed over: rewritten at or before it"
            )
        seen.events, seen.head = event.seq, event.hash
        if event.kind == "outcomes":
            return await _batch_fault(connection, event, seen)
        return await _approval_fault(connection, event) if event.kind == "release.approve" else ""


@dataclass(slots=True)
class _Seen:
    """How far a verification has come."""

    events: int = 0
    outcomes: int = 0
    head: str = mathematics.GENESIS


async def _approval_fault(connection: Connection, event: mathematics.Event) -> str:
    """What stands as approved must be what the log says was approved: the hash is made anew from the text, its
    renderings, audience and overrides as they are now."""
    release_id, number = event.subject.removeprefix("release:"), event.data["revision"]
    name = f"revision {number} of release {release_id} (approved by event {event.seq})"
    try:
        revision = await releases.get_revision(connection, release_id, number)
        renderings = await releases.get_renderings(connection, release_id, number)
    except ValueError:
        return f"{name}: altered, so that it cannot be read any more"
    if revision is None:
        return f"{name}: removed"
    if revision.audience is None:  # from before it was kept: then the stored hash alone can be compared
        return "" if revision.content_hash == event.data["content_hash"] else f"{name}: altered"
    shown = [rendering for _, rendering in renderings]
    answered = [(problem.key, problem.override) for problem in revision.problems if problem.override]
    now = content_hash(revision.content, shown, revision.audience, answered)
    return "" if now == revision.content_hash == event.data["content_hash"] else f"{name}: altered"


async def _batch_fault(connection: Connection, event: mathematics.Event, seen: _Seen) -> str:
    rows = await audit.batch(connection, event.seq)
    leaves = []
    for place, row in enumerate(rows):
        name = f"outcome {row['id']} (delivery {row['delivery_id']}, batch {event.seq})"
        if row["position"] > place:
            return f"outcome at place {place} of batch {event.seq}: removed"
        if row["position"] < place or place >= event.data["count"]:
            return f"{name}: inserted"
        if audit.row_leaf(row) != row["leaf"]:
            return f"{name}: altered"
        leaves.append(row["leaf"])
    if len(rows) < event.data["count"]:
        return f"outcome at place {len(rows)} of batch {event.seq}: removed"
    if mathematics.root(leaves) != event.data["root"]:
        which = f"outcome {rows[0]['id']}" if len(rows) == 1 else f"one of the {len(rows)} outcomes"
        return f"{which} of batch {event.seq}: altered together with its leaf"
    seen.outcomes += len(rows)
    return ""


async def _end_fault(connection: Connection, seen: _Seen, wanted: dict[int, Checkpoint]) -> str:
    last = max(wanted, default=0)
    if last > seen.events:
        return f"event {seen.events + 1}: removed with all that followed (checkpoint {last} was signed over more)"
    stray = await audit.stray_attempt(connection)
    if stray is not None:
        return f"outcome {stray}: inserted (no batch of the log holds it)"
    unproved = await audit.unproved_sent(connection)
    if unproved is not None:
        return f"delivery {unproved}: says sent, but no outcome and no person's word in the log says so"
    return ""
