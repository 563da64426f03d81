"""The log holds no secret, whatever way it was spelt and whoever wrote the line."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import structlog

from distributor import log
from distributor.redaction import MARK, Redactor

ROOT = Path(__file__).resolve().parents[1]
BOT = "987654321:AAH-canary_bot-token_0123456789abcdef"
WORD = 'pä$$ wörd/with"quotes&\\more'
LINES = "first-canary-line\n100%-of\\the-second-line\nthird-canary-line"
KEY = "canary-consumer-key-1f2e3d"
SECRETS = (BOT, WORD, LINES, KEY)


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """A stream to log to; afterwards the process logs as before."""
    root = logging.getLogger()
    before = (root.level, sys.excepthook, threading.excepthook, sys.unraisablehook, log._State.secrets)
    handlers = list(root.handlers)
    yield io.StringIO()
    root.setLevel(before[0])
    root.handlers[:] = handlers
    sys.excepthook, threading.excepthook, sys.unraisablehook = before[1:4]
    log._State.secrets, log._State.redactor = before[4], None
    logging.captureWarnings(False)
    structlog.reset_defaults()
    for name in log._CAPS:
        logging.getLogger(name).setLevel(logging.NOTSET)


def alone() -> None:
    """Take pytest's own handlers away for the rest of a test: they raise where ours must not."""
    root = logging.getLogger()
    root.handlers[:] = [handler for handler in root.handlers if isinstance(handler, log._Handler)]


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def spellings(secret: str) -> list[str]:
    """The ways in which a secret may stand in a line."""
    raw = secret.encode()
    return [
        secret,
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        quote(secret, safe="").replace("%2F", "%2f").replace("%24", "%24"),
        quote(quote(secret, safe=""), safe=""),
        quote(quote(quote_plus(secret), safe=""), safe=""),
        json.dumps(secret),
        json.dumps({"deep": json.dumps({"password": secret})}),
        repr(secret),
        repr(raw),
        raw.hex(),
        base64.b64encode(raw).decode(),
        base64.b64encode(b"press:" + raw).decode(),
        base64.b64encode(b"\0press@example.ge\0" + raw).decode(),
        base64.urlsafe_b64encode(b"ab" + raw + b"!").decode(),
    ]


def traces(secret: str) -> list[str]:
    """What must be in no output: the secret, and pieces long enough to betray it."""
    raw = secret.encode()
    found = [secret, quote(secret, safe=""), quote_plus(secret), raw.hex(), json.dumps(secret)[1:-1]]
    for before in range(3):
        found.append(base64.b64encode(b"\0" * before + raw).decode()[4:-4])
    return [*found, *secret.splitlines(), secret[len(secret) // 4 : -len(secret) // 4]]


def assert_clean(output: str) -> None:
    assert output
    for secret in SECRETS:
        for trace in traces(secret):
            assert trace not in output


@pytest.mark.parametrize("format", ["json", "console"])
def test_planted_secrets_are_in_no_line_in_any_form(format: Any, stream: io.StringIO) -> None:
    log.configure("debug", format, SECRETS, stream)
    ours, theirs = structlog.get_logger("ours"), logging.getLogger("aiohttp.client")
    for secret in SECRETS:
        for spelt in spellings(secret):
            ours.info(f"event {spelt}", field=spelt, deep={"a": [{spelt: (spelt, spelt.encode())}]}, odd={spelt})
            ours.info("positional %s", spelt)
            theirs.warning("sent %s to %r", spelt, {"value": spelt})
            structlog.contextvars.bind_contextvars(bound=spelt)
            ours.debug("bound")
            structlog.contextvars.clear_contextvars()
    assert_clean(stream.getvalue())
    assert stream.getvalue().count(MARK) > 100


class Odd:
    """An object whose repr tells a secret, as those of some libraries do."""

    def __repr__(self) -> str:
        return f"<Client token={KEY!r}>"


class Broken:
    """An object that cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError(KEY)


def fail(secret: str) -> None:
    """An error with a chain of causes, notes and a group, all of which hold the secret."""
    try:
        try:
            raise ConnectionError(f"GET https://api.telegram.org/bot{BOT}/getMe failed: {secret}")
        except ConnectionError as error:
            raise ValueError({"headers": {"Authorization": f"Bearer {secret}"}}) from error
    except ValueError as error:
        error.add_note(f"while sending {secret}")
        raise ExceptionGroup(f"several {secret}", [error, KeyError(secret)]) from error


@pytest.mark.parametrize("format", ["json", "console"])
@pytest.mark.parametrize("secret", SECRETS)
def test_planted_secrets_are_in_no_traceback(format: Any, secret: str, stream: io.StringIO) -> None:
    log.configure("debug", format, SECRETS, stream)
    alone()
    try:
        fail(secret)
    except ExceptionGroup as error:
        structlog.get_logger("ours").exception("failed", client=Odd(), broken=Broken(), error=error)
        logging.getLogger("sqlalchemy.pool").exception("failed with %s", error)
        logging.getLogger("sqlalchemy.pool").error("stack", stack_info=True)
    assert_clean(stream.getvalue())
    assert "ConnectionError" in stream.getvalue()
    assert "whose repr fails with RuntimeError" in stream.getvalue()


SHAPES = [
    "https://api.telegram.org/bot{0}/sendMessage",
    "https://api.telegram.org/file/bot{0}/photos/file_1.jpg",
    "https://graph.facebook.com/v26.0/me?fields=id&access_token={0}&appsecret_proof={0}",
    "GET /hooks?token={0} HTTP/1.1",
    "Authorization: Bearer {0}",
    "authorization: Basic {0}",
    'Authorization: OAuth oauth_consumer_key="{0}", oauth_nonce="1", oauth_token="{0}", oauth_signature="{0}"',
    "{{'Authorization': 'OAuth oauth_token=\"{0}\"', 'Host': 'api.x.com'}}",
    "<CIMultiDict('Authorization': 'Bearer {0}', 'Accept': '*/*')>",
    "[(b'authorization', b'Bearer {0}'), (b'accept', b'*/*')]",
    '{{"access_token": "{0}", "token_type": "bearer"}}',
    '"{{\\"access_token\\": \\"{0}\\"}}"',
    "X-Telegram-Bot-Api-Secret-Token: {0}",
    "Cookie: distributor_session={0}; other=1",
    "postgresql://office:{0}@db.internal/office",
    "redis://:{0}@redis:6379/0",
    "AUTH PLAIN {0}",
    "-----BEGIN PRIVATE KEY-----\n{0}\n-----END PRIVATE KEY-----",
    "client_secret={0}&grant_type=client_credentials",
]


@pytest.mark.parametrize("shape", SHAPES)
def test_what_looks_like_a_credential_is_left_out_though_nobody_named_it(shape: str, stream: io.StringIO) -> None:
    unknown = "1234567890:ZZtotally0unknown0value0of0somebody" if "/bot" in shape else "ZZtotally0unknown0value0of"
    log.configure("info", "json", (), stream)
    structlog.get_logger("ours").info("call", said=shape.format(unknown))
    logging.getLogger("aiohttp").info(shape.format(unknown).replace("%", "%%"))
    assert "totally0unknown" not in stream.getvalue()
    assert len(lines(stream)) == 2


def test_a_bot_token_is_left_out_wherever_it_stands() -> None:
    token = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
    for text in (token, f"bad token {token}, sorry", quote(token, safe=""), quote(quote(token, safe="")), f"({token})"):
        assert "AAHdqTcvCH1v" not in log.redact(text)


def test_fields_named_as_secrets_are_left_out_and_ordinary_words_stay(stream: io.StringIO) -> None:
    log.configure("info", "json", (), stream)
    structlog.get_logger("ours").info(
        "delivery 12 sent at 14:05:33", token="abc", api_key="def", fence=7, link="https://news.example.ge/releases/a-1"
    )
    (line,) = lines(stream)
    assert (line["token"], line["api_key"], line["fence"]) == (MARK, MARK, 7)
    assert (line["event"], line["link"]) == ("delivery 12 sent at 14:05:33", "https://news.example.ge/releases/a-1")


def test_a_line_is_json_with_utc_time_level_logger_and_context(stream: io.StringIO) -> None:
    log.configure("info", "json", (), stream)
    with structlog.contextvars.bound_contextvars(release="abc"):
        structlog.get_logger("ours").info("გაგზავნილია", count=3, share=0.5, none=None)
        logging.getLogger("telegram.ext").warning("slow")
    first, second = lines(stream)
    assert (first["event"], first["level"], first["logger"], first["release"]) == ("გაგზავნილია", "info", "ours", "abc")
    assert (first["count"], first["share"], first["none"]) == (3, 0.5, None)
    offset = datetime.fromisoformat(first["timestamp"]).utcoffset()
    assert offset is not None
    assert offset.total_seconds() == 0
    assert (second["event"], second["release"], second["logger"]) == ("slow", "abc", "telegram.ext")


def test_nobody_can_forge_a_line_or_steer_a_terminal(stream: io.StringIO) -> None:
    log.configure("info", "console", (), stream)
    structlog.get_logger("ours").info("title\n2026-01-01 [info] forged\x1b[2J\u2028x\udcff", name="a\r\nb")
    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b[2J" not in stream.getvalue()


def test_libraries_that_tell_too_much_are_held_at_their_cap(stream: io.StringIO) -> None:
    log.configure("debug", "json", (), stream)
    for name in ("tweepy.client", "urllib3.connectionpool", "httpx", "httpcore.connection"):
        logging.getLogger(name).info("request with everything in it")
        logging.getLogger(name).debug("headers")
    logging.getLogger("telegram.ext").debug("update")
    assert stream.getvalue() == ""
    logging.getLogger("tweepy").warning("limit")
    assert [line["event"] for line in lines(stream)] == ["limit"]


def test_a_higher_level_holds_for_libraries_too(stream: io.StringIO) -> None:
    log.configure("error", "json", (), stream)
    logging.getLogger("urllib3").warning("no")
    structlog.get_logger("ours").warning("no")
    assert stream.getvalue() == ""
    with pytest.raises(ValueError, match="loud"):
        log.configure("loud")


def test_configuring_again_replaces_the_handler_and_keeps_the_secrets(stream: io.StringIO) -> None:
    log.configure("info", "json", (KEY,), stream)
    log.configure("info", "json", (), stream)
    log.keep_secret("a-page-token-that-came-later")
    structlog.get_logger("ours").info(f"{KEY} a-page-token-that-came-later")
    assert [line["event"] for line in lines(stream)] == [f"{MARK} {MARK}"]


def test_what_nobody_caught_is_logged_without_secrets(stream: io.StringIO) -> None:
    log.configure("info", "json", SECRETS, stream)

    async def lonely() -> None:
        loop = asyncio.get_running_loop()
        log.watch(loop)
        loop.call_soon(fail, KEY)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(lonely())
    thread = threading.Thread(target=fail, args=(WORD,), name="side")
    thread.start()
    thread.join()
    try:
        fail(BOT)
    except ExceptionGroup as error:
        sys.excepthook(type(error), error, error.__traceback__)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"old {KEY}", UserWarning, stacklevel=1)
    assert_clean(stream.getvalue())
    assert [line["event"] for line in lines(stream)[:3]] == ["unhandled in the event loop", "thread crashed", "crashed"]
    assert lines(stream)[3]["logger"] == "py.warnings"


def test_a_process_that_crashes_prints_no_secret() -> None:
    code = (
        "from distributor import log\n"
        f"log.configure('info', 'json', [{KEY!r}])\n"
        f"raise RuntimeError('https://api.telegram.org/bot{BOT}/x', {KEY!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert_clean(done.stdout + done.stderr)
    assert json.loads(done.stderr)["event"] == "crashed"


def test_a_line_that_cannot_be_written_is_told_without_its_words(
    stream: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    log.configure("info", "json", (KEY,), stream)
    alone()
    logging.getLogger("aiohttp").info("wrong %d", KEY)
    output = capfd.readouterr().err + stream.getvalue()
    assert "could not be written: TypeError" in output
    assert KEY not in output


def test_the_longer_of_two_secrets_leaves_no_rest() -> None:
    redactor = Redactor(["canary", "canary-and-more"])
    assert redactor.text("x canary-and-more y") == f"x {MARK} y"


def test_a_very_short_secret_does_not_eat_the_log() -> None:
    assert Redactor(["a", ""]).text("a plain sentence") == "a plain sentence"
