"""A release from a file: Markdown with TOML front matter between `+++` lines.

May touch: the file and the media files it names, which must lie beside or below it.

    +++
    kind = "news"
    regions = ["GE-TB"]
    title = "…"                      # one language: title and lead here, the text below
    lead = "…"
    media = [{ file = "photo.jpg", alt = { ka = "…" }, credit = "…", caption = { ka = "…" } }]
    status = "exercise"              # or "test"; without it, it is real
    [warning]                        # of an emergency: what CAP says of it, in CAP's words
    categories = ["Met"]             # urgency, severity, certainty, responses, event, area, instruction, onset, expires
    +++
    Text in Markdown.

With several languages: `[languages.ka] title = …, lead = …` for each, and in the text a line `+++ ka` before each part.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from distributor.core.asset import Media
from distributor.core.release import Kind, LanguageVersion, MediaItem, Status
from distributor.core.text import guess_language
from distributor.core.warning import Category, Certainty, Gravity, Response, Urgency, Warning

_SECTION = re.compile(r"^\+\+\+[ \t]+([a-z]{2,3})[ \t]*$", re.MULTILINE)


class BadFile(Exception):
    """The file cannot become a release; `problems` says everything that is wrong, one sentence each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class _Words(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: str
    lead: str = ""
    body: str = ""


class _Item(BaseModel):
    model_config = ConfigDict(extra="forbid")
    file: str
    alt: dict[str, str] | str = ""
    credit: str = ""
    caption: dict[str, str] | str = ""


class _Warning(BaseModel):
    model_config = ConfigDict(extra="forbid")
    categories: tuple[Category, ...] = (Category.OTHER,)
    urgency: Urgency = Urgency.UNKNOWN
    severity: Gravity = Gravity.UNKNOWN
    certainty: Certainty = Certainty.UNKNOWN
    responses: tuple[Response, ...] = ()
    event: dict[str, str] = {}
    area: dict[str, str] = {}
    instruction: dict[str, str] = {}
    onset: AwareDatetime | None = None
    expires: AwareDatetime | None = None


class _Front(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Kind = Kind.NEWS
    status: Status = Status.ACTUAL
    regions: list[str] = []
    topics: list[str] = []
    channels: list[str] = []
    language: str = ""
    languages: dict[str, _Words] = {}
    title: str = ""
    lead: str = ""
    media: list[_Item] = []
    embargo: AwareDatetime | None = None
    at: AwareDatetime | None = None
    deadline: AwareDatetime | None = None
    warning: _Warning | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """What a file says: fields of a revision, and the media files still to be taken in."""

    content: dict[str, Any]
    media: tuple[tuple[Path, _Item], ...]

    async def take_in(self, media: Media) -> tuple[MediaItem, ...]:
        """Ingest the media files. MediaRefused and DiskFull as the port says."""
        languages = [version.language for version in self.content["versions"]]
        items = []
        for path, item in self.media:
            asset = await media.ingest(path, path.name)
            items.append(
                MediaItem(asset, _by_language(item.alt, languages), item.credit, _by_language(item.caption, languages))
            )
        return tuple(items)


def parse(path: Path) -> Submission:
    """Read a file. Raises BadFile with every problem at once."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadFile([f"{path}: there is no such file"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile([f"{path}: cannot be read as UTF-8 text ({type(error).__name__})"]) from None
    parts = re.split(r"^\+\+\+[ \t]*$", text, maxsplit=2, flags=re.MULTILINE)
    if len(parts) != 3 or parts[0].strip():
        raise BadFile([f"{path}: begin with front matter between two lines of '+++'"])
    try:
        front = _Front.model_validate(tomllib.loads(parts[1]))
    except tomllib.TOMLDecodeError as error:
        raise BadFile([f"{path}: the front matter is not TOML: {error}"]) from None
    except ValidationError as error:
        faults = [f"{path}: {'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        raise BadFile(faults) from None
    problems: list[str] = []
    versions = _versions(path, front, parts[2], problems)
    media = _media(path, front, problems)
    if problems:
        raise BadFile(problems)
    content = {
        "kind": front.kind,
        "status": front.status,
        "versions": versions,
        "regions": tuple(front.regions),
        "topics": tuple(front.topics),
        "channels": tuple(front.channels),
        "embargo": front.embargo,
        "at": front.at,
        "deadline": front.deadline,
        "warning": Warning(**front.warning.model_dump()) if front.warning else None,
    }
    return Submission(content, media)


def _versions(path: Path, front: _Front, text: str, problems: list[str]) -> tuple[LanguageVersion, ...]:
    pieces = _SECTION.split(text)
    bodies = {code: body.strip() for code, body in zip(pieces[1::2], pieces[2::2], strict=True)}
    if not front.languages:
        if bodies:
            problems.append(
                f"{path}: parts '+++ {next(iter(bodies))}' need [languages.…] with a title in the front matter"
            )
        if not front.title.strip():
            problems.append(f'{path}: title is missing; add title = "…" to the front matter')
        body = text.strip()
        language = front.language or guess_language(f"{front.title} {body}")
        return (LanguageVersion(language, front.title, front.lead, body),)
    if pieces[0].strip():
        problems.append(f"{path}: text before the first '+++ LANGUAGE' line belongs to no language")
    for code in bodies.keys() - front.languages.keys():
        problems.append(f"{path}: there is text in '{code}', but no [languages.{code}] with its title")
    return tuple(
        LanguageVersion(code, words.title, words.lead, words.body or bodies.get(code, ""))
        for code, words in front.languages.items()
    )


def _media(path: Path, front: _Front, problems: list[str]) -> tuple[tuple[Path, _Item], ...]:
    found = []
    folder = path.resolve().parent
    for item in front.media:
        file = (folder / item.file).resolve()
        if not file.is_relative_to(folder):
            problems.append(f"{path}: media file {item.file!r} must lie beside the release's file")
        elif not file.is_file():
            problems.append(f"{path}: there is no media file {item.file!r}")
        else:
            found.append((file, item))
    return tuple(found)


def _by_language(words: dict[str, str] | str, languages: list[str]) -> dict[str, str]:
    if isinstance(words, dict):
        return words
    return dict.fromkeys(languages, words) if words.strip() else {}
