"""The witness before the sandbox: what it finds after a lost answer, and when it leaves it to a person."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from telegram import Bot, MessageEntity

from distributor.adapters.telegram import Telegram, TelegramSettings
from distributor.adapters.telegram_calls import entities_of
from distributor.core.channel import Job
from distributor.core.outcome import Absent, CannotTell, LookAgain, Receipt, Sent, Unknown
from distributor.sandbox import Sandbox
from distributor.sandbox.telegram import DESK_TOKEN, WITNESS_TOKEN
from tests.adapters.support import Desk, Recorder
from tests.adapters.telegram_stage import CHANNEL, GROUP, READER, Stage, settings

EDITOR = 503
LONG = "\n\n".join(f"სართული {number}: მაშველებმა შენობა **სრულად** დაათვალიერეს." for number in range(100))
SETTLES = timedelta(seconds=25)
Open = Callable[..., Awaitable[Stage]]


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        yield running


@pytest.fixture
async def opened(folder: Path, sandbox: Sandbox) -> AsyncIterator[Open]:
    """Opens a channel with a witness over one desk; each one is what another process would have."""
    async with AsyncExitStack() as closing:
        desk = Desk.at(folder)
        closing.push_async_callback(desk.aclose)

        async def make(settles: timedelta = SETTLES, at: Sandbox | None = None, **changes: Any) -> Stage:
            where = at or sandbox
            made = settings(where, **{"witness_token": WITNESS_TOKEN} | changes)
            channel = Telegram("public", made, desk.surroundings, settles=settles)
            closing.push_async_callback(channel.aclose)
            return Stage(where, desk, channel)

        yield make


@pytest.fixture
async def bots(sandbox: Sandbox) -> AsyncIterator[dict[str, Bot]]:
    """Both bots, called by hand."""
    async with AsyncExitStack() as closing:
        made = {}
        for token in (DESK_TOKEN, WITNESS_TOKEN):
            bot = Bot(token, base_url=f"{sandbox.telegram.api_url}/bot")
            made[token] = await closing.enter_async_context(bot)
        yield made


async def lost(
    stage: Stage, method: str = "sendMessage", kind: str = "reset_after", options: Any = (), **release: Any
) -> tuple[Job, Recorder]:
    """A delivery whose publishing call ended unknown, by a fault with these options."""
    stage.order(method, kind, **dict(options))
    job, progress = await stage.desk.claimed(stage.channel, **release), Recorder()
    assert isinstance(await stage.channel.publish(job, progress), Unknown)
    return job, progress


def receipt_of(posts: list[dict[str, Any]], firsts: int = 1) -> Receipt:
    """What publishing would have given for these posts; one link for each of the first `firsts`."""
    ids = tuple(str(post["message_id"]) for post in posts)
    links = tuple(f"https://t.me/mia_sandbox/{number}" for number in ids[:firsts])
    return Receipt(ids, links, {"chat": "@mia_sandbox"})


# ---- found ----


async def test_f04_a_post_whose_answer_never_came_is_found_with_its_id_and_link(opened: Open) -> None:
    stage = await opened(read_timeout=0.3)
    job, progress = await lost(stage, kind="hang", options={"effect": True, "seconds": 2})
    assert await stage.channel.reconcile(job, progress) == Sent(receipt_of(stage.posts))
    assert len(stage.posts) == 1
    assert progress.kept["part:0"]["ids"] == [stage.posts[0]["message_id"]]
    assert stage.sandbox.calls("telegram", "sendMessage") == 1


@pytest.mark.parametrize(
    ("method", "release"),
    [
        ("sendPhoto", {"photo_count": 1}),
        ("sendVideo", {"videos": 1}),
        ("sendMediaGroup", {"photo_count": 3}),
        ("sendMediaGroup", {"photo_count": 2, "videos": 1}),
    ],
)
async def test_f04_media_is_found_with_all_its_ids(stage: Stage, method: str, release: dict[str, Any]) -> None:
    job, progress = await lost(stage, method, **release)
    assert await stage.channel.reconcile(job, progress) == Sent(receipt_of(stage.posts))
    assert len(stage.posts) == sum(release.values())


@pytest.mark.parametrize("kind", ["wrong_type", "empty", "no_id"])
async def test_f42_a_post_behind_an_answer_that_is_none_is_found(stage: Stage, kind: str) -> None:
    job, progress = await lost(stage, kind=kind)
    assert await stage.channel.reconcile(job, progress) == Sent(receipt_of(stage.posts))


async def test_links_names_and_tags_that_telegram_finds_by_itself_make_no_difference(stage: Stage) -> None:
    links = "[აქ](https://police.example/ა): https://mia.example/x [წერილი](mailto:a@b.ge)"
    body = f"🚒 **ვრცლად** {links} @mia_sandbox #თბილისი"
    job, progress = await lost(stage, body=body)
    kinds = {item["type"] for item in stage.posts[0]["entities"]}
    assert {"url", "mention", "hashtag", "bold", "text_link"} <= kinds
    assert await stage.channel.reconcile(job, progress) == Sent(receipt_of(stage.posts))


async def test_a_post_that_was_edited_meanwhile_is_known_by_its_first_words(stage: Stage, bots: dict[str, Bot]) -> None:
    job, progress = await lost(stage)
    await bots[DESK_TOKEN].edit_message_text("corrected", CHANNEL, stage.posts[0]["message_id"])
    assert await stage.channel.reconcile(job, progress) == Sent(receipt_of(stage.posts))


async def test_a_private_channel_is_known_by_its_number_and_gives_no_link(opened: Open, sandbox: Sandbox) -> None:
    sandbox.telegram.chat(CHANNEL).username = ""
    stage = await opened(chat=CHANNEL)
    job, progress = await lost(stage)
    found = await stage.channel.reconcile(job, progress)
    assert found == Sent(Receipt((str(stage.posts[0]["message_id"]),), (), {"chat": str(CHANNEL)}))


async def test_a_post_is_found_after_a_restart_and_by_every_process(opened: Open) -> None:
    job, progress = await lost(await opened())
    for _ in range(2):
        other = await opened()
        assert await other.channel.reconcile(job, Recorder(dict(progress.kept))) == Sent(receipt_of(other.posts))


async def test_a_delivery_whose_parts_are_all_known_needs_no_witness(stage: Stage) -> None:
    job, progress = await stage.desk.claimed(stage.channel, body=LONG, photo_count=1), Recorder()
    sent = await stage.channel.publish(job, progress)
    stage.order("getUpdates", "error", times=None)
    assert await stage.channel.reconcile(job, progress) == sent


# ---- several messages ----


async def test_a_first_message_that_is_found_lets_the_others_follow(stage: Stage) -> None:
    job, progress = await lost(stage, "sendPhoto", body=LONG, photo_count=1)
    found = await stage.channel.reconcile(job, progress)
    assert isinstance(found, Absent)
    assert found.reason.startswith(f"message 1 of {len(job.rendering.parts)} is there")
    outcome = await stage.channel.publish(job, progress)
    count = len(job.rendering.parts)
    assert outcome == Sent(receipt_of(stage.posts, firsts=count))
    assert stage.sandbox.calls("telegram", "sendPhoto") == 1
    assert len(stage.posts) == count


async def test_a_last_message_that_is_found_completes_the_receipt(stage: Stage) -> None:
    job, progress = await lost(stage, options={"after": 1}, body=LONG, photo_count=1)
    assert len(job.rendering.parts) == 3
    assert await stage.channel.reconcile(job, progress) == Sent(receipt_of(stage.posts, firsts=3))


async def test_a_later_message_that_answers_another_post_is_not_ours(opened: Open) -> None:
    stage = await opened(settles=timedelta())
    elsewhere = await stage.desk.claimed(stage.channel, body=LONG, photo_count=1)
    assert isinstance(await (await opened()).channel.publish(elsewhere, Recorder()), Sent)
    job, progress = await lost(stage, kind="reset_before", body=LONG, photo_count=1)
    found = await stage.channel.reconcile(job, progress)
    assert isinstance(found, CannotTell)
    assert "the witness saw its words, but not as they were sent" in found.reason


async def test_a_message_is_not_found_in_an_equal_one_of_its_own_release(stage: Stage) -> None:
    made = await stage.desk.claimed(stage.channel, body=LONG, photo_count=1)
    first, second, _ = made.rendering.parts
    job = replace(made, rendering=replace(made.rendering, parts=(first, second, second)))
    progress = Recorder()
    stage.order("sendMessage", "reset_before", after=1)
    assert isinstance(await stage.channel.publish(job, progress), Unknown)
    assert isinstance(await stage.channel.reconcile(job, progress), LookAgain)


# ---- not seen, or not for sure ----


async def test_what_the_witness_did_not_see_is_looked_for_again_and_then_a_persons_matter(stage: Stage) -> None:
    job, progress = await lost(stage, kind="reset_before")
    first = await stage.channel.reconcile(job, progress)
    assert isinstance(first, LookAgain)
    assert first.retry_after == 10.0
    stage.desk.time.pass_by(20)
    assert isinstance(second := await stage.channel.reconcile(job, progress), LookAgain)
    assert 0 < second.retry_after < 5.1
    stage.desk.time.pass_by(5)
    last = await stage.channel.reconcile(job, progress)
    assert isinstance(last, CannotTell)
    assert last.reason.startswith("the witness saw no post with its words, which proves nothing")
    assert last.reason.endswith("look into @mia_sandbox whether it is there")
    assert stage.posts == []


async def test_a_post_that_turns_up_late_is_found(stage: Stage, bots: dict[str, Bot]) -> None:
    job, progress = await lost(stage, kind="reset_before")
    assert isinstance(await stage.channel.reconcile(job, progress), LookAgain)
    part = job.rendering.parts[0]
    late = await bots[DESK_TOKEN].send_message(CHANNEL, part.text, entities=entities_of(part.entities))
    assert await stage.channel.reconcile(job, progress) == Sent(receipt_of([{"message_id": late.message_id}]))


async def test_the_settling_begins_with_the_first_look_and_outlives_a_restart(opened: Open) -> None:
    stage = await opened()
    job, progress = await lost(stage, kind="reset_before")
    stage.desk.time.pass_by(600)
    assert isinstance(await stage.channel.reconcile(job, progress), LookAgain)
    stage.desk.time.pass_by(26)
    assert isinstance(await (await opened()).channel.reconcile(job, progress), CannotTell)
    again = stage.desk.job(stage.channel, job.rendering, attempt=2)  # a person had it sent again
    assert isinstance(await stage.channel.reconcile(again, progress), LookAgain)


async def test_f43_an_album_of_which_a_part_was_posted_is_told_as_it_is(stage: Stage) -> None:
    options = {"posted": 2}
    job, progress = await lost(stage, "sendMediaGroup", "partial_album", options, photo_count=5)
    assert isinstance(await stage.channel.reconcile(job, progress), LookAgain)
    stage.desk.time.pass_by(26)
    found = await stage.channel.reconcile(job, progress)
    assert isinstance(found, CannotTell)
    number = stage.posts[0]["message_id"]
    assert f"not as they were sent with 5 photos or videos: message {number} with 2" in found.reason


async def test_equal_posts_are_a_persons_matter_and_both_are_named(opened: Open) -> None:
    stage, other = await opened(), await opened()
    twin = await stage.desk.claimed(stage.channel)
    assert isinstance(await other.channel.publish(twin, Recorder()), Sent)  # another process, unknown to ours
    job, progress = await lost(stage)
    found = await stage.channel.reconcile(job, progress)
    assert isinstance(found, CannotTell)
    numbers = ", ".join(str(post["message_id"]) for post in stage.posts)
    assert f"saw 2 equal posts (messages {numbers})" in found.reason


async def test_a_post_that_another_delivery_owns_is_not_taken_for_ours(stage: Stage) -> None:
    other = stage.desk.job(stage.channel, (await stage.desk.claimed(stage.channel)).rendering, delivery_id=2)
    assert isinstance(await stage.channel.publish(other, Recorder()), Sent)
    unsent, nothing = await lost(stage, kind="reset_before")
    assert isinstance(await stage.channel.reconcile(unsent, nothing), LookAgain)
    job, progress = await lost(stage)
    assert await stage.channel.reconcile(job, progress) == Sent(receipt_of(stage.posts[1:]))


async def test_a_post_from_before_the_attempt_is_not_ours(opened: Open) -> None:
    stage = await opened(settles=timedelta())
    earlier = await stage.desk.claimed(stage.channel)
    assert isinstance(await (await opened()).channel.publish(earlier, Recorder()), Sent)
    later = stage.desk.job(stage.channel, earlier.rendering, intended_at=stage.desk.time() + timedelta(seconds=10))
    found = await stage.channel.reconcile(later, Recorder())
    assert isinstance(found, CannotTell)
    assert "saw no post with its words" in found.reason


@pytest.mark.parametrize("change", ["words", "styles", "link", "media", "forwarded"])
async def test_a_post_that_shows_something_else_is_not_ours(
    opened: Open, bots: dict[str, Bot], sandbox: Sandbox, change: str
) -> None:
    stage = await opened(settles=timedelta())
    job, progress = await lost(stage, kind="reset_before")
    part, desk = job.rendering.parts[0], bots[DESK_TOKEN]
    entities: list[MessageEntity] = entities_of(part.entities) or []
    links = [MessageEntity(e.type, e.offset, e.length, url="https://x.example" if e.url else None) for e in entities]
    match change:
        case "words":
            await desk.send_message(CHANNEL, part.text.replace("40", "45"), entities=entities)
        case "styles":
            await desk.send_message(CHANNEL, part.text, entities=[e for e in entities if e.type != "bold"])
        case "link":
            await desk.send_message(CHANNEL, part.text, entities=links)
        case "media":
            picture = sandbox.files.keep(stage.desk.library.open((await photo(stage)).digest).read_bytes(), "")
            file_id = sandbox.telegram.world.file_id(sandbox.telegram.default_bot, "photo", picture.number)
            await desk.send_photo(CHANNEL, file_id, caption=part.text, caption_entities=entities)
        case "forwarded":
            posted = await desk.send_message(CHANNEL, part.text, entities=entities)
            origin = {"type": "channel", "date": 1, "chat": {"id": -1001, "type": "channel"}, "message_id": 5}
            pending = sandbox.telegram.updates.queues[sandbox.telegram.bot(WITNESS_TOKEN).id].pending
            assert pending[-1]["channel_post"]["message_id"] == posted.message_id
            pending[-1]["channel_post"]["forward_origin"] = origin
    assert isinstance(await stage.channel.reconcile(job, progress), CannotTell)
    assert "part:0" not in progress.kept


async def photo(stage: Stage) -> Any:
    """A rendition of one photo."""
    job = await stage.desk.claimed(stage.channel, photo_count=1)
    return job.rendering.parts[0].media[0].rendition


# ---- a witness that cannot be asked ----


async def test_a_witness_that_was_removed_says_so(opened: Open, sandbox: Sandbox) -> None:
    stage = await opened(settles=timedelta())
    sandbox.telegram.kick(CHANNEL, sandbox.telegram.bot(WITNESS_TOKEN))
    job, progress = await lost(stage)
    found = await stage.channel.reconcile(job, progress)
    assert isinstance(found, CannotTell)
    assert "the witness cannot have seen it: it is not in the channel" in found.reason
    sandbox.telegram.admit(CHANNEL, sandbox.telegram.bot(WITNESS_TOKEN), status="left")
    assert "it is not in the channel" in str(await stage.channel.reconcile(job, progress))


async def test_a_witness_whose_token_is_refused_says_so(stage: Stage, sandbox: Sandbox) -> None:
    sandbox.bot_api.revoked.add(WITNESS_TOKEN)
    job, progress = await lost(stage)
    found = await stage.channel.reconcile(job, progress)
    assert isinstance(found, CannotTell)
    assert "refuses the witness's token" in found.reason
    assert "sandbox-witness" not in found.reason


async def test_a_witness_with_a_webhook_says_so(stage: Stage, bots: dict[str, Bot]) -> None:
    await bots[WITNESS_TOKEN].set_webhook("http://127.0.0.1:9/hook")
    job, progress = await lost(stage)
    found = await stage.channel.reconcile(job, progress)
    assert isinstance(found, CannotTell)
    assert "the witness has a webhook" in found.reason


CONFLICT = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"


@pytest.mark.parametrize(
    ("kind", "options", "words", "wait"),
    [
        ("telegram_error", {"error_code": 409, "description": CONFLICT}, "another program reads", 10.0),
        ("429", {"retry_after": 7}, "asks the witness to wait", 7.0),
        ("reset_before", {}, "cannot be asked", 30.0),
        ("html", {}, "cannot be asked", 30.0),
        ("hang", {"seconds": 2}, "cannot be asked", 30.0),
        ("error", {"status": 200, "body": {"ok": True, "result": [{"update_id": "x"}, 5]}}, "not Telegram's", 30.0),
    ],
)
async def test_a_witness_that_cannot_be_reached_is_asked_again_and_decides_nothing(
    opened: Open, kind: str, options: dict[str, Any], words: str, wait: float
) -> None:
    stage = await opened(settles=timedelta(), read_timeout=0.5)
    job, progress = await lost(stage)
    stage.order("getUpdates", kind, **options)
    found = await stage.channel.reconcile(job, progress)
    assert isinstance(found, LookAgain)
    assert words in found.reason
    assert found.retry_after == wait
    assert await stage.channel.reconcile(job, progress) == Sent(receipt_of(stage.posts))


async def test_a_subscribers_chat_has_no_witness(stage: Stage) -> None:
    stage.order("sendMessage", "reset_after")
    job = await stage.to_reader(READER)
    assert isinstance(await stage.channel.publish(job, Recorder()), Unknown)
    found = await stage.channel.reconcile(job, Recorder())
    assert isinstance(found, CannotTell)
    assert "keeps no history" in found.reason


# ---- many updates, many who ask ----


async def test_behind_two_hundred_posts_it_is_found_and_others_find_it_too(opened: Open, sandbox: Sandbox) -> None:
    stage, other = await opened(), await opened()
    for number in range(230):
        await sandbox.telegram.say(EDITOR, f"post {number}", CHANNEL)
    job, progress = await lost(stage)
    expected = Sent(receipt_of(stage.posts[-1:]))
    assert await stage.channel.reconcile(job, Recorder()) == expected
    assert await other.channel.reconcile(job, progress) == expected


async def test_what_had_to_be_confirmed_is_remembered(opened: Open, sandbox: Sandbox) -> None:
    stage, other = await opened(), await opened(settles=timedelta())
    job, _ = await lost(stage)
    expected = Sent(receipt_of(stage.posts))
    for number in range(120):
        await sandbox.telegram.say(EDITOR, f"post {number}", CHANNEL)
    for _ in range(2):
        assert await stage.channel.reconcile(job, Recorder()) == expected
    missed = await other.channel.reconcile(job, Recorder())  # which no longer can see it
    assert isinstance(missed, CannotTell)


async def test_only_what_is_older_than_an_hour_is_confirmed_while_that_is_enough(opened: Open) -> None:
    ago = [7200.0]
    desk_time = (await opened()).desk.time
    async with Sandbox(clock=lambda: desk_time().timestamp() - ago[0]) as slow:
        stage = await opened(at=slow)
        for number in range(150):
            ago[0] = 7200.0 if number < 70 else 60.0
            await slow.telegram.say(EDITOR, f"post {number}", CHANNEL)
        ago[0] = 0.0
        job, progress = await lost(stage)
        assert isinstance(await stage.channel.reconcile(job, progress), Sent)
        assert len(slow.telegram.updates.queues[slow.telegram.bot(WITNESS_TOKEN).id].pending) == 81


async def test_nothing_is_confirmed_while_one_page_holds_all(opened: Open, sandbox: Sandbox) -> None:
    stage = await opened(settles=timedelta())
    for number in range(98):
        await sandbox.telegram.say(EDITOR, f"post {number}", CHANNEL)
    stage.desk.time.pass_by(7200)
    job, progress = await lost(stage)
    await stage.channel.reconcile(job, progress)
    assert len(sandbox.telegram.updates.queues[sandbox.telegram.bot(WITNESS_TOKEN).id].pending) == 99


async def test_many_who_look_at_once_share_the_reading(stage: Stage, sandbox: Sandbox) -> None:
    jobs = []
    for number in range(12):
        jobs.append(await lost(stage, title=f"სათაური {number}"))
    queue = sandbox.telegram.updates.queues[sandbox.telegram.bot(WITNESS_TOKEN).id]
    found = await asyncio.gather(*(stage.channel.reconcile(job, progress) for job, progress in jobs))
    assert found == [Sent(receipt_of([post])) for post in stage.posts]
    assert queue.poll <= 2


async def test_two_processes_that_ask_in_the_same_moment_both_see_all(opened: Open) -> None:
    async with Sandbox(limits=True) as strict:
        one, two = await opened(at=strict), await opened(at=strict)
        jobs = [await lost(one, title=f"სათაური {number}") for number in range(3)]
        looks = [stage.channel.reconcile(job, Recorder()) for job, _ in jobs for stage in (one, two)]
        found = await asyncio.gather(*looks)
    expected = [Sent(receipt_of([post])) for post in one.posts]
    assert found == [each for each in expected for _ in range(2)]


# ---- settings and probe ----


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"witness_token": "777:canary-one"}, "another bot"),
        ({"witness_token": "777:canary-two"}, "another bot"),  # the same bot by another token
        ({"witness_token": "778:canary", "chat": ""}, "chat of its own"),
    ],
)
def test_a_witness_that_can_see_nothing_is_refused_in_the_settings(changes: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError, match=words) as refused:
        TelegramSettings.model_validate({"token": "777:canary-one", "chat": "@mia_sandbox"} | changes)
    assert "canary" not in str(refused.value)
    assert [error["loc"] for error in refused.value.errors()] == [("witness_token",)]


async def test_the_probe_says_that_the_witness_works(stage: Stage, sandbox: Sandbox) -> None:
    health = await stage.channel.probe()
    assert (health.ok, health.problems) == (True, ())
    assert health.account == "@mia_desk_bot, witness @mia_witness_bot (no post seen yet)"
    await stage.publish()
    assert (await stage.channel.probe()).account.endswith("witness @mia_witness_bot (posts seen: 1)")


async def test_the_probe_lets_a_witness_hear_that_was_told_not_to(stage: Stage, bots: dict[str, Bot]) -> None:
    await bots[WITNESS_TOKEN].get_updates(allowed_updates=["message"])
    assert (await stage.channel.probe()).ok
    job, progress = await lost(stage)
    assert isinstance(await stage.channel.reconcile(job, progress), Sent)


async def test_the_probe_names_a_witness_that_is_outside(stage: Stage, sandbox: Sandbox) -> None:
    witness = sandbox.telegram.bot(WITNESS_TOKEN)
    for act in (sandbox.telegram.kick, lambda chat, bot: sandbox.telegram.admit(chat, bot, "left")):
        act(CHANNEL, witness)
        health = await stage.channel.probe()
        (problem,) = health.problems
        assert not health.ok
        assert problem.startswith("witness @mia_witness_bot: it is not in the channel")
        assert "add it to @mia_sandbox as an administrator" in problem


async def test_the_probe_names_a_webhook_a_refused_token_and_a_second_reader(
    stage: Stage, sandbox: Sandbox, bots: dict[str, Bot]
) -> None:
    await bots[WITNESS_TOKEN].set_webhook("http://127.0.0.1:9/hook")
    assert "a webhook is set" in (await stage.channel.probe()).problems[0]
    await bots[WITNESS_TOKEN].delete_webhook()
    stage.order("getUpdates", "telegram_error", error_code=409, description=CONFLICT)
    assert "another program reads" in (await stage.channel.probe()).problems[0]
    sandbox.bot_api.revoked.add(WITNESS_TOKEN)
    health = await stage.channel.probe()
    assert health.problems == ("witness: Telegram refuses the token; take the present one from @BotFather",)
    assert health.account == "@mia_desk_bot"


async def test_the_probe_says_that_a_group_has_no_witness(opened: Open, sandbox: Sandbox) -> None:
    stage = await opened(chat=GROUP)
    sandbox.telegram.admit(GROUP, sandbox.telegram.bot(WITNESS_TOKEN))
    assert "is no channel" in (await stage.channel.probe()).problems[0]
