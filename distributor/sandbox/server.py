"""The sandbox as a whole: one HTTP server for all platforms and the page, one SMTP server, one record of effects.

Composition only. Listens on the address it is given (loopback by default) and keeps everything in memory.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from distributor.sandbox.effects import Effect, Record
from distributor.sandbox.facebook import Facebook
from distributor.sandbox.faults import KINDS, METHODS, Faults
from distributor.sandbox.files import Files
from distributor.sandbox.mail import MailBox
from distributor.sandbox.page import Page
from distributor.sandbox.telegram import DESK_TOKEN, PEOPLE, WITNESS_TOKEN, Telegram
from distributor.sandbox.telegram_server import TelegramServer
from distributor.sandbox.telegram_world import BotAccount, Person
from distributor.sandbox.webhook import Webhook
from distributor.sandbox.wordpress import WordPress
from distributor.sandbox.x_auth import XKeys
from distributor.sandbox.x_server import X

BODY_AT_MOST = 64 * 1024 * 1024


@dataclass(frozen=True, repr=False)
class Accounts:
    """The accounts of the sandbox and their secrets. `bots` are (token, username, name); the first is the desk's,
    any other is a witness: an administrator of the channel that sees what is posted there, and nothing else."""

    bots: Sequence[tuple[str, str, str]] = (
        (DESK_TOKEN, "mia_desk_bot", "Distributor"),
        (WITNESS_TOKEN, "mia_witness_bot", "Witness"),
    )
    x_keys: XKeys = field(default_factory=XKeys)
    facebook_page: str = "100200300400500"
    facebook_token: str = "sandbox-page-token"  # noqa: S105  # the sandbox's own; it opens nothing else
    facebook_app_secret: str | None = None
    wordpress_user: str = "press"
    wordpress_password: str = "sand box0 pass word only here"  # noqa: S105  # as above
    smtp_credentials: tuple[str, str] | None = None
    smtp_auth_required: bool = False
    smtp_tls: bool = False


class Sandbox:
    """The simulated platforms. `limits` switches the platforms' real rate limits on."""

    def __init__(
        self, *, clock: Callable[[], float] = time.time, limits: bool = False, accounts: Accounts | None = None,
        people: Sequence[Person] = PEOPLE,
    ) -> None:  # fmt: skip
        accounts = accounts or Accounts()
        self.accounts = accounts
        self.record = Record(clock)
        self.faults = Faults()
        self.files = Files()
        bots = [BotAccount(token, username, name) for token, username, name in accounts.bots]
        self.telegram = Telegram(self.record, self.files, people, bots, limits=limits)
        self.bot_api = TelegramServer(self.telegram.world, self.telegram.methods, self.faults, self.record)
        self.x = X(self.record, self.files, self.faults, keys=accounts.x_keys, limits=limits)
        self.facebook = Facebook(
            self.record, self.files, self.faults, page_id=accounts.facebook_page, token=accounts.facebook_token,
            app_secret=accounts.facebook_app_secret, limits=limits,
        )  # fmt: skip
        self.mail = MailBox(
            self.record, self.faults, credentials=accounts.smtp_credentials, tls=accounts.smtp_tls,
            auth_required=accounts.smtp_auth_required,
        )  # fmt: skip
        self.webhook = Webhook(self.record, self.faults)
        self.wordpress = WordPress(
            self.record, self.files, self.faults, user=accounts.wordpress_user, password=accounts.wordpress_password
        )
        platforms = (self.telegram, self.x, self.facebook, self.mail, self.webhook, self.wordpress)
        self.page = Page(self.record, self.files, self.faults, *platforms)
        self.http_url = ""
        self._runner: web.AppRunner | None = None

    @property
    def smtp_host(self) -> str:
        """Where the relay listens."""
        return self.mail.host

    @property
    def smtp_port(self) -> int:
        """Where the relay listens."""
        return self.mail.port

    def effects(self, platform: str | None = None, kind: str | None = None, **details: Any) -> list[Effect]:
        """Every externally visible effect so far, in order; narrowed by kind and by details (chat_id=…, id=…)."""
        return [
            effect for effect in self.record.effects
            if (platform is None or effect.platform == platform) and (kind is None or effect.kind == kind)
            and all(effect.details.get(name) == value for name, value in details.items())
        ]  # fmt: skip

    def calls(self, platform: str, method: str | None = None) -> int:
        """How many calls reached a platform (getUpdates not counted), whatever came of them."""
        return sum(one.platform == platform and method in (None, one.method) for one in self.record.calls)

    async def start(self, host: str = "127.0.0.1", http_port: int = 0, smtp_port: int = 0) -> None:
        """Listens; port 0 takes a free one."""
        app = web.Application(client_max_size=BODY_AT_MOST)
        app.add_routes(self.bot_api.routes())
        app.add_routes(self.x.routes())
        app.add_routes(self.facebook.routes())
        app.add_routes(self.webhook.routes())
        app.add_routes(self.wordpress.routes())
        app.add_routes(self.page.routes())
        app.add_routes([
            web.get("/sandbox/faults", self._list_faults), web.post("/sandbox/faults", self._order_fault),
            web.delete("/sandbox/faults", self._clear_faults), web.get("/sandbox/effects", self._list_effects),
        ])  # fmt: skip
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=3)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, http_port)
        await site.start()
        port = self._runner.addresses[0][1]
        self.http_url = f"http://{host}:{port}"
        self.telegram.api_url = f"{self.http_url}/telegram"
        self.x.api_url = f"{self.http_url}/x"
        self.facebook.api_url = f"{self.http_url}/facebook"
        self.webhook.api_url = f"{self.http_url}/webhook"
        self.wordpress.listen_at(self.http_url)
        await self.mail.start(host, smtp_port)

    async def stop(self) -> None:
        """Ends waiting calls and both servers. What happened stays readable."""
        self.record.stopping.set()
        self.record.changed.fire()
        await self.telegram.updates.stop()
        await self.mail.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Sandbox:
        await self.start()
        return self

    async def __aexit__(self, *problem: object) -> None:
        await self.stop()

    async def _list_faults(self, request: web.Request) -> web.Response:
        kinds = {kind: sorted(options) for kind, options in KINDS.items()}
        methods = {platform: sorted(names) for platform, names in METHODS.items()}
        ordered = [fault.describe() for fault in self.faults.ordered]
        return web.json_response({"ordered": ordered, "fired": self.faults.fired, "kinds": kinds, "methods": methods})

    async def _order_fault(self, request: web.Request) -> web.Response:
        """Orders by JSON: platform, method, kind, and the options of `Faults.order`."""
        try:
            body = dict(await request.json())
            fault = self.faults.order(body.pop("platform"), body.pop("method"), body.pop("kind"), **body)
        except (ValueError, TypeError, KeyError) as wrong:
            return web.json_response({"error": str(wrong)}, status=400)
        self.record.changed.fire()
        return web.json_response(fault.describe(), status=201)

    async def _clear_faults(self, request: web.Request) -> web.Response:
        number = request.query.get("number")
        self.faults.clear(request.query.get("platform"), int(number) if number and number.isdigit() else None)
        self.record.changed.fire()
        return web.json_response({"ordered": [fault.describe() for fault in self.faults.ordered]})

    async def _list_effects(self, request: web.Request) -> web.Response:
        shown = [
            {"platform": one.platform, "kind": one.kind, "at": one.at.isoformat(), **one.details}
            for one in self.effects(request.query.get("platform"))
        ]
        return web.Response(text=json.dumps(shown, ensure_ascii=False, default=str), content_type="application/json")
