"""Faults on order: what goes wrong, at which call, how often.

Holds the list of ordered faults and the two tables (METHODS, KINDS) that say which words an order may use. Touches
nothing else: the platforms ask `take` before each call, and `http_faults` plays what it gives. It never decides by
chance.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


METHODS: Mapping[str, frozenset[str]] = {
    "telegram": _words(
        "getMe getUpdates setWebhook deleteWebhook getWebhookInfo sendMessage sendPhoto sendVideo sendDocument "
        "sendAnimation sendMediaGroup copyMessage editMessageText editMessageCaption editMessageMedia "
        "editMessageReplyMarkup deleteMessage answerCallbackQuery getFile getChat getChatMember "
        "getChatAdministrators setMyCommands getMyCommands deleteMyCommands sendChatAction file.download"
    ),
    "x": _words(
        "tweets.create tweets.delete tweets.get users.me users.tweets "
        "media.initialize media.append media.finalize media.status media.metadata"
    ),
    "facebook": _words(
        "me.get page.get feed.create feed.read photos.create videos.create videos.start videos.transfer "
        "videos.finish object.get object.update object.delete token.debug"
    ),
    "wordpress": _words(
        "users.me posts.list posts.create posts.get posts.update posts.delete media.list media.create media.update "
        "media.delete"
    ),
    "webhook": _words("deliver"),
    "smtp": _words("smtp.connect smtp.ehlo smtp.mail smtp.rcpt smtp.data"),
}

KINDS: Mapping[str, frozenset[str]] = {
    "latency": frozenset({"seconds"}),
    "429": frozenset({"retry_after"}),
    "error": frozenset({"status", "body", "effect"}),
    "html": frozenset({"status", "effect"}),
    "reset_before": frozenset(),
    "reset_after": frozenset({"effect"}),
    "hang": frozenset({"seconds", "effect"}),
    "wrong_type": frozenset({"effect"}),
    "empty": frozenset({"effect"}),
    "no_id": frozenset(),
    "partial_album": frozenset({"posted"}),
    "graph_error": frozenset({"code", "subcode", "message", "status", "is_transient", "effect"}),
    "telegram_error": frozenset({"error_code", "description", "parameters", "effect"}),
    "smtp_error": frozenset({"code", "text", "effect"}),
    "redirect": frozenset({"location", "status"}),
    "drip": frozenset({"seconds", "part", "status"}),
}

_HTTP = frozenset(KINDS) - {"graph_error", "telegram_error", "smtp_error", "partial_album", "redirect", "drip"}

ONLY_FOR: Mapping[str, frozenset[str]] = {
    "telegram": _HTTP | {"telegram_error", "partial_album"},
    "x": _HTTP,
    "facebook": _HTTP | {"graph_error"},
    "wordpress": _HTTP,
    "webhook": _HTTP - {"no_id"} | {"redirect", "drip"},
    "smtp": frozenset({"latency", "reset_before", "reset_after", "hang", "smtp_error"}),
}

MATCHERS = frozenset({"chat_id", "address"})
"""Options that narrow an order to some calls: a chat (Telegram), a recipient's address or pattern (SMTP), the last part
of an endpoint's address (webhook)."""


@dataclass
class Fault:
    """One order. `left` is how often it still happens (None: until cleared), `after` how many calls pass first."""

    platform: str
    method: str
    kind: str
    left: int | None = 1
    after: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    only: dict[str, str] = field(default_factory=dict)
    number: int = 0

    def concerns(self, platform: str, method: str, context: Mapping[str, Any]) -> bool:
        """Whether a call of `method` with `context` (chat_id, address) falls under this order."""
        if self.platform != platform or self.method not in ("*", method):
            return False
        return all(fnmatch.fnmatch(str(context.get(name, "")), wanted) for name, wanted in self.only.items())

    def effect(self, otherwise: bool) -> bool:
        """Whether the call's effect takes place although the answer fails."""
        return bool(self.options.get("effect", otherwise))

    def seconds(self, otherwise: float) -> float:
        """The waiting time of "latency" and "hang", and between the bytes of "drip"."""
        return float(self.options.get("seconds", otherwise))

    def describe(self) -> dict[str, Any]:
        """The order as JSON, for the page and GET /sandbox/faults."""
        return {
            "number": self.number, "platform": self.platform, "method": self.method, "kind": self.kind,
            "times": self.left, "after": self.after, **self.options, **self.only,
        }  # fmt: skip


class Faults:
    """The orders in force. Orders are looked at in the order they were given; the first that concerns a call acts."""

    def __init__(self) -> None:
        self.ordered: list[Fault] = []
        self.fired: list[tuple[str, str, str]] = []
        """(platform, method, kind) of every fault that took place."""
        self._numbers = 0

    def order(
        self, platform: str, method: str, kind: str, *, times: int | None = 1, after: int = 0, **options: Any
    ) -> Fault:
        """Orders a fault. ValueError for a word that no table knows: a misspelt fault would test nothing."""
        if platform not in METHODS:
            raise ValueError(f"no platform {platform!r}; there are {', '.join(METHODS)}")
        if method != "*" and method not in METHODS[platform]:
            raise ValueError(f"{platform} has no method {method!r}; it has {', '.join(sorted(METHODS[platform]))}")
        if kind not in KINDS or kind not in ONLY_FOR[platform]:
            raise ValueError(f"{platform} has no fault {kind!r}; it has {', '.join(sorted(ONLY_FOR[platform]))}")
        only = {name: str(options.pop(name)) for name in MATCHERS & options.keys()}
        if strange := options.keys() - KINDS[kind]:
            raise ValueError(f"fault {kind!r} has no option {', '.join(sorted(strange))}")
        if (times is not None and times < 1) or after < 0:
            raise ValueError("times must be at least 1 (or None), after at least 0")
        self._numbers += 1
        fault = Fault(platform, method, kind, times, after, dict(options), only, self._numbers)
        self.ordered.append(fault)
        return fault

    def take(self, platform: str, method: str, **context: Any) -> Fault | None:
        """The fault that befalls this call, used up by one; None when the call goes well."""
        for fault in self.ordered:
            if not fault.concerns(platform, method, context):
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            if fault.left is not None:
                fault.left -= 1
                if fault.left == 0:
                    self.ordered.remove(fault)
            self.fired.append((platform, method, fault.kind))
            return fault
        return None

    def clear(self, platform: str | None = None, number: int | None = None) -> None:
        """Takes orders back: all, those of one platform, or the one with this number."""
        self.ordered = [
            fault for fault in self.ordered
            if (platform is not None and fault.platform != platform)
            or (number is not None and fault.number != number)
        ]  # fmt: skip
