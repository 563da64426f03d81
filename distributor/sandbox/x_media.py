"""X's media upload, version 2: initialize, append, finalize, status, alternative text.

Source: X API v2 "Media" and its media best practices: images 5 MB, GIF 15 MB, video 512 MB and 0.5-140 s; segments
0-999 of at most 5 MB. A video is processed in steps that go on with each poll. Memory only.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

from distributor.sandbox.effects import Record
from distributor.sandbox.files import Files, StoredFile
from distributor.sandbox.x_problems import JSON, Problem, invalid, numbers, only

MEGABYTE = 1024 * 1024
SEGMENT_AT_MOST = 5 * MEGABYTE
ALT_TEXT_AT_MOST = 1000
SIZES = {
    "tweet_image": 5 * MEGABYTE,
    "tweet_gif": 15 * MEGABYTE,
    "tweet_video": 512 * MEGABYTE,
    "amplify_video": 512 * MEGABYTE,
}
TYPES = {
    "tweet_image": {"image/jpeg", "image/png", "image/webp", "image/bmp", "image/pjpeg", "image/tiff"},
    "tweet_gif": {"image/gif"},
    "tweet_video": {"video/mp4", "video/quicktime", "video/webm", "video/mp2t"},
    "amplify_video": {"video/mp4", "video/quicktime", "video/webm", "video/mp2t"},
}
INITIALIZE_FIELDS = {
    "media_type": str,
    "media_category": str,
    "total_bytes": int,
    "additional_owners": list,
    "shared": bool,
}
METADATA_FIELDS = {"id": str, "metadata": dict}
EXPIRES = 86_400


@dataclass
class Media:
    """One upload on its way. `state` is that of a video's processing; `file` is there once it is finalized."""

    id: str
    category: str
    media_type: str
    total_bytes: int
    segments: dict[int, bytes] = field(default_factory=dict)
    file: StoredFile | None = None
    polls: int = 0
    state: str = "pending"
    alt_text: str = ""

    @property
    def key(self) -> str:
        """The media key: 3 for pictures, 7 for video, 16 for GIF, as X numbers them."""
        return f"{ {'tweet_image': 3, 'tweet_gif': 16}.get(self.category, 7) }_{self.id}"

    @property
    def is_video(self) -> bool:
        """Whether it is processed after upload."""
        return self.category in ("tweet_video", "amplify_video")

    @property
    def ready(self) -> bool:
        """Whether a post may use it."""
        return self.file is not None and (not self.is_video or self.state == "succeeded")


class XMedia:
    """All uploads of the one user."""

    def __init__(self, record: Record, files: Files) -> None:
        self.record = record
        self.files = files
        self.uploads: dict[str, Media] = {}
        self.check_after_secs = 0
        """What processing_info asks clients to wait between polls; 1 or more on the real platform."""
        self.polls = 2
        """How many polls bring a video from pending over in_progress to its end."""
        self.failure = ""
        """Why the next videos fail in processing; empty: they succeed."""

    def find(self, media_id: str) -> Media:
        """The upload with this id; 400 where there is none."""
        media = self.uploads.get(media_id)
        if media is None:
            raise invalid("id", media_id, "The media id is invalid or has expired.")
        return media

    def initialize(self, body: JSON) -> JSON:
        """Begins an upload."""
        only(body, INITIALIZE_FIELDS)
        for name in ("media_type", "total_bytes"):
            if name not in body:
                raise invalid(name, "", f"$.{name}: is missing but it is required")
        media_type, total = body["media_type"], body["total_bytes"]
        guess = "tweet_gif" if media_type == "image/gif" else f"tweet_{media_type.split('/')[0]}"
        category = body.get("media_category", guess)
        if category not in SIZES or media_type not in TYPES[category]:
            raise invalid(
                "media_type", media_type, f"Media type {media_type} is not supported for category {category}."
            )
        if not 0 < total <= SIZES[category]:
            raise invalid("total_bytes", total, f"File size exceeds {SIZES[category]} bytes.")
        media = Media(str(1_880_000_000_000_000_000 + self.record.number()), category, media_type, total)
        self.uploads[media.id] = media
        return {"data": {"id": media.id, "media_key": media.key, "expires_after_secs": EXPIRES}}

    def append(self, media_id: str, segment_index: object, data: bytes | str) -> JSON:
        """Takes one segment (bytes from multipart, base64 from JSON). The same index again replaces it."""
        media = self.find(media_id)
        if media.file is not None:
            raise invalid("id", media_id, "The upload is already finalized.")
        text = str(segment_index)
        if not text.isdigit() or not 0 <= int(text) <= 999:
            raise invalid("segment_index", text, "$.segment_index: must be a number between 0 and 999")
        try:
            segment = data if isinstance(data, bytes) else base64.b64decode(data, validate=True)
        except binascii.Error as wrong:
            raise invalid("media", "", "$.media: is not valid base64") from wrong
        if not 0 < len(segment) <= SEGMENT_AT_MOST:
            raise Problem(413, {"title": "Request Entity Too Large", "type": "about:blank", "status": 413,
                                "detail": f"A segment has 1 to {SEGMENT_AT_MOST} bytes."})  # fmt: skip
        media.segments[int(text)] = segment
        return {"data": {"expires_at": int(self.record.clock()) + EXPIRES}}

    def finalize(self, media_id: str) -> JSON:
        """Ends an upload: all bytes must be there and be what was announced."""
        media = self.find(media_id)
        if media.file is None:
            data = b"".join(media.segments[index] for index in sorted(media.segments))
            if sorted(media.segments) != list(range(len(media.segments))) or len(data) != media.total_bytes:
                raise invalid(
                    "id", media_id, f"Segments do not add up to provided total file size {media.total_bytes}."
                )
            media.file = self._examined(media, data)
            media.segments.clear()
        return self._state(media)

    def _examined(self, media: Media, data: bytes) -> StoredFile:
        file = self.files.keep(data, f"{media.id}.{media.media_type.rpartition('/')[2]}")
        look = file.look
        if media.is_video:
            if not look.is_video:
                raise invalid("id", media.id, "InvalidContent: the file is not a video.")
            if not 0.5 <= look.seconds <= 140:
                raise invalid("id", media.id, f"Duration {look.seconds:.1f} s is not between 0.5 and 140 seconds.")
        elif not look.is_image or (look.mime == "image/gif") != (media.category == "tweet_gif"):
            raise invalid("id", media.id, "InvalidContent: the image cannot be read as what was announced.")
        elif max(look.width, look.height) > 8192:
            raise invalid("id", media.id, "InvalidContent: the image has more than 8192 pixels on a side.")
        return file

    def _state(self, media: Media) -> JSON:
        if media.file is None:
            raise invalid("id", media.id, "The upload is not finalized.")
        look = media.file.look
        data: JSON = {
            "id": media.id, "media_key": media.key, "size": len(media.file.data), "expires_after_secs": EXPIRES,
        }  # fmt: skip
        if media.is_video:
            info: JSON = {"state": media.state}
            data |= {"video": {"video_type": look.mime}, "processing_info": info}
            if media.state in ("in_progress", "succeeded"):
                info["progress_percent"] = 100 * media.polls // self.polls if media.state == "in_progress" else 100
            if media.state in ("pending", "in_progress"):
                info["check_after_secs"] = self.check_after_secs
            if media.state == "failed":
                problem = {"title": "Processing Failed", "type": "about:blank", "detail": self.failure, "status": 400}
                return {"data": data, "errors": [problem]}
        else:
            data["image"] = {"image_type": look.mime, "w": look.width, "h": look.height}
        return {"data": data}

    def status(self, media_id: str, command: str) -> JSON:
        """GET …?command=STATUS: each poll brings a video one step on."""
        if command != "STATUS":
            raise invalid("command", command, f"The `command` query parameter value [{command}] is not one of [STATUS]")
        media = self.find(media_id)
        if media.is_video and media.state in ("pending", "in_progress"):
            media.polls += 1
            ended = "failed" if self.failure else "succeeded"
            media.state = ended if media.polls >= self.polls else "in_progress"
        return self._state(media)

    def describe(self, body: JSON) -> JSON:
        """Sets alternative text."""
        only(body, METADATA_FIELDS)
        media = self.find(numbers([body.get("id")], "id")[0])
        metadata = body.get("metadata", {})
        only(metadata, {"alt_text": dict}, "$.metadata")
        only(metadata.get("alt_text", {}), {"text": str}, "$.metadata.alt_text")
        text = str(metadata.get("alt_text", {}).get("text", ""))
        if not 1 <= len(text) <= ALT_TEXT_AT_MOST:
            raise invalid("alt_text", "", f"$.metadata.alt_text.text: must be 1 to {ALT_TEXT_AT_MOST} characters long")
        media.alt_text = text
        return {"data": {"id": media.id, "associated_metadata": {"alt_text": {"text": text}}}}

    def as_json(self, media: Media, fields: set[str]) -> JSON:
        """The Media object of `includes`, with the fields asked for."""
        look = media.file.look if media.file is not None else None
        kind = (
            "photo" if media.category == "tweet_image" else "animated_gif" if media.category == "tweet_gif" else "video"
        )
        whole: JSON = {"alt_text": media.alt_text or None, "width": look and look.width, "height": look and look.height}
        if media.is_video and look is not None:
            whole["duration_ms"] = round(look.seconds * 1000)
        elif media.file is not None:
            whole["url"] = f"https://pbs.example/media/{media.file.number}"
        return {"media_key": media.key, "type": kind} | {
            name: value for name, value in whole.items() if name in fields and value is not None
        }
