"""Facebook's Graph API over HTTP: tokens, proof, usage headers, dispatch, faults.

Routes `/facebook/v<version>/…`, version 26.0 and the few before it. The token belongs into the Authorization header,
one that is asked about into the body; one in the query string is answered, but noted in `leaks` (without the token).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from distributor.sandbox.effects import Record
from distributor.sandbox.facebook_errors import JSON, GraphError, bad_parameter, no_object, ordered, too_many_calls
from distributor.sandbox.facebook_page import FacebookPage
from distributor.sandbox.facebook_token import APP_ID, PageToken, app_alone
from distributor.sandbox.facebook_usage import CALLS_AN_HOUR, FAR_AWAY, HOUR, Usage
from distributor.sandbox.facebook_views import FacebookViews
from distributor.sandbox.faults import Faults
from distributor.sandbox.files import Files
from distributor.sandbox.http_faults import play

NEWEST = 26
OLDEST = 22


@dataclass
class Ask:
    """One call: its path without the version, its fields, its files."""

    verb: str
    path: list[str]
    given: dict[str, str]
    files: dict[str, tuple[str, bytes]]
    by_app: bool = False
    """Asked with the app's own token."""


class Facebook:
    """The simulated Facebook: one page, one token. `page.standing()` is what visitors see."""

    def __init__(
        self,
        record: Record,
        files: Files,
        faults: Faults,
        *,
        page_id: str,
        token: str,
        app_secret: str | None,
        limits: bool,
    ) -> None:
        self.api_url = ""
        self.page_id = page_id
        self.record = record
        self.faults = faults
        self.leaks: list[str] = []
        """Paths of the calls that carried a token in their query string."""
        self.revoked = False
        """True: the token is answered with code 190, as after a password change."""
        self.usage: dict[str, int] | None = None
        """A fixed X-App-Usage ({"call_count": 95, …}); None: counted."""
        self.business_usage: JSON | None = None
        """A fixed X-Business-Use-Case-Usage, by business object; None: counted."""
        self.headers: dict[str, str] = {}
        """What headers say instead of the truth, by name; an empty text leaves the header out."""
        self.counts = Usage(page_id, record.clock, CALLS_AN_HOUR if limits else FAR_AWAY)
        self.page = FacebookPage(record, files, page_id)
        self.views = FacebookViews(self.page)
        self.token = PageToken(token, page_id, record.clock)
        self._secret = app_secret

    def limit(self, count: int, seconds: float = HOUR) -> None:
        """Sets how many calls fit into a sliding window, in force at once."""
        self.counts = Usage(self.page_id, self.record.clock, count, seconds)

    def routes(self) -> list[web.RouteDef]:
        """The routes, below the sandbox's root."""
        return [web.route("*", "/facebook/{rest:.*}", self.call)]

    async def call(self, request: web.Request) -> web.Response:
        """One Graph call."""
        try:
            ask = await self._read(request)
            self._check_token(request, ask)
            method, run = self._route(ask)
        except GraphError as error:
            return self._refuse(error)
        self.record.call("facebook", method, path="/".join(ask.path))
        fault = self.faults.take("facebook", method)

        async def answer() -> web.Response:
            try:
                if not self.counts.take():
                    raise too_many_calls()
                return web.json_response(run(), headers=self._headers())
            except GraphError as error:
                return self._refuse(error)

        if fault is not None and fault.kind == "graph_error":
            if fault.effect(False):
                await answer()
            return self._refuse(ordered(fault.options))
        return await play(fault, request, self.record, answer, lambda wait: self._throttled(wait))

    def _throttled(self, wait: int) -> web.Response:
        usage = {
            self.page_id: [{"type": "pages", "call_count": 100, "estimated_time_to_regain_access": -(-wait // 60)}]
        }
        refusal = self._refuse(GraphError(400, 32, "(#32) Page request limit reached", is_transient=True))
        refusal.headers["X-Business-Use-Case-Usage"] = json.dumps(usage)
        refusal.headers["X-App-Usage"] = json.dumps({"call_count": 100, "total_cputime": 100, "total_time": 100})
        return refusal

    def _refuse(self, error: GraphError) -> web.Response:
        return web.json_response(error.body(self.record.number()), status=error.status, headers=self._headers())

    def _headers(self) -> dict[str, str]:
        told = {"facebook-api-version": f"v{NEWEST}.0", **self.counts.headers()}
        if self.usage is not None:
            told["X-App-Usage"] = json.dumps(self.usage)
        if self.business_usage is not None:
            told["X-Business-Use-Case-Usage"] = json.dumps(self.business_usage)
        return {name: value for name, value in (told | self.headers).items() if value}

    async def _read(self, request: web.Request) -> Ask:
        version, _, rest = request.match_info["rest"].partition("/")
        number = re.fullmatch(r"v(\d+)\.\d", version)
        if number is None or not OLDEST <= int(number[1]) <= NEWEST:
            raise GraphError(400, 2500, f"Unknown path components: /{version}")
        given, files = dict(request.query), dict[str, tuple[str, bytes]]()
        if request.content_type == "application/json":
            given |= {
                name: value if isinstance(value, str) else json.dumps(value)
                for name, value in (await request.json()).items()
            }
        elif request.can_read_body:
            for name, value in (await request.post()).items():
                if isinstance(value, web.FileField):
                    files[name] = (value.filename, value.file.read())
                else:
                    given[name] = value if isinstance(value, str) else value.decode()
        return Ask(
            given.pop("method", request.method).upper(), [part for part in rest.split("/") if part], given, files
        )

    def _check_token(self, request: web.Request, ask: Ask) -> None:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        if {"access_token", "input_token"} & set(request.query):
            self.leaks.append(request.path)
        token = bearer or ask.given.pop("access_token", "")
        if not token:
            raise GraphError(400, 104, "An access token is required to request this resource.")
        ask.by_app = self._secret is not None and hmac.compare_digest(
            token.encode(), f"{APP_ID}|{self._secret}".encode()
        )
        if not ask.by_app:
            self._check_page_token(token)
        if self._secret is None:
            return
        proof = ask.given.pop("appsecret_proof", "")
        if not proof:
            raise GraphError(
                400, 100, "API calls from the server require an appsecret_proof argument", kind="GraphMethodException"
            )
        right = hmac.new(self._secret.encode(), token.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(right, proof):
            raise GraphError(
                400, 100, "Invalid appsecret_proof provided in the API argument", kind="GraphMethodException"
            )

    def _check_page_token(self, token: str) -> None:
        if self.revoked:
            raise GraphError(
                401, 190, "Error validating access token: The session has been invalidated because the user changed "
                "their password or Facebook has changed the session for security reasons.", subcode=460,
            )  # fmt: skip
        if not hmac.compare_digest(token.encode(), self.token.token.encode()):
            raise GraphError(401, 190, "Invalid OAuth access token - Cannot parse access token")
        if self.token.expired:
            raise GraphError(401, 190, "Error validating access token: Session has expired", subcode=463)

    def _route(self, ask: Ask) -> tuple[str, Callable[[], JSON]]:
        """Name of the called method and what to run."""
        owner, page, given = (ask.path or [""])[0], self.page, ask.given
        if ask.path == ["debug_token"] and ask.verb == "GET":
            return "token.debug", lambda: self.token.debug(given, by_app=ask.by_app)
        if ask.by_app:
            raise app_alone()
        if owner in ("me", self.page_id):
            edge = ask.path[1] if len(ask.path) > 1 else ""
            if ask.verb == "GET" and not edge:
                return ("me.get" if owner == "me" else "page.get"), lambda: self.views.page_json(given)
            if edge in ("feed", "posts", "published_posts") and ask.verb == "GET":
                return "feed.read", lambda: self.views.feed(edge, given)
            if edge == "feed" and ask.verb == "POST":
                return "feed.create", lambda: page.add_post(given)
            if edge == "photos" and ask.verb == "POST":
                name, data = ask.files.get("source", ("", b""))
                return "photos.create", lambda: page.add_photo(data, name, given)
            if edge == "videos" and ask.verb == "POST":
                return self._video(ask)
            raise GraphError(400, 2500, f"Unknown path components: /{edge}")
        if len(ask.path) != 1:
            raise no_object(owner) if ask.path else GraphError(400, 2500, "Unknown path components: /")
        verbs: dict[str, tuple[str, Callable[[], JSON]]] = {
            "GET": ("object.get", lambda: self.views.object_json(owner, given)),
            "POST": ("object.update", lambda: page.update(owner, given)),
            "DELETE": ("object.delete", lambda: page.delete(owner)),
        }
        if ask.verb not in verbs:
            raise GraphError(400, 100, f"Unsupported {ask.verb.lower()} request", kind="GraphMethodException")
        return verbs[ask.verb]

    def _video(self, ask: Ask) -> tuple[str, Callable[[], JSON]]:
        page, given = self.page, ask.given
        phase = given.get("upload_phase", "")
        chunk = ask.files.get("video_file_chunk", ("", b""))[1]
        phases: dict[str, tuple[str, Callable[[], JSON]]] = {
            "start": ("videos.start", lambda: page.start_video(given)),
            "transfer": ("videos.transfer", lambda: page.transfer_video(chunk, given)),
            "finish": ("videos.finish", lambda: page.finish_video(given)),
            "": ("videos.create", lambda: page.add_video(ask.files.get("source", ("", b""))[1], given)),
        }
        if phase not in phases:
            raise bad_parameter("Param upload_phase must be one of {start, transfer, finish, cancel}")
        return phases[phase]
