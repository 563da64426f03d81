"""Secrets are nowhere: canaries in every credential, a whole release with failures, then a search of everything."""

from __future__ import annotations

import base64
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest

from distributor import log, redaction
from distributor.demo.stage import ADMINISTRATOR, Stage
from distributor.sandbox import Accounts, Sandbox, XKeys
from tests.queue.acts import approve, rows, until, write

TOKEN = "7000001:CANARY-telegram-token-abcdefghijklmno"
WITNESS = "7000002:CANARY-witness-token-abcdefghijklmno"
CANARIES = {
    "telegram": TOKEN,
    "telegram.witness_token": WITNESS,
    "x.consumer_secret": "CANARY-x-consumer-secret",
    "x.access_token": "2244994945-CANARY-x-access-token",
    "x.access_token_secret": "CANARY-x-access-token-secret",
    "facebook.token": "CANARY-facebook-page-token",
    "facebook.app_secret": "CANARY-facebook-app-secret",
}


@pytest.fixture
def heard() -> Iterator[io.StringIO]:
    """Everything that is logged, from debug on, of every library."""
    stream = io.StringIO()
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    log.configure("debug", "json", CANARIES.values(), stream)
    yield stream
    root.setLevel(before[0])
    root.handlers[:] = before[1]


def forms(secret: str) -> list[bytes]:
    """A secret as it is, in an address, and in base64."""
    return [secret.encode(), quote(secret, safe="").encode(), base64.b64encode(secret.encode()).rstrip(b"=")]


async def test_no_secret_is_in_log_database_media_pages_or_export(tmp_path: Path, heard: io.StringIO) -> None:
    keys = XKeys(
        consumer_secret=CANARIES["x.consumer_secret"],
        access_token=CANARIES["x.access_token"],
        access_token_secret=CANARIES["x.access_token_secret"],
    )
    accounts = Accounts(
        bots=((TOKEN, "mia_desk_bot", "Distributor"), (WITNESS, "mia_witness_bot", "Witness")),
        x_keys=keys,
        facebook_token=CANARIES["facebook.token"],
        facebook_app_secret=CANARIES["facebook.app_secret"],
    )
    changes = {
        "channels.facebook.app_secret": CANARIES["facebook.app_secret"],
        "channels.telegram.witness_token": WITNESS,
    }
    async with Sandbox(accounts=accounts) as box:
        stage = Stage(tmp_path / "stage", sandbox=box, changes=changes)
        await stage.start()
        try:
            assert set(CANARIES.values()) <= stage.settings.secrets()
            box.faults.order("telegram", "sendPhoto", "reset_after")
            box.faults.order("x", "media.append", "html", status=503)
            box.faults.order("x", "tweets.create", "reset_after")
            box.faults.order("facebook", "feed.create", "hang", seconds=0.1)
            release_id = await write(stage, photos=1)
            await approve(stage, release_id)
            settled = {"sent", "case", "rejected", "unknown", "waiting"}
            await until(stage, lambda found: bool(found) and all(row["state"] in settled for row in found), release_id)
            box.x.revoked = True
            box.facebook.revoked = True
            second = await write(stage, title="მეორე მასალა")
            await approve(stage, second)
            ended = {"sent", "case", "waiting"}
            await until(stage, lambda found: all(row["state"] in ended for row in found), second)
            outputs = {"pages": await _pages(stage)}
            outputs["export"] = b"".join(
                [json.dumps(row).encode() async for row in stage.parts.office.auditing.export()]
            )
            outputs["deliveries"] = json.dumps(await rows(stage), default=str).encode()
        finally:
            await stage.stop()
    for file in (tmp_path / "stage").rglob("*"):
        if file.is_file() and file != stage.settings_file:
            outputs[str(file.relative_to(tmp_path))] = file.read_bytes()
    outputs["log"] = heard.getvalue().encode()
    assert len(outputs["log"]) > 1000  # something was heard at all
    assert any(name.endswith("distributor.db") for name in outputs)
    found = [(where, name) for where, data in outputs.items() for name, secret in CANARIES.items()
             for form in forms(secret) if form in data]  # fmt: skip
    assert found == []


async def _pages(stage: Stage) -> bytes:
    """Every page that a visitor and a signed-in administrator see, joined."""
    link = await stage.parts.office.signin.link(stage.people[ADMINISTRATOR])
    paths = [
        "/",
        "/verify",
        "/metrics",
        "/readyz",
        "/feeds/rss.xml",
        "/admin/deliveries",
        "/admin/lanes",
        "/admin/audit",
    ]
    paths += [f"/admin/deliveries/{row['id']}" for row in await rows(stage)]
    found = []
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        await session.post(stage.service.url + "/admin/enter", data={"token": link.partition("token=")[2]})
        for path in paths:
            async with session.get(stage.service.url + path) as answer:
                assert answer.status in {200, 503}, path
                found.append(await answer.read())
    return b"".join(found)


MAIL = {"password": "CANARY/mail pass+word=ქ", "hook": "CANARY-hook-secret-0123456789"}


def every_form(secret: str) -> set[bytes]:
    """As above, and in base64 at each place where it may stand (AUTH PLAIN), in hexadecimal, escaped for JSON."""
    found = set(forms(secret)) | {form.encode() for form in redaction.forms(secret)}
    return found | {secret.encode().hex().encode(), json.dumps(secret)[1:-1].encode()}


@pytest.mark.parametrize("known", [True, False], ids=["the log knows them", "the log does not know them"])
async def test_the_mail_password_and_the_hook_secret_are_nowhere(
    tmp_path: Path, heard: io.StringIO, known: bool
) -> None:
    if known:
        log.keep_secret(*MAIL.values())
    accounts = Accounts(smtp_credentials=("press", MAIL["password"]))
    changes = {
        "channels.press.username": "press",
        "channels.press.password": MAIL["password"],
        "channels.press.messages_per_connection": 1,  # so that every mail signs in anew
        "web.hook_secret": MAIL["hook"],
        "log.level": "debug",
    }
    async with Sandbox(accounts=accounts) as box:
        stage = Stage(tmp_path / "stage", sandbox=box, changes=changes, roles=frozenset({"worker"}))
        await stage.start()
        try:
            box.faults.order("smtp", "smtp.mail", "smtp_error", code=451, text="4.3.0 try later")
            release_id = await write(stage, channels=("press",))
            await approve(stage, release_id)
            await until(stage, lambda found: bool(found) and all(row["state"] == "sent" for row in found), release_id)
            assert len(box.mail.messages) == 3, "the password was really used"
            box.mail.credentials = ("press", "another")
            second = await write(stage, channels=("press",), title="მეორე მასალა")
            await approve(stage, second)
            await until(stage, lambda found: any(row["code"] == "credential" for row in found), second)
            health = await stage.parts.channels["press"].probe()
            outputs = {"health": repr(health).encode(), "settings": repr(stage.settings).encode()}
            outputs["export"] = b"".join(
                [json.dumps(row).encode() async for row in stage.parts.office.auditing.export()]
            )
            outputs["deliveries"] = json.dumps(await rows(stage), default=str).encode()
        finally:
            await stage.stop()
    for file in (tmp_path / "stage").rglob("*"):
        if file.is_file() and file != stage.settings_file:
            outputs[str(file.relative_to(tmp_path))] = file.read_bytes()
    outputs["log"] = heard.getvalue().encode()
    found = [(where, name) for where, data in outputs.items() for name, secret in MAIL.items()
             for form in every_form(secret) if form in data]  # fmt: skip
    assert found == []
