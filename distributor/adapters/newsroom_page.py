"""The page that the newsroom keeps and the web part reads: made of a rendering, and of the page that stands.

Pure. Everything that the page shows comes from the rendering, which is what was approved; only times are added.

    {"state": "published" | "held" | "withdrawn", "kind": "news", "status": "actual", "regions": ["GE-TB"],
     "topics": ["fire"], "published_at": "2026-…+00:00", "main_language": "ka",
     "notices": how many notices have followed the first publication,
     "corrections": [{"at", "languages": {"ka": {"words", "changes": [newsroom_changes.Change, …]}}}, …],  oldest first;
                    an older one repeats only what still stands
     "held": {"at", "languages": {"ka": words}},              while it is held
     "withdrawn": {"at"},                                     of a tombstone; its languages hold "office" and "words"
     "languages": {"ka": {
        "title", "lead", "html" (clean, may stand in the page as it is), "text" (the body without markup),
        "office", "region_names": [..], "topic_names": [..],
        "media": [{
            "kind": "photo" | "video", "alt", "credit", "caption", "name",
            "download": FILE,                       what a reader may take away; of a video also what is played
            "sizes": [FILE, …]                      narrow to wide; of a video, its poster
        }]}}}

    FILE = {"path": "/media/…", "digest", "media_type", "name" (for whoever saves it), "size" (bytes), "width",
            "height", "duration" (s, or null)}

A page that was written before notices were known lacks "state", "notices" and "corrections". A file is served while a
page names it (by `digest` and `media_type`), and under no other condition: a tombstone names none.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from distributor.adapters.newsroom_changes import only_what_stands
from distributor.adapters.site import file_path
from distributor.core.ports import Page
from distributor.core.release import Action
from distributor.core.rendering import Part, Placed, Rendering

DOWNLOAD = "download"


def after(action: Action, before: Page | None, rendering: Rendering, now: datetime) -> Page | None:
    """What stands after a delivery; None where it has nothing to do: a notice about a page that is not there."""
    if action is Action.PUBLISH or (action is Action.CORRECT and before is None):
        return _published(before, rendering, now)
    if before is None:
        return None
    counted = before | {"notices": before.get("notices", 0) + 1}
    if action is Action.CORRECT:
        page = _published(counted, rendering, now)
        return page | {"corrections": [*page["corrections"], _note(rendering, now)]}
    if action is Action.WITHDRAW:
        return _tombstone(counted, rendering, now)
    free = {name: value for name, value in counted.items() if name != "held"} | {"state": "published"}
    if action is Action.LIFT:
        return free
    return free | {"state": "held", "held": {"at": now.isoformat(), "languages": _words(rendering)}}


def _published(before: Page | None, rendering: Rendering, now: datetime) -> Page:
    first, known = rendering.parts[0].fields, before or {}
    languages = {part.fields["language"]: _version(part) for part in rendering.parts}
    return {
        "state": "published",
        "kind": first["kind"],
        "status": first["status"],
        "regions": json.loads(first["regions"]),
        "topics": json.loads(first["topics"]),
        "published_at": known.get("published_at", now.isoformat()),
        "main_language": rendering.language,
        "notices": known.get("notices", 0),
        "corrections": [_older(note, languages) for note in known.get("corrections", [])],
        "languages": languages,
    }


def _older(note: dict[str, Any], languages: dict[str, Any]) -> dict[str, Any]:
    """An older note beside a new text: what it repeats goes, unless exactly that still stands."""
    said = note["languages"].items()
    kept = {code: one | {"changes": only_what_stands(one["changes"], languages.get(code))} for code, one in said}
    return note | {"languages": kept}


def _note(rendering: Rendering, now: datetime) -> dict[str, Any]:
    """A correction note. A language that comes with the correction has a note of its own too."""
    languages = {
        part.fields["language"]: {"words": part.fields["words"], "changes": json.loads(part.fields["changes"])}
        for part in rendering.parts
    }
    return {"at": now.isoformat(), "languages": languages}


def _words(rendering: Rendering) -> dict[str, str]:
    return {part.fields["language"]: part.fields["words"] for part in rendering.parts}


def _tombstone(before: Page, rendering: Rendering, now: datetime) -> Page:
    """Nothing of the content stays, its title neither. Every language that had a page keeps one, for its address."""
    said = {part.fields["language"]: part.fields for part in rendering.parts}
    main = said[rendering.language]
    codes = dict.fromkeys([*before["languages"], *said])
    kept = ("kind", "status", "published_at", "main_language", "notices")
    return {name: before[name] for name in kept if name in before} | {
        "state": "withdrawn",
        "withdrawn": {"at": now.isoformat()},
        "languages": {code: {name: said.get(code, main)[name] for name in ("office", "words")} for code in codes},
    }


def _version(part: Part) -> dict[str, Any]:
    return {
        "title": part.fields["title"],
        "lead": part.fields["lead"],
        "html": part.html,
        "text": part.text,
        "office": part.fields["office"],
        "region_names": json.loads(part.fields["region_names"]),
        "topic_names": json.loads(part.fields["topic_names"]),
        "media": _media(part.media),
    }


def _media(placed: tuple[Placed, ...]) -> list[dict[str, Any]]:
    """The placed renditions gathered into one entry for each photo or video. A download begins an entry."""
    entries: list[dict[str, Any]] = []
    for one in placed:
        file = _file(one)
        if one.role == DOWNLOAD:
            said = {"alt": one.alt, "credit": one.credit, "caption": one.caption, "name": one.name}
            entries.append({"kind": one.kind.value, **said, "download": file, "sizes": []})
        elif file not in entries[-1]["sizes"]:  # a small original is the same in several sizes
            entries[-1]["sizes"].append(file)
    return entries


def _file(placed: Placed) -> dict[str, Any]:
    rendition, path = placed.rendition, file_path(placed.rendition)
    return {
        "path": path,
        "name": PurePosixPath(placed.name or "file").stem + PurePosixPath(path).suffix,
        "digest": rendition.digest,
        "media_type": rendition.media_type,
        "size": rendition.size,
        "width": rendition.width,
        "height": rendition.height,
        "duration": rendition.duration,
    }
