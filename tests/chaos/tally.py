"""The reckoning: what was promised against what the platforms hold.

May touch: reads the database and the sandbox, nothing else. A delivery's effects are known by the number in a mail's
Message-ID, by the mark in a post's text, by the key of a page; what nobody promised is found too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from distributor.demo import Stage
from distributor.demo.stage import CHANNEL_CHAT
from tests.chaos.plan import Writing

SHOWN = 6  # attempts at either end of a long history
_MARK = re.compile(r"R\d{6}")
_KEY = re.compile(r".+-(\d+)")  # release-revision-action-delivery
_PROMISES = """
SELECT d.id, d.release_id, d.channel, d.state, d.code, d.reason, d.rendering_id, t.address
FROM deliveries d JOIN destinations t ON t.id = d.destination_id ORDER BY d.id
"""
_IN_DOUBT = """
SELECT delivery_id FROM attempts WHERE outcome = 'unknown' UNION SELECT delivery_id FROM cases
"""
_PARTS = "SELECT id, CAST(body AS TEXT) AS body FROM renderings"
_UNFINISHED = """
SELECT r.id FROM releases r WHERE r.state IN ('approved', 'distributing') AND NOT EXISTS (SELECT 1 FROM deliveries d
    WHERE d.release_id = r.id AND d.state NOT IN ('sent', 'rejected', 'expired', 'cancelled'))
"""

Place = tuple[str, str]  # a channel, and the delivery's number or the release's mark


@dataclass(frozen=True, slots=True)
class Promise:
    """A delivery as the database has it at the end. `parts`: its effects, in their order: the words of each post, the
    reader's address for a mail."""

    id: int
    release_id: str
    channel: str
    address: str
    state: str
    reason: str
    parts: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Finding:
    """One delivery that is not as promised: 'lost' or 'doubled', in words. `delivery` None: nobody promised it."""

    kind: str
    delivery: int | None
    words: str


@dataclass(slots=True)
class Tally:
    """What it came to. `faults`: what is wrong beside single deliveries (the log, a release that never ends)."""

    deliveries: int
    ambiguous: int = 0
    kills: int = 0
    findings: list[Finding] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def count(self, kind: str) -> int:
        """How many deliveries were lost, or doubled."""
        return len({finding.delivery or finding.words for finding in self.findings if finding.kind == kind})

    @property
    def sound(self) -> bool:
        """Nothing lost, nothing doubled, nothing else wrong."""
        return not self.findings and not self.faults

    def line(self) -> str:
        """The one line."""
        lost, doubled = self.count("lost"), self.count("doubled")
        return (
            f"chaos: deliveries {self.deliveries}, kills {self.kills}, lost {lost}, doubled {doubled}, "
            f"ambiguous {self.ambiguous}"
        )


class Watch:
    """Looks at the platforms. `released`: release → what was written."""

    def __init__(self, stage: Stage, released: Mapping[str, Writing]) -> None:
        self._stage = stage
        self._released = released

    async def ask(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        """Rows of the database."""
        async with self._stage.parts.database.read() as connection:
            return [dict(row) for row in (await connection.execute(text(statement), values)).mappings()]

    def shown(self) -> dict[Place, set[str]]:
        """What stands where now, as people see it."""
        found: dict[Place, set[str]] = {}
        for place, words in self._effects():
            found.setdefault(place, set()).add(words)
        return found

    def place(self, row: Mapping[str, Any]) -> Place:
        """Where the effects of a delivery stand; `row` with its id, its release_id and its channel."""
        if row["channel"] in {"telegram", "x", "facebook"}:
            return row["channel"], self._released[row["release_id"]].mark
        return ("page" if row["channel"] == "newsroom" else "mail"), str(row["id"])

    async def tally(self, promised: int) -> Tally:
        """Count. `promised`: how many deliveries the approvals were to make."""
        promises = await self._promises()
        effects = [*self._effects(), *await self._pages()]
        tally = Tally(len(promises), ambiguous=len(await self.ask(_IN_DOUBT)))
        tally.findings = reckon(promises, effects)
        if len(promises) != promised:
            tally.findings.append(Finding("lost", None, f"{promised} deliveries were approved, {len(promises)} exist"))
        for row in await self.ask(_UNFINISHED):
            tally.faults.append(f"release {row['id']} has nothing left to send and never ended")
        verdict = await self._stage.parts.office.auditing.verify()
        tally.faults += [f"the audit log is not intact: {verdict.fault}"] if verdict.fault else []
        return tally

    async def history(self, delivery_id: int) -> list[str]:
        """What the log has of one delivery, in lines; of very many attempts the first and the last ones."""
        attempts = await self.ask("SELECT * FROM attempts WHERE delivery_id = :id ORDER BY id", id=delivery_id)
        cases = await self.ask("SELECT * FROM cases WHERE delivery_id = :id ORDER BY id", id=delivery_id)
        told = ("started_at", "finished_at", "worker", "fence", "looked", "late", "outcome", "code", "reason")
        if len(attempts) > 2 * SHOWN:
            attempts = [*attempts[:SHOWN], *attempts[-SHOWN:]]
        lines = ["attempt " + ", ".join(f"{name} {row[name]}" for name in told) for row in attempts]
        asked = ("opened_at", "step", "code", "resolved_at", "resolution")
        return lines + ["case " + ", ".join(f"{name} {row[name]}" for name in asked) for row in cases]

    async def _promises(self) -> list[Promise]:
        texts = {row["id"]: _texts(row["body"]) for row in await self.ask(_PARTS)}
        found = []
        for row in await self.ask(_PROMISES):
            place = self.place(row)
            parts = {"mail": (row["address"],), "page": ("",)}.get(place[0], texts[row["rendering_id"]])
            known: dict[str, Any] = {name: row[name] for name in ("id", "release_id", "channel", "address", "state")}
            found.append(Promise(**known, reason=f"{row['code']} {row['reason']}", parts=parts, place=place))
        return found

    def _effects(self) -> Iterator[tuple[Place, str]]:
        """Where it belongs, and its words; in the order in which they came."""
        for effect in self._stage.sandbox.record.effects:
            if effect.platform == "smtp":
                key = _KEY.fullmatch(effect["message_id"].strip("<>").partition("@")[0])
                yield ("mail", key[1] if key else ""), ", ".join(effect["rcpt"])
            elif effect.platform != "telegram" or effect["chat_id"] == CHANNEL_CHAT:
                mark = _MARK.search(effect["text"])
                yield (effect.platform, mark[0] if mark else ""), effect["text"]

    async def _pages(self) -> list[tuple[Place, str]]:
        keys = [_KEY.fullmatch(row["key"]) for row in await self.ask("SELECT key FROM pages")]
        return [(("page", key[1] if key else ""), "") for key in keys]


def reckon(promises: Sequence[Promise], effects: Sequence[tuple[Place, str]]) -> list[Finding]:
    """Every promise has each of its effects exactly once, and no effect is without a promise. An effect that came twice
    counts as doubled whatever a person said meanwhile."""
    found: dict[Place, list[str]] = {}
    for place, words in effects:
        found.setdefault(place, []).append(words)
    findings: list[Finding] = []
    for promise in promises:
        there = found.pop(promise.place, [])
        what = f"{promise.channel} to {promise.address}, release {promise.release_id}: {promise.state}"
        findings += [Finding(kind, promise.id, f"{what}; {why}") for kind, why in _faults(promise, there)]
    for place, there in found.items():
        findings.append(Finding("doubled", None, f"{place}: {len(there)} effects that nobody promised"))
    return findings


def _texts(rendering: str) -> tuple[str, ...]:
    return tuple(part["text"] for part in json.loads(rendering)["parts"])


def _faults(promise: Promise, words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What is wrong with one delivery. Nothing in a run is a reason to give a delivery up, so that it is lost too
    where the log explains why it was not sent."""
    missing = [part for part in promise.parts if part not in words]
    if promise.state != "sent":
        yield "lost", f"not sent ({promise.reason}), {len(words)} effects"
    elif missing:
        yield "lost", f"sent, but {len(missing)} of {len(promise.parts)} effects are not there"
    if len(words) > len(promise.parts) - len(missing):
        yield "doubled", f"{len(words)} effects instead of {len(promise.parts)}, or others than were approved"
    elif list(words) != [part for part in promise.parts if part in words]:
        yield "doubled", "its parts came in another order"
