"""The watch over our own website: every page is made again from what was approved, and compared whole.

May touch: nothing; it reads pages and deliveries. Whoever can write to the table of pages could write any mark of ours
beside them, so nothing that stands there is trusted: not its state, its order nor its list of files. The approved
renderings are; `verify` answers for those. Times are not compared, nor how a correction note says that the text reads
now: the website shows that only where exactly it stands.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

import structlog

from distributor.core.paged import Paged
from distributor.core.release import Action, new_release_id
from distributor.office.watching_words import GRACE
from distributor.storage import Database, watched_pages
from distributor.storage.pages import SHOWS, WITHDRAWN, files_of
from distributor.storage.watched import Put
from distributor.storage.watched_pages import WatchedPage

log = structlog.get_logger(__name__)

RECENT = timedelta(hours=48)  # what changed since then is compared at every look
MOST_RECENT = 200
BATCH = 2000  # of all others at each look, about a second's work: 10,000 pages make a round of five looks
AT_ONCE = 50  # in memory together
MOST_UNSURE = 4  # deliveries of one release that may have written its page or not; older ones count as not
# What of a page differs, by the name of the key; what is not named here is "other".
PARTS = dict.fromkeys(("notices", "corrections", "held", "withdrawn"), "notices")
PARTS |= {"title": "title", "lead": "lead", "text": "text", "html": "text", "media": "files", "state": "state"}
WORDS = ("title", "lead", "text", "notices")  # the parts that people read
ORDER = (*WORDS, "files", "state", "other")  # what is told where several differ
UNREADABLE = "unreadable"  # the part, of what is no page, or no rendering, any more
# What a row that somebody forged may raise wherever it is read; nothing that the database itself raises is among them.
FORGED = (AttributeError, KeyError, TypeError, ValueError, ArithmeticError, RuntimeError)
_MISSING = object()

Page = dict[str, Any]
Made = tuple[Page | None, int, int]  # a page, the delivery whose words it shows, and its number


@dataclass(frozen=True, slots=True)
class Difference:
    """A page that is not what it should be. `what` is the alarm's kind; `part`: what of it, a value of `PARTS`,
    "address", "other" or `UNREADABLE`, '' for the whole; `text`: the words that people read there instead; `mark`:
    whatever stands there instead, so that another change of the same part is another difference."""

    what: str
    release_id: str
    title: str
    link: str
    part: str = ""
    text: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Wrong:
    """What of a page differs; as in `Difference`."""

    part: str
    text: str = ""
    mark: str = ""


@dataclass(slots=True)
class PageWatch:
    """`look` again and again, over one channel."""

    database: Database
    cursor: str = field(default_factory=new_release_id)  # anywhere: no start of the service favours the same pages
    seen: int = 0
    since: datetime | None = None

    async def look(self, channel: str, adapter: Paged, own: dict[int, datetime], now: datetime) -> list[Difference]:
        """Compare what changed of late, and the next batch of all others."""
        async with self.database.read() as connection:
            recent = await watched_pages.changed_since(connection, now - RECENT, MOST_RECENT)
            batch = await watched_pages.next_ones(connection, self.cursor, BATCH)
        self._advance(channel, batch, now)
        ids = list(dict.fromkeys([*recent, *batch]))
        found: list[Difference] = []
        for start in range(0, len(ids), AT_ONCE):
            found += await self._some(adapter, own, ids[start : start + AT_ONCE], now)
        return found

    async def _some(self, adapter: Paged, own: dict[int, datetime], ids: list[str], now: datetime) -> list[Difference]:
        try:
            async with self.database.read() as connection:
                some = await watched_pages.watched_pages(connection, list(own), ids)
        except FORGED as error:  # a rendering that is none, or is gone: it must not hide the others
            if len(ids) == 1:
                return [_unreadable(ids[0], "", error)]
            return [one for id_ in ids for one in await self._some(adapter, own, [id_], now)]
        found: list[Difference] = []
        for one in some:
            found += compare(adapter, one, min(own.values()), now)
            await asyncio.sleep(0)  # the process has other things to do
        return found

    def _advance(self, channel: str, batch: list[str], now: datetime) -> None:
        self.since, self.seen = self.since or now, self.seen + len(batch)
        if len(batch) == BATCH:
            self.cursor = batch[-1]
            return
        seconds = round((now - self.since).total_seconds())
        log.info("every page was compared with what was approved", channel=channel, pages=self.seen, seconds=seconds)
        self.cursor, self.seen, self.since = "", 0, None


def compare(adapter: Paged, one: WatchedPage, first: datetime, now: datetime) -> list[Difference]:
    """What is wrong with a release's page, if anything; a page from before `first` that nothing of ours made is not
    judged. What is no page at all is wrong too."""
    try:
        return list(_compared(adapter, one, first, now))
    except FORGED as error:
        return [_unreadable(one.release_id, one.title, error)]


def _unreadable(release_id: str, title: str, error: Exception) -> Difference:
    log.warning("a page cannot be compared", release=release_id, error=type(error).__name__)
    return Difference("changed", release_id, title, "", UNREADABLE, mark="?")


def _compared(adapter: Paged, one: WatchedPage, first: datetime, now: datetime) -> Iterator[Difference]:
    row = one.row
    if row is None and not any(put.sent_at for put in one.puts):
        return
    if row is not None and not one.puts:
        if row["published_at"] >= first:
            words = _shown(row["page"])
            yield Difference("foreign", one.release_id, "", adapter.page_url(row["slug"]), text=words, mark=words)
        return
    should = (_replay(adapter, puts) for puts in _ways(one.puts, now))  # made only as far as they are asked for
    if row is None:
        if all(page is not None for page, _, _ in should):
            yield Difference("vanished", one.release_id, one.title, "")
        return
    wrong, likeliest = _wrong(one, row, should)
    if wrong:
        back = likeliest.get("state") == WITHDRAWN and WITHDRAWN not in (row["state"], row["page"].get("state"))
        link = adapter.page_url(row["slug"])
        what, text = ("returned", _shown(row["page"])) if back else ("changed", wrong.text)
        yield Difference(what, one.release_id, one.title, link, wrong.part, text, wrong.mark)


def _wrong(one: WatchedPage, row: Page, should: Iterator[Made]) -> tuple[Wrong | None, Page]:
    """What is wrong with a page, None for nothing; and the page that it should be."""
    stands = _as_compared(row["page"]), row["page"].get(SHOWS, row["number"]), row["number"]
    likeliest: Page | None = None
    for made, shows, number in should:
        page = _as_compared(made or {})
        likeliest = page if likeliest is None else likeliest
        if stands == (page, shows, number):
            break
    else:
        return _difference(stands[0], likeliest or {}) or Wrong("state", mark="number"), likeliest or {}
    if row["state"] != page["state"]:
        return Wrong("state", mark=str(row["state"])), page
    if one.files != {file["digest"] for file in files_of(row["page"])}:
        return Wrong("files", mark="files"), page
    named, path = [put.named[0] for put in one.puts if put.named], f"/releases/{row['slug']}"
    return (Wrong("address", mark=path) if named and named[-1] != path else None), page


def _ways(puts: Sequence[Put], now: datetime) -> Iterator[list[Put]]:
    """Every order and choice in which the deliveries may have written the page: the likeliest first."""
    sure = [put for put in puts if put.sent_at is not None and put.sent_at < now - GRACE]
    unsure = [put for put in puts if put not in sure][-MOST_UNSURE:]
    for many in range(len(unsure) + 1):
        for some in combinations(unsure, many):
            chosen = sorted([*sure, *some], key=lambda put: put.delivery_id)
            yield chosen
            yield sorted(chosen, key=lambda put: put.sent_at or now)


def _replay(adapter: Paged, puts: Sequence[Put]) -> Made:
    """The page after these deliveries, by the rules of core.ports.Pages.put."""
    page: Page | None = None
    shows = number = 0
    for put in puts:
        action = Action(put.action)
        beside = action in (Action.HOLD, Action.LIFT)
        if page is not None and (page["state"] == WITHDRAWN or put.delivery_id <= (number if beside else shows)):
            continue
        made = adapter.page(action, page, put.rendering)
        if made is None:
            continue
        shows = put.delivery_id if page is None or not beside else shows
        page, number = made, max(number, put.delivery_id)
    return page, shows, number


def _as_compared(page: Page) -> Page:
    """A page without its times, and as a page is that was written before notices were known."""
    made: Page = json.loads(json.dumps({"state": "published", "notices": 0, "corrections": []} | page))
    for name in ("published_at", SHOWS):
        made.pop(name, None)
    for told in (made.get("held"), made.get("withdrawn"), *made["corrections"]):
        if isinstance(told, dict):
            told.pop("at", None)
    for note in made["corrections"]:
        for said in note.get("languages", {}).values():
            said["changes"] = [{**change, "now": ""} for change in said.get("changes", ())]
    return made


def _shown(page: Page) -> str:
    """A page's words, as a person is told of them."""
    versions = page.get("languages", {}).values()
    return " ".join(str(version.get(name, "")) for version in versions for name in ("title", "lead")).strip()


def _difference(stands: Page, should: Page) -> Wrong | None:
    """What readers would miss most of what differs; None where nothing does."""
    return min(_differences(stands, should), key=lambda one: ORDER.index(one.part), default=None)


def _differences(stands: Any, should: Any, path: tuple[str, ...] = ()) -> Iterator[Wrong]:
    """Everything that stands there and should not, or is missing. A key without a value is not the same as no key."""
    if stands == should:
        return
    if isinstance(stands, dict) and isinstance(should, dict):
        for name in (*stands, *(name for name in should if name not in stands)):
            yield from _differences(stands.get(name, _MISSING), should.get(name, _MISSING), (*path, str(name)))
        return
    whole_language = path[:1] == ("languages",) and len(path) <= 2
    part = next((PARTS[name] for name in path if name in PARTS), "text" if whole_language else "other")
    there = "" if stands is _MISSING else stands
    yield Wrong(part, _words_in(there) if part in WORDS else "", str(there or "") or path[-1])


def _words_in(value: Any) -> str:
    """Every text in what stands there, but for times and pictures."""
    if isinstance(value, dict):
        value = [one for name, one in value.items() if name not in ("at", "media", "html")]
    if isinstance(value, list):
        return " ".join(_words_in(one) for one in value).strip()
    return value if isinstance(value, str) else ""
