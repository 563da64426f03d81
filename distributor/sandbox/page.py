"""The sandbox's page: the platforms side by side, as their users see them, with hands to act.

Serves `/`, its static files, the media from memory and the forms; every form works without JavaScript, which only makes
the page live. Shows nothing unescaped, loads nothing from elsewhere, and knows nothing of the service under test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import jinja2
from aiohttp import web

from distributor.sandbox.effects import Record
from distributor.sandbox.facebook import Facebook
from distributor.sandbox.faults import METHODS, ONLY_FOR, Faults
from distributor.sandbox.files import Files
from distributor.sandbox.mail import MailBox
from distributor.sandbox.page_text import mail_html
from distributor.sandbox.page_views import Choice, Views
from distributor.sandbox.telegram import CAPTION_OF_PEOPLE, Telegram
from distributor.sandbox.telegram_errors import Refused
from distributor.sandbox.webhook import Webhook
from distributor.sandbox.wordpress import WordPress
from distributor.sandbox.x_server import X

POLICY = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
MAIL_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox allow-popups"
STATIC = {"page.css": "text/css", "live.js": "text/javascript", "icon.svg": "image/svg+xml"}


@dataclass(frozen=True)
class Sample:
    """A message ready to be sent by the author with one press: a text and files as (name, bytes)."""

    name: str
    text: str
    files: Sequence[tuple[str, bytes]] = ()


class Page:
    """The page. `samples` and `links` (label, address) are set by whoever starts the sandbox."""

    def __init__(
        self, record: Record, files: Files, faults: Faults, telegram: Telegram, x: X, facebook: Facebook, mail: MailBox,
        webhook: Webhook, wordpress: WordPress, time_zone: str = "Asia/Tbilisi",
    ) -> None:  # fmt: skip
        self.samples: list[Sample] = []
        self.links: list[tuple[str, str]] = []
        self.record = record
        self.files = files
        self.faults = faults
        self.telegram = telegram
        self.mail = mail
        self.views = Views(telegram, x, facebook, mail, webhook, wordpress, time_zone)
        loader = jinja2.PackageLoader("distributor.sandbox", "templates")
        self._templates = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
        self._static = jinja2.PackageLoader("distributor.sandbox", "static")

    def routes(self) -> list[web.RouteDef]:
        """The routes, below the sandbox's root."""
        return [
            web.get("/", self.show),
            web.get("/sandbox/static/{name}", self.static),
            web.get("/sandbox/media/{number:\\d+}", self.media),
            web.get("/sandbox/mail/{number:\\d+}", self.letter),
            web.get("/sandbox/events", self.events),
            web.post("/sandbox/say", self.say),
            web.post("/sandbox/sample", self.sample),
            web.post("/sandbox/press", self.press),
            web.post("/sandbox/faults/form", self.order_fault),
        ]

    def _choice(self, values: Any) -> Choice:
        """Who is who on the page, from a query or form; unknown people become the first of their kind."""
        people = [person.id for person in self.views.people()]

        def number(name: str) -> int:
            text = str(values.get(name, ""))
            return int(text) if text.isdigit() else 0

        me, desk = number("me"), number("desk")
        editor = people[1] if len(people) > 1 else people[0]
        return Choice(me if me in people else people[0], desk if desk in people else editor, number("mail"))

    async def show(self, request: web.Request) -> web.Response:
        """The page."""
        choice = self._choice(request.query)
        text = self._templates.get_template("page.html").render(
            self.views.everything(choice), samples=self.samples, links=self.links, faults=self.faults,
            methods={name: sorted(words) for name, words in METHODS.items()},
            kinds=sorted(set[str]().union(*ONLY_FOR.values())), notice=request.query.get("notice", ""),
        )  # fmt: skip
        return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": POLICY})

    async def static(self, request: web.Request) -> web.Response:
        """One of the page's own files."""
        name = request.match_info["name"]
        if name not in STATIC:
            raise web.HTTPNotFound
        source, _, _ = self._static.get_source(self._templates, name)
        return web.Response(text=source, content_type=STATIC[name], headers={"Cache-Control": "no-cache"})

    async def media(self, request: web.Request) -> web.Response:
        """A stored file; a span of it where the player asks for one."""
        file = self.files.stored.get(int(request.match_info["number"]))
        if file is None:
            raise web.HTTPNotFound
        headers = {"X-Content-Type-Options": "nosniff", "Accept-Ranges": "bytes", "Cache-Control": "max-age=3600"}
        if not (file.look.is_image or file.look.is_video):
            headers["Content-Disposition"] = "attachment"
        span, total = request.http_range, len(file.data)
        if span.start is None and span.stop is None:
            return web.Response(body=file.data, content_type=file.look.mime, headers=headers)
        first, last, _ = span.indices(total)
        headers["Content-Range"] = f"bytes {first}-{max(first, last - 1)}/{total}"
        return web.Response(body=file.data[first:last], status=206, content_type=file.look.mime, headers=headers)

    async def letter(self, request: web.Request) -> web.Response:
        """A mail's HTML, for the frame: no scripts, no forms, nothing from elsewhere."""
        number = int(request.match_info["number"])
        if not 1 <= number <= len(self.mail.messages):
            raise web.HTTPNotFound
        headers = {"Content-Security-Policy": MAIL_POLICY, "X-Content-Type-Options": "nosniff"}
        text = mail_html(self.mail.messages[number - 1].message)
        return web.Response(text=text, content_type="text/html", headers=headers)

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: a number whenever something changed."""
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        await stream.prepare(request)
        while not self.record.stopping.is_set():
            try:
                await stream.write(f"data: {self.record.changed.version}\n\n".encode())
            except (ConnectionError, RuntimeError):  # the visitor left
                break
            await self.record.changed.wait(15)
        return stream

    def _back(self, request: web.Request, choice: Choice, notice: str = "", *, alert: bool = False) -> web.Response:
        """The answer to a form: JSON for the script, a redirect to the page for a browser without one."""
        if "application/json" in request.headers.get("Accept", ""):
            return web.json_response({"notice": notice, "alert": alert})
        query = choice.query() + (f"&{urlencode({'notice': notice})}" if notice else "")
        return web.Response(status=303, headers={"Location": f"/{query}"})

    async def _send(self, person: int, chat: int | None, text: str, files: Sequence[tuple[str, bytes]]) -> str:
        """Sends as an app does: text alone, or files with it as the caption (a text too long for one goes ahead)."""
        try:
            if text and (not files or len(text) > CAPTION_OF_PEOPLE):
                asked = self.telegram.awaited_reply(person if chat is None else chat)
                await self.telegram.say(person, text, chat, reply_to=asked)
            caption = text if len(text) <= CAPTION_OF_PEOPLE else ""
            shown = [(self.files.look(data), name, data) for name, data in files]
            visual = [
                ("photo" if look.is_image else "video", data, name)
                for look, name, data in shown
                if look.is_image or look.is_video
            ]
            other = [("document", data, name) for look, name, data in shown if not (look.is_image or look.is_video)]
            for group in (visual, other):
                if group:
                    await self.telegram.send_files(person, group, caption, chat)
                    caption = ""
        except Refused as refused:
            return refused.description
        except PermissionError as outside:
            return str(outside)
        return ""

    async def say(self, request: web.Request) -> web.Response:
        """The composer: person, chat ("private" or an id), text, files."""
        form = await request.post()
        choice = self._choice(form)
        person = int(str(form.get("person", choice.me)))
        chat = str(form.get("chat", "private"))
        files = [
            (value.filename, value.file.read())
            for value in form.getall("files", [])
            if isinstance(value, web.FileField) and value.filename
        ]
        text = str(form.get("text", "")).replace("\r\n", "\n").strip()
        notice = await self._send(person, None if chat == "private" else int(chat), text, files)
        return self._back(request, choice, notice)

    async def sample(self, request: web.Request) -> web.Response:
        """Sends one of the samples as the person chosen."""
        form = await request.post()
        choice = self._choice(form)
        number = str(form.get("number", ""))
        if not number.isdigit() or int(number) >= len(self.samples):
            raise web.HTTPNotFound
        sample = self.samples[int(number)]
        return self._back(request, choice, await self._send(choice.me, None, sample.text, sample.files))

    async def press(self, request: web.Request) -> web.Response:
        """A button: person, chat, message, data. Waits a moment for the bot's answer, to show it as Telegram does."""
        form = await request.post()
        numbers = [int(str(form.get(name, "0"))) for name in ("person", "chat", "message")]
        query = await self.telegram.press(numbers[0], numbers[1], numbers[2], str(form.get("data", "")))
        try:
            answer = await self.telegram.wait_for_answer(query, 2.0)
        except TimeoutError:
            answer = {"text": "", "show_alert": False}
        return self._back(request, self._choice(form), str(answer["text"]), alert=bool(answer["show_alert"]))

    async def order_fault(self, request: web.Request) -> web.Response:
        """The fault panel: orders one, or clears all."""
        form = await request.post()
        choice = self._choice(form)
        if form.get("clear"):
            self.faults.clear()
            self.record.changed.fire()
            return self._back(request, choice, "Faults cleared")
        platform, _, method = str(form.get("method", "")).partition(":")
        kind = str(form.get("kind", ""))
        try:
            self.faults.order(platform, method, kind, times=int(str(form.get("times", "1")) or 1))
        except ValueError as wrong:
            return self._back(request, choice, str(wrong))
        self.record.changed.fire()
        return self._back(request, choice, f"Ordered: {kind} at {platform} {method}")
