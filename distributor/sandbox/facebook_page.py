"""The simulated Facebook page: photos, videos, posts, and the rules for them.

Source: Graph API, nodes Page, PagePost, Photo and AdVideo (Video). Memory only: HTTP is next door in `facebook.py`.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from distributor.sandbox.effects import Record
from distributor.sandbox.facebook_errors import JSON, GraphError, bad_parameter, no_object
from distributor.sandbox.facebook_things import PagePost as PagePost
from distributor.sandbox.facebook_things import Photo as Photo
from distributor.sandbox.facebook_things import Video as Video
from distributor.sandbox.files import Files

MEGABYTE = 1024 * 1024
PHOTO_AT_MOST = 10 * MEGABYTE
MESSAGE_AT_MOST = 63_206
BROKEN_UPLOAD = "There was a problem uploading your video. Please try again."


class FacebookPage:
    """The page with everything on it."""

    def __init__(self, record: Record, files: Files, page_id: str) -> None:
        self.record = record
        self.files = files
        self.id = page_id
        self.photos: dict[str, Photo] = {}
        self.videos: dict[str, Video] = {}
        self.posts: dict[str, PagePost] = {}
        self.chunk_bytes = MEGABYTE
        """How much one transfer call of a video may carry."""

    def _new_id(self) -> str:
        return str(122_100_000_000_000 + self.record.number())

    def standing(self) -> list[PagePost]:
        """The page's own published posts that are there now, newest first."""
        return [post for post in self.feed() if post.author is None]

    def feed(self) -> list[PagePost]:
        """What stands on the page and about it, newest first: its own posts, visitors' and those that tag it."""
        return [post for post in reversed(self.posts.values()) if post.published and not post.deleted]

    def visit(self, message: str, name: str = "ნინო", *, tags: bool = False) -> PagePost:
        """A visitor posts on the page; `tags`: at home, and names the page in it."""
        visitor = self._new_id()
        post = PagePost(f"{visitor if tags else self.id}_{self._new_id()}", self.record.now(), message)
        post.author = (visitor, name)
        self.posts[post.id] = post
        return post

    def add_photo(self, data: bytes | None, name: str, given: dict[str, str]) -> JSON:
        """POST /{page}/photos."""
        if not data:
            raise GraphError(400, 324, "(#324) Missing or invalid image file")
        if len(data) > PHOTO_AT_MOST:
            raise GraphError(400, 1, "Please reduce the amount of data you're asking for, then retry your request")
        file = self.files.keep(data, name)
        if not file.look.is_image:
            raise GraphError(400, 324, "(#324) Missing or invalid image file", subcode=2069019)
        published = is_true(given.get("published", "true"))
        photo = Photo(
            self._new_id(), file, given.get("alt_text_custom", ""), given.get("caption") or given.get("message", ""),
            published, is_true(given.get("temporary", "false")),
        )  # fmt: skip
        self.photos[photo.id] = photo
        if not published:
            return {"id": photo.id}
        post = self._post(message=photo.caption, photos=[photo])
        return {"id": photo.id, "post_id": post.id}

    def add_post(self, given: dict[str, str]) -> JSON:
        """POST /{page}/feed."""
        message, link = given.get("message", ""), given.get("link", "")
        photos = [self._attachable(one) for one in _attached_ids(given)]
        if not (message.strip() or link or photos):
            raise bad_parameter("You must provide a message, a link or attached_media", 1349125)
        if len(message) > MESSAGE_AT_MOST:
            raise bad_parameter("Message too long")
        if link and not link.startswith(("http://", "https://")):
            raise GraphError(400, 1609005, "(#100) The url you supplied is invalid", subcode=1609005)
        published = is_true(given.get("published", "true"))
        last = next(iter(self.standing()), None)
        same = (message, link, photos)
        if published and last is not None and not photos and (last.message, last.link, last.photos) == same:
            raise GraphError(400, 506, "(#506) Duplicate status message", subcode=1455006)
        return {"id": self._post(message=message, link=link, photos=photos, published=published).id}

    def _attachable(self, photo_id: str) -> Photo:
        photo = self.photos.get(photo_id)
        if photo is None:
            raise bad_parameter(f"Invalid photo id {photo_id} in attached_media", 1366051)
        return photo

    def _post(self, **content: object) -> PagePost:
        post = PagePost(f"{self.id}_{self._new_id()}", datetime.fromtimestamp(self.record.clock(), UTC), **content)  # type: ignore[arg-type]  # keyword names are PagePost's own
        self.posts[post.id] = post
        if post.published:
            self._effect(post)
            for photo in post.photos:
                photo.published = True
        return post

    def album(self) -> list[Photo]:
        """The photos that visitors can see: each is an object of its own, which outlives its post."""
        return [photo for photo in self.photos.values() if photo.published]

    def _effect(self, post: PagePost) -> None:
        self.record.effect(
            "facebook", "post", id=post.id, text=post.message, link=post.link, photos=[one.id for one in post.photos],
            video=post.video.id if post.video else None,
        )  # fmt: skip

    def start_video(self, given: dict[str, str]) -> JSON:
        """Phase start: announces the size, gets a session and the first span of bytes to send."""
        size = given.get("file_size", "")
        if not size.isdigit() or int(size) < 1:
            raise bad_parameter("Param file_size must be a positive integer")
        video = Video(self._new_id(), self._new_id(), int(size))
        self.videos[video.id] = video
        return {"video_id": video.id, "upload_session_id": video.session, **self._span(video)}

    def _span(self, video: Video) -> JSON:
        start = len(video.data)
        return {"start_offset": str(start), "end_offset": str(min(start + self.chunk_bytes, video.size))}

    def _session(self, given: dict[str, str]) -> Video:
        session = given.get("upload_session_id", "")
        for video in self.videos.values():
            if video.session == session and video.file is None:
                return video
        raise GraphError(
            400, 6000, "There was a problem uploading your video. The session is unknown.", subcode=1363047
        )

    def transfer_video(self, chunk: bytes | None, given: dict[str, str]) -> JSON:
        """Phase transfer: one chunk at the expected offset; answers the next span (start = end when all is there)."""
        video = self._session(given)
        span = self._span(video)
        fits = chunk and len(chunk) <= int(span["end_offset"]) - int(span["start_offset"])
        if given.get("start_offset") != span["start_offset"] or not fits:
            expected = {name: int(value) for name, value in span.items()}
            raise GraphError(400, 6001, BROKEN_UPLOAD, subcode=1363037, data=expected)
        video.data.extend(chunk or b"")
        return self._span(video)

    def finish_video(self, given: dict[str, str]) -> JSON:
        """Phase finish: the video is complete and its post appears (unless published=false)."""
        video = self._session(given)
        if len(video.data) != video.size:
            raise GraphError(400, 6001, BROKEN_UPLOAD, subcode=1363037, data={"start_offset": len(video.data)})
        self._complete(video, bytes(video.data), given)
        video.data.clear()
        return {"success": True}

    def add_video(self, data: bytes | None, given: dict[str, str]) -> JSON:
        """POST /{page}/videos in one piece."""
        if not data:
            raise bad_parameter("No video file given")
        video = Video(self._new_id(), "", len(data))
        self._complete(video, data, given)
        self.videos[video.id] = video
        return {"id": video.id}

    def _complete(self, video: Video, data: bytes, given: dict[str, str]) -> None:
        file = self.files.keep(data, f"{video.id}.mp4")
        if not file.look.is_video:
            raise GraphError(
                400, 352, "(#352) The video file you selected is in a format that we don't support", subcode=1363024
            )
        video.file, video.title, video.description = file, given.get("title", ""), given.get("description", "")
        published = is_true(given.get("published", "true"))
        post = self._post(message=video.description, video=video, published=published)
        self.posts[post.id] = post

    def post_of(self, object_id: str) -> PagePost:
        """The post with this id, or the post that shows the video with this id."""
        for post in self.posts.values():
            shows = post.video is not None and post.video.id == object_id
            if not post.deleted and (post.id == object_id or shows):
                return post
        raise no_object(object_id)

    def update(self, object_id: str, given: dict[str, str]) -> JSON:
        """POST /{post}: message, is_published; POST /{video}: description. Other fields are ignored, media too."""
        post = self.post_of(object_id)
        message = given.get("description" if object_id in self.videos else "message")
        publishes = not post.published and is_true(given.get("is_published", given.get("published", "false")))
        if message is None and not publishes and "is_published" not in given:
            raise bad_parameter("Nothing to update")
        if message is not None:
            post.message, post.updated = message, self.record.now()
            if post.published:
                self.record.effect("facebook", "edit", id=post.id, text=message)
        if publishes:
            post.published = True
            self._effect(post)
        return {"success": True}

    def delete(self, object_id: str) -> JSON:
        """DELETE /{post}, /{photo} or /{video}."""
        if object_id in self.photos:
            self._delete_photo(self.photos.pop(object_id))
            return {"success": True}
        video = self.videos.pop(object_id, None)
        if video is not None and video.file is None:  # on its way in, and never seen
            return {"success": True}
        post = self.post_of(object_id)
        post.deleted = True
        if post.published:
            self.record.effect("facebook", "delete", id=post.id)
        return {"success": True}

    def _delete_photo(self, photo: Photo) -> None:
        """It disappears from its post; a post that showed nothing else goes with it."""
        if photo.published:
            self.record.effect("facebook", "delete", id=photo.id)
        for post in self.posts.values():
            if photo in post.photos:
                post.photos.remove(photo)
                post.deleted = post.deleted or not post.photos


def is_true(value: str) -> bool:
    """Facebook's reading of a boolean parameter."""
    return value.strip().lower() in ("true", "1", "yes")


def _attached_ids(given: dict[str, str]) -> list[str]:
    """The photo ids of attached_media (a JSON list) or of attached_media[0], attached_media[1], …"""
    texts = [value for name, value in sorted(given.items()) if name.startswith("attached_media[")]
    try:
        items = [json.loads(text) for text in texts] or json.loads(given.get("attached_media") or "[]")
        return [str(item["media_fbid"]) for item in items]
    except (ValueError, TypeError, KeyError) as wrong:
        raise bad_parameter("param attached_media must be an array of objects with media_fbid") from wrong
