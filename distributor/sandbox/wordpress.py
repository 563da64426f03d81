"""A WordPress site over HTTP: its REST API for posts and media with an application password, and what visitors see.

Routes below /wordpress: the API under `wp-json`, files under `wp-content/uploads`, posts under their slugs. `site`
holds what there is. A visitor sees published posts alone, and files while they are in the library.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

from aiohttp import web

from distributor.sandbox.effects import Record
from distributor.sandbox.faults import Faults
from distributor.sandbox.files import Files
from distributor.sandbox.http_faults import play
from distributor.sandbox.wordpress_site import JSON, WordPressError, WordPressSite

CAPABILITIES = ("edit_posts", "publish_posts", "edit_published_posts", "delete_published_posts", "upload_files")


@dataclass
class Ask:
    """One call: the number in its path, its query, its body as JSON, and as it came."""

    id: int
    query: dict[str, str]
    given: JSON
    raw: bytes
    headers: Any


Run = Callable[[Ask], Any]


class WordPress:
    """The simulated site: one user with one application password."""

    def __init__(self, record: Record, files: Files, faults: Faults, *, user: str, password: str) -> None:
        self.api_url = ""
        self.record = record
        self.faults = faults
        self.site = WordPressSite(record, files)
        self.revoked = False
        """True: the application password is answered as one that was taken back."""
        self.capabilities = set(CAPABILITIES)
        self._user = user
        self._password = password

    def listen_at(self, http_url: str) -> None:
        """Where the site is found."""
        self.site.url = f"{http_url}/wordpress"
        self.api_url = f"{self.site.url}/wp-json"

    def routes(self) -> list[web.RouteDef]:
        """The routes, below the sandbox's root."""
        site, wp = self.site, "/wordpress/wp-json/wp/v2"
        one, handler = "/{id:\\d+}", self._handler
        return [
            web.get("/wordpress/wp-json", self._index),
            web.get("/wordpress/wp-json/", self._index),
            web.get(f"{wp}/users/me", handler("users.me", self._me)),
            web.get(f"{wp}/posts", handler("posts.list", lambda ask: site.list_posts(ask.query))),
            web.post(f"{wp}/posts", handler("posts.create", self._create, 201)),
            web.get(f"{wp}/posts{one}", handler("posts.get", lambda ask: site.post_json(site.post(ask.id)))),
            web.post(f"{wp}/posts{one}", handler("posts.update", self._update)),
            web.delete(f"{wp}/posts{one}", handler("posts.delete", self._delete)),
            web.get(f"{wp}/media", handler("media.list", lambda ask: site.list_media(ask.query))),
            web.post(f"{wp}/media", handler("media.create", self._upload, 201)),
            web.post(f"{wp}/media{one}", handler("media.update", lambda ask: site.update_media(ask.id, ask.given))),
            web.delete(
                f"{wp}/media{one}", handler("media.delete", lambda ask: site.delete_media(ask.id, force=_force(ask)))
            ),
            web.route("*", "/wordpress/wp-json/{rest:.*}", self._no_route),
            web.get("/wordpress/wp-content/uploads/{name}", self._file),
            web.get("/wordpress/{slug}/", self._visit),
        ]

    def _handler(self, method: str, run: Run, status: int = 200) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.Response:
            raw = await request.read()
            try:
                self._check_user(request)
                ask = Ask(int(request.match_info.get("id", 0)), dict(request.query), {}, raw, request.headers)
                if raw and request.content_type == "application/json":
                    ask.given = json.loads(raw)
            except WordPressError as error:
                return _refuse(error)
            except ValueError:
                return _refuse(WordPressError(400, "rest_invalid_json", "Invalid JSON body passed."))
            self.record.call("wordpress", method, id=ask.id)

            async def answer() -> web.Response:
                try:
                    return web.json_response(run(ask), status=status)
                except WordPressError as error:
                    return _refuse(error)

            return await play(self.faults.take("wordpress", method), request, self.record, answer, _throttled)

        return handle

    def _check_user(self, request: web.Request) -> None:
        given = request.headers.get("Authorization", "")
        if not given.startswith("Basic "):
            raise WordPressError(401, "rest_not_logged_in", "You are not currently logged in.")
        try:
            user, _, password = base64.b64decode(given[6:], validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user, password = "", ""
        if user != self._user:
            raise WordPressError(401, "invalid_username", "Unknown username. Check again or try your email address.")
        if self.revoked or password.replace(" ", "") != self._password.replace(" ", ""):
            raise WordPressError(401, "incorrect_password", "The provided password is an invalid application password.")

    def _may(self, capability: str, code: str) -> None:
        if capability not in self.capabilities:
            raise WordPressError(403, code, "Sorry, you are not allowed to do that.")

    def _create(self, ask: Ask) -> JSON:
        self._may("edit_posts", "rest_cannot_create")
        if ask.given.get("status") == "publish":
            self._may("publish_posts", "rest_cannot_publish")
        return self.site.create_post(ask.given)

    def _update(self, ask: Ask) -> JSON:
        if self.site.post(ask.id).status == "publish":
            self._may("edit_published_posts", "rest_cannot_edit")
        elif ask.given.get("status") == "publish":
            self._may("publish_posts", "rest_cannot_publish")
        return self.site.update_post(ask.id, ask.given)

    def _delete(self, ask: Ask) -> JSON:
        self.site.post(ask.id)
        self._may("delete_published_posts", "rest_cannot_delete")
        return self.site.delete_post(ask.id, force=_force(ask))

    def _upload(self, ask: Ask) -> JSON:
        self._may("upload_files", "rest_cannot_create")
        if not ask.raw:
            raise WordPressError(400, "rest_upload_no_data", "No data supplied.")
        named = re.search(r'filename="([^"]+)"', ask.headers.get("Content-Disposition", ""))
        if named is None:
            raise WordPressError(400, "rest_upload_no_content_disposition", "No Content-Disposition supplied.")
        return self.site.create_media(named[1], ask.headers.get("Content-Type", ""), ask.raw)

    def _me(self, ask: Ask) -> JSON:
        roles = {name: name in self.capabilities for name in CAPABILITIES}
        return {"id": 2, "name": "Press office", "slug": self._user, "capabilities": roles}

    async def _index(self, request: web.Request) -> web.Response:
        point = {"endpoints": {"authorization": f"{self.site.url}/wp-admin/authorize-application.php"}}
        told = {"name": "MIA", "url": self.site.url, "authentication": {"application-passwords": point}}
        return web.json_response(told | {"namespaces": ["wp/v2"]})

    async def _no_route(self, request: web.Request) -> web.Response:
        return _refuse(WordPressError(404, "rest_no_route", "No route was found matching the URL and request method."))

    async def _file(self, request: web.Request) -> web.Response:
        found = next((one for one in self.site.media.values() if one.name == request.match_info["name"]), None)
        if found is None:
            raise web.HTTPNotFound
        return web.Response(body=found.file.data, content_type=found.file.look.mime)

    async def _visit(self, request: web.Request) -> web.Response:
        found = next((post for post in self.site.standing() if post.slug == request.match_info["slug"]), None)
        if found is None:
            raise web.HTTPNotFound
        # As any visitor's browser would show it, but without its scripts: the sandbox trusts nobody.
        text = f"<!doctype html><meta charset=utf-8><title>{escape(found.title)}</title><h1>{found.title}</h1>"
        policy = {"Content-Security-Policy": "default-src 'none'; img-src 'self'; media-src 'self'; sandbox"}
        return web.Response(text=text + found.content, content_type="text/html", headers=policy)


def _force(ask: Ask) -> bool:
    return ask.query.get("force") == "true"


def _refuse(error: WordPressError) -> web.Response:
    return web.json_response(error.body, status=error.status)


def _throttled(seconds: int) -> web.Response:
    return web.json_response(
        {"code": "too_many_requests", "message": "Slow down.", "data": {"status": 429}},
        status=429,
        headers={"Retry-After": str(seconds)},
    )
