"""The draft's card: what it says, and the buttons of its panels.

Pure. Callback data is 'a:<release>:<verb>[:<argument>]', of what follows a publication 'f:…', at most 64 bytes. It
carries no authority: whoever presses is checked by the office each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from distributor.bot.voice import Note, Rows
from distributor.bot.words import Words
from distributor.core.approval import FOLLOWED_FROM
from distributor.core.places import Places
from distributor.core.release import Kind, ReleaseState
from distributor.core.rendering import Preflight
from distributor.core.text import cut_at_word, fingerprint
from distributor.office.context import Context
from distributor.office.drafts import CHANGEABLE
from distributor.storage.releases import ReleaseRow

DATA_AT_MOST = 64
TIMES = ("at", "embargo", "deadline")  # fields of a revision
_OWN_LINES = frozenset({"no_alt", "no_credit"})  # the card's facts say these already, shorter

Row = tuple[tuple[str, str], ...]


def data(release_id: str, verb: str, argument: str = "") -> str:
    """What a button carries; an argument too long for it is replaced by its fingerprint."""
    whole = f"a:{release_id}:{verb}:{argument}" if argument else f"a:{release_id}:{verb}"
    if len(whole.encode()) <= DATA_AT_MOST:
        return whole
    return f"a:{release_id}:{verb}:#{fingerprint(argument)[:16]}"


def meant(argument: str, known: Iterable[str]) -> str:
    """Which of the known codes a button's argument means; '' for none of them."""
    for code in known:
        if argument in (code, f"#{fingerprint(code)[:16]}"):
            return code
    return ""


def card(
    words: Words,
    release: ReleaseRow,
    checked: Preflight | None,
    rows: Rows,
    note: str = "",
    names: Mapping[int, str] | None = None,
) -> Note:
    """The draft with its facts and, once they are known, its problems; `names` of people by id."""
    draft = release.draft
    lines = [draft.title or words.get("bot.untitled")]
    lines.append(words.get("bot.state", state=words.get(f"release.{release.state.value}"), id=release.id))
    version = draft.versions[0] if draft.versions else None
    if version is not None and version.lead:
        lines += ["", cut_at_word(version.lead, 300)]
    if version is not None and version.body:
        lines += ["", cut_at_word(version.body, 400)]
    lines += ["", *words.facts(draft)]
    if checked is not None:
        found = words.problems(checked.problems, skip=_OWN_LINES)
        answered = words.overridden(checked.problems, names or {})
        lines += [*found, *answered] or ["", words.get("bot.no_problems")]
    if note:
        lines += ["", note]
    return Note("\n".join(lines), rows, headed=True)


def main(words: Words, release: ReleaseRow, *, blocked: bool) -> Rows:
    """The first panel."""
    made = release.id
    if release.following or release.proposed:
        return _following(words, release, blocked=blocked)
    if release.state not in CHANGEABLE:
        return ((_b(words, made, "preview"),), *after(words, release))
    rows: list[Row] = [
        (_b(words, made, "kind"), _b(words, made, "regions"), _b(words, made, "topics")),
        (_b(words, made, "texts"), _b(words, made, "channels"), _b(words, made, "times")),
    ]
    if release.draft.media:
        rows.append((_b(words, made, "media"), _b(words, made, "unphoto")))
    last = [_b(words, made, "status"), _b(words, made, "preview")]
    if release.state is ReleaseState.DRAFT and not blocked:
        last.append(_b(words, made, "submit"))
    rows.append(tuple(last))
    if release.state in (ReleaseState.DRAFT, ReleaseState.REJECTED):
        rows.append((_b(words, made, "discard"),))
    return tuple(rows)


def _following(words: Words, release: ReleaseRow, *, blocked: bool) -> Rows:
    """A correction that is being written, or a proposal that waits for its second person."""
    made, rows = release.id, list[Row]()
    if release.following:
        rows.append((_f(words, made, "fix"), _b(words, made, "texts")))
        if release.draft.media:
            rows.append((_b(words, made, "media"), _b(words, made, "unphoto")))
        rows.append((_f(words, made, "words"),))
    last = [_b(words, made, "preview")]
    if not release.proposed and not blocked:
        last.append(_b(words, made, "submit"))
    return (*rows, tuple(last), (_f(words, made, "drop"),))


def after(words: Words, release: ReleaseRow) -> Rows:
    """What may be done to a release that is out or on its way."""
    if release.state not in FOLLOWED_FROM or not release.revision:
        return ()
    made = release.id
    first = [_f(words, made, "correct")]
    if release.draft.media:
        first.append(_f(words, made, "photos"))
    return (tuple(first), (_f(words, made, "withdraw"),))


def times(words: Words, release: ReleaseRow) -> Rows:
    """When it is sent, until when others keep it back, after when it must not go out any more."""
    made, rows = release.id, list[Row]()
    for name in TIMES:
        row = [(words.get(f"bot.button.time.{name}"), data(made, "when", name))]
        if getattr(release.draft, name) is not None:
            row.append((words.get("bot.button.time.never"), data(made, "never", name)))
        rows.append(tuple(row))
    return (*rows, _back(words, made))


def out_photos(words: Words, release: ReleaseRow) -> Rows:
    """One button to have each photo or video withdrawn that is out."""
    buttons = [
        (f"✕ {number}. {cut_at_word(item.asset.name, 24)}", f"f:{release.id}:photo:{item.asset.digest[:16]}")
        for number, item in enumerate(release.draft.media, 1)
    ]
    return _pairs(buttons)


def kinds(words: Words, release: ReleaseRow) -> Rows:
    """One button for each kind."""
    buttons = [
        (_mark(words.get(f"kind.{kind.value}"), kind is release.draft.kind), data(release.id, "k", kind.value))
        for kind in Kind
    ]
    return (*_pairs(buttons), _back(words, release.id))


def tree(words: Words, release: ReleaseRow, verb: str, places: Places, chosen: tuple[str, ...], parent: str) -> Rows:
    """Regions or topics below a parent. `verb` is 'r' or 't'; those with parts of their own open a panel."""
    made = release.id
    buttons = []
    if parent:
        buttons.append((_mark(places.name(parent, words.language), parent in chosen), data(made, verb, parent)))
    for place in places.children(parent):
        below = places.children(place.code)
        inside = [code for code in chosen if code == place.code or place.code in places.with_parents([code])]
        label = place.name(words.language) + (" ›" if below else "")
        buttons.append((_mark(label, bool(inside)), data(made, f"{verb}o" if below else verb, place.code)))
    above = places.by_code[parent].parent if parent in places.by_code else ""
    name = {"r": "regions", "t": "topics"}[verb]
    up = ((words.get("bot.button.up"), data(made, f"{verb}o", above) if above else data(made, name)),)
    return (*_pairs(buttons), *((up,) if parent else ()), _back(words, made))


def channels(words: Words, release: ReleaseRow, context: Context) -> Rows:
    """Every channel with a mark where it will get the release."""
    chosen = release.draft.channels
    buttons = [
        (_mark(words.channel(name), not chosen or name in chosen), data(release.id, "c", name))
        for name in context.seats
    ]
    return (*_pairs(buttons), _back(words, release.id))


def texts(words: Words, release: ReleaseRow, context: Context) -> Rows:
    """Replace, remove or add a language version."""
    made, rows = release.id, list[Row]()
    written = [version.language for version in release.draft.versions]
    for code in written:
        name = words.language_name(code)
        row = [(words.get("bot.button.replace", language=name), data(made, "w", code))]
        if len(written) > 1:
            row.append((words.get("bot.button.remove", language=name), data(made, "x", code)))
        rows.append(tuple(row))
    for code in context.languages:
        if code not in written:
            label = words.get("bot.button.add", language=words.language_name(code))
            rows.append(((label, data(made, "w", code)),))
    return (*rows, _back(words, made))


def photos(words: Words, release: ReleaseRow) -> Rows:
    """One button to take away each photo or video."""
    buttons = [
        (f"✕ {number}. {cut_at_word(item.asset.name, 24)}", data(release.id, "y", item.asset.digest[:16]))
        for number, item in enumerate(release.draft.media, 1)
    ]
    return (*_pairs(buttons), _back(words, release.id))


def sure(words: Words, release_id: str) -> Rows:
    """Really discard?"""
    return (((words.get("bot.button.discard_sure"), data(release_id, "discard!")),), _back(words, release_id))


def _b(words: Words, release_id: str, verb: str) -> tuple[str, str]:
    return words.get(f"bot.button.{verb}"), data(release_id, verb)


def _f(words: Words, release_id: str, verb: str) -> tuple[str, str]:
    return words.get(f"bot.button.after.{verb}"), f"f:{release_id}:{verb}"


def _back(words: Words, release_id: str) -> Row:
    return ((words.get("bot.button.back"), data(release_id, "main")),)


def _mark(label: str, on: bool) -> str:
    return f"✓ {label}" if on else label


def _pairs(buttons: list[tuple[str, str]]) -> Rows:
    return tuple(tuple(buttons[at : at + 2]) for at in range(0, len(buttons), 2))
