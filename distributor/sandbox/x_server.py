"""X over HTTP: signatures, rate limits, dispatch, faults.

Routes `/x/2/…`. Every answer tells the counts of its end point (`x_rates`) and the platform's time. Never shows a
secret.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
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
from distributor.sandbox.x_rates import QUARTER, USER_QUARTER, Quota, Window, quotas

USER = {
    "id": "2244994945",
    "name": "შინაგან საქმეთა სამინისტრო",
    "username": "mia_sandbox",
    "created_at": "2013-12-14T04:35:55.000Z",
}
ME_QUERY = frozenset({"user.fields", "expansions", "tweet.fields", "post.fields"})


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
        self.quotas = quotas(limits=limits)
        self.headers: dict[str, str] = {}
        """What headers say instead of the truth, by name; an empty text leaves the header out."""

    def limit(self, method: str, count: int, seconds: float = QUARTER, window: str = USER_QUARTER) -> None:
        """Sets one window of a method (`x_rates`: USER_QUARTER, APP_DAY, USER_DAY), in force at once."""
        self.quotas[method].windows[window] = Window(count, seconds)

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
                return self._json(problem.body, problem.status, quota)
            self.record.call("x", method, path=request.path)

            async def answer() -> web.Response:
                try:
                    ask = Ask(request.match_info.get("id", ""), dict(request.query), body)
                    return self._json(run(ask), status, quota)
                except Problem as problem:
                    return self._json(problem.body, problem.status, quota)

            def throttled(seconds: int) -> web.Response:
                return self._json(too_many().body, 429, quota.refusing(int(self.record.clock()) + seconds))

            return await play(self.faults.take("x", method), request, self.record, answer, throttled)

        return handle

    def _json(self, body: JSON, status: int, quota: Quota) -> web.Response:
        kind = "application/problem+json" if status >= 400 else "application/json"
        told = {"Date": formatdate(self.record.clock(), usegmt=True), **quota.headers(), **self.headers}
        headers = {name: value for name, value in told.items() if value}
        return web.Response(text=json.dumps(body), status=status, content_type=kind, headers=headers)

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
