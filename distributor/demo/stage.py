"""A stage: the sandbox, settings that point at it, people, a press list, and the service on top.

May touch: its folder, and the loopback address. What it sets up is what an operator would: a settings file,
invitations that are used, subscribers that are added.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distributor.adapters import registry
from distributor.app import Parts, Service, open_parts, utc_now
from distributor.config import Settings, load
from distributor.core.people import Person, Role
from distributor.core.ports import Clock
from distributor.core.template import Template
from distributor.demo.further import subscribe
from distributor.demo.further import tables as further_tables
from distributor.sandbox import Sandbox

AUTHOR, EDITOR, ADMINISTRATOR, STRANGER = 501, 502, 503, 504  # the sandbox's people, by Telegram id
DESK_CHAT, CHANNEL_CHAT, STAGING_CHAT = -100200, -100300, -100400
PEOPLE = ((AUTHOR, Role.AUTHOR, "Nino"), (EDITOR, Role.EDITOR, "Giorgi"), (ADMINISTRATOR, Role.ADMINISTRATOR, "Tamar"))

# The simulated newsrooms that subscribe to the e-mail list: address, language, regions.
SUBSCRIBERS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("news@tbilisi-daily.example", "ka", ()),
    ("desk@kakheti-radio.example", "ka", ()),
    ("editors@caucasus-wire.example", "en", ()),
)


class Stage:
    """One demo or test. `start` everything or only what `roles` name; `stop` at the end. `further`: with the channels
    of demo.further too."""

    def __init__(
        self,
        folder: Path,
        *,
        sandbox: Sandbox | None = None,
        limits: bool = False,
        roles: frozenset[str] = frozenset({"bot", "worker", "web"}),
        ports: tuple[int, int] = (0, 0),
        changes: Mapping[str, Any] | None = None,
        clock: Clock = utc_now,
        further: bool = False,
    ) -> None:
        self.folder = folder
        self.sandbox = sandbox or Sandbox(limits=limits)
        self._own_sandbox = sandbox is None
        self._roles = roles
        self._web_port, self._sandbox_port = ports
        self._changes = dict(changes or {})
        self._clock = clock
        self._further = further
        self.settings_file = folder / "distributor.toml"
        self.settings: Settings
        self.parts: Parts
        self.service: Service
        self.people: dict[int, Person] = {}

    async def start(self) -> None:
        """The sandbox, then the service, its people and its press list."""
        if self._own_sandbox:
            await self.sandbox.start(http_port=free_port(self._sandbox_port))
        self._write_settings(free_port(self._web_port))
        await self.start_service()
        await self._invite()

    async def start_service(self) -> None:
        """Read the settings file and start the roles (also after `stop_service`: a restart)."""
        self.settings = load(self.settings_file, {}, registry.settings_model, registry.names())
        self.parts = await open_parts(self.settings, self.settings_file, self._clock)
        self.service = Service(self.parts, self._roles)
        await self.service.start()

    async def stop_service(self) -> None:
        """Stop the service; the sandbox goes on."""
        await self.service.stop()
        await self.parts.close()

    async def stop(self) -> None:
        """Stop everything that this stage started."""
        await self.stop_service()
        if self._own_sandbox:
            await self.sandbox.stop()

    async def approve_template(self, template: Template) -> None:
        """Put an emergency template in use, as the desk does: Nino adds it, two others press."""
        office = self.parts.office
        if any(row.name == template.name for row in await office.templates.usable()):
            return
        made = await office.templates.add(template, self.people[AUTHOR])
        for telegram_id in (EDITOR, ADMINISTRATOR):
            await office.templates.press(await office.templates.button(made), telegram_id)

    async def _invite(self) -> None:
        office = self.parts.office
        for telegram_id, role, name in PEOPLE:
            known = await office.people.by_telegram(telegram_id)
            if known is None:
                invitation = await office.people.invite(role, None, name)
                known = (await office.people.join(invitation.token, telegram_id, name)).person
            self.people[telegram_id] = known
        have = {row["address"] for row in await office.subscriptions.everyone()}
        for address, language, regions in SUBSCRIBERS:
            if "press" in self.settings.channels and address not in have:
                facets = {"region": regions} if regions else {}
                await office.subscriptions.add("press", address, None, language=language, facets=facets)
        if self._further:
            await subscribe(office, self.sandbox)

    def _write_settings(self, web_port: int) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        tables = self._tables(web_port)
        if self._further:
            tables["channels"] |= further_tables(self.sandbox)
        for path, value in self._changes.items():
            _put(tables, path.split("."), value)
        self.settings_file.write_text(_toml(tables), encoding="utf-8")
        self.settings_file.chmod(0o600)

    def _tables(self, web_port: int) -> dict[str, Any]:
        folder, box = self.folder, self.sandbox
        token = box.accounts.bots[0][0]
        return {
            "office": {
                "name": {"ka": "შინაგან საქმეთა სამინისტრო", "en": "Ministry of Internal Affairs"},
                "base_url": f"http://127.0.0.1:{web_port}",
                "languages": ["ka", "en"],
            },
            "storage": {"url": f"sqlite:///{folder / 'distributor.db'}", "media": str(folder / "media")},
            "web": {"listen": f"127.0.0.1:{web_port}"},
            "telegram": {"token": token, "api_url": box.telegram.api_url, "desk_chat": DESK_CHAT},
            "audit": {"key_file": str(folder / "audit.key")},
            "preflight": {"allow_private_links": True},
            "log": {"level": "warning", "format": "console"},
            "channels": {
                "newsroom": {"adapter": "newsroom", "label": "Website", "live": False},
                "telegram": {
                    "adapter": "telegram",
                    "label": "Telegram",
                    "live": False,
                    "token": token,
                    "api_url": box.telegram.api_url,
                    "chat": str(CHANNEL_CHAT),
                    "staging_chat": str(STAGING_CHAT),
                    "rates": ["30/s"],
                    "destination_rates": ["20/min"],
                },
                "x": {
                    "adapter": "x",
                    "label": "X",
                    "live": False,
                    "api_url": box.x.api_url,
                    "account": "mia_sandbox",
                    "consumer_key": box.x.keys.consumer_key,
                    "consumer_secret": box.x.keys.consumer_secret,
                    "access_token": box.x.keys.access_token,
                    "access_token_secret": box.x.keys.access_token_secret,
                    "rates": ["100/15min"],
                },
                "facebook": {
                    "adapter": "facebook",
                    "label": "Facebook",
                    "live": False,
                    "api_url": box.facebook.api_url,
                    "page": box.facebook.page_id,
                    "token": box.accounts.facebook_token,
                },
                "press": {
                    "adapter": "email",
                    "label": "E-mail",
                    "live": False,
                    "host": box.smtp_host,
                    "port": box.smtp_port,
                    "security": "none",
                    "sender": "press@mia.example",
                    "sender_name": "MIA press office",
                },
            },
        }


def free_port(wanted: int = 0) -> int:
    """The port wanted where it is free, else any free one on the loopback address."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port on the loopback address")


def _put(tables: dict[str, Any], path: list[str], value: Any) -> None:
    """Set one key by its path; None removes it."""
    here = tables
    for name in path[:-1]:
        here = here.setdefault(name, {})
    if value is None:
        here.pop(path[-1], None)
    else:
        here[path[-1]] = value


def _toml(tables: dict[str, Any], prefix: str = "") -> str:
    """Tables of strings, numbers, booleans and lists as TOML; JSON's scalars are TOML's too."""
    lines = []
    for key, value in tables.items():
        if not isinstance(value, dict):
            lines.append(f"{key} = {json.dumps(value, ensure_ascii=False)}")
    for key, value in tables.items():
        if isinstance(value, dict):
            name = f"{prefix}{key}"
            lines.append(f"\n[{name}]\n{_toml(value, name + '.')}")
    return "\n".join(lines)
