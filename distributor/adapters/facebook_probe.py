"""The check of a Facebook page's token: whose it is, what it may do, when it ends. Reads only.

Touches the network through the clients that it is given. `/debug_token` answers the app itself and whoever has a role
in it; it refuses everybody else, which says nothing against the token. The token that is asked about goes in the body
of a POST that stands for a GET: in an address it would be written down by every proxy and log on its way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from distributor.adapters.facebook_answers import ERRORS, after_prepare
from distributor.adapters.facebook_graph import FacebookClient, Json
from distributor.adapters.facebook_settings import FacebookSettings
from distributor.core.channel import Expiring, Health

NEEDED = ("pages_manage_posts", "pages_read_engagement")
_ENDS = (("expires_at", Expiring.TOKEN), ("data_access_expires_at", Expiring.ACCESS))


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a token. `problems` make the page unwell, `remarks` do not."""

    problems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    expires: datetime | None = None
    expiring: Expiring = Expiring.TOKEN
    facts: dict[str, str] = field(default_factory=dict)


async def probe(client: FacebookClient, asking: FacebookClient, settings: FacebookSettings) -> Health:
    """Which page the token belongs to, whether the page may post, and what Facebook tells of the token. `asking` is
    the app where its id is set, else the page itself."""
    try:
        mine = (await client.get("me", fields="id,name")).body
        page = (await client.get(settings.page, fields="id,name,link,can_post,is_published")).body
    except ERRORS as error:
        return Health(False, problems=(after_prepare(error).reason,))
    told = await inspect(asking, settings.token.get_secret_value().strip())
    problems = list(told.problems)
    if str(mine.get("id")) != settings.page:
        problems.append(f"the token belongs to {mine.get('id')} and not to the page {settings.page}")
    if page.get("can_post") is False and not any(NEEDED[0] in problem for problem in problems):
        problems.append(f"the token may not post to the page: {NEEDED[0]} is missing")
    if page.get("is_published") is False:
        problems.append("the page is not published: nobody sees its posts")
    known: tuple[str, ...] = ("link", "can_post", "is_published")
    return Health(
        not problems,
        str(page.get("name") or settings.page),
        (*problems, *told.remarks),
        told.expires,
        {name: str(page[name]) for name in known if name in page} | told.facts,
        told.expiring,
    )


async def inspect(client: FacebookClient, token: str) -> Told:
    """What Facebook tells of the token; where it tells nothing, that in words."""
    try:
        answer = (await client.post("debug_token", method="get", input_token=token)).body.get("data")
    except ERRORS as error:
        return _silent(after_prepare(error).reason)
    if not isinstance(answer, dict):
        return _silent("an answer without data")
    if answer.get("is_valid") is False:
        why = answer.get("error")
        words = why.get("message") if isinstance(why, dict) else ""
        return Told((f"Facebook no longer takes the token: {words or 'it gives no reason'}",))
    ends = [(end, what) for name, what in _ENDS if (end := _moment(answer.get(name))) is not None]
    scopes = answer.get("scopes")
    lacking = [name for name in NEEDED if name not in scopes] if isinstance(scopes, list) else []
    first, expiring = min(ends, default=(None, Expiring.TOKEN))
    return Told(
        tuple(f"the token lacks the permission {name}" for name in lacking),
        expires=first,
        expiring=expiring,
        facts={f"{what.value}_expires": _words(answer, name) for name, what in _ENDS if name in answer},
    )


def _silent(reason: str) -> Told:
    advice = "set app_id and app_secret so that the app may ask, or token_expires"
    return Told(remarks=(f"Facebook does not tell when the token ends ({reason}); {advice}",))


def _moment(value: object) -> datetime | None:
    """Graph's seconds since 1970; None for 0, which stands for no end, and for what is no time."""
    if not isinstance(value, int) or value <= 0:
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _words(answer: Json, name: str) -> str:
    end = _moment(answer[name])
    return "never" if answer[name] == 0 else end.isoformat() if end else "unknown"
