"""The sandbox's WordPress site: its REST API's own rules, and what visitors and the page see."""

from __future__ import annotations

import base64
from typing import Any

import aiohttp
import pytest

from distributor.sandbox import Sandbox
from tests.sandbox.conftest import Answer, Client


@pytest.fixture
def press(sandbox: Sandbox, web: aiohttp.ClientSession) -> Client:
    who = f"{sandbox.accounts.wordpress_user}:{sandbox.accounts.wordpress_password}".encode()
    basic = {"Authorization": f"Basic {base64.b64encode(who).decode()}"}
    return Client(web, f"{sandbox.wordpress.api_url}/wp/v2", lambda method, url: basic)


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body["code"]


async def test_a_draft_is_unseen_published_seen_and_trashed_gone(
    sandbox: Sandbox, web: aiohttp.ClientSession, press: Client
) -> None:
    evil = "<script>alert(1)</script>"
    made = await press("POST", "/posts", json={"title": "A", "content": f"<p>ტექსტი</p>{evil}", "slug": "a"})
    assert (made.status, made.body["status"], made.body["slug"]) == (201, "draft", "a")
    path, public = f"/posts/{made.body['id']}", f"{sandbox.http_url}/wordpress/a/"
    assert (await press("GET", "/posts", params={"slug": "a"})).body == []
    assert len((await press("GET", "/posts", params={"slug": "a", "status": "draft"})).body) == 1
    async with web.get(public) as answer:
        assert answer.status == 404
    shown = await press("POST", path, json={"status": "publish", "title": "<i>B</i>"})
    assert (shown.body["status"], shown.body["link"]) == ("publish", public)
    async with web.get(public) as answer:
        assert "ტექსტი" in await answer.text()
        assert "sandbox" in answer.headers["Content-Security-Policy"]
    async with web.get(sandbox.http_url) as answer:
        page = await answer.text()
    assert "ტექსტი" in page
    assert evil not in page
    assert "<i>B</i>" not in page
    assert (await press("DELETE", path)).body["status"] == "trash"
    assert code(await press("DELETE", path)) == (410, "rest_already_trashed")
    async with web.get(public) as answer:
        assert answer.status == 404
    assert (await press("GET", path)).body["slug"] == "a__trashed"
    assert (await press("DELETE", path, params={"force": "true"})).body["deleted"] is True
    assert code(await press("GET", path)) == (404, "rest_post_invalid_id")
    kinds = [effect.kind for effect in sandbox.effects("wordpress")]
    assert kinds == ["draft", "post", "trash", "delete"]


async def test_a_taken_slug_gets_a_number_without_a_word(press: Client) -> None:
    slugs = [
        (await press("POST", "/posts", json={"title": "A", "slug": "a", "status": status})).body["slug"]
        for status in ("publish", "draft", "publish")
    ]
    assert slugs == ["a", "a-2", "a-3"]


async def test_files_are_taken_by_what_they_are_described_and_deleted_for_good(
    press: Client, web: aiohttp.ClientSession, make_picture: Any
) -> None:
    named = {"Content-Disposition": 'attachment; filename="a.jpg"', "Content-Type": "image/jpeg"}
    made = await press("POST", "/media", data=make_picture(), headers=named)
    assert (made.status, made.body["media_type"], made.body["slug"]) == (201, "image", "a")
    path = f"/media/{made.body['id']}"
    assert (await press("POST", path, json={"alt_text": "ტექსტი"})).body["alt_text"] == "ტექსტი"
    assert [one["id"] for one in (await press("GET", "/media", params={"slug": "a"})).body] == [made.body["id"]]
    async with web.get(made.body["source_url"]) as answer:
        assert await answer.read() == make_picture()
    assert code(await press("DELETE", path)) == (501, "rest_trash_not_supported")
    await press("DELETE", path, params={"force": "true"})
    async with web.get(made.body["source_url"]) as answer:
        assert answer.status == 404
    for data, headers, wanted in (
        (b"<?php", named, (500, "rest_upload_unknown_error")),
        (make_picture(), {"Content-Type": "image/jpeg"}, (400, "rest_upload_no_content_disposition")),
        (b"", named, (400, "rest_upload_no_data")),
    ):
        assert code(await press("POST", "/media", data=data, headers=headers)) == wanted


async def test_who_may_what(sandbox: Sandbox, press: Client, web: aiohttp.ClientSession) -> None:
    post = {"title": "A", "content": "x"}
    stranger = Client(web, press.base, lambda method, url: {})
    assert code(await stranger("POST", "/posts", json=post)) == (401, "rest_not_logged_in")
    wrong = {"Authorization": f"Basic {base64.b64encode(b'press:wrong').decode()}"}
    assert code(await stranger("POST", "/posts", json=post, headers=wrong)) == (401, "incorrect_password")
    sandbox.wordpress.capabilities -= {"publish_posts"}
    made = await press("POST", "/posts", json=post)
    path = f"/posts/{made.body['id']}"
    assert code(await press("POST", path, json={"status": "publish"})) == (403, "rest_cannot_publish")
    assert code(await press("POST", "/posts", json={})) == (400, "empty_content")
    assert code(await press("POST", path, json={"status": "nonsense"})) == (400, "rest_invalid_param")
    assert code(await press("GET", "/nothing")) == (404, "rest_no_route")
