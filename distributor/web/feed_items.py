"""What every feed is made of: published pages, and tombstones of the last weeks.

Reads the newsroom's pages only. A correction, a hold and its end must be seen by readers who have the first version:

- Atom and JSON Feed know a date of change, so an entry keeps its id and gets a later date. Atom has a word for what is
  gone (RFC 6721); in JSON Feed the item stays for some weeks and says that it was withdrawn, and nothing else.
- RSS has neither. Most readers never show an item again whose guid they know, so each notice gives it a new guid (and
  the date of the change beside it): an article shown twice is better than a correction that nobody sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from distributor.locale import texts
from distributor.web.site import SITE, language_of, main_language, release_path

MOST = 50
TOLD = timedelta(days=30)  # how long feeds tell of a notice, however old the release is


@dataclass(frozen=True, slots=True)
class Item:
    """A page as feeds show it, in one language."""

    row: dict[str, Any]
    version: dict[str, Any]
    code: str
    address: str

    @property
    def title(self) -> str:
        """With the label of what has happened to it."""
        words, title = texts(self.code), str(self.version["title"])
        if self.row["state"] == "held":
            return words.get("web.feed_held", title=title)
        return words.get("web.feed_corrected", title=title) if self.row["page"].get("corrections") else title

    @property
    def words(self) -> str:
        """What the newest notice says, '' where there is none."""
        page = self.row["page"]
        if "held" in page:
            return str(page["held"]["languages"].get(self.code, ""))
        notes = page.get("corrections", [])
        return str(notes[-1]["languages"].get(self.code, {}).get("words", "")) if notes else ""

    @property
    def guid(self) -> str:
        """For RSS: another one after each notice."""
        return guid_of(self.row)


@dataclass(frozen=True, slots=True)
class Gone:
    """A withdrawn page. `address` is what feeds called it while it stood; `link` tells nothing of its title."""

    row: dict[str, Any]
    title: str
    words: str
    code: str
    address: str
    link: str
    at: datetime


def guid_of(row: dict[str, Any]) -> str:
    """For RSS: another one after each notice."""
    notices = row["page"].get("notices", 0)
    return f"{row['release_id']}-{notices}" if notices else str(row["release_id"])


async def items(request: web.Request, most: int) -> list[Item]:
    """The newest pages in the language asked for."""
    return _items(request, await request.app[SITE].pages.newest(most))


async def feed(request: web.Request) -> list[Item]:
    """What a feed holds: the newest pages, and older ones that were corrected, held or freed lately."""
    site = request.app[SITE]
    newest = await site.pages.newest(MOST)
    changed = await site.pages.changed(MOST, site.office.context.clock() - TOLD)
    known = {row["release_id"] for row in newest}
    return _items(request, [*newest, *(row for row in changed if row["release_id"] not in known)])


def _items(request: web.Request, rows: list[dict[str, Any]]) -> list[Item]:
    site, language = request.app[SITE], language_of(request)
    found = []
    for row in rows:
        page = row["page"]
        if page["status"] != "actual":  # a machine would take an exercise for the real thing
            continue
        code = language if language in page["languages"] else page["main_language"]
        address = site.office.context.base_url + release_path(row, code, main_language(request))
        found.append(Item(row, page["languages"][code], code, address))
    return found


async def gone(request: web.Request) -> list[Gone]:
    """What was withdrawn lately, newest first."""
    site, language = request.app[SITE], language_of(request)
    context = site.office.context
    found = []
    for row in await site.pages.withdrawn(MOST, context.clock() - TOLD):
        page = row["page"]
        if page.get("status") != "actual":
            continue
        code = language if language in page["languages"] else page["main_language"]
        address = context.base_url + release_path(row, code, main_language(request))
        link = f"{context.base_url}/releases/{row['release_id']}?lang={code}"
        title, words = texts(code).get("web.withdrawn"), page["languages"][code]["words"]
        found.append(Gone(row, title, words, code, address, link, row["updated_at"]))
    return found
