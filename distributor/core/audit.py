"""The audit log's mathematics: a hash chain over events, Merkle trees over outcome rows, signed checkpoints.

Pure. Events chain one to the next. Outcomes of deliveries enter by batch, as the root of a Merkle tree over their
rows (hashing of RFC 6962, section 2.1: 0x00 before a leaf, 0x01 before a node).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from distributor.core.data import canonical

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Event:
    """A decision, or a batch of outcomes.

    `actor` is 'person:3', 'worker:…' or 'system'; `at` in microseconds since 1970.
    """

    seq: int
    at: int
    actor: str
    kind: str
    subject: str
    data: dict[str, Any]
    previous: str
    hash: str = ""

    def computed(self) -> str:
        """The hash that this event must carry, in hex."""
        body = [self.seq, self.at, self.actor, self.kind, self.subject, self.data, self.previous]
        return hashlib.sha256(canonical(body)).hexdigest()


def leaf(row: dict[str, Any]) -> bytes:
    """The leaf hash of one outcome row (32 bytes)."""
    return hashlib.sha256(b"\x00" + canonical(row)).digest()


def root(leaves: Sequence[bytes]) -> str:
    """The Merkle tree hash of the leaves, in hex (RFC 6962, 2.1). The empty list hashes the empty string.

    Level by level, the odd last one going up as it is: the same tree as the RFC's, which splits at the largest power of
    two, without a slice for each node. A million leaves pass here.
    """
    if not leaves:
        return hashlib.sha256(b"").hexdigest()
    sha256, level = hashlib.sha256, list(leaves)
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        pairs = iter(level)
        level = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=False)] + odd
    return level[0].hex()


def batch_event(last: tuple[int, str] | None, at: int, worker: str, leaves: Sequence[bytes]) -> Event:
    """The event that a batch of outcomes is to the chain, its hash set. `last`: number and hash of the one before."""
    seq, previous = (last[0] + 1, last[1]) if last else (1, GENESIS)
    data = {"count": len(leaves), "root": root(leaves)}
    event = Event(seq, at, f"worker:{worker}", "outcomes", f"batch of {len(leaves)}", data, previous)
    return replace(event, hash=event.computed())


def checkpoint_text(office: str, seq: int, head: str, at: int) -> bytes:
    """The bytes that a checkpoint signs: who, how many events, the last hash, when."""
    return f"distributor-checkpoint-v1\n{office}\n{seq}\n{head}\n{at}\n".encode()
