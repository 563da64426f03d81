"""The sandbox against the platforms' own machine-readable descriptions, where these lie beside the repository.

Without that folder a test is reported as skipped, with what was not compared (tests.specs).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, InputMediaPhoto

from distributor.sandbox import Sandbox
from distributor.sandbox.facebook_views import PAGE_FIELDS, PHOTO_FIELDS, POST_EDGES, POST_FIELDS, VIDEO_FIELDS
from distributor.sandbox.telegram_methods import PARAMETERS
from distributor.sandbox.telegram_text import ENTITY_TYPES
from distributor.sandbox.x_media import INITIALIZE_FIELDS, METADATA_FIELDS
from distributor.sandbox.x_posts import CREATE_FIELDS, MEDIA_FIELDS, REPLY_FIELDS, TIMELINE_QUERY
from tests.specs import described

RENAMED_BY_X = {"tweet.fields": "post.fields", "edit_history_tweet_ids": "edit_history_post_ids"}
"""Names in use, kept beside those that X's newest description announces."""


def spec(name: str) -> Any:
    return json.loads(described(name).read_text("utf-8"))


class Telegram:
    """Checks JSON against the types of the Bot API."""

    def __init__(self, api: Any) -> None:
        self.api = api

    def strange(self, kind: str, value: Any, path: str = "") -> Iterator[str]:
        """Every field of `value` that its type does not have, and every required one that is missing."""
        if kind.startswith("Array of "):
            for item in value:
                yield from self.strange(kind.removeprefix("Array of "), item, f"{path}[]")
            return
        if kind not in self.api["types"] or not isinstance(value, dict):
            return
        declared = self.api["types"][kind]
        if "subtypes" in declared and not declared.get("fields"):
            found = [list(self.strange(one, value, path)) for one in declared["subtypes"]]
            yield from min(found, key=len)
            return
        fields = {field["name"]: field for field in declared.get("fields", [])}
        for name, content in value.items():
            if name not in fields:
                yield f"{path}.{name} is not in {kind}"
                continue
            options = [list(self.strange(one, content, f"{path}.{name}")) for one in fields[name]["types"]]
            yield from min(options, key=len)
        for name, field in fields.items():
            if field["required"] and name not in value:
                yield f"{path}.{name} is missing in {kind}"


@pytest.fixture
def bot_api() -> Any:
    return spec("telegram/bot-api.json")


def test_every_telegram_method_and_parameter_is_one_of_the_bot_api(bot_api: Any, sandbox: Sandbox) -> None:
    assert set(PARAMETERS) == {*sandbox.telegram.methods.table, "sendMediaGroup"}
    for method, parameters in PARAMETERS.items():
        known = {field["name"] for field in bot_api["methods"][method].get("fields", [])}
        assert parameters <= known, method


def test_every_required_telegram_parameter_is_read(bot_api: Any) -> None:
    for method, parameters in PARAMETERS.items():
        required = {field["name"] for field in bot_api["methods"][method].get("fields", []) if field["required"]}
        assert required <= parameters, method


def test_every_entity_type_is_one_of_the_bot_api(bot_api: Any) -> None:
    fields = bot_api["types"]["MessageEntity"]["fields"]
    description = next(field["description"] for field in fields if field["name"] == "type")
    assert [name for name in sorted(ENTITY_TYPES) if f'"{name}"' not in description] == []


async def test_everything_telegram_returns_is_of_its_declared_type(
    bot_api: Any, sandbox: Sandbox, bot: Bot, desk: Any, make_picture: Callable[..., bytes], short_film: bytes
) -> None:
    check, channel, group = Telegram(bot_api), -100300, -100200
    buttons = InlineKeyboardMarkup([[InlineKeyboardButton("a", callback_data="b")]])
    text = await bot.send_message(group, "<b>x</b> https://police.ge", parse_mode="HTML", reply_markup=buttons)
    await bot.send_media_group(channel, [InputMediaPhoto(make_picture(800, 600), caption="c")] * 2)
    await bot.send_video(channel, short_film)
    await bot.send_animation(group, short_film)
    await bot.send_document(group, b"%PDF-1")
    for chat in (group, channel):
        queue = sandbox.telegram.chat(chat)
        for message in queue.messages.values():
            shown = sandbox.telegram.world.message_json(sandbox.telegram.default_bot, message)
            assert list(check.strange("Message", shown)) == []
    await sandbox.telegram.press(502, group, text.message_id, "a")
    await sandbox.telegram.press(502, group, 999, "gone")
    sent = await sandbox.telegram.send_photos(501, [make_picture()], caption="#თბილისი")
    await sandbox.telegram.edit(501, sent[0]["message_id"], "edited")
    sandbox.telegram.kick(channel)
    sandbox.telegram.migrate(group)
    answers = {
        "getUpdates": ("Array of Update", {}),
        "getMe": ("User", {}),
        "getWebhookInfo": ("WebhookInfo", {}),
        "getFile": ("File", {"file_id": sent[0]["photo"][0]["file_id"]}),
        "getChat": ("ChatFullInfo", {"chat_id": -100400}),
        "getChatMember": ("ChatMember", {"chat_id": -100400, "user_id": 503}),
        "getChatAdministrators": ("Array of ChatMember", {"chat_id": -100400}),
    }
    for method, (kind, body) in answers.items():
        result = (await desk("POST", f"/{method}", json=body)).body["result"]
        assert list(check.strange(kind, result, method)) == []


class XSpec:
    """Reads X's OpenAPI description."""

    def __init__(self, api: Any) -> None:
        self.api = api

    def resolve(self, schema: Any) -> Any:
        while "$ref" in schema:
            schema = self.api["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return schema

    def named(self, name: str) -> Any:
        return self.resolve({"$ref": f"#/components/schemas/{name}"})

    def strange(self, schema: Any, value: Any, path: str = "$") -> Iterator[str]:
        """Every field of `value` that the schema does not know."""
        schema = self.resolve(schema)
        if isinstance(value, list):
            for item in value:
                yield from self.strange(schema.get("items", {}), item, f"{path}[]")
        elif isinstance(value, dict) and "properties" in schema:
            for name, content in value.items():
                if RENAMED_BY_X.get(name, name) not in schema["properties"]:
                    yield f"{path}.{name}"
                else:
                    yield from self.strange(
                        schema["properties"][RENAMED_BY_X.get(name, name)], content, f"{path}.{name}"
                    )


@pytest.fixture
def x_api() -> XSpec:
    return XSpec(spec("x/openapi.json"))


def test_every_field_that_x_accepts_is_in_its_schema_and_all_of_them_are_known(x_api: XSpec) -> None:
    create = x_api.named("CreatePostsRequest")["properties"]
    assert set(CREATE_FIELDS) == set(create)
    assert set(MEDIA_FIELDS) <= set(x_api.resolve(create["media"])["properties"])
    assert set(REPLY_FIELDS) == set(x_api.resolve(create["reply"])["properties"])
    assert set(INITIALIZE_FIELDS) == set(x_api.named("InitializeMediaUploadRequest")["properties"])
    assert set(METADATA_FIELDS) == set(x_api.named("CreateMediaMetadataRequest")["properties"])
    declared = {
        x_api.api["components"]["parameters"][one["$ref"].rpartition("/")[2]]["name"] if "$ref" in one else one["name"]
        for one in x_api.api["paths"]["/2/users/{id}/tweets"]["get"]["parameters"]
    }
    assert {RENAMED_BY_X.get(name, name) for name in TIMELINE_QUERY} == declared - {"id"}


async def test_everything_x_returns_is_in_its_schemas(
    x_api: XSpec, sandbox: Sandbox, x: Any, make_picture: Callable[..., bytes], short_film: bytes
) -> None:
    def check(name: str, answer: Any) -> None:
        assert answer.status in (200, 201), answer.body
        assert list(x_api.strange({"$ref": f"/{name}"}, answer.body)) == []

    ids = []
    for data, kind, category in (
        (make_picture(), "image/jpeg", "tweet_image"),
        (short_film, "video/mp4", "tweet_video"),
    ):
        body = {"media_type": kind, "media_category": category, "total_bytes": len(data)}
        begun = await x("POST", "/2/media/upload/initialize", json=body)
        check("InitializeMediaUploadResponse", begun)
        ids.append(begun.body["data"]["id"])
        segment = {"segment_index": 0, "media": base64.b64encode(data).decode()}
        check("AppendMediaUploadResponse", await x("POST", f"/2/media/upload/{ids[-1]}/append", json=segment))
        check("FinalizeMediaUploadResponse", await x("POST", f"/2/media/upload/{ids[-1]}/finalize"))
        for _ in range(2):
            query = {"command": "STATUS", "media_id": ids[-1]}
            check("GetMediaUploadStatusResponse", await x("GET", "/2/media/upload", params=query))
    alt = {"id": ids[0], "metadata": {"alt_text": {"text": "x"}}}
    check("CreateMediaMetadataResponse", await x("POST", "/2/media/metadata", json=alt))
    posts = [
        await x("POST", "/2/tweets", json={"text": f"{one} https://police.ge", "media": {"media_ids": [one]}})
        for one in ids
    ]
    check("CreatePostsResponse", posts[0])
    query = {
        "tweet.fields": "created_at,entities,attachments,author_id,conversation_id,lang",
        "expansions": "attachments.media_keys,author_id",
        "media.fields": "alt_text,url,width,height,duration_ms",
    }
    check("GetUsersPostsResponse", await x("GET", f"/2/users/{sandbox.x.user['id']}/tweets", params=query))
    check("GetUsersMeResponse", await x("GET", "/2/users/me", params={"user.fields": "created_at"}))
    check("DeletePostsResponse", await x("DELETE", f"/2/tweets/{posts[0].body['data']['id']}"))


@pytest.mark.parametrize(
    ("node", "fields"),
    [("Page", PAGE_FIELDS), ("PagePost", POST_FIELDS - POST_EDGES), ("Photo", PHOTO_FIELDS), ("AdVideo", VIDEO_FIELDS)],
)
def test_every_facebook_field_is_one_of_its_node(node: str, fields: frozenset[str]) -> None:
    declared = {field["name"] for field in spec(f"facebook/{node}.json")["fields"]}
    assert fields <= declared


@pytest.mark.parametrize(
    ("node", "edge", "parameters"),
    [
        ("Page", "feed", {"message", "link", "attached_media", "published"}),
        ("Page", "photos", {"published", "alt_text_custom", "temporary", "caption", "message"}),
        (
            "Page",
            "videos",
            {
                "upload_phase",
                "upload_session_id",
                "start_offset",
                "file_size",
                "video_file_chunk",
                "title",
                "description",
            },
        ),
        ("PagePost", "#update", {"message", "is_published"}),
    ],
)
def test_every_facebook_parameter_is_one_of_its_edge(node: str, edge: str, parameters: set[str]) -> None:
    apis = spec(f"facebook/{node}.json")["apis"]
    posting = next(api for api in apis if api["method"] == "POST" and edge in (api.get("endpoint"), api.get("name")))
    declared = {parameter["name"] for parameter in posting["params"]}
    assert parameters - {"video_file_chunk"} <= declared
    if "video_file_chunk" in parameters:
        assert "video_file_chunk" in declared


def test_facebook_edges_of_a_post(sandbox: Sandbox) -> None:
    apis = spec("facebook/PagePost.json")["apis"]
    assert {api.get("endpoint") for api in apis if api["method"] == "GET"} >= POST_EDGES
