"""The table of Telegram's errors: every row gives its outcome, for a post and for an album."""

from __future__ import annotations

from datetime import timedelta

import pytest
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, NetworkError, TelegramError

from distributor.adapters.telegram_errors import (
    FORBIDDEN,
    NOT_THERE,
    REFUSED,
    UNCHANGEABLE,
    UNCHANGED,
    Call,
    Change,
    Reach,
    Row,
    change_refused,
    is_unchanged,
    outcome_of,
)
from distributor.adapters.telegram_failures import MaybeDone, NoAnswer, NotWritten, OddAnswer, Throttled, TooLarge
from distributor.core.asset import MediaKind, Rendition
from distributor.core.outcome import Deferred, Rejected, Scope, Unknown
from distributor.core.rendering import Placed

ITEM = Placed(Rendition("a", "tg-photo", "b", "image/jpeg", 1, 2, 2, None), MediaKind.PHOTO, name="scene.jpg")
ALBUM = [ITEM] * 5
OWN = Call("publish", own=True)
READER = Call("publish", own=False)


@pytest.mark.parametrize("row", FORBIDDEN, ids=lambda row: row.words)
def test_403_stops_a_reader_and_waits_for_an_administrator_at_home(row: Row) -> None:
    error = Forbidden(f"Forbidden: {row.words} chat")
    assert outcome_of(error, READER) == Rejected(row.code, error.message, Scope.DESTINATION)
    own = outcome_of(error, OWN)
    assert isinstance(own, Deferred)
    assert (own.code, own.scope, own.throttled) == ("credential", Scope.LANE, False)


def test_a_403_in_new_words_still_suspends_a_reader() -> None:
    assert outcome_of(Forbidden("Forbidden: something new"), READER) == Rejected(
        "forbidden", "Forbidden: something new", Scope.DESTINATION
    )


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.words)
@pytest.mark.parametrize("items", [[], [ITEM], ALBUM], ids=["text", "photo", "album"])
def test_400_before_sending_is_final_for_albums_too(row: Row, items: list[Placed]) -> None:
    outcome = outcome_of(BadRequest(f"Bad Request: {row.words.upper()} 1"), Call("publish", own=False, items=items))
    if row.reach is Reach.FILE:
        assert isinstance(outcome, Deferred)
    else:
        assert isinstance(outcome, Rejected)
        assert outcome.scope is (Scope.DESTINATION if row.reach is Reach.CHAT else Scope.DELIVERY)
    assert outcome.code == row.code


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.words)
def test_f43_the_same_words_for_one_item_of_an_album_are_unknown(row: Row) -> None:
    said = f'Bad Request: failed to send message #3 with the error message "{row.words}"'
    outcome = outcome_of(BadRequest(said), Call("part:1", own=True, items=ALBUM))
    assert isinstance(outcome, Unknown)
    assert outcome.step == "part:1"
    assert outcome.reason.startswith("photo 3 of 5 (scene.jpg):")


@pytest.mark.parametrize("said", ["Group send failed", "Bad Request: SOMETHING_NEW"])
def test_f43_an_album_refused_in_unclear_words_is_unknown(said: str) -> None:
    assert isinstance(outcome_of(BadRequest(said), Call("publish", own=True, items=ALBUM)), Unknown)


@pytest.mark.parametrize(
    "error", [MaybeDone("reset"), NoAnswer("silence"), OddAnswer("html"), NetworkError("x"), Conflict("x")]
)
def test_what_may_have_happened_is_unknown_unless_a_repeat_is_harmless(error: TelegramError) -> None:
    assert isinstance(outcome_of(error, OWN), Unknown)
    assert isinstance(outcome_of(error, Call("", own=True)), Deferred)


@pytest.mark.parametrize("call", [OWN, READER, Call("", own=True), Call("publish", own=True, items=ALBUM)])
def test_what_surely_did_not_happen_is_never_unknown(call: Call) -> None:
    assert outcome_of(NotWritten("refused"), call) == Deferred("connection", "refused")
    throttled = outcome_of(Throttled(timedelta(seconds=5)), call)
    assert isinstance(throttled, Deferred)
    assert (throttled.throttled, throttled.retry_after, throttled.scope) == (True, 5.0, Scope.LANE)
    credential = outcome_of(InvalidToken("Unauthorized"), call)
    assert isinstance(credential, Deferred)
    assert (credential.code, credential.scope) == ("credential", Scope.LANE)
    moved = outcome_of(ChatMigrated(-1001), call)
    assert isinstance(moved, Deferred)
    assert (moved.code, moved.address) == ("moved", "-1001")
    assert isinstance(outcome_of(TooLarge("413"), call), Rejected)


def test_a_message_that_is_not_modified_is_as_it_should_be() -> None:
    assert is_unchanged(BadRequest("Bad Request: message is not modified: specified new message content …"))
    assert not is_unchanged(BadRequest("Bad Request: message to edit not found"))
    assert not is_unchanged(OddAnswer("message is not modified"))


@pytest.mark.parametrize(
    ("words", "change"),
    [
        *((words, Change.DONE) for words in UNCHANGED),
        *((words, Change.GONE) for words in NOT_THERE),
        *((words, Change.REFUSED) for words in UNCHANGEABLE),
        ("SOMETHING_NEW", Change.REFUSED),
    ],
)
def test_what_telegram_says_of_a_message_that_was_to_be_changed(words: str, change: Change) -> None:
    assert change_refused(BadRequest(f"Bad Request: {words.capitalize()}")) is change


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.words)
def test_what_it_says_of_the_chat_or_of_the_content_is_no_word_of_the_message(row: Row) -> None:
    assert change_refused(BadRequest(f"Bad Request: {row.words}")) is None


@pytest.mark.parametrize("error", [Throttled(timedelta(seconds=1)), NoAnswer("late"), Forbidden("x"), ChatMigrated(-1)])
def test_what_is_no_refusal_is_read_by_the_other_table(error: TelegramError) -> None:
    assert change_refused(error) is None
