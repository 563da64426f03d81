"""What the relay's answers mean, row by row, and what settings are refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from distributor.adapters.email_answers import Phase, outcome_of
from distributor.core.outcome import Rejected, Sent, Unknown
from tests.adapters.email_stage import Stage, on_stage, settings, told


@pytest_asyncio.fixture(params=[True, False], ids=["pipelined", "one by one"])
async def stage(folder: Path, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with on_stage(folder) as made:
        made.sandbox.mail.pipelining = request.param
        yield made


@pytest.mark.parametrize(
    ("method", "code", "text", "expected"),
    [
        ("smtp.connect", 554, "5.7.1 Blocked", ("Deferred", "connection", "delivery")),
        ("smtp.mail", 451, "4.3.0 Later", ("Deferred", "relay_later", "delivery")),
        ("smtp.mail", 550, "5.7.1 Not your domain", ("Deferred", "sender_refused", "lane")),
        ("smtp.mail", 530, "5.7.0 Authentication required", ("Deferred", "credential", "lane")),
        ("smtp.mail", 552, "5.3.4 Too big", ("Rejected", "too_large", "delivery")),
        ("smtp.rcpt", 451, "4.7.1 Greylisted, try again in 5 minutes", ("Deferred", "recipient_later", "delivery")),
        ("smtp.rcpt", 552, "5.2.2 Mailbox full", ("Deferred", "recipient_later", "delivery")),
        ("smtp.rcpt", 550, "5.1.1 User unknown", ("Rejected", "recipient_refused", "destination")),
        ("smtp.rcpt", 554, "5.7.1 Relay access denied", ("Rejected", "policy", "delivery")),
        ("smtp.data", 451, "4.3.0 Try again", ("Deferred", "relay_later", "delivery")),
        ("smtp.data", 421, "4.3.2 Shutting down", ("Deferred", "relay_busy", "delivery")),
        ("smtp.data", 552, "5.3.4 Too big", ("Rejected", "too_large", "delivery")),
        ("smtp.data", 554, "5.7.1 Looks like spam", ("Rejected", "content_refused", "delivery")),
    ],
)
async def test_an_answer_is_read_by_its_phase_and_code(
    stage: Stage, method: str, code: int, text: str, expected: tuple[str, str, str]
) -> None:
    stage.order(method, "smtp_error", code=code, text=text)
    outcome = await stage.send()
    assert told(outcome) == expected
    assert text in getattr(outcome, "reason", "")
    assert stage.mails == []
    assert isinstance(await stage.send(), Sent)  # the connection, or a new one, serves the next


@pytest.mark.parametrize("phase", list(Phase))
def test_no_answer_leads_to_a_repeat_after_the_dot_or_to_sent_before_it(phase: Phase) -> None:
    for code in (-1, 0, 199, 200, 250, 251, 299, 300, 354, 399, 400, 421, 452, 499, 500, 535, 550, 599, 600, 999):
        outcome = outcome_of(phase, code, "text")
        assert isinstance(outcome, Sent) is (phase is Phase.DOT and 200 <= code < 300)
        understood = 200 <= code < 300 or 400 <= code < 600
        assert isinstance(outcome, Unknown) is (phase is Phase.DOT and not understood)


def test_the_words_of_a_relay_become_one_short_line() -> None:
    outcome = outcome_of(Phase.RCPT, 550, "no\r\nsuch\x1b[2J\udcff " + "x" * 1000)
    assert isinstance(outcome, Rejected)
    assert outcome.reason.isprintable()
    assert len(outcome.reason) < 330
    outcome.reason.encode()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sender": "press@mia.example\r\nBcc: x@y.example"}, "sender"),
        ({"sender_name": "Press\nOffice"}, "sender_name"),
        ({"reply_to": "not an address"}, "reply_to"),
        ({"envelope_domain": "bounces mia"}, "envelope_domain"),
        ({"unsubscribe_url": "https://mia.example/unsubscribe"}, "holds {token} once"),
        ({"dkim_selector": "press"}, "belong together"),
        ({"username": "press"}, "belong together"),
        ({"host": "relay.example", "username": "a", "password": "canary-clear"}, "not sent without encryption"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_wrong_settings_are_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words.replace("{", r"\{").replace("}", r"\}")) as problem:
        settings(**changes)
    assert "canary-clear" not in str(problem.value)
