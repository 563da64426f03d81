"""The Bot API over HTTP: tokens, dispatch, faults, file download.

Routes `/telegram/bot<TOKEN>/<method>` and `/telegram/file/bot<TOKEN>/<path>`. Never writes a token anywhere but into
the comparison.
"""

from __future__ import annotations

import hmac
import io
from typing import Any

from aiohttp import web
from PIL import Image

from distributor.sandbox.effects import Record
from distributor.sandbox.faults import Fault, Faults
from distributor.sandbox.http_faults import play
from distributor.sandbox.telegram_errors import Refused, too_many_requests
from distributor.sandbox.telegram_methods import Methods
from distributor.sandbox.telegram_params import Params, read_params
from distributor.sandbox.telegram_world import BotAccount, World

SILENT = frozenset({"getUpdates"})
"""Methods that the call log leaves out: there are too many of them."""


def _answer(refused: Refused) -> web.Response:
    headers = {"Retry-After": str(refused.parameters["retry_after"])} if "retry_after" in refused.parameters else {}
    return web.json_response(refused.body(), status=refused.error_code, headers=headers)


class TelegramServer:
    """HTTP handlers over the table of methods."""

    def __init__(self, world: World, methods: Methods, faults: Faults, record: Record) -> None:
        self.world = world
        self.methods = methods
        self.faults = faults
        self.record = record
        self._names = {name.lower(): name for name in (*methods.table, "sendMediaGroup")}
        self.revoked: set[str] = set()
        """Tokens that are answered with 401, as after a revocation at @BotFather."""

    def routes(self) -> list[web.RouteDef]:
        """The routes, below the sandbox's root."""
        return [
            web.route("*", "/telegram/bot{token}/{method}", self.call),
            web.get("/telegram/file/bot{token}/{path:.+}", self.download),
        ]

    def _bot(self, request: web.Request) -> BotAccount:
        token = request.match_info["token"]
        for bot in self.world.bots.values():
            if hmac.compare_digest(bot.token.encode(), token.encode()) and token not in self.revoked:
                return bot
        raise Refused(401, "Unauthorized")

    async def call(self, request: web.Request) -> web.Response:
        """One method call."""
        try:
            bot = self._bot(request)
            name = self._names.get(request.match_info["method"].lower())
            if name is None:
                raise Refused(404, "Not Found: method not found")
            params = await read_params(request)
        except Refused as refused:
            return _answer(refused)
        if name not in SILENT:
            details = {key: params.values[key] for key in ("chat_id", "message_id") if key in params.values}
            self.record.call("telegram", name, bot_id=bot.id, **details)
        fault = self.faults.take("telegram", name, chat_id=params.values.get("chat_id", ""))
        return await self._under(fault, request, bot, name, params)

    async def _under(
        self, fault: Fault | None, request: web.Request, bot: BotAccount, name: str, params: Params
    ) -> web.Response:
        partial = fault if fault is not None and fault.kind == "partial_album" else None

        async def answer() -> web.Response:
            try:
                return web.json_response({"ok": True, "result": await self._run(bot, name, params, partial)})
            except Refused as refused:
                return _answer(refused)

        if fault is not None and fault.kind == "telegram_error":
            if fault.effect(False):
                await answer()
            options: dict[str, Any] = fault.options
            code = int(options.get("error_code", 400))
            return _answer(Refused(code, options.get("description", "Bad Request: ordered"), options.get("parameters")))
        return await play(
            None if partial else fault, request, self.record, answer, lambda wait: _answer(too_many_requests(wait))
        )

    async def _run(self, bot: BotAccount, name: str, params: Params, partial: Fault | None) -> Any:
        if name == "sendMediaGroup":
            return await self.methods.sending.send_album(bot, params, partial)
        return await self.methods.table[name](bot, params)

    async def download(self, request: web.Request) -> web.Response:
        """A file by the path that getFile gave."""
        try:
            self._bot(request)
        except Refused as refused:
            return _answer(refused)
        self.record.call("telegram", "file.download", path=request.match_info["path"])
        fault = self.faults.take("telegram", "file.download")
        return await play(
            fault, request, self.record, lambda: self._file(request), lambda wait: _answer(too_many_requests(wait))
        )

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info["path"].rpartition("/")[2]
        kind, _, rest = name.partition("_")
        number = rest.partition(".")[0]
        file = self.world.files.stored.get(int(number)) if number.isdigit() else None
        if file is None:
            return _answer(Refused(404, "Not Found"))
        if kind != "small":
            return web.Response(body=file.data, content_type="application/octet-stream")
        with Image.open(io.BytesIO(file.data)) as image:
            image.thumbnail((320, 320))
            buffer = io.BytesIO()
            image.convert("RGB").save(buffer, "JPEG")
        return web.Response(body=buffer.getvalue(), content_type="application/octet-stream")
