"""One full example of everything that a person approves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from distributor.core.asset import Asset, MediaKind, Rendition
from distributor.core.markup import Entity
from distributor.core.release import Kind, LanguageVersion, MediaItem, Revision, Status
from distributor.core.rendering import Part, Placed, Rendering
from distributor.core.warning import Category, Certainty, Gravity, Response, Urgency, Warning

NOW = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)

ASSET = Asset("a" * 64, MediaKind.PHOTO, "image/jpeg", 1000, 800, 600, None, "photo.jpg", False)
RENDITION = Rendition("a" * 64, "tg-123", "b" * 64, "image/jpeg", 900, 800, 600, None)

REVISION = Revision(
    release_id="abc",
    number=1,
    author_id=1,
    kind=Kind.NEWS,
    versions=(LanguageVersion("ka", "სათაური", "ლიდი", "ტექსტი"), LanguageVersion("en", "Title", "Lead", "Text")),
    status=Status.ACTUAL,
    regions=("GE-TB",),
    topics=("fire",),
    media=(MediaItem(ASSET, {"ka": "აღწერა"}, "შსს", {"ka": "წარწერა"}),),
    channels=("telegram",),
    at=NOW,
    embargo=NOW,
    deadline=NOW,
)

# With what an emergency has beside it; the hash of the other is that of the first version.
WHOLE = replace(
    REVISION,
    warning=Warning(
        (Category.MET,),
        Urgency.IMMEDIATE,
        Gravity.SEVERE,
        Certainty.OBSERVED,
        (Response.EVACUATE,),
        {"ka": "წყალდიდობა"},
        {"ka": "გორი"},
        {"ka": "დატოვეთ"},
        NOW,
        NOW,
    ),
    template="flood@1",
    filled={"place": "გორი"},
)

PLACED = Placed(RENDITION, MediaKind.PHOTO, "alt", "credit", "caption", "main", "photo.jpg")
PART = Part("message", "words", (Entity("bold", 0, 5, ""),), "<p>words</p>", (PLACED,), {"subject": "words"})
RENDERING = Rendering("telegram", "ka", (PART,))
