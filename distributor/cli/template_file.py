"""An emergency template from a TOML file; config/templates/flood.toml is an example with every key.

May touch: the file. Says everything that has the wrong form at once; what is wrong in the words, the office says.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from distributor.cli.submission import BadFile
from distributor.config.units import duration
from distributor.core.gaps import LONGEST_LINE, Gap, GapType
from distributor.core.template import Template, Wording
from distributor.core.text import normalise
from distributor.core.warning import Category, Certainty, Gravity, Response, Urgency


class _Words(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: str
    event: str
    lead: str = ""
    body: str = ""
    instruction: str = ""
    area: str = ""


class _Gap(BaseModel):
    model_config = ConfigDict(extra="forbid")
    type: GapType
    label: dict[str, str] = {}
    limit: int = LONGEST_LINE
    low: int = 0
    high: int = 1_000_000
    choices: dict[str, dict[str, str]] = {}


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    languages: Annotated[dict[str, _Words], Field(min_length=1)]
    gaps: dict[str, _Gap] = {}
    categories: tuple[Category, ...]
    urgency: Urgency = Urgency.IMMEDIATE
    severity: Gravity
    certainty: Certainty
    responses: tuple[Response, ...] = ()
    regions: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    onset: str = ""
    expires: str = ""
    lasts: str = ""


def parse_template(path: Path) -> Template:
    """Read a file. Raises BadFile with every problem at once."""
    try:
        file = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise BadFile([f"{path}: there is no such file"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile([f"{path}: cannot be read as UTF-8 text ({type(error).__name__})"]) from None
    except ValidationError as error:
        faults = [f"{path}: {'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        raise BadFile(faults) from None
    except ValueError as error:
        raise BadFile([f"{path}: {error}"]) from None
    minutes = 0
    if file.lasts:
        try:
            minutes = int(duration(file.lasts).total_seconds()) // 60
        except ValueError as error:
            raise BadFile([f"{path}: lasts: {error}"]) from None
    wordings = tuple(
        Wording(code, **{name: normalise(text) for name, text in words.model_dump().items()})
        for code, words in file.languages.items()
    )
    gaps = tuple(Gap(name, **gap.model_dump()) for name, gap in file.gaps.items())
    same = file.model_dump(exclude={"languages", "gaps", "lasts"})
    return Template(wordings=wordings, gaps=gaps, lasts_minutes=minutes, **same)
