"""The simulated X: signatures, strict fields, media in steps, the timeline, rates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from distributor.sandbox import Sandbox
from distributor.sandbox.x_text import weighted_length

Picture = Callable[..., bytes]
USER = "2244994945"


async def upload(x: Any, data: bytes, media_type: str = "image/jpeg", category: str = "tweet_image") -> str:
    begun = await x(
        "POST",
        "/2/media/upload/initialize",
        json={"media_type": media_type, "media_category": category, "total_bytes": len(data)},
    )
    media_id = str(begun.body["data"]["id"])
    middle = len(data) // 2
    for index, part in enumerate((data[:middle], data[middle:])):
        form = aiohttp.FormData({"segment_index": str(index)})
        form.add_field("media", part, filename="part")
        assert (await x("POST", f"/2/media/upload/{media_id}/append", data=form)).status == 200
    finished = await x("POST", f"/2/media/upload/{media_id}/finalize")
    assert finished.status == 200, finished.body
    return media_id


async def test_a_post_with_described_photos(sandbox: Sandbox, x: Any, make_picture: Picture) -> None:
    ids = [await upload(x, make_picture(colour=(n, n, n))) for n in range(4)]
    alt = {"id": ids[0], "metadata": {"alt_text": {"text": "გზა"}}}
    assert (await x("POST", "/2/media/metadata", json=alt)).body["data"]["associated_metadata"] == alt["metadata"]
    made = await x("POST", "/2/tweets", json={"text": "ახალი & mia.gov.ge", "media": {"media_ids": ids}})
    assert made.status == 201
    assert made.body["data"]["text"].startswith("ახალი &amp; https://t.co/")
    assert sandbox.x.timeline()[0]["media"][0]["alt_text"] == "გზა"
    assert [effect["text"] for effect in sandbox.effects("x", "post")] == ["ახალი & mia.gov.ge"]


async def test_a_video_is_ready_after_polls(x: Any, short_film: bytes) -> None:
    media_id = await upload(x, short_film, "video/mp4", "tweet_video")
    early = await x("POST", "/2/tweets", json={"text": "v", "media": {"media_ids": [media_id]}})
    assert (early.status, early.body["errors"][0]["message"]) == (400, "Your media IDs are invalid.")
    states = [
        (await x("GET", "/2/media/upload", params={"command": "STATUS", "media_id": media_id})).body["data"]
        for _ in range(2)
    ]
    assert [one["processing_info"]["state"] for one in states] == ["in_progress", "succeeded"]
    assert (await x("POST", "/2/tweets", json={"text": "v", "media": {"media_ids": [media_id]}})).status == 201


async def test_what_media_upload_refuses(x: Any, make_picture: Picture, short_film: bytes) -> None:
    url = "/2/media/upload/initialize"
    for body, words in (
        ({"media_type": "image/jpeg", "total_bytes": 5 * 1024 * 1024 + 1}, "File size exceeds"),
        ({"media_type": "application/pdf", "media_category": "tweet_image", "total_bytes": 1}, "not supported"),
        ({"media_type": "image/jpeg", "total_bytes": 1, "strange": 1}, "not defined in the schema"),
        ({"media_type": "image/jpeg"}, "is missing but it is required"),
    ):
        refused = await x("POST", url, json=body)
        assert refused.status == 400
        assert words in refused.body["errors"][0]["message"]
    begun = await x("POST", url, json={"media_type": "image/jpeg", "total_bytes": 10})
    media_id = begun.body["data"]["id"]
    assert (
        await x("POST", f"/2/media/upload/{media_id}/append", json={"segment_index": 1000, "media": "eA=="})
    ).status == 400
    assert (
        await x("POST", f"/2/media/upload/{media_id}/append", json={"segment_index": 0, "media": "eA=="})
    ).status == 200
    assert (await x("POST", f"/2/media/upload/{media_id}/finalize")).status == 400  # nine bytes are missing
    mixed = [await upload(x, make_picture()), await upload(x, make_picture(form="GIF"), "image/gif", "tweet_gif")]
    assert (await x("POST", "/2/tweets", json={"text": "m", "media": {"media_ids": mixed}})).status == 400


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"text": "x", "colour": "red"}, "$.colour: is not defined in the schema"),
        ({"text": "x", "media": {"media_ids": [1]}}, "does not match the regex pattern"),
        ({"text": "x", "media": {"media_ids": ["1"] * 5}}, "1 to 4 items"),
        ({"text": "ა" * 281}, "too long"),
        ({"text": "ა" * 258 + " https://police.ge/releases/a-very-long-address"}, "too long"),
        ({"text": "Ა" * 141}, "too long"),
        ({}, "at least text"),
    ],
)
async def test_posts_that_x_refuses(sandbox: Sandbox, x: Any, body: dict[str, Any], words: str) -> None:
    refused = await x("POST", "/2/tweets", json=body)
    assert refused.status == 400
    assert refused.headers["Content-Type"].startswith("application/problem+json")
    assert words in refused.body["errors"][0]["message"]
    assert sandbox.effects("x") == []


@pytest.mark.parametrize(
    ("text", "length"),
    [("ქართული", 7), ("ᲥᲐ", 4), ("😀", 2), ("👩‍👩‍👧", 2), ("a https://police.ge/long/long/long", 25), ("日本", 4)],
)
def test_weighted_length(text: str, length: int) -> None:
    assert weighted_length(text) == length


async def test_the_same_text_twice_is_refused_until_it_is_deleted(sandbox: Sandbox, x: Any) -> None:
    first = await x("POST", "/2/tweets", json={"text": "same"})
    again = await x("POST", "/2/tweets", json={"text": "same"})
    assert (again.status, again.body["detail"]) == (
        403,
        "You are not allowed to create a Tweet with duplicate content.",
    )
    assert (await x("DELETE", f"/2/tweets/{first.body['data']['id']}")).body == {"data": {"deleted": True}}
    assert (await x("POST", "/2/tweets", json={"text": "same"})).status == 201
    assert [effect.kind for effect in sandbox.effects("x")] == ["post", "delete", "post"]


async def test_the_timeline_is_read_with_fields_and_since(x: Any, make_picture: Picture) -> None:
    media_id = await upload(x, make_picture())
    ids = []
    for body in (
        {"text": "one"},
        {"text": "two https://police.ge/2", "media": {"media_ids": [media_id]}},
        {"text": "three"},
    ):
        ids.append((await x("POST", "/2/tweets", json=body)).body["data"]["id"])
    query = {
        "since_id": ids[0],
        "max_results": "5",
        "tweet.fields": "created_at,entities",
        "expansions": "attachments.media_keys",
        "media.fields": "alt_text,url",
    }
    answer = (await x("GET", f"/2/users/{USER}/tweets", params=query)).body
    assert [post["id"] for post in answer["data"]] == [ids[2], ids[1]]
    assert answer["data"][1]["entities"]["urls"][0]["expanded_url"] == "https://police.ge/2"
    assert answer["includes"]["media"][0]["type"] == "photo"
    assert answer["meta"]["result_count"] == 2
    assert (await x("GET", f"/2/users/{USER}/tweets", params={"max_results": "2"})).status == 400
    assert (await x("GET", f"/2/users/{USER}/tweets", params={"colour": "red"})).status == 400
    assert (await x("GET", "/2/users/me")).body["data"]["id"] == USER
    assert (await x("GET", f"/2/tweets/{ids[0]}")).body["data"]["text"] == "one"


async def test_signatures_are_really_checked(sandbox: Sandbox, x: Any, web: aiohttp.ClientSession) -> None:
    url = f"{sandbox.x.api_url}/2/tweets"
    header = x.sign("POST", url)
    async with web.post(url, json={"text": "one"}, headers=header) as answer:
        assert answer.status == 201
    async with web.post(url, json={"text": "two"}, headers=header) as replayed:
        assert replayed.status == 401
    for wrong in ({}, {"Authorization": "Bearer x"}, x.sign("POST", url + "/other"), x.sign("GET", url)):
        async with web.post(url, json={"text": "three"}, headers=wrong) as answer:
            assert answer.status == 401
            assert (await answer.json(content_type=None))["title"] == "Unauthorized"
    sandbox.x.revoked = True
    assert (await x("POST", "/2/tweets", json={"text": "four"})).status == 401
    assert len(sandbox.effects("x")) == 1


async def test_a_timeline_that_is_longer_than_a_page_says_so_and_goes_on(x: Any) -> None:
    made = [(await x("POST", "/2/tweets", json={"text": f"post {n}"})).body["data"]["id"] for n in range(12)]
    read: list[str] = []
    token: dict[str, str] = {}
    for size in (5, 5, 2):
        page = (await x("GET", f"/2/users/{USER}/tweets", params={"max_results": "5", **token})).body
        assert page["meta"]["result_count"] == len(page["data"]) == size
        read += [post["id"] for post in page["data"]]
        token = {"pagination_token": page["meta"].get("next_token", "")}
    assert token == {"pagination_token": ""}
    assert read == made[::-1]
    wrong = await x("GET", f"/2/users/{USER}/tweets", params={"pagination_token": "nonsense"})
    assert wrong.status == 400


async def test_every_answer_tells_the_rate_and_the_limit_holds(sandbox: Sandbox, x: Any) -> None:
    sandbox.x.limit("tweets.create", 2)
    left = [(await x("POST", "/2/tweets", json={"text": f"{n}"})).headers["x-rate-limit-remaining"] for n in range(2)]
    assert left == ["1", "0"]
    refused = await x("POST", "/2/tweets", json={"text": "third"})
    assert refused.status == 429
    assert int(refused.headers["x-rate-limit-reset"]) > sandbox.record.clock()
