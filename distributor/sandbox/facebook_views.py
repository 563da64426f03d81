"""Facebook's answers to reading: the page, a post, a photo, a video, the feed, with the fields asked for.

A field that the node does not have is refused with code 100, as Graph does. Pure over the page's memory.
"""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode

from distributor.sandbox.facebook_errors import JSON, bad_parameter, split_fields
from distributor.sandbox.facebook_page import FacebookPage, PagePost, Photo

POST_FIELDS = frozenset({
    "id", "message", "created_time", "updated_time", "permalink_url", "is_published", "status_type", "from",
    "attachments", "full_picture",
})  # fmt: skip
POST_EDGES = frozenset({"attachments"})
"""Names in POST_FIELDS that are edges of the node, not fields."""
PHOTO_FIELDS = frozenset({
    "id", "name", "alt_text", "alt_text_custom", "created_time", "height", "width", "link", "images",
})  # fmt: skip
VIDEO_FIELDS = frozenset({
    "id", "title", "description", "length", "permalink_url", "post_id", "status", "published", "created_time",
})  # fmt: skip
PAGE_FIELDS = frozenset({
    "id", "name", "username", "link", "category", "fan_count", "followers_count", "is_published", "can_post", "about",
})  # fmt: skip


def stamp(at: datetime) -> str:
    """Graph's form of a time: 2026-11-24T07:00:00+0000."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def _chosen(whole: JSON, text: str, known: frozenset[str], node: str, default: tuple[str, ...]) -> JSON:
    wanted = split_fields(text) or dict.fromkeys(default, "")
    for name in wanted:
        if name not in known:
            raise bad_parameter(f"Tried accessing nonexisting field ({name}) on node type ({node})")
    return {name: whole[name] for name in ("id", *wanted) if whole.get(name) not in (None, "", [])}


class FacebookViews:
    """What readers of the Graph see of one page."""

    def __init__(self, page: FacebookPage) -> None:
        self.page = page
        self.about: JSON = {
            "id": page.id, "name": "შინაგან საქმეთა სამინისტრო", "username": "mia.sandbox",
            "category": "Government organization",
            "link": "https://www.facebook.com/mia.sandbox", "fan_count": 128_400, "followers_count": 131_022,
            "is_published": True, "can_post": True, "about": "Sandbox",
        }  # fmt: skip

    def page_json(self, given: dict[str, str]) -> JSON:
        """GET /me and GET /{page}."""
        return _chosen(self.about, given.get("fields", ""), PAGE_FIELDS, "Page", ("id", "name"))

    def _attachments(self, post: PagePost) -> JSON | None:
        items = [
            {"media_type": "photo", "type": "photo", "target": {"id": photo.id}, "description": photo.alt_text}
            for photo in post.photos
        ]
        if post.video is not None:
            return {"data": [{"media_type": "video", "type": "video_inline", "target": {"id": post.video.id}}]}
        if len(items) > 1:
            return {"data": [{"media_type": "album", "type": "album", "subattachments": {"data": items}}]}
        if not items and post.link:
            return {"data": [{"media_type": "link", "type": "share", "unshimmed_url": post.link, "url": post.link}]}
        return {"data": items} if items else None

    def _author(self, post: PagePost) -> JSON:
        number, name = post.author or (self.page.id, self.about["name"])
        return {"id": number, "name": name}

    def post_json(self, post: PagePost, fields: str) -> JSON:
        """A post with the fields asked for."""
        kind = "added_video" if post.video else "added_photos" if post.photos else "mobile_status_update"
        whole: JSON = {
            "id": post.id, "message": post.message, "created_time": stamp(post.at),
            "updated_time": stamp(post.updated or post.at), "is_published": post.published, "status_type": kind,
            "permalink_url": f"https://www.facebook.com/{post.id.replace('_', '/posts/')}",
            "from": self._author(post), "attachments": self._attachments(post),
            "full_picture": f"https://scontent.example/{post.photos[0].id}.jpg" if post.photos else None,
        }  # fmt: skip
        return _chosen(whole, fields, POST_FIELDS, "PagePost", ("created_time", "message", "id"))

    def _photo_json(self, photo: Photo, fields: str) -> JSON:
        look = photo.file.look
        whole: JSON = {
            "id": photo.id, "name": photo.caption, "alt_text_custom": photo.alt_text, "alt_text": photo.alt_text,
            "width": look.width, "height": look.height, "link": f"https://www.facebook.com/photo?fbid={photo.id}",
            "created_time": stamp(self.page.record.now()),
        }  # fmt: skip
        return _chosen(whole, fields, PHOTO_FIELDS, "Photo", ("created_time", "id"))

    def object_json(self, object_id: str, given: dict[str, str]) -> JSON:
        """GET /{post}, /{photo} or /{video}."""
        fields = given.get("fields", "")
        if object_id in self.page.photos:
            return self._photo_json(self.page.photos[object_id], fields)
        if object_id in self.page.videos:
            return self._video_json(object_id, fields)
        return self.post_json(self.page.post_of(object_id), fields)

    def _video_json(self, video_id: str, fields: str) -> JSON:
        video = self.page.videos[video_id]
        whole: JSON = {"id": video.id, "title": video.title, "status": {"video_status": "uploading"}}
        if video.file is not None:
            post = self.page.post_of(video_id)
            whole |= {
                "description": post.message, "length": video.file.look.seconds, "status": {"video_status": "ready"},
                "permalink_url": f"/{self.page.id}/videos/{video.id}/", "post_id": post.id, "published": post.published,
                "created_time": stamp(post.at),
            }  # fmt: skip
        return _chosen(whole, fields, VIDEO_FIELDS, "Video", ("id", "description"))

    def feed(self, edge: str, given: dict[str, str]) -> JSON:
        """GET /{page}/feed, or an edge with the page's own posts alone: newest first; `since` is a unix time or an ISO
        time, `limit` at most 100. Where there is more than fits, `paging.next` says so and `after` goes on."""
        posts = self.page.feed() if edge == "feed" else self.page.standing()
        if since := given.get("since"):
            start = _time(since)
            posts = [post for post in posts if post.at >= start]
        limit = given.get("limit", "25")
        if not limit.isdigit() or int(limit) > 100:
            raise bad_parameter("Please reduce the amount of data you're asking for, then retry your request")
        if "after" in given:
            posts = posts[_place(posts, given["after"]) + 1 :]
        page = posts[: int(limit)]
        if not page:
            return {"data": []}
        paging: JSON = {"cursors": {"before": page[0].id, "after": page[-1].id}}
        if len(posts) > len(page):
            words = {name: value for name, value in given.items() if name != "after"} | {"after": page[-1].id}
            paging["next"] = f"https://graph.facebook.com/v26.0/{self.page.id}/{edge}?{urlencode(words)}"
        return {"data": [self.post_json(post, given.get("fields", "")) for post in page], "paging": paging}


def _place(posts: list[PagePost], cursor: str) -> int:
    place = next((place for place, post in enumerate(posts) if post.id == cursor), None)
    if place is None:
        raise bad_parameter("Invalid cursors values")
    return place


def _time(text: str) -> datetime:
    try:
        if text.isdigit():
            return datetime.fromtimestamp(int(text), UTC)
        at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as wrong:
        raise bad_parameter("param since must be a unix timestamp or a date") from wrong
    return at if at.tzinfo else at.replace(tzinfo=UTC)
