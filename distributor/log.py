"""The log: structlog over the standard library's logging, one chain for our lines and for those of every library.

May touch: the error stream (or the stream given), logging's root, the hooks for uncaught exceptions. Nothing happens
before `configure`. Never lets a secret out: every field, event, exception and traceback passes the redactor last.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading
import traceback
from collections.abc import Iterable, MutableMapping
from types import TracebackType
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import Processor

from distributor.redaction import Redactor

# Libraries whose lower levels show requests with their credentials, or drown everything else.
_CAPS: dict[str, int] = {
    "aiosmtplib": logging.INFO,
    "aiosqlite": logging.INFO,
    "asyncio": logging.INFO,
    "alembic": logging.WARNING,
    "httpcore": logging.WARNING,
    "httpx": logging.WARNING,  # its INFO line holds the whole address, and with it a bot's token
    "mail.log": logging.WARNING,
    "oauthlib": logging.INFO,
    "PIL": logging.INFO,
    "requests_oauthlib": logging.INFO,
    "sqlalchemy": logging.WARNING,
    "telegram": logging.INFO,
    "telegram.ext": logging.INFO,
    "tweepy": logging.WARNING,
    "urllib3": logging.WARNING,
}

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

# A line of the log stays one line, and a terminal is not steered by what somebody sent us.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}
_CONTROLS |= {0x2028: "\\u2028", 0x2029: "\\u2029"}


class _State:
    """The secrets known so far. The log is one for the whole process, and so is this."""

    secrets: frozenset[str] = frozenset()
    redactor: Redactor | None = None


def redact(text: str) -> str:
    """The text without the known secrets and without whatever looks like one. For use outside the log too."""
    return _redactor().text(text)


def keep_secret(*values: str) -> None:
    """Add secrets that became known later, such as a token that a platform exchanged."""
    fresh = frozenset(value for value in values if value) - _State.secrets
    if fresh:
        _State.secrets |= fresh
        _State.redactor = Redactor(_State.secrets)


def _redactor() -> Redactor:
    if _State.redactor is None:
        _State.redactor = Redactor(_State.secrets)
    return _State.redactor


def configure(
    level: str = "info",
    format: Literal["json", "console"] = "json",
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
) -> None:
    """Set the log up for the whole process. May be called again: the last call counts, secrets stay known.

    `level`: debug, info, warning or error. `stream`: where lines go; the error stream where None.
    """
    if level not in _LEVELS:
        raise ValueError(f"no such level: {level!r}; there are {', '.join(_LEVELS)}")
    keep_secret(*secrets)
    chain: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        structlog.processors.UnicodeDecoder(),
    ]
    ending: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, _clean]
    ending.append(_json if format == "json" else _Console())
    handler = _Handler(stream if stream is not None else sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=chain, processors=ending))
    root = logging.getLogger()
    for old in [known for known in root.handlers if isinstance(known, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(_LEVELS[level])
    for name, cap in _CAPS.items():
        logging.getLogger(name).setLevel(max(cap, _LEVELS[level]))
    logging.captureWarnings(True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *chain,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable


def watch(loop: asyncio.AbstractEventLoop) -> None:
    """Let what nobody awaited reach the log, through the same chain as everything else."""
    loop.set_exception_handler(_unawaited)


def _clean(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The last word before rendering: no secrets, no characters that steer a terminal, no half characters."""
    return {str(key): _tame(_redactor().data(value, str(key))) for key, value in event.items()}


def _tame(value: Any) -> Any:
    if isinstance(value, str):
        return value.translate(_CONTROLS).encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_tame(key): _tame(item) for key, item in value.items()}
    return [_tame(item) for item in value] if isinstance(value, list) else value


def _json(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
    return json.dumps(event, ensure_ascii=False)


class _Console:
    """A line for people; the traceback below it."""

    def __init__(self) -> None:
        self._render = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )

    def __call__(self, logger: Any, name: str, event: MutableMapping[str, Any]) -> str:
        keep = {"exception", "stack"}
        lines = {
            key: value.replace("\n", "\\n") if isinstance(value, str) and key not in keep else value
            for key, value in event.items()
        }
        return str(self._render(logger, name, lines))


class _Handler(logging.StreamHandler[TextIO]):
    """Writes lines. When one cannot be written, says so without showing what was in it."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Tell that a line was lost, and where it came from, on the process's own error stream."""
        kind = getattr(sys.exc_info()[0], "__name__", "an error")
        where = f"{record.name}:{record.lineno}"
        if sys.__stderr__ is not None:
            sys.__stderr__.write(f"a log line of {where} could not be written: {kind}\n")


def _logger() -> Any:
    return structlog.stdlib.get_logger("distributor")


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, None)
        return
    _logger().critical("crashed", exc_info=(kind, error, trace))


def _uncaught_in_thread(what: threading.ExceptHookArgs) -> None:
    if what.exc_value is not None and not issubclass(what.exc_type, SystemExit):
        name = what.thread.name if what.thread else ""
        _logger().error("thread crashed", thread=name, exc_info=(what.exc_type, what.exc_value, what.exc_traceback))


def _unraisable(what: Any) -> None:
    error: BaseException | None = what.exc_value
    text = "".join(traceback.format_exception(error)) if error is not None else ""
    _logger().error("exception in clean-up", where=repr(what.object), exception=text)


def _unawaited(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    fields = {key: repr(value) for key, value in context.items() if key not in {"message", "exception"}}
    trace = (type(error), error, error.__traceback__) if isinstance(error, BaseException) else None
    _logger().error("unhandled in the event loop", said=str(context.get("message", "")), exc_info=trace, **fields)
