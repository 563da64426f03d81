"""The tally: the log and the platforms, read at the end and set against each other.

May touch: reads the database and the sandbox, nothing else.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from distributor.core.data import from_data
from distributor.core.rendering import Rendering
from distributor.demo import Stage
from tests.chaos.plan import Care, Writing
from tests.chaos.reckon import Finding, reckon
from tests.chaos.shown import Shown, look, read_pages
from tests.chaos.story import Promise, Story
from tests.chaos.wording import version

LINES = 6  # attempts at either end of a long history
_PROMISES = """
SELECT d.id, d.release_id, d.revision, d.action, d.channel, d.state, d.code, d.reason, d.rendering_id, t.address,
    CAST(d.receipt AS TEXT) AS receipt,
    CAST(d.progress AS TEXT) AS progress
FROM deliveries d JOIN destinations t ON t.id = d.destination_id ORDER BY d.id
"""
_IN_DOUBT = """
SELECT delivery_id FROM attempts WHERE outcome = 'unknown' UNION SELECT delivery_id FROM cases
"""
_CASES = "SELECT delivery_id, step, resolution FROM cases"
_RENDERINGS = "SELECT id, CAST(body AS TEXT) AS body FROM renderings"
_APPROVED = """
SELECT v.release_id, v.number, CAST(v.content AS TEXT) AS content FROM revisions v
JOIN decisions d ON d.release_id = v.release_id AND d.revision = v.number WHERE d.decision = 'approve'
"""
_SLUGS = "SELECT id, slug FROM releases"
_UNFINISHED = """
SELECT r.id FROM releases r WHERE r.state IN ('approved', 'distributing') AND NOT EXISTS (SELECT 1 FROM deliveries d
    WHERE d.release_id = r.id AND d.state NOT IN ('sent', 'rejected', 'expired', 'cancelled'))
"""
_ACTIONS = {"correct": (Care.CORRECT, Care.PHOTO), "withdraw": (Care.WITHDRAW,)}


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
    """Looks at the platforms. `released`: release → what was written; `done`: release → what was done to it since."""

    def __init__(self, stage: Stage, released: Mapping[str, Writing], done: Mapping[str, Sequence[Care]]) -> None:
        self._stage = stage
        self._released = released
        self._done = done

    async def ask(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        """Rows of the database."""
        async with self._stage.parts.database.read() as connection:
            return [dict(row) for row in (await connection.execute(text(statement), values)).mappings()]

    def shown(self) -> Shown:
        """What readers see now, but for the pages."""
        return look(self._stage.sandbox)

    async def sees(self, case: Mapping[str, Any], shown: Shown) -> bool:
        """Whether the step in doubt of an open case took place, for a person who sees this."""
        if case["channel"] not in ("telegram", "x", "facebook"):
            return str(case["delivery_id"]) in shown.letters
        asked = "SELECT CAST(r.body AS TEXT) AS body FROM renderings r JOIN deliveries d ON d.rendering_id = r.id"
        row = (await self.ask(f"{asked} WHERE d.id = :id", id=case["delivery_id"]))[0]
        parts = from_data(Rendering, json.loads(row["body"])).parts
        if case["channel"] == "telegram":
            parts = (parts[int(case["step"].partition(":")[2] or 0)],)
        standing = shown.standing.get((case["channel"], self._released[case["release_id"]].mark), [])
        return any(part.text == item.words for part in parts for item in standing)

    async def tally(self, promised: int) -> Tally:
        """Count. `promised`: how many deliveries the first approvals were to make."""
        promises = await self._promises()
        shown = self.shown()
        slugs = {row["id"]: row["slug"] for row in await self.ask(_SLUGS)}
        shown.pages = await read_pages(self._stage, slugs)
        tally = Tally(len(promises), ambiguous=len(await self.ask(_IN_DOUBT)))
        stories = await self._stories(tally)
        tally.findings = reckon(promises, shown, stories)
        first = sum(promise.revision == 1 for promise in promises)
        if first != promised:
            tally.findings.append(Finding("lost", None, f"{promised} deliveries were approved, {first} exist"))
        for row in await self.ask(_UNFINISHED):
            tally.faults.append(f"release {row['id']} has nothing left to send and never ended")
        verdict = await self._stage.parts.office.auditing.verify()
        tally.faults += [f"the audit log is not intact: {verdict.fault}"] if verdict.fault else []
        return tally

    async def history(self, delivery_id: int) -> list[str]:
        """What the log has of one delivery and of those before and after it at the same place, in lines; of very many
        attempts the first and the last ones."""
        same = "SELECT o.* FROM deliveries d JOIN deliveries o ON o.release_id = d.release_id"
        same += " AND o.destination_id = d.destination_id WHERE d.id = :id ORDER BY o.id"
        lines = []
        for row in await self.ask(same, id=delivery_id):
            told = ("id", "revision", "action", "state", "code", "reason", "created_at", "receipt")
            lines.append("delivery " + ", ".join(f"{name} {row[name]}" for name in told))
            lines += await self._tries(row["id"])
        return lines

    async def _tries(self, delivery_id: int) -> list[str]:
        attempts = await self.ask("SELECT * FROM attempts WHERE delivery_id = :id ORDER BY id", id=delivery_id)
        cases = await self.ask("SELECT * FROM cases WHERE delivery_id = :id ORDER BY id", id=delivery_id)
        told = ("started_at", "finished_at", "worker", "fence", "looked", "late", "outcome", "code", "reason")
        if len(attempts) > 2 * LINES:
            attempts = [*attempts[:LINES], *attempts[-LINES:]]
        lines = ["  attempt " + ", ".join(f"{name} {row[name]}" for name in told) for row in attempts]
        asked = ("opened_at", "step", "code", "resolved_at", "resolution")
        return lines + ["  case " + ", ".join(f"{name} {row[name]}" for name in asked) for row in cases]

    async def _promises(self) -> list[Promise]:
        bodies = await self.ask(_RENDERINGS)
        renderings = {row["id"]: from_data(Rendering, json.loads(row["body"])) for row in bodies}
        asked, claimed = set[int](), dict[int, set[str]]()
        for row in await self.ask(_CASES):
            asked.add(row["delivery_id"])
            if row["resolution"] == "there":
                claimed.setdefault(row["delivery_id"], set()).add(row["step"])
        found = []
        for row in await self.ask(_PROMISES):
            receipt = json.loads(row.pop("receipt") or "{}") or {}
            told: dict[str, Any] = {
                "rendering": renderings[row.pop("rendering_id")],
                "nothing": "nothing" in receipt.get("detail", {}),
                "asked": row["id"] in asked,
                "claimed": frozenset(claimed.get(row["id"], ())),
                "began": '"part:' in (row.pop("progress") or ""),
            }
            found.append(Promise(**row, **told))
        return found

    async def _stories(self, tally: Tally) -> dict[str, Story]:
        """Every release. What was done to it is what was approved, each once: otherwise that is a fault."""
        approved: dict[str, list[tuple[int, str]]] = {}
        for row in await self.ask(_APPROVED):
            notice = json.loads(row["content"]).get("notice") or {"action": "publish"}
            approved.setdefault(row["release_id"], []).append((row["number"], notice["action"]))
        stories = {}
        for release_id, writing in self._released.items():
            done = tuple(self._done.get(release_id, ()))
            found = Counter(action for _, action in approved.get(release_id, ()))
            for action, cares in _ACTIONS.items():
                if found[action] != sum(care in cares for care in done):
                    tally.faults.append(f"release {release_id}: {found[action]} times {action}, done was {done}")
            numbers = [number for number, action in approved.get(release_id, ()) if action in ("publish", "correct")]
            title = version(writing, done.count(Care.CORRECT)).title
            pictures = writing.photos - done.count(Care.PHOTO)
            stories[release_id] = Story(writing.mark, max(numbers, default=0), title, pictures, done)
        return stories
