"""X over HTTP: signatures, rate limits, dispatch, faults.

Routes `/x/2/…`. Every answer carries x-rate-limit-limit, -remaining and -reset. Never shows a secret.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from distributor.sandbox.effects import Record
from distributor.sandbox.faults import Faults
from distributor.sandbox.files import Files
from distributor.sandbox.http_faults import play
from distributor.sandbox.x_auth import Signatures, XKeys
from distributor.sandbox.x_media import XMedia
from distributor.sandbox.x_posts import XPosts
from distributor.sandbox.x_problems import JSON, Problem, invalid, only_query, too_many, unauthorized

QUARTER = 900
REAL_LIMITS = {
    "tweets.create": 100, "tweets.delete": 50, "tweets.get": 900, "users.me": 75, "users.tweets": 900,
    "media.initialize": 500, "media.append": 5000, "media.finalize": 500, "media.status": 1000, "media.metadata": 500,
}  # fmt: skip
USER = {
    "id": "2244994945",
    "name": "შინაგან საქმეთა სამინისტრო",
    "username": "mia_sandbox",
    "created_at": "2013-12-14T04:35:55.000Z",
}
ME_QUERY = frozenset({"user.fields", "expansions", "tweet.fields", "post.fields"})


@dataclass
class Quota:
    """One method's window."""

    limit: int
    seconds: int = QUARTER
    used: int = 0
    reset: float = 0.0

    def take(self, now: float) -> bool:
        """Counts a call; False when the window is used up."""
        if now >= self.reset:
            self.used, self.reset = 0, now + self.seconds
        self.used += 1
        return self.used <= self.limit

    def headers(self) -> dict[str, str]:
        """The three headers."""
        left = max(0, self.limit - self.used)
        return {
            "x-rate-limit-limit": str(self.limit), "x-rate-limit-remaining": str(left),
            "x-rate-limit-reset": str(int(self.reset) + 1),
        }  # fmt: skip


@dataclass(frozen=True)
class Ask:
    """One call: the id in its path, its query, its body (JSON, or the parts of a multipart)."""

    id: str
    query: dict[str, str]
    body: JSON


class X:
    """The simulated X: one app, one user. `posts.standing()` is the timeline, `media.uploads` the media."""

    def __init__(self, record: Record, files: Files, faults: Faults, *, keys: XKeys, limits: bool) -> None:
        self.api_url = ""
        self.keys = keys
        self.user: JSON = dict(USER)
        self.record = record
        self.faults = faults
        self.revoked = False
        """True: every call is answered with 401, as after the user withdrew the app's access."""
        self.signatures = Signatures(keys, record.clock)
        self.media = XMedia(record, files)
        self.posts = XPosts(record, self.media, self.user)
        self.quotas = {name: Quota(limit if limits else 1_000_000) for name, limit in REAL_LIMITS.items()}

    def limit(self, method: str, count: int, seconds: int = QUARTER) -> None:
        """Sets a method's rate limit, in force at once."""
        self.quotas[method] = Quota(count, seconds)

    def timeline(self) -> list[JSON]:
        """The standing posts, newest first: id, text, at, reply_to, media (kind, alt_text, url, sha256, data, mime)."""
        return [
            {
                "id": post.id, "text": post.written, "at": post.at, "reply_to": post.reply_to,
                "media": [
                    {"kind": "video" if one.is_video else "photo", "alt_text": one.alt_text, "sha256": one.file.sha256,
                     "url": f"/sandbox/media/{one.file.number}", "data": one.file.data, "mime": one.file.look.mime}
                    for one in post.media if one.file is not None
                ],
            }
            for post in self.posts.standing()
        ]  # fmt: skip

    def routes(self) -> list[web.RouteDef]:
        """The routes, below the sandbox's root."""
        posts, media, handler = self.posts, self.media, self._handler
        upload = "/x/2/media/upload"
        return [
            web.post("/x/2/tweets", handler("tweets.create", lambda ask: posts.create(ask.body), 201)),
            web.delete("/x/2/tweets/{id}", handler("tweets.delete", lambda ask: posts.delete(ask.id))),
            web.get("/x/2/tweets/{id}", handler("tweets.get", lambda ask: posts.get(ask.id, ask.query))),
            web.get("/x/2/users/me", handler("users.me", self._me)),
            web.get("/x/2/users/{id}/tweets", handler("users.tweets", lambda ask: posts.timeline(ask.id, ask.query))),
            web.post(f"{upload}/initialize", handler("media.initialize", lambda ask: media.initialize(ask.body))),
            web.post(upload + "/{id}/append", handler("media.append", self._append)),
            web.post(upload + "/{id}/finalize", handler("media.finalize", lambda ask: media.finalize(ask.id))),
            web.get(upload, handler("media.status", self._status)),
            web.post("/x/2/media/metadata", handler("media.metadata", lambda ask: media.describe(ask.body))),
            web.route("*", "/x/{rest:.*}", self._unknown),
        ]

    def _handler(self, method: str, run: Callable[[Ask], JSON], status: int = 200) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.Response:
            quota = self.quotas[method]
            within = quota.take(self.record.clock())
            try:
                body, form = await _read(request)
                if self.revoked or not self.signatures.holds(request, form):
                    raise unauthorized()
                if not within:
                    raise too_many()
            except Problem as problem:
                return _json(problem.body, problem.status, quota)
            self.record.call("x", method, path=request.path)

            async def answer() -> web.Response:
                try:
                    return _json(run(Ask(request.match_info.get("id", ""), dict(request.query), body)), status, quota)
                except Problem as problem:
                    return _json(problem.body, problem.status, quota)

            def throttled(seconds: int) -> web.Response:
                ordered = Quota(quota.limit, used=quota.limit, reset=self.record.clock() + seconds - 1)
                return _json(too_many().body, 429, ordered)

            return await play(self.faults.take("x", method), request, self.record, answer, throttled)

        return handle

    def _me(self, ask: Ask) -> JSON:
        only_query(ask.query, ME_QUERY)
        wanted = {"id", "name", "username", *ask.query.get("user.fields", "").split(",")}
        return {"data": {name: value for name, value in self.user.items() if name in wanted}}

    def _append(self, ask: Ask) -> JSON:
        for name in ask.body:
            if name not in ("segment_index", "media"):
                raise invalid(name, "", f"$.{name}: is not defined in the schema and the schema does not allow "
                                        "additional properties")  # fmt: skip
        if "media" not in ask.body:
            raise invalid("media", "", "$.media: is missing but it is required")
        return self.media.append(ask.id, ask.body.get("segment_index", ""), ask.body["media"])

    def _status(self, ask: Ask) -> JSON:
        only_query(ask.query, frozenset({"media_id", "command"}))
        return self.media.status(ask.query.get("media_id", ""), ask.query.get("command", "STATUS"))

    async def _unknown(self, request: web.Request) -> web.Response:
        return web.json_response(
            {"title": "Not Found", "type": "about:blank", "status": 404, "detail": "Not Found"}, status=404
        )


async def _read(request: web.Request) -> tuple[JSON, list[tuple[str, str]]]:
    """The body (JSON, or the parts of a multipart) and the form fields that a signature covers."""
    if request.content_type == "multipart/form-data":
        parts = await request.post()
        return {
            name: value.file.read() if isinstance(value, web.FileField) else value for name, value in parts.items()
        }, []
    if request.content_type == "application/x-www-form-urlencoded":
        pairs = [(name, str(value)) for name, value in (await request.post()).items()]
        return dict(pairs), pairs
    raw = await request.read()
    try:
        body = json.loads(raw) if raw else {}
    except ValueError as wrong:
        raise invalid("body", "", "Request body is not valid JSON") from wrong
    if not isinstance(body, dict):
        raise invalid("body", "", "$: object expected")
    return body, []


def _json(body: JSON, status: int, quota: Quota) -> web.Response:
    kind = "application/problem+json" if status >= 400 else "application/json"
    return web.Response(text=json.dumps(body), status=status, content_type=kind, headers=quota.headers())
