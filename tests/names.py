"""A name service under a test's control: what the operating system answers for some names, and how often it was asked.

Only what lies outside of the project is replaced: `socket.getaddrinfo`, which the event loop asks. All other names go
where they always go.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest


@dataclass
class Names:
    """`answers[name]`: an answer for each question, the last one for all that follow; an answer is its addresses."""

    answers: dict[str, list[Sequence[str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """In force until the test ends."""
        real = socket.getaddrinfo

        def look_up(host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
            name = host.decode() if isinstance(host, bytes) else host
            if name not in self.answers:
                return real(host, port, *arguments, **options)
            self.asked.append(name)
            given = self.answers[name]
            numbers = given.pop(0) if len(given) > 1 else given[0]
            return [_place(number, int(port)) for number in numbers]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)


def _place(number: str, port: int) -> tuple[Any, ...]:
    six = ipaddress.ip_address(number).version == 6
    place = (number, port, 0, 0) if six else (number, port)
    return (socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", place)
