"""A release as a webhook's message: what is approved, and the JSON that is sent (docs/webhooks.md describes it).

Pure. Every word of the message is in the rendering; at sending only numbers and addresses of the delivery are added.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from distributor.adapters.site import clean_html, download_profile, file_path
from distributor.adapters.webhook_words import Words, words
from distributor.core.channel import Action, Job, Source
from distributor.core.markup import html, parse, plain
from distributor.core.release import LanguageVersion, MediaItem, Revision, Status
from distributor.core.rendering import Part, Placed, Rendering

# Of those that tell something beside a text that they have already.
NOTICES = frozenset({Action.WITHDRAW, Action.HOLD, Action.LIFT})

# What receivers are asked to acknowledge, each at an address of his own.
ASKED = frozenset({Action.CORRECT, Action.WITHDRAW, Action.HOLD})

_TYPES = {
    Action.PUBLISH: "release.published",
    Action.CORRECT: "release.corrected",
    Action.WITHDRAW: "release.withdrawn",
    Action.HOLD: "release.held",
    Action.LIFT: "release.lifted",
}
# ninjs 3.1, pubStatus.
_MAY_BE_USED = {Action.WITHDRAW: "canceled", Action.HOLD: "withheld"}


def render(source: Source, channel: str, time_zone: str) -> Rendering | None:
    """The message: a part for each language, first those in the order wished. A notice shows titles and its words, and
    no media; everything else shows the whole release."""
    order = {language: place for place, language in enumerate(source.languages)}
    versions = sorted(source.revision.versions, key=lambda version: order.get(version.language, len(order)))
    if not versions:
        return None
    parts = tuple(_part(source, version, time_zone) for version in versions)
    return Rendering(channel, versions[0].language, parts)


def _part(source: Source, version: LanguageVersion, time_zone: str) -> Part:
    revision, w = source.revision, words(version.language)
    fields = _common(source) | {
        "language": version.language,
        "title": _title(revision, version, w),
        "notice": _notice(revision, version.language, w),
        "embargo_note": _embargo(revision, time_zone, w),
    }
    if revision.action in NOTICES:
        return Part("notice", fields["notice"], fields=fields)
    blocks = parse(version.body)
    media = tuple(_placed(source, item, version.language) for item in revision.media)
    return Part(
        "release", plain(blocks), html=clean_html(html(blocks)), media=media, fields=fields | {"lead": version.lead}
    )


def _common(source: Source) -> dict[str, str]:
    revision = source.revision
    return {
        "office": source.office_name,
        "kind": revision.kind.value,
        "status": revision.status.value,
        "regions": _packed(revision.regions),
        "topics": _packed(revision.topics),
        "region_names": _packed(source.region_names),
        "topic_names": _packed(source.topic_names),
        "embargo": revision.embargo.isoformat() if revision.embargo else "",
        "changed": _packed(tuple(_changed(source.before, revision))) if source.before else "[]",
        "withdrawn": _packed(revision.notice.withdrawn) if revision.notice else "[]",
    }


def _title(revision: Revision, version: LanguageVersion, w: Words) -> str:
    marks = {Status.EXERCISE: f"[{w.exercise}] ", Status.TEST: f"[{w.test}] "}
    return marks.get(revision.status, "") + version.title


def _notice(revision: Revision, language: str, w: Words) -> str:
    said = revision.notice.words.get(language, "") if revision.notice else ""
    return said or w.of(revision.action)


def _embargo(revision: Revision, time_zone: str, w: Words) -> str:
    if revision.embargo is None:
        return ""
    here = revision.embargo.astimezone(ZoneInfo(time_zone))
    return w.embargo.format(time=f"{here:%Y-%m-%d %H:%M} {time_zone}")


def _changed(before: Revision, after: Revision) -> Iterator[str]:
    """What a correction changed, by name: `ka.title`, `ka` (a whole language), `media`."""
    old, new = ({version.language: version for version in one.versions} for one in (before, after))
    for language in dict.fromkeys((*new, *old)):
        if language not in old or language not in new:
            yield language
            continue
        for name in ("title", "lead", "body"):
            if getattr(old[language], name) != getattr(new[language], name):
                yield f"{language}.{name}"
    for name in ("kind", "status", "regions", "topics", "media", "embargo"):
        if getattr(before, name) != getattr(after, name):
            yield name


def _placed(source: Source, item: MediaItem, language: str) -> Placed:
    return Placed(
        rendition=source.renditions[item.asset.digest][download_profile(item.asset).key],
        kind=item.asset.kind,
        alt=item.alt.get(language, ""),
        credit=item.credit,
        caption=item.caption.get(language, ""),
        name=source.revision.file_name(item),
    )


def _packed(values: tuple[str, ...]) -> str:
    """A list as one field: the fields of a part are texts."""
    return json.dumps(values, ensure_ascii=False)


def message_type(job: Job) -> str:
    """What the message calls itself. A correction is a first publication for whoever never had the release."""
    first = job.action is Action.CORRECT and job.before is None
    return _TYPES[Action.PUBLISH if first else job.action]


def body(job: Job, base_url: str) -> bytes:
    """The message of a delivery, byte for byte the same at each attempt."""
    first = job.rendering.parts[0].fields
    told = job.action in NOTICES
    data: dict[str, Any] = {
        "release": job.release_id,
        "revision": job.revision,
        "replaces": job.before.revision if job.before else None,
        "slug": job.slug,
        "url": job.permanent_url,
        "office": first["office"],
        "pubStatus": _MAY_BE_USED.get(job.action, "usable"),
        "kind": first["kind"],
        "status": first["status"],
        "regions": json.loads(first["regions"]),
        "region_names": json.loads(first["region_names"]),
        "topics": json.loads(first["topics"]),
        "topic_names": json.loads(first["topic_names"]),
        "embargo": first["embargo"] or None,
        "main_language": job.rendering.language,
        "languages": {part.fields["language"]: _language(part, job) for part in job.rendering.parts},
    }
    if not told:
        data["media"] = _media(job.rendering, base_url)
    if job.before and not told:
        data["changed"] = json.loads(first["changed"])
        data["withdrawn_media"] = json.loads(first["withdrawn"])
    if job.before and job.action in ASKED:
        query = urlencode({"token": job.destination.token, "release": job.release_id, "revision": job.revision})
        data["acknowledge"] = f"{base_url}/acknowledge?{query}"
    whole = {"type": message_type(job), "timestamp": job.approved_at.isoformat(), "data": data}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()


def _language(part: Part, job: Job) -> dict[str, str]:
    said = {"title": part.fields["title"]}
    if part.kind == "release":
        said |= {"lead": part.fields["lead"], "html": part.html, "text": part.text}
    if job.before and part.fields["notice"]:
        said["notice"] = part.fields["notice"]
    if part.fields["embargo_note"]:
        said["embargo_note"] = part.fields["embargo_note"]
    return said


def _media(rendering: Rendering, base_url: str) -> list[dict[str, Any]]:
    """Every photo and video once, with its words by language."""
    found: dict[str, dict[str, Any]] = {}
    for part in rendering.parts:
        language = part.fields["language"]
        for placed in part.media:
            entry = found.setdefault(placed.rendition.asset, _file(placed, base_url))
            for name, said in (("alt", placed.alt), ("caption", placed.caption)):
                if said:
                    entry[name][language] = said
    return list(found.values())


def _file(placed: Placed, base_url: str) -> dict[str, Any]:
    rendition = placed.rendition
    return {
        "id": rendition.asset,
        "kind": placed.kind.value,
        "url": base_url + file_path(rendition),
        "media_type": rendition.media_type,
        "size": rendition.size,
        "width": rendition.width,
        "height": rendition.height,
        "duration": rendition.duration,
        "name": placed.name,
        "credit": placed.credit,
        "alt": {},
        "caption": {},
    }
