"""The Telegram channel against the sandbox: what readers see, what the worker learns, and every fault between."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from distributor.adapters.telegram import Telegram, TelegramSettings
from distributor.core.asset import MediaKind
from distributor.core.channel import Channel, Previewer
from distributor.core.outcome import CannotTell, Deferred, Rejected, Scope, Sent, Unknown
from distributor.core.refusal import Refused
from distributor.core.release import Kind, Status
from distributor.core.text import utf16_length
from distributor.sandbox import Sandbox
from tests.adapters.support import BODY, LEAD, TITLE, URL, Desk, Recorder
from tests.adapters.telegram_stage import CHANNEL, GROUP, READER, STAGING, Stage, settings

LONG = "\n\n".join(
    f"სართული {number}: მაშველებმა შენობა **სრულად** დაათვალიერეს. ხანძრის მიზეზი დგინდება." for number in range(120)
)
Open = Callable[..., Awaitable[Stage]]


@pytest.fixture
async def opened(folder: Path) -> AsyncIterator[Open]:
    """Opens a stage; settings may be given."""
    async with AsyncExitStack() as closing:
        sandbox = await closing.enter_async_context(Sandbox())
        desk = Desk.at(folder)
        closing.push_async_callback(desk.aclose)

        async def make(**changes: Any) -> Stage:
            channel = Telegram("public", settings(sandbox, **changes), desk.surroundings)
            closing.push_async_callback(channel.aclose)
            return Stage(sandbox, desk, channel)

        yield make


def shown(post: dict[str, Any]) -> str:
    """The words of a post."""
    return str(post.get("text") or post.get("caption") or "")


def covered(post: dict[str, Any], kind: str) -> list[str]:
    """The words under entities of a kind, cut out as Telegram counts."""
    units = shown(post).encode("utf-16-le")
    entities = post.get("entities") or post.get("caption_entities") or []
    return [
        units[item["offset"] * 2 : (item["offset"] + item["length"]) * 2].decode("utf-16-le")
        for item in entities
        if item["type"] == kind
    ]


def test_it_is_a_channel_and_a_previewer(tmp_path: Path) -> None:
    channel: Channel = Telegram(
        "public", TelegramSettings(token=SecretStr("1:a"), chat="@public_desk"), Desk.at(tmp_path).surroundings
    )
    previewer: Previewer = channel  # type: ignore[assignment]  # mypy checks the first line, this one the class
    assert callable(previewer.preview)
    assert channel.own_address() == "@public_desk"
    assert not channel.traits.bulk


# ---- what readers see ----


async def test_a_text_arrives_with_title_styles_and_link(stage: Stage) -> None:
    outcome = await stage.publish()
    (post,) = stage.posts
    assert isinstance(outcome, Sent)
    assert outcome.receipt.remote_ids == (str(post["message_id"]),)
    assert outcome.receipt.links == (f"https://t.me/mia_sandbox/{post['message_id']}",)
    assert shown(post).startswith(f"{TITLE}\n\n{LEAD}\n\nშემთხვევის")
    assert covered(post, "bold") == [TITLE, "ოთხი"]
    assert covered(post, "text_link") == ["ჩვენს ვებგვერდზე"]
    assert [item["url"] for item in post["entities"] if item["type"] == "text_link"] == [URL]
    assert post["link_preview_options"] == {"is_disabled": True}


async def test_entities_keep_their_place_behind_emoji_and_georgian(stage: Stage) -> None:
    body = "🚒🚒 ხანძარი **ჩაქრა 👨‍👩‍👧** და [წყარო 🇬🇪](https://police.example/ა) აქ ~~არა~~ `კოდი`"
    await stage.publish(title="🔥 თბილისი", lead="", body=body)
    (post,) = stage.posts
    assert covered(post, "bold") == ["🔥 თბილისი", "ჩაქრა 👨‍👩‍👧"]
    assert covered(post, "text_link")[0] == "წყარო 🇬🇪"
    assert covered(post, "strikethrough") == ["არა"]
    assert covered(post, "code") == ["კოდი"]


async def test_a_photo_carries_the_text_as_its_caption(stage: Stage) -> None:
    outcome = await stage.publish(photo_count=1)
    (post,) = stage.posts
    assert isinstance(outcome, Sent)
    assert post["photo"][-1]["width"] == 1600
    assert covered(post, "bold") == [TITLE, "ოთხი"]
    assert "წარწერა 1\n\nფოტო: შსს / ნ. ბერიძე" in shown(post)
    assert stage.sandbox.calls("telegram") == 1


async def test_an_album_of_ten_is_one_call_and_one_caption(stage: Stage) -> None:
    progress = Recorder()
    outcome = await stage.publish(progress, photo_count=10)
    posts = stage.posts
    assert isinstance(outcome, Sent)
    assert outcome.receipt.remote_ids == tuple(str(post["message_id"]) for post in posts)
    assert len(posts) == 10
    assert len(outcome.receipt.links) == 1
    assert len({post["media_group_id"] for post in posts}) == 1
    assert [bool(post.get("caption")) for post in posts] == [True] + [False] * 9
    assert progress.asked == [("note", "part:0")]
    assert stage.sandbox.calls("telegram") == 1


async def test_a_video_goes_with_its_thumbnail(stage: Stage) -> None:
    outcome = await stage.publish(videos=1)
    (post,) = stage.posts
    assert isinstance(outcome, Sent)
    assert (post["video"]["width"], post["video"]["height"]) == (640, 360)
    assert "ვიდეო: შსს / ნ. ბერიძე" in shown(post)
    message = stage.sandbox.telegram.chat(CHANNEL).messages[post["message_id"]]
    assert message.attached is not None
    assert message.attached.cover is not None
    assert max(message.attached.cover.look.width, message.attached.cover.look.height) <= 320
    assert len(message.attached.cover.data) <= 200_000


async def test_photos_and_a_video_share_an_album(stage: Stage) -> None:
    outcome = await stage.publish(photo_count=2, videos=1)
    assert isinstance(outcome, Sent)
    assert [sorted({"photo", "video"} & post.keys()) for post in stage.posts] == [["photo"], ["photo"], ["video"]]


async def test_a_long_text_follows_its_photos_in_whole_paragraphs(stage: Stage) -> None:
    progress = Recorder()
    outcome = await stage.publish(progress, body=LONG, photo_count=2)
    first, _, *rest = stage.posts
    assert isinstance(outcome, Sent)
    assert len(rest) >= 2
    assert shown(first).startswith(f"{TITLE}\n\n{LEAD}")
    assert covered(first, "text_link") == ["ჩვენს ვებგვერდზე"]
    assert utf16_length(shown(first)) <= 1024
    assert all(utf16_length(shown(post)) <= 4096 for post in rest)
    assert all(shown(post).endswith("დგინდება.") for post in rest[:-1])
    assert sum(len(covered(post, "bold")) for post in rest) == 1 + 120
    assert all(post["reply_to_message"]["message_id"] == first["message_id"] for post in rest)
    assert progress.asked[:3] == [("save", "part:0"), ("begin", "part:1"), ("save", "part:1")]


async def test_long_text_link_is_one_message_cut_at_a_word(opened: Open) -> None:
    stage = await opened(long_text="link")
    outcome = await stage.publish(body=LONG, photo_count=1)
    (post,) = stage.posts
    assert isinstance(outcome, Sent)
    assert utf16_length(shown(post)) <= 1024
    words = set(LONG.replace("*", "").split())
    body = shown(post).split(LEAD)[1].split("…")[0]
    assert set(body.split()) <= words
    assert covered(post, "text_link") == ["ჩვენს ვებგვერდზე"]


@pytest.mark.parametrize(
    ("kind", "status", "label"),
    [
        (Kind.EMERGENCY, Status.ACTUAL, "⚠️ საგანგებო შეტყობინება"),
        (Kind.NEWS, Status.EXERCISE, "🔷 სწავლება"),
        (Kind.NEWS, Status.TEST, "🔷 საცდელი შეტყობინება"),
    ],
)
async def test_an_emergency_an_exercise_and_a_test_say_so_first(
    stage: Stage, kind: Kind, status: Status, label: str
) -> None:
    await stage.publish(kind=kind, status=status)
    assert shown(stage.posts[0]).startswith(label)


async def test_the_preview_is_what_is_sent(stage: Stage) -> None:
    rendering = await stage.desk.rendering(stage.channel, await stage.desk.release(body=LONG, photo_count=3))
    await stage.channel.preview(rendering, READER)
    await stage.channel.publish(stage.desk.job(stage.channel, rendering), Recorder())
    previewed = stage.sandbox.telegram.messages(READER)

    def seen(posts: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
        names = ("text", "entities", "caption", "caption_entities", "link_preview_options")
        photos = [post["photo"][-1]["file_unique_id"] if "photo" in post else "" for post in posts]
        return [(photo, *(post.get(name) for name in names)) for post, photo in zip(posts, photos, strict=True)]

    assert [shown(post) for post in previewed] == [shown(post) for post in stage.posts]
    assert [post.get("caption_entities") for post in previewed] == [
        post.get("caption_entities") for post in stage.posts
    ]
    assert [item[1:] for item in seen(previewed)] == [item[1:] for item in seen(stage.posts)]


async def test_a_preview_that_fails_says_why(stage: Stage) -> None:
    rendering = await stage.desk.rendering(stage.channel, await stage.desk.release())
    stage.sandbox.telegram.block(READER)
    with pytest.raises(Refused) as refused:
        await stage.channel.preview(rendering, READER)
    assert refused.value.code == "preview_failed"
    assert "blocked" in refused.value.params["reason"]


# ---- staging, progress, several parts ----


async def test_staged_media_is_published_by_file_id(opened: Open) -> None:
    stage = await opened(staging_chat=STAGING)
    job, progress = await stage.desk.claimed(stage.channel, photo_count=3), Recorder()
    assert await stage.channel.prepare(job, progress) is None
    assert len(stage.sandbox.telegram.messages(STAGING)) == 3
    assert stage.posts == []
    assert isinstance(await stage.channel.publish(job, progress), Sent)
    files = {post["photo"][-1]["file_id"] for post in stage.posts}
    assert files == {value["file_id"] for step, value in progress.kept.items() if step.startswith("media:")}


async def test_preparing_goes_on_where_it_stopped(opened: Open) -> None:
    stage = await opened(staging_chat=STAGING)
    job, progress = await stage.desk.claimed(stage.channel, photo_count=4), Recorder()
    stage.order("sendPhoto", "reset_after", after=2)
    stopped = await stage.channel.prepare(job, progress)
    assert isinstance(stopped, Deferred)
    assert len(progress.kept) == 2
    again = await opened(staging_chat=STAGING)  # another process: nothing in memory
    assert await again.channel.prepare(job, progress) is None
    assert stage.sandbox.calls("telegram", "sendPhoto") == 3 + 2


async def test_without_a_staging_chat_there_is_nothing_to_prepare(stage: Stage) -> None:
    job = await stage.desk.claimed(stage.channel, photo_count=1)
    assert await stage.channel.prepare(job, Recorder()) is None
    assert stage.sandbox.calls("telegram") == 0


async def test_a_staging_chat_that_moved_does_not_move_the_delivery(opened: Open) -> None:
    stage = await opened(staging_chat=GROUP)
    stage.sandbox.telegram.migrate(GROUP)
    outcome = await stage.channel.prepare(await stage.desk.claimed(stage.channel, photo_count=1), Recorder())
    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.address, outcome.scope) == ("credential", "", Scope.LANE)


async def test_parts_that_are_there_are_not_sent_again(stage: Stage) -> None:
    job, progress = await stage.desk.claimed(stage.channel, body=LONG, photo_count=1), Recorder()
    stage.order("sendMessage", "429", retry_after=3)
    waiting = await stage.channel.publish(job, progress)
    assert isinstance(waiting, Deferred)
    assert waiting.reason.startswith("message 2 of ")
    outcome = await stage.channel.publish(job, progress)
    assert isinstance(outcome, Sent)
    assert stage.sandbox.calls("telegram", "sendPhoto") == 1
    assert outcome.receipt.remote_ids == tuple(str(post["message_id"]) for post in stage.posts)


@pytest.mark.parametrize("step", ["publish", "part:0"])
async def test_a_part_that_a_person_saw_is_done(stage: Stage, step: str) -> None:
    job = await stage.desk.claimed(stage.channel, body=LONG, photo_count=1)
    progress = Recorder({step: {"confirmed": "person:3"}})
    outcome = await stage.channel.publish(job, progress)
    assert isinstance(outcome, Sent)
    assert stage.sandbox.calls("telegram", "sendPhoto") == 0
    assert len(outcome.receipt.remote_ids) == len(stage.posts) == len(job.rendering.parts) - 1


async def test_a_file_id_that_no_longer_serves_is_uploaded_again(opened: Open) -> None:
    stage = await opened(staging_chat=STAGING)
    job, progress = await stage.desk.claimed(stage.channel, photo_count=2), Recorder()
    await stage.channel.prepare(job, progress)
    for step in progress.kept:
        progress.kept[step] = {"file_id": "photo-999-bot1"}
    outcome = await stage.channel.publish(job, progress)
    assert isinstance(outcome, Deferred)
    assert outcome.code == "stale_file"
    assert await stage.channel.prepare(job, progress) is None
    assert isinstance(await stage.channel.publish(job, progress), Sent)


async def test_an_upload_is_made_once_for_many_readers(stage: Stage) -> None:
    one, two = await stage.to_reader(501, photo_count=1), await stage.to_reader(502, photo_count=1)
    assert isinstance(await stage.channel.publish(one, Recorder()), Sent)
    files = len(stage.sandbox.files.stored)
    assert isinstance(await stage.channel.publish(two, Recorder()), Sent)
    assert len(stage.sandbox.files.stored) == files


async def test_a_rendition_that_is_gone_defers_and_sends_nothing(stage: Stage) -> None:
    job = await stage.desk.claimed(stage.channel, photo_count=1)
    lost = stage.desk.library.open(job.rendering.parts[0].media[0].rendition.digest)
    aside = lost.rename(lost.with_suffix(".aside"))
    try:
        outcome = await stage.channel.publish(job, Recorder())
    finally:
        aside.rename(lost)
    assert isinstance(outcome, Deferred)
    assert outcome.code == "media_missing"
    assert stage.sandbox.calls("telegram") == 0


# ---- faults ----


@pytest.mark.parametrize("fault", ["reset_before", "reset_after"])
async def test_f04_a_lost_answer_is_unknown_and_a_person_decides(stage: Stage, fault: str) -> None:
    stage.order("sendMessage", fault)
    job, progress = await stage.desk.claimed(stage.channel), Recorder()
    outcome = await stage.channel.publish(job, progress)
    assert isinstance(outcome, Unknown)
    assert (outcome.code, outcome.step) == ("no_answer", "publish")
    assert len(stage.posts) == (1 if fault == "reset_after" else 0)
    assert progress.kept == {}
    found = await stage.channel.reconcile(job, progress)
    assert isinstance(found, CannotTell)
    assert "@mia_sandbox" in found.reason


async def test_f04_no_answer_in_time_is_unknown(opened: Open) -> None:
    stage = await opened(read_timeout=0.2)
    stage.order("sendPhoto", "hang", seconds=5)
    outcome = await stage.publish(photo_count=1)
    assert isinstance(outcome, Unknown)
    assert outcome.code == "no_answer"


async def test_f04_a_later_part_names_its_step(stage: Stage) -> None:
    stage.order("sendMessage", "reset_after")
    progress = Recorder()
    outcome = await stage.publish(progress, body=LONG, photo_count=1)
    assert isinstance(outcome, Unknown)
    assert outcome.step == "part:1"
    assert list(progress.kept) == ["part:0"]
    assert outcome.reason.endswith("the first is there")


async def test_f05_a_refused_connection_is_repeated_safely(opened: Open) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        stage = await opened(api_url=f"http://127.0.0.1:{taken.getsockname()[1]}")
        outcome = await stage.publish(photo_count=1)
    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.throttled, outcome.scope) == ("connection", False, Scope.DELIVERY)


async def test_f05_a_name_that_is_not_found_is_repeated_safely(opened: Open) -> None:
    stage = await opened(api_url="http://telegram.invalid")
    outcome = await stage.publish()
    assert isinstance(outcome, Deferred)
    assert outcome.code == "connection"


@pytest.mark.parametrize("media", [0, 1, 3])
async def test_f07_throttling_pauses_the_lane_for_the_time_given(stage: Stage, media: int) -> None:
    stage.order("*", "429", retry_after=17)
    outcome = await stage.publish(photo_count=media)
    assert isinstance(outcome, Deferred)
    assert (outcome.throttled, outcome.retry_after, outcome.scope) == (True, 17.0, Scope.LANE)
    assert stage.posts == []


async def test_f09_a_revoked_token_pauses_the_lane(stage: Stage) -> None:
    stage.sandbox.bot_api.revoked.add(stage.channel.settings.token.get_secret_value())
    outcome = await stage.publish(photo_count=1)
    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.scope, outcome.throttled) == ("credential", Scope.LANE, False)


async def test_f09_a_bot_that_lost_its_own_channel_waits_for_an_administrator(stage: Stage) -> None:
    stage.sandbox.telegram.kick(CHANNEL)
    outcome = await stage.publish()
    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.scope) == ("credential", Scope.LANE)
    stage.sandbox.telegram.admit(CHANNEL, status="member")
    demoted = await stage.publish(photo_count=2)
    assert isinstance(demoted, Deferred)
    assert (demoted.code, demoted.scope) == ("credential", Scope.LANE)


async def test_f10_a_bot_removed_from_a_group_suspends_the_subscription(stage: Stage) -> None:
    stage.sandbox.telegram.kick(GROUP)
    outcome = await stage.channel.publish(await stage.to_reader(GROUP), Recorder())
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.scope) == ("removed", Scope.DESTINATION)


@pytest.mark.parametrize(("chat", "code"), [(READER, "blocked"), (504, "not_started"), (999, "chat_not_found")])
async def test_f10_a_reader_who_cannot_be_reached_is_suspended(stage: Stage, chat: int, code: str) -> None:
    stage.sandbox.telegram.block(READER)
    outcome = await stage.channel.publish(await stage.to_reader(chat, photo_count=2), Recorder())
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.scope) == (code, Scope.DESTINATION)


async def test_f11_a_group_that_became_a_supergroup_gives_its_new_address(stage: Stage) -> None:
    moved = stage.sandbox.telegram.migrate(GROUP)
    outcome = await stage.channel.publish(await stage.to_reader(GROUP), Recorder())
    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.address) == ("moved", str(moved))
    sent = await stage.channel.publish(await stage.to_reader(moved), Recorder())
    assert isinstance(sent, Sent)
    assert [effect["chat_id"] for effect in stage.sandbox.effects("telegram")] == [moved]


async def test_f12_the_refused_photo_of_five_is_named_before_anything_is_public(opened: Open) -> None:
    stage = await opened(staging_chat=STAGING)
    refusal = {"error_code": 400, "description": "Bad Request: PHOTO_INVALID_DIMENSIONS"}
    stage.order("sendPhoto", "telegram_error", after=2, **refusal)
    outcome = await stage.channel.prepare(await stage.desk.claimed(stage.channel, photo_count=5), Recorder())
    assert isinstance(outcome, Rejected)
    assert outcome.code == "photo_dimensions"
    assert "photo 3 of 5 (abcdefghjk-" in outcome.reason
    assert stage.posts == []


async def test_f12_an_album_refused_before_sending_is_rejected_and_no_text_goes_instead(stage: Stage) -> None:
    stage.order("sendMediaGroup", "telegram_error", error_code=400, description="Bad Request: IMAGE_PROCESS_FAILED")
    outcome = await stage.publish(photo_count=5)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "photo_unreadable"
    assert "one of 5" in outcome.reason
    assert stage.posts == []
    assert stage.sandbox.calls("telegram") == 1


@pytest.mark.parametrize("kind", ["wrong_type", "empty", "no_id", "html"])
@pytest.mark.parametrize(("method", "media"), [("sendMessage", 0), ("sendPhoto", 1), ("sendMediaGroup", 2)])
async def test_f42_an_answer_that_is_none_is_unknown(stage: Stage, kind: str, method: str, media: int) -> None:
    stage.order(method, kind)
    outcome = await stage.publish(photo_count=media)
    assert isinstance(outcome, Unknown)
    assert outcome.step == "publish"


@pytest.mark.parametrize("body", [{"ok": True}, {"ok": True, "result": True}, [1], {"ok": False}, {"result": {}}])
async def test_f42_json_of_another_shape_is_unknown(stage: Stage, body: Any) -> None:
    stage.order("sendMessage", "error", status=200, body=body)
    assert isinstance(await stage.publish(), Unknown)


async def test_a_server_error_after_writing_is_unknown(stage: Stage) -> None:
    stage.order("sendMessage", "telegram_error", error_code=500, description="Internal Server Error", effect=True)
    outcome = await stage.publish()
    assert isinstance(outcome, Unknown)
    assert len(stage.posts) == 1


async def test_f43_an_album_that_failed_in_part_is_unknown_and_names_the_item(stage: Stage) -> None:
    stage.order("sendMediaGroup", "partial_album", posted=2)
    progress = Recorder()
    outcome = await stage.publish(progress, photo_count=5)
    assert isinstance(outcome, Unknown)
    assert outcome.code == "album_failed"
    assert "photo 3 of 5" in outcome.reason
    assert len(stage.posts) == 2
    assert progress.kept == {}


async def test_f43_an_album_refused_in_words_nobody_knows_is_unknown(stage: Stage) -> None:
    stage.order("sendMediaGroup", "telegram_error", error_code=400, description="Bad Request: SOMETHING_NEW")
    assert isinstance(await stage.publish(photo_count=2), Unknown)
    stage.order("sendPhoto", "telegram_error", error_code=400, description="Bad Request: SOMETHING_NEW")
    single = await stage.publish(photo_count=1)
    assert isinstance(single, Rejected)
    assert single.code == "refused"


# ---- checks, probe, settings ----


async def test_eleven_photos_are_too_many(stage: Stage) -> None:
    revision = await stage.desk.release(photo_count=10, videos=1)
    problems = stage.channel.check(await stage.desk.rendering(stage.channel, revision))
    (problem,) = [problem for problem in problems if problem.severity == "blocking"]
    assert (problem.code, problem.channel) == ("too_many_media", "public")
    assert problem.params == {"count": "11", "limit": "10"}


async def test_a_sound_rendering_has_no_problems(stage: Stage) -> None:
    rendering = await stage.desk.rendering(stage.channel, await stage.desk.release(photo_count=2))
    assert stage.channel.check(rendering) == ()
    assert [item.alt for item in rendering.parts[0].media] == ["აღწერა 1", "აღწერა 2"]
    assert {item.kind for item in rendering.parts[0].media} == {MediaKind.PHOTO}


async def test_a_language_that_the_channel_does_not_want_renders_nothing(stage: Stage) -> None:
    source = await stage.desk.source(stage.channel, await stage.desk.release(body=BODY), languages=("en",))
    assert stage.channel.render(source) is None


async def test_the_probe_finds_a_channel_that_works(opened: Open) -> None:
    stage = await opened(staging_chat=STAGING)
    health = await stage.channel.probe()
    assert health.ok
    assert health.account == "@mia_desk_bot"
    assert health.problems == ()


async def test_the_probe_says_what_is_missing(opened: Open) -> None:
    stage = await opened(staging_chat="-100999")
    stage.sandbox.telegram.admit(CHANNEL, status="member")
    health = await stage.channel.probe()
    assert not health.ok
    assert "is no administrator" in health.problems[0]
    assert health.problems[1].startswith("staging chat -100999: Chat not found")


async def test_the_probe_names_a_refused_token_and_a_dead_address(opened: Open) -> None:
    refused = await (await opened(token="1:wrong")).channel.probe()
    assert "refuses the token" in refused.problems[0]
    dead = await (await opened(api_url="http://telegram.invalid")).channel.probe()
    assert "cannot be reached" in dead.problems[0]


@pytest.mark.parametrize(
    "wrong", [{"token": ""}, {"chat": "not a chat"}, {"chat": "@x"}, {"api_url": "ftp://x"}, {"tokn": "a"}]
)
def test_settings_that_make_no_sense_are_refused_without_the_token(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        TelegramSettings.model_validate({"token": "777:canary", "chat": -100300} | wrong)
    assert "canary" not in str(refused.value)
