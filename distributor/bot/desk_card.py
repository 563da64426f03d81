"""What the desk's card of a release says, and which buttons it has.

Pure. Everything on it comes from the frozen revision and from the deliveries, never from what a message said before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distributor import locale
from distributor.bot.words import Words
from distributor.core.approval import Decision
from distributor.core.delivery import DeliveryState
from distributor.core.release import ReleaseState
from distributor.core.text import cut_at_word
from distributor.office.reading import ChannelStanding, ReleaseStanding

BODY_SHOWN = 900
_OVER_PROPOSALS, _PROPOSED = frozenset({"approve", "reject"}), frozenset({"correct", "withdraw"})

_MARKS = {
    DeliveryState.SENT: "✓",
    DeliveryState.QUEUED: "…",
    DeliveryState.SENDING: "…",
    DeliveryState.WAITING: "…",
    DeliveryState.UNKNOWN: "?",
    DeliveryState.CASE: "?",
    DeliveryState.REJECTED: "✗",
    DeliveryState.EXPIRED: "✗",
    DeliveryState.CANCELLED: "–",
}
_HEADS = {
    ReleaseState.SUBMITTED: "🕓",
    ReleaseState.APPROVED: "🗓",
    ReleaseState.DISTRIBUTING: "📤",
    ReleaseState.DISTRIBUTED: "✅",
    ReleaseState.HELD: "✋",
    ReleaseState.REJECTED: "↩️",
    ReleaseState.DRAFT: "✏️",
    ReleaseState.WITHDRAWN: "🗑",
}

# What may be decided while a release stands so. Reading order: the buttons' order.
DECISIONS: Mapping[ReleaseState, tuple[Decision, ...]] = {
    ReleaseState.SUBMITTED: (Decision.APPROVE, Decision.REJECT, Decision.HOLD),
    ReleaseState.HELD: (Decision.RESUME, Decision.REJECT),
    ReleaseState.APPROVED: (Decision.HOLD,),
    ReleaseState.DISTRIBUTING: (Decision.HOLD,),
    ReleaseState.DISTRIBUTED: (Decision.HOLD,),
}


def desk_text(words: Words, standing: ReleaseStanding, audience: Mapping[str, int], names: Mapping[int, str]) -> str:
    """The whole card. `audience`: channel → how many it reaches, 0 where that is not known; `names` of people by id."""
    revision = standing.revision
    if revision is None:
        return standing.release.draft.title or standing.release.id
    content, state = revision.content, standing.release.state
    author = standing.author.name if standing.author else "—"
    lines = [content.title, f"{_HEADS[state]} {words.get(f'release.{state.value}')} · {standing.release.id}"]
    lines += [decision_line(words, row, names) for row in standing.decisions[-3:]]
    if state in (ReleaseState.DRAFT, ReleaseState.SUBMITTED, ReleaseState.HELD, ReleaseState.REJECTED):
        lines += words.overridden(revision.problems, names)
        version = content.versions[0]
        lines += ["", cut_at_word(version.lead, 500)] if version.lead else []
        lines += ["", cut_at_word(version.body, BODY_SHOWN)] if version.body else []
        lines += ["", words.get("bot.fact.author", name=author), *words.facts(content)]
        if audience:
            lines += [words.get("bot.fact.audience"), *(_reach(words, name, n) for name, n in audience.items())]
        lines += words.problems(revision.problems, skip=frozenset({"no_alt", "no_credit"}))
        lines += ["", words.get("bot.fact.hash", hash=revision.content_hash[:12])]
    else:
        lines += [words.get("bot.fact.author", name=author)]
    if standing.channels:
        lines += ["", *(line for channel in standing.channels for line in channel_lines(words, channel))]
    return "\n".join(lines)


def channel_lines(words: Words, channel: ChannelStanding) -> list[str]:
    """How one channel stands: counts by state, links, reasons."""
    states = sorted(channel.counts, key=lambda state: list(DeliveryState).index(DeliveryState(state)))
    worst = next((_MARKS[DeliveryState(state)] for state in reversed(states) if state != "sent"), "✓")
    counts = ", ".join(f"{words.get(f'state.{state}')} {channel.counts[state]}" for state in states)
    lines = [f"{worst} {words.channel(channel.name)}: {counts}"]
    lines += [f"   {link}" for link in channel.links[:3]]
    told = [locale.why_text(code, reason, words.language) for code, reason in channel.reasons]
    lines += [f"   {cut_at_word(why, 200)}" for why in told]
    return lines


def _reach(words: Words, name: str, count: int) -> str:
    if count:
        return words.get("bot.fact.reach", channel=words.channel(name), count=count)
    return f"• {words.channel(name)}"


def decision_line(words: Words, row: Mapping[str, Any], names: Mapping[int, str]) -> str:
    """Who decided what, when, and why."""
    when = locale.moment(row["decided_at"], words.language, words.time_zone)
    word = row["decision"]
    if word in _OVER_PROPOSALS and row.get("action") in _PROPOSED:
        word = f"{word}_{row['action']}"
    line = words.get(f"bot.decided.{word}", name=names.get(row["person_id"], "—"), when=when)
    return f"{line}: {row['reason']}" if row["reason"] else line
