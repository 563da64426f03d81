"""The simulated Facebook page: posts, photos, video in chunks, tokens, errors."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from distributor.sandbox import Accounts, Sandbox
from distributor.sandbox.facebook_token import APP_ID
from tests.sandbox.conftest import Client

Picture = Callable[..., bytes]


def form(fields: dict[str, str], **files: bytes) -> aiohttp.FormData:
    data = aiohttp.FormData(fields)
    for name, content in files.items():
        data.add_field(name, content, filename=name)
    return data


async def test_a_post_with_described_photos(sandbox: Sandbox, graph: Any, make_picture: Picture) -> None:
    ids = []
    for shade in (1, 2):
        fields = {"published": "false", "alt_text_custom": f"სურათი {shade}"}
        made = await graph("POST", "/me/photos", data=form(fields, source=make_picture(colour=(shade, 0, 0))))
        ids.append(made.body["id"])
    assert sandbox.effects("facebook") == []
    media = json.dumps([{"media_fbid": one} for one in ids])
    post = await graph("POST", f"/{sandbox.facebook.page_id}/feed", data={"message": "ტექსტი", "attached_media": media})
    assert [photo.alt_text for photo in sandbox.facebook.page.standing()[0].photos] == ["სურათი 1", "სურათი 2"]
    read = await graph("GET", f"/{post.body['id']}", params={"fields": "message,permalink_url,attachments{media_type}"})
    assert (read.body["message"], read.body["attachments"]["data"][0]["media_type"]) == ("ტექსტი", "album")
    assert len(sandbox.effects("facebook", "post")) == 1


async def test_the_feed_shows_what_visitors_post_and_where_the_page_is_tagged(sandbox: Sandbox, graph: Any) -> None:
    page, since = sandbox.facebook.page, {"fields": "id,from"}
    own = (await graph("POST", "/me/feed", data={"message": "ours"})).body["id"]
    visitor, tagging = page.visit("on the page"), page.visit("at home", "ლევანი", tags=True)
    seen = (await graph("GET", "/me/feed", params=since)).body["data"]
    assert [one["id"] for one in seen] == [tagging.id, visitor.id, own]
    assert [one["from"]["name"] for one in seen] == ["ლევანი", "ნინო", sandbox.facebook.views.about["name"]]
    for edge in ("posts", "published_posts"):
        assert [one["id"] for one in (await graph("GET", f"/me/{edge}", params=since)).body["data"]] == [own]


async def test_attached_media_may_come_in_numbered_fields(sandbox: Sandbox, graph: Any, make_picture: Picture) -> None:
    photo = await graph("POST", "/me/photos", data=form({"published": "false"}, source=make_picture()))
    fields = {"message": "m", "attached_media[0]": json.dumps({"media_fbid": photo.body["id"]})}
    assert (await graph("POST", "/me/feed", data=fields)).status == 200
    assert len(sandbox.facebook.page.standing()[0].photos) == 1


async def test_a_video_in_chunks(sandbox: Sandbox, graph: Any, short_film: bytes) -> None:
    sandbox.facebook.page.chunk_bytes = 1000
    begun = (await graph("POST", "/me/videos", data={"upload_phase": "start", "file_size": str(len(short_film))})).body
    session = {"upload_session_id": begun["upload_session_id"]}
    start, end = int(begun["start_offset"]), int(begun["end_offset"])
    wrong = form({"upload_phase": "transfer", "start_offset": "7", **session}, video_file_chunk=short_film[:9])
    refused = await graph("POST", "/me/videos", data=wrong)
    assert refused.body["error"]["error_data"] == {"start_offset": 0, "end_offset": 1000}
    while start < end:
        fields = {"upload_phase": "transfer", "start_offset": str(start), **session}
        answer = await graph("POST", "/me/videos", data=form(fields, video_file_chunk=short_film[start:end]))
        start, end = int(answer.body["start_offset"]), int(answer.body["end_offset"])
    finish = {"upload_phase": "finish", "title": "სათაური", "description": "აღწერა", **session}
    assert (await graph("POST", "/me/videos", data=finish)).body == {"success": True}
    video = sandbox.facebook.page.standing()[0].video
    assert video is not None
    assert video.file is not None
    assert video.file.data == short_film
    state = await graph("GET", f"/{begun['video_id']}", params={"fields": "status,post_id"})
    assert state.body["status"] == {"video_status": "ready"}


async def test_reading_editing_publishing_deleting(sandbox: Sandbox, graph: Any) -> None:
    hidden = (await graph("POST", "/me/feed", data={"message": "hidden", "published": "false"})).body["id"]
    assert (await graph("GET", "/me/feed")).body == {"data": []}
    assert (await graph("POST", f"/{hidden}", data={"is_published": "true"})).body == {"success": True}
    assert (await graph("POST", f"/{hidden}", data={"message": "corrected"})).body == {"success": True}
    feed = (await graph("GET", "/me/feed", params={"fields": "id,message", "limit": "5", "since": "1700000000"})).body
    assert feed["data"] == [{"id": hidden, "message": "corrected"}]
    assert (await graph("DELETE", f"/{hidden}")).body == {"success": True}
    assert (await graph("GET", f"/{hidden}")).body["error"]["error_subcode"] == 33
    assert [effect.kind for effect in sandbox.effects("facebook")] == ["post", "edit", "delete"]
    assert (await graph("GET", "/me", params={"fields": "id,name"})).body["id"] == sandbox.facebook.page_id


async def test_a_feed_that_is_longer_than_a_page_says_so_and_goes_on(sandbox: Sandbox, graph: Any) -> None:
    made = [(await graph("POST", "/me/feed", data={"message": f"{n}"})).body["id"] for n in range(5)]
    read: list[str] = []
    after: dict[str, str] = {}
    for size, more in ((2, True), (2, True), (1, False)):
        page = (
            await graph("GET", "/me/feed", params={"fields": "id", "limit": "2", "since": "1700000000", **after})
        ).body
        assert (len(page["data"]), "next" in page["paging"]) == (size, more)
        read += [post["id"] for post in page["data"]]
        after = {"after": page["paging"]["cursors"]["after"]}
    assert read == made[::-1]
    assert (await graph("GET", "/me/feed", params={"limit": "2", "after": "nonsense"})).body["error"]["code"] == 100


async def test_what_facebook_refuses(sandbox: Sandbox, graph: Any) -> None:
    assert (await graph("POST", "/me/feed", data={"message": " "})).body["error"]["code"] == 100
    bad = await graph("POST", "/me/photos", data=form({}, source=b"no picture"))
    assert bad.body["error"]["code"] == 324
    unknown = await graph("GET", "/me", params={"fields": "colour"})
    assert "nonexisting field (colour)" in unknown.body["error"]["message"]
    assert (await graph("POST", "/me/feed", data={"link": "not a link"})).body["error"]["code"] == 1609005
    await graph("POST", "/me/feed", data={"message": "same"})
    assert (await graph("POST", "/me/feed", data={"message": "same"})).body["error"]["code"] == 506
    assert (await graph("POST", "/me/feed", data={"attached_media": '[{"media_fbid":"1"}]'})).status == 400
    assert len(sandbox.effects("facebook")) == 1


async def test_tokens_belong_into_the_header(sandbox: Sandbox, graph: Any, web: aiohttp.ClientSession) -> None:
    url = f"{sandbox.facebook.api_url}/v26.0/me"
    async with web.get(url) as answer:
        assert (await answer.json())["error"]["code"] == 104
    async with web.get(url, headers={"Authorization": "Bearer wrong"}) as answer:
        assert (await answer.json())["error"]["code"] == 190
    assert sandbox.facebook.leaks == []
    async with web.get(url, params={"access_token": sandbox.accounts.facebook_token}) as answer:
        assert answer.status == 200
    assert sandbox.facebook.leaks == ["/facebook/v26.0/me"]
    sandbox.facebook.revoked = True
    assert (await graph("GET", "/me")).body["error"]["error_subcode"] == 460


async def test_the_proof_is_checked_where_an_app_secret_is_set(web: aiohttp.ClientSession) -> None:
    async with Sandbox(accounts=Accounts(facebook_app_secret="app-secret")) as sandbox:
        token = sandbox.accounts.facebook_token
        url, headers = f"{sandbox.facebook.api_url}/v26.0/me", {"Authorization": f"Bearer {token}"}
        proof = hmac.new(b"app-secret", token.encode(), hashlib.sha256).hexdigest()
        for given, status in (({}, 400), ({"appsecret_proof": "0" * 64}, 400), ({"appsecret_proof": proof}, 200)):
            async with web.get(url, headers=headers, params=given) as answer:
                assert answer.status == status


async def test_usage_is_told_and_set(sandbox: Sandbox, graph: Any) -> None:
    sandbox.facebook.usage = {"call_count": 96}
    answer = await graph("GET", "/me")
    assert json.loads(answer.headers["X-App-Usage"]) == {"call_count": 96}


@pytest.mark.parametrize("version", ["v27.0", "v2.8", "me"])
async def test_versions_that_are_gone_or_not_there_yet(
    sandbox: Sandbox, web: aiohttp.ClientSession, version: str
) -> None:
    async with web.get(f"{sandbox.facebook.api_url}/{version}/me") as answer:
        assert (await answer.json())["error"]["code"] == 2500


async def test_a_token_is_told_about_to_the_app_and_to_its_developers(sandbox: Sandbox, graph: Any) -> None:
    asked = {"method": "get", "input_token": sandbox.accounts.facebook_token}
    told = (await graph("POST", "/debug_token", data=asked)).body["data"]
    assert (told["type"], told["profile_id"], told["is_valid"]) == ("PAGE", sandbox.facebook.page_id, True)
    assert (told["expires_at"], "pages_manage_posts" in told["scopes"]) == (0, True)
    assert sandbox.facebook.leaks == []
    other = await graph("POST", "/debug_token", data=asked | {"input_token": "another"})
    assert (other.body["data"]["is_valid"], other.body["data"]["error"]["code"]) == (False, 190)
    sandbox.facebook.token.developer = False
    refused = await graph("POST", "/debug_token", data=asked)
    assert (refused.status, refused.body["error"]["code"]) == (400, 100)
    await graph("GET", "/debug_token", params={"input_token": sandbox.accounts.facebook_token})
    assert sandbox.facebook.leaks == ["/facebook/v26.0/debug_token"]
    sandbox.facebook.token.expires_at = 1
    refused = await graph("GET", "/me")
    assert (refused.body["error"]["code"], refused.body["error"]["error_subcode"]) == (190, 463)


async def test_the_apps_own_token_tells_of_tokens_and_nothing_else(web: aiohttp.ClientSession) -> None:
    async with Sandbox(accounts=Accounts(facebook_app_secret="app-secret")) as sandbox:
        token = f"{APP_ID}|app-secret"
        proof = hmac.new(b"app-secret", token.encode(), hashlib.sha256).hexdigest()
        sandbox.facebook.token.developer = False
        client = Client(web, f"{sandbox.facebook.api_url}/v26.0", lambda *_: {"Authorization": f"Bearer {token}"})
        fields = {"method": "get", "input_token": sandbox.accounts.facebook_token, "appsecret_proof": proof}
        assert (await client("POST", "/debug_token", data=fields)).body["data"]["is_valid"]
        refused = await client("GET", "/me", params={"appsecret_proof": proof})
        assert (refused.status, refused.body["error"]["code"]) == (400, 2500)
