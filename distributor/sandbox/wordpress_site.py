"""What one WordPress site holds: posts, attachments, slugs, and the rules of its REST controllers.

Pure memory. The rules are those of WordPress 6.x (`WP_REST_Posts_Controller`, `WP_REST_Attachments_Controller`,
`wp_unique_post_slug`): a taken slug gets a number without a word, a deleted post goes to the trash and keeps
`__trashed` in its slug, an attachment is deleted for good or not at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from distributor.sandbox.effects import Record
from distributor.sandbox.files import Files, StoredFile

JSON = dict[str, Any]

STATUSES = frozenset({"publish", "future", "draft", "pending", "private", "trash"})
_TYPES = {"image/jpeg", "image/png", "image/webp", "image/gif", "video/mp4", "video/webm"}


class WordPressError(Exception):
    """An error of the REST API: {"code", "message", "data": {"status"}}."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body: JSON = {"code": code, "message": message, "data": {"status": status}}


@dataclass
class Post:
    """A post. `content`, `title` and `excerpt` as they were given (raw)."""

    id: int
    slug: str
    status: str
    at: datetime
    title: str = ""
    content: str = ""
    excerpt: str = ""
    featured_media: int = 0
    categories: list[int] = field(default_factory=lambda: [1])
    tags: list[int] = field(default_factory=list)
    edited: bool = False


@dataclass
class Attachment:
    """A file of the media library."""

    id: int
    slug: str
    file: StoredFile
    name: str
    alt_text: str = ""
    caption: str = ""


class WordPressSite:
    """The site's memory."""

    def __init__(self, record: Record, files: Files) -> None:
        self.record = record
        self.files = files
        self.url = ""
        self.posts: dict[int, Post] = {}
        self.media: dict[int, Attachment] = {}
        self.upload_limit = 64_000_000
        """Bytes of an upload, at most (PHP's upload_max_filesize)."""
        self.keeps_trash = True
        """False: EMPTY_TRASH_DAYS is 0, and the trash is refused."""

    def standing(self) -> list[Post]:
        """What visitors see, newest first."""
        return sorted(
            (post for post in self.posts.values() if post.status == "publish"), key=lambda one: one.id, reverse=True
        )

    def _unique(self, slug: str, own: int = 0) -> str:
        taken = {post.slug for post in self.posts.values() if post.id != own}
        taken |= {one.slug for one in self.media.values() if one.id != own}
        found, number = slug, 2
        while found in taken:
            found, number = f"{slug}-{number}", number + 1
        return found

    def create_post(self, given: JSON) -> JSON:
        """POST /posts."""
        self._check(given)
        status = given.get("status", "draft")
        title = _raw(given.get("title", ""))
        if not (title or given.get("content") or given.get("excerpt")):
            raise WordPressError(400, "empty_content", "Content, title, and excerpt are empty.")
        post = Post(self.record.number(), "", status, self.record.now())
        post.slug = self._unique(_slug(given.get("slug") or title)) if given.get("slug") or status == "publish" else ""
        self.posts[post.id] = post
        self._fill(post, given)
        self.record.effect("wordpress", "post" if status == "publish" else "draft", id=post.id, slug=post.slug)
        return self.post_json(post)

    def update_post(self, number: int, given: JSON) -> JSON:
        """POST /posts/{id}."""
        self._check(given)
        post = self.post(number)
        was = post.status
        if "slug" in given:
            post.slug = self._unique(_slug(given["slug"]), post.id)
        self._fill(post, given)
        post.status = given.get("status", post.status)
        if was == "trash" and post.status != "trash":
            post.slug = self._unique(post.slug.removesuffix("__trashed"), post.id)
        if post.status == "publish" and was != "publish":
            post.slug, post.at = post.slug or self._unique(_slug(post.title)), self.record.now()
        elif post.status == "publish":
            post.edited = True
        kind = "post" if post.status == "publish" and was != "publish" else "edit" if was == "publish" else "draft"
        self.record.effect("wordpress", kind, id=post.id, slug=post.slug, title=post.title)
        return self.post_json(post)

    def delete_post(self, number: int, *, force: bool) -> JSON:
        """DELETE /posts/{id}: into the trash, or for good."""
        post = self.post(number)
        if force:
            previous = self.post_json(post)
            del self.posts[number]
            self.record.effect("wordpress", "delete", id=number)
            return {"deleted": True, "previous": previous}
        if not self.keeps_trash:
            raise WordPressError(
                501, "rest_trash_not_supported", "The post does not support trashing. Set 'force=true' to delete."
            )
        if post.status == "trash":
            raise WordPressError(410, "rest_already_trashed", "The post has already been deleted.")
        post.status, post.slug = "trash", f"{post.slug}__trashed"
        self.record.effect("wordpress", "trash", id=number)
        return self.post_json(post)

    def _check(self, given: JSON) -> None:
        if given.get("status", "draft") not in STATUSES - {"trash"}:
            raise WordPressError(400, "rest_invalid_param", "Invalid parameter(s): status")
        picture = given.get("featured_media", 0)
        if picture and picture not in self.media:
            raise WordPressError(400, "rest_invalid_featured_media", "Invalid featured media ID.")
        for name in ("categories", "tags"):
            if not all(isinstance(one, int) for one in given.get(name, [])):
                raise WordPressError(400, "rest_invalid_param", f"Invalid parameter(s): {name}")

    @staticmethod
    def _fill(post: Post, given: JSON) -> None:
        for name in ("title", "content", "excerpt"):
            if name in given:
                setattr(post, name, _raw(given[name]))
        for name in ("featured_media", "categories", "tags"):
            if name in given:
                setattr(post, name, given[name])

    def post(self, number: int) -> Post:
        """A post; 404 where there is none."""
        if number not in self.posts:
            raise WordPressError(404, "rest_post_invalid_id", "Invalid post ID.")
        return self.posts[number]

    def list_posts(self, query: dict[str, str]) -> list[JSON]:
        """GET /posts: by slug or by a word in title, excerpt or content, of the statuses asked for."""
        statuses = set(query.get("status", "publish").split(","))
        if statuses == {"any"}:
            statuses = set(STATUSES) - {"trash"}
        if strange := statuses - STATUSES:
            raise WordPressError(400, "rest_invalid_param", f"Invalid parameter(s): status ({', '.join(strange)})")
        found = [post for post in self.posts.values() if post.status in statuses]
        if "slug" in query:
            found = [post for post in found if post.slug in query["slug"].split(",")]
        if word := query.get("search"):
            found = [post for post in found if word in post.title + post.excerpt + post.content]
        return [self.post_json(post) for post in sorted(found, key=lambda one: one.id, reverse=True)[:10]]

    def post_json(self, post: Post) -> JSON:
        """A post with context=edit."""
        link = f"{self.url}/{post.slug}/" if post.status == "publish" else f"{self.url}/?p={post.id}"
        texts = {name: {"raw": getattr(post, name), "rendered": getattr(post, name)}
                 for name in ("title", "content", "excerpt")}  # fmt: skip
        return {
            "id": post.id, "date_gmt": post.at.strftime("%Y-%m-%dT%H:%M:%S"), "slug": post.slug, "status": post.status,
            "type": "post", "link": link, "featured_media": post.featured_media, "categories": post.categories,
            "tags": post.tags, **texts,
        }  # fmt: skip

    def create_media(self, name: str, kind: str, data: bytes) -> JSON:
        """POST /media with a raw body."""
        if len(data) > self.upload_limit:
            raise WordPressError(400, "rest_upload_file_too_big", "The uploaded file exceeds the maximum upload size.")
        if kind not in _TYPES or self.files.look(data).mime != kind:
            raise WordPressError(
                500, "rest_upload_unknown_error", "Sorry, you are not allowed to upload this file type."
            )
        stem, _, end = name.rpartition(".")
        made = Attachment(self.record.number(), self._unique(_slug(stem)), self.files.keep(data, name), "")
        made.name = f"{made.slug}.{end}"
        self.media[made.id] = made
        self.record.effect("wordpress", "media", id=made.id, slug=made.slug)
        return self.media_json(made)

    def attachment(self, number: int) -> Attachment:
        """An attachment; 404 where there is none."""
        if number not in self.media:
            raise WordPressError(404, "rest_post_invalid_id", "Invalid post ID.")
        return self.media[number]

    def update_media(self, number: int, given: JSON) -> JSON:
        """POST /media/{id}: alt_text and caption."""
        found = self.attachment(number)
        found.alt_text = str(given.get("alt_text", found.alt_text))
        found.caption = _raw(given.get("caption", found.caption))
        return self.media_json(found)

    def delete_media(self, number: int, *, force: bool) -> JSON:
        """DELETE /media/{id}: for good alone."""
        found = self.attachment(number)
        if not force:
            raise WordPressError(
                501, "rest_trash_not_supported", "The post does not support trashing. Set 'force=true' to delete."
            )
        del self.media[number]
        self.record.effect("wordpress", "media_delete", id=number)
        return {"deleted": True, "previous": self.media_json(found)}

    def list_media(self, query: dict[str, str]) -> list[JSON]:
        """GET /media by slug."""
        wanted = query.get("slug", "").split(",")
        return [self.media_json(one) for one in self.media.values() if one.slug in wanted]

    def media_json(self, one: Attachment) -> JSON:
        """An attachment with context=edit."""
        return {
            "id": one.id, "slug": one.slug, "status": "inherit", "type": "attachment", "alt_text": one.alt_text,
            "caption": {"raw": one.caption, "rendered": one.caption}, "mime_type": one.file.look.mime,
            "media_type": "image" if one.file.look.is_image else "file",
            "source_url": f"{self.url}/wp-content/uploads/{one.name}",
        }  # fmt: skip


def _raw(value: Any) -> str:
    """A text, or {"raw": text}."""
    return str(value.get("raw", "")) if isinstance(value, dict) else str(value)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-") or "post"
