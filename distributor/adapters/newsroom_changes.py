"""What a correction changed, language by language, as the correction note on a page lists it.

Pure. A change says what was touched and how it reads now, and never what stood there before: a name that was wrong must
not be published once more by the note that takes it back. Nor by an older note, once a later correction took it back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from distributor.core.asset import MediaKind
from distributor.core.markup import html, parse, plain
from distributor.core.release import LanguageVersion, MediaItem, Revision

LONGEST = 160  # letters of a changed text; the whole of it stands below

# One change: 'what' (see `changes`), 'number' of the paragraph or picture as it stands now, or stood ('' where it has
# none), and 'now' (how it reads, '' where there is nothing to read).
Change = dict[str, str]


def changes(before: Revision, after: Revision, language: str) -> list[Change]:
    """In the order of the page. 'what' is one of: language_added, language_removed, title, lead, paragraph_changed,
    paragraph_added, paragraph_removed, photo_added, photo_removed, video_added, video_removed, media_words,
    media_order, labels."""
    found: list[Change] = []
    old, new = _version(before, language), _version(after, language)
    if old is None or new is None:
        found.append(_change("language_added"))
    else:
        found += _texts(old, new)
    for code in sorted({item.language for item in before.versions} - {item.language for item in after.versions}):
        found.append(_change("language_removed", now=code))
    found += _media(before, after, language)
    labels = ("kind", "status", "regions", "topics")
    if any(getattr(before, name) != getattr(after, name) for name in labels):
        found.append(_change("labels"))
    return found


def only_what_stands(found: Sequence[Change], version: Mapping[str, Any] | None) -> list[Change]:
    """The changes of an older note, each with how it reads now only while exactly that stands at its place on the page.
    `version` is what the page shows in that language (newsroom_page), None where it shows nothing."""
    return [change if _stands(change, version) else change | {"now": ""} for change in found]


def _stands(change: Change, version: Mapping[str, Any] | None) -> bool:
    what, now = change["what"], change["now"]
    if what == "language_removed":  # a language's code, which was never wrong
        return True
    return version is not None and any(_reads(text, now) for text in _texts_at(what, version))


def _texts_at(what: str, version: Mapping[str, Any]) -> list[str]:
    """Where on the page a change of this kind reads as it does."""
    if what in ("title", "lead"):
        return [version[what]]
    if what.startswith("paragraph_"):
        return [version["text"]]
    return [item[words] for item in version["media"] for words in ("caption", "alt")]


def _reads(text: str, now: str) -> bool:
    """True where the text holds these words as whole lines; or begins a line with them, where they were shortened."""
    lines, start = f"\n{text}\n", "\n" + now.removesuffix("…")
    if f"\n{now}\n" in lines:
        return True
    return now.endswith("…") and (f"{start} " in lines or (len(now) > LONGEST and start in lines))


def _version(revision: Revision, language: str) -> LanguageVersion | None:
    return next((version for version in revision.versions if version.language == language), None)


def _change(what: str, number: int = 0, now: str = "") -> Change:
    short = now if len(now) <= LONGEST else now[:LONGEST].rsplit(" ", 1)[0] + "…"
    return {"what": what, "number": str(number) if number else "", "now": short}


def _texts(old: LanguageVersion, new: LanguageVersion) -> Iterator[Change]:
    if old.title != new.title:
        yield _change("title", now=new.title)
    if old.lead != new.lead:
        yield _change("lead", now=new.lead)
    were, are = parse(old.body), parse(new.body)
    # The markup counts too: another link behind the same words is a change.
    matcher = SequenceMatcher(None, [html([one]) for one in were], [html([one]) for one in are], autojunk=False)
    for tag, start, end, begin, stop in matcher.get_opcodes():
        if tag == "equal":
            continue
        both = min(end - start, stop - begin)
        for place in range(begin, begin + both):
            yield _change("paragraph_changed", place + 1, plain([are[place]]))
        for place in range(begin + both, stop):
            yield _change("paragraph_added", place + 1, plain([are[place]]))
        for place in range(start + both, end):
            yield _change("paragraph_removed", place + 1)


def _media(before: Revision, after: Revision, language: str) -> Iterator[Change]:
    were = {item.asset.digest: item for item in before.media}
    are = {item.asset.digest: item for item in after.media}
    for number, item in enumerate(before.media, 1):
        if item.asset.digest not in are:
            yield _change(f"{_kind(item)}_removed", number)
    for number, item in enumerate(after.media, 1):
        known = were.get(item.asset.digest)
        if known is None:
            yield _change(f"{_kind(item)}_added", number, item.alt.get(language, ""))
        elif _said(known, language) != _said(item, language):
            yield _change("media_words", number, item.caption.get(language, "") or item.alt.get(language, ""))
    if [digest for digest in were if digest in are] != [digest for digest in are if digest in were]:
        yield _change("media_order")


def _kind(item: MediaItem) -> str:
    return "video" if item.asset.kind is MediaKind.VIDEO else "photo"


def _said(item: MediaItem, language: str) -> tuple[str, str, str]:
    return item.alt.get(language, ""), item.credit, item.caption.get(language, "")
