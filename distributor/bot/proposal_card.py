"""What the desk's card of a proposed correction or withdrawal says.

Pure. The second person sees what would change, word by word, why, and whom it concerns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from distributor.bot.wording import differences
from distributor.bot.words import Words
from distributor.core.release import Action, MediaItem, ReleaseState, Revision
from distributor.core.text import cut_at_word
from distributor.office.reading import ReleaseStanding

_LONGEST = 300


def proposal_text(words: Words, standing: ReleaseStanding, names: Mapping[int, str]) -> str:
    """The whole card; '' where nothing is proposed."""
    proposed, out = standing.proposed, standing.revision
    if proposed is None or out is None:
        return ""
    content = proposed.content
    notice = content.notice
    head = "bot.proposal.withdraw" if content.action is Action.WITHDRAW else "bot.proposal.correct"
    lines = [out.content.title, words.get(head, name=names.get(proposed.submitter_id, "—"), id=standing.release.id)]
    if notice is not None and notice.reason:
        lines += ["", words.get("bot.proposal.reason", reason=cut_at_word(notice.reason, _LONGEST))]
    for language, told in sorted(notice.words.items()) if notice else ():
        name = words.language_name(language)
        lines.append(words.get("bot.proposal.told", language=name, words=cut_at_word(told, _LONGEST)))
    lines += words.overridden(proposed.problems, names)
    changed = list(_changes(words, out.content, content))
    lines += ["", *changed] if changed else []
    if standing.release.state is ReleaseState.HELD and content.action is Action.CORRECT:
        lines += ["", words.get("bot.proposal.ends_hold")]
    lines += words.problems(proposed.problems, skip=frozenset({"no_alt", "no_credit"}))
    lines += ["", words.get("bot.fact.hash", hash=proposed.content_hash[:12])]
    return "\n".join(lines)


def _changes(words: Words, before: Revision, after: Revision) -> Iterator[str]:
    old = {version.language: version for version in before.versions}
    for version in after.versions:
        was = old.pop(version.language, None)
        name = words.language_name(version.language)
        if was is None:
            yield words.get("bot.proposal.language_added", language=name)
            continue
        for field in ("title", "lead", "body"):
            pair = differences(getattr(was, field), getattr(version, field))
            if pair is not None:
                yield f"{name}, {words.get(f'bot.proposal.{field}')}:"
                yield f"− {cut_at_word(pair[0], _LONGEST)}"
                yield f"+ {cut_at_word(pair[1], _LONGEST)}"
    for language in old:
        yield words.get("bot.proposal.language_removed", language=words.language_name(language))
    yield from _media(words, before.media, after.media)


def _media(words: Words, before: tuple[MediaItem, ...], after: tuple[MediaItem, ...]) -> Iterator[str]:
    had, has = {item.asset.digest: item for item in before}, {item.asset.digest: item for item in after}
    for number, item in enumerate(before, 1):
        if item.asset.digest not in has:
            yield words.get("bot.proposal.media_removed", number=number, name=item.asset.name)
        elif has[item.asset.digest] != item:
            yield words.get("bot.proposal.media_words", number=number, name=item.asset.name)
    for item in after:
        if item.asset.digest not in had:
            yield words.get("bot.proposal.media_added", name=item.asset.name)
