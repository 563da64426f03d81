"""What corrections and withdrawals ask of X and Facebook, against their own descriptions (see test_specs)."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from distributor.sandbox import Sandbox
from tests.sandbox.test_specs import XSpec, spec


@pytest.mark.parametrize(
    ("node", "name", "parameters"),
    [
        ("PagePost", "#update", {"message"}),
        ("PagePost", "#delete", set()),
        ("Photo", "#delete", set()),
        ("AdVideo", "#update", {"description"}),
        ("AdVideo", "#delete", set()),
    ],
)
def test_facebook_has_the_edits_and_deletions_that_are_used(node: str, name: str, parameters: set[str]) -> None:
    (api,) = [api for api in spec(f"facebook/{node}.json")["apis"] if api.get("name") == name]
    assert parameters <= {parameter["name"] for parameter in api["params"]}


def test_facebook_has_no_way_to_change_a_photo() -> None:
    # Why a correction leaves photos as they are, or makes the post anew.
    assert [api for api in spec("facebook/Photo.json")["apis"] if api.get("name") == "#update"] == []


def test_x_deletes_by_id_and_says_whether() -> None:
    api = XSpec(spec("x/openapi.json"))
    assert "delete" in api.api["paths"]["/2/tweets/{id}"]
    deleted = api.resolve(api.named("DeletePostsResponse")["properties"]["data"])["properties"]
    assert list(deleted) == ["deleted"]


async def test_the_states_of_a_video_are_told_as_x_describes_them(
    sandbox: Sandbox, x: Any, short_film: bytes, web: aiohttp.ClientSession
) -> None:
    described = XSpec(spec("x/openapi.json"))
    sandbox.x.media.failure, sandbox.x.media.polls = "InvalidMedia", 2
    body = {"media_type": "video/mp4", "media_category": "tweet_video", "total_bytes": len(short_film)}
    media_id = (await x("POST", "/2/media/upload/initialize", json=body)).body["data"]["id"]
    form = aiohttp.FormData({"segment_index": "0"})
    form.add_field("media", short_film, filename="media")
    await x("POST", f"/2/media/upload/{media_id}/append", data=form)
    states = []
    for answer in (
        await x("POST", f"/2/media/upload/{media_id}/finalize"),
        *[await x("GET", "/2/media/upload", params={"command": "STATUS", "media_id": media_id}) for _ in range(3)],
    ):
        assert list(described.strange({"$ref": "/GetMediaUploadStatusResponse"}, answer.body)) == []
        states.append(answer.body["data"]["processing_info"]["state"])
    assert states == ["pending", "in_progress", "failed", "failed"]
    told = described.named("GetMediaUploadStatusResponseDataProcessingInfo")["properties"]["state"]["description"]
    assert all(state in told for state in states)


async def test_a_post_in_a_thread_names_the_post_that_its_conversation_began_with(x: Any, sandbox: Sandbox) -> None:
    ids: list[str] = []
    for text in ("one", "two", "three"):
        reply = {"reply": {"in_reply_to_tweet_id": ids[-1]}} if ids else {}
        ids.append((await x("POST", "/2/tweets", json={"text": text, **reply})).body["data"]["id"])
    query = {"tweet.fields": "conversation_id"}
    posts = (await x("GET", f"/2/users/{sandbox.x.user['id']}/tweets", params=query)).body["data"]
    assert {post["conversation_id"] for post in posts} == {ids[0]}


async def test_a_deleted_photo_disappears_from_its_post_and_the_last_one_takes_it_along(
    sandbox: Sandbox, graph: Any, make_picture: Any
) -> None:
    page = sandbox.facebook.page
    photos = [page.add_photo(make_picture(colour=(shade, 0, 0)), "a.jpg", {"published": "false"}) for shade in (1, 2)]
    media = "[" + ",".join(f'{{"media_fbid":"{photo["id"]}"}}' for photo in photos) + "]"
    post = page.add_post({"message": "m", "attached_media": media})["id"]
    assert (await graph("DELETE", f"/{photos[0]['id']}")).body == {"success": True}
    assert [photo.id for photo in page.standing()[0].photos] == [photos[1]["id"]]
    again = await graph("DELETE", f"/{photos[0]['id']}")
    assert (again.body["error"]["code"], again.body["error"]["error_subcode"]) == (100, 33)
    await graph("DELETE", f"/{photos[1]['id']}")
    assert (await graph("GET", f"/{post}")).body["error"]["error_subcode"] == 33


async def test_photos_outlive_their_post(sandbox: Sandbox, graph: Any, make_picture: Any) -> None:
    page = sandbox.facebook.page
    photo = page.add_photo(make_picture(), "a.jpg", {"published": "false"})["id"]
    assert page.album() == []
    post = page.add_post({"message": "m", "attached_media": f'[{{"media_fbid":"{photo}"}}]'})["id"]
    await graph("DELETE", f"/{post}")
    assert ([one.id for one in page.album()], page.standing()) == ([photo], [])
