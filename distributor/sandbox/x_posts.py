"""X's posts: creating, deleting, reading the timeline.

As the real API: unknown fields are refused, links become t.co links, the text comes back with &, < and > escaped, a
media link is appended, and the same text twice is refused. Memory only.
"""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from datetime import UTC, datetime

from distributor.sandbox.effects import Record
from distributor.sandbox.x_media import Media, XMedia
from distributor.sandbox.x_problems import JSON, forbidden, invalid, not_found, numbers, only, only_query
from distributor.sandbox.x_text import AT_MOST, FORBIDDEN, links, weighted_length

CREATE_FIELDS = {
    "text": str, "media": dict, "reply": dict, "quote_tweet_id": str, "reply_settings": str, "made_with_ai": bool,
    "for_super_followers_only": bool, "nullcast": bool, "poll": dict, "geo": dict, "card_uri": str,
    "community_id": str, "direct_message_deep_link": str, "paid_partnership": bool, "share_with_followers": bool,
    "edit_options": dict,
}  # fmt: skip
MEDIA_FIELDS = {"media_ids": list, "tagged_user_ids": list}
REPLY_FIELDS = {"in_reply_to_tweet_id": str, "exclude_reply_user_ids": list, "auto_populate_reply_metadata": bool}
TIMELINE_QUERY = frozenset({
    "max_results", "pagination_token", "start_time", "end_time", "since_id", "until_id", "exclude", "tweet.fields",
    "post.fields", "expansions", "user.fields", "media.fields", "poll.fields", "place.fields",
})  # fmt: skip
DUPLICATE = "You are not allowed to create a Tweet with duplicate content."
TOO_LONG = (
    "Your Tweet text is too long. For more information on how Twitter determines text length see "
    "https://github.com/twitter/twitter-text."
)


@dataclass
class Post:
    """One post. `written` is the text as it was sent, `shown` as the API gives it back."""

    id: str
    at: datetime
    written: str
    shown: str
    urls: list[JSON]
    media: list[Media] = field(default_factory=list)
    reply_to: str | None = None
    root: str = ""
    """The post that its conversation began with; its own id where it began one."""
    deleted: bool = False


class XPosts:
    """The posts of the one user."""

    def __init__(self, record: Record, media: XMedia, user: JSON) -> None:
        self.record = record
        self.media = media
        self.user = user
        self.all: list[Post] = []

    def standing(self) -> list[Post]:
        """The posts that are there now, newest first."""
        return [post for post in reversed(self.all) if not post.deleted]

    def create(self, body: JSON) -> JSON:
        """POST /2/tweets."""
        only(body, CREATE_FIELDS)
        only(body.get("media", {}), MEDIA_FIELDS, "$.media")
        only(body.get("reply", {}), REPLY_FIELDS, "$.reply")
        text, media = body.get("text", ""), self._media(body.get("media"))
        if not text.strip() and not media:
            raise invalid("text", text, "$: you must provide at least text, a poll, media or a quote")
        if FORBIDDEN & set(text):
            raise invalid("text", text, "Your Tweet contains invalid characters.")
        if weighted_length(text) > AT_MOST:
            raise invalid("text", text, TOO_LONG)
        reply_to = body.get("reply", {}).get("in_reply_to_tweet_id")
        standing = self.standing()
        if reply_to is not None and all(post.id != reply_to for post in standing):
            raise forbidden("You attempted to reply to a Tweet that is deleted or not visible to you.")
        if any(post.written.strip() == text.strip() and text.strip() for post in standing):
            raise forbidden(DUPLICATE)
        post = self._store(text, media, reply_to)
        self.record.effect("x", "post", id=post.id, text=text, media=[one.id for one in media], reply_to=reply_to)
        return {"data": self._basic(post)}

    def _media(self, given: JSON | None) -> list[Media]:
        if given is None:
            return []
        ids = numbers(given.get("media_ids", []), "media.media_ids")
        if not 1 <= len(ids) <= 4:
            raise invalid(
                "media.media_ids", ",".join(ids), "$.media.media_ids: there must be 1 to 4 items in the array"
            )
        media = [self.media.uploads[one] for one in ids if one in self.media.uploads]
        if len(media) != len(ids) or not all(one.ready for one in media):
            raise invalid("media.media_ids", f"[{', '.join(ids)}]", "Your media IDs are invalid.")
        if len(media) > 1 and any(one.category != "tweet_image" for one in media):
            raise invalid("media.media_ids", ",".join(ids), "You can attach up to 4 photos, or 1 GIF, or 1 video.")
        return media

    def _store(self, text: str, media: list[Media], reply_to: str | None) -> Post:
        number = 1_880_100_000_000_000_000 + self.record.number()
        shown, urls, read = "", list[JSON](), 0
        found = [*links(text)]
        for start, end, address in found:
            shown += html.escape(text[read:start], quote=False)
            short = f"https://t.co/s{number % 1_000_000_000:09d}{len(urls)}"
            full = address if "://" in address else f"http://{address}"
            urls.append({
                "start": len(shown), "end": len(shown) + len(short), "url": short, "expanded_url": full,
                "display_url": address.partition("://")[2] or address,
            })  # fmt: skip
            shown, read = shown + short, end
        shown += html.escape(text[read:], quote=False)
        kind = "video" if media and media[0].is_video else "photo"
        if media:
            short = f"https://t.co/m{number % 1_000_000_000:09d}"
            shown = f"{shown} {short}".strip()
            for one in media:
                urls.append({
                    "start": len(shown) - len(short), "end": len(shown), "url": short, "media_key": one.key,
                    "expanded_url": f"https://x.com/{self.user['username']}/status/{number}/{kind}/1",
                    "display_url": f"pic.x.com/m{number % 1_000_000_000:09d}",
                })  # fmt: skip
        root = next((one.root for one in self.all if one.id == reply_to), str(number))
        at = datetime.fromtimestamp(self.record.clock(), UTC)
        post = Post(str(number), at, text, shown, urls, media, reply_to, root)
        self.all.append(post)
        return post

    @staticmethod
    def _basic(post: Post) -> JSON:
        # edit_history_tweet_ids is the name in use (tweepy insists on it), edit_history_post_ids the coming one
        history = [post.id]
        return {"id": post.id, "text": post.shown, "edit_history_tweet_ids": history, "edit_history_post_ids": history}

    def delete(self, post_id: str) -> JSON:
        """DELETE /2/tweets/{id}. Deleting what is not there answers 200 with deleted: false."""
        for post in self.standing():
            if post.id == post_id:
                post.deleted = True
                self.record.effect("x", "delete", id=post_id)
                return {"data": {"deleted": True}}
        return {"data": {"deleted": False}}

    def as_json(self, post: Post, fields: set[str]) -> JSON:
        """A post with the fields asked for."""
        whole: JSON = {
            "created_at": post.at.strftime("%Y-%m-%dT%H:%M:%S.000Z"), "conversation_id": post.root,
            "author_id": self.user["id"], "entities": {"urls": post.urls} if post.urls else None, "lang": "ka",
            "attachments": {"media_keys": [one.key for one in post.media]} if post.media else None,
        }  # fmt: skip
        return self._basic(post) | {name: value for name, value in whole.items() if name in fields and value}

    def get(self, post_id: str, query: dict[str, str]) -> JSON:
        """GET /2/tweets/{id}."""
        only_query(query, TIMELINE_QUERY)
        for post in self.standing():
            if post.id == post_id:
                return {"data": self.as_json(post, _fields(query))} | self._includes([post], query)
        return {"errors": [not_found("id", post_id, "tweet")]}

    def timeline(self, user_id: str, query: dict[str, str]) -> JSON:
        """GET /2/users/{id}/tweets: newest first, exclusive of since_id. Where there is more than fits,
        `meta.next_token` says so and `pagination_token` goes on."""
        only_query(query, TIMELINE_QUERY)
        if user_id != self.user["id"]:
            return {"errors": [not_found("id", user_id, "user")]}
        count = query.get("max_results", "10")
        if not count.isdigit() or not 5 <= int(count) <= 100:
            raise invalid(
                "max_results", count, f"The `max_results` query parameter value [{count}] is not between 5 and 100"
            )
        first = int(numbers([query.get("since_id", "0")], "since_id")[0])
        last = int(numbers([query.get("until_id", "9" * 19)], "until_id")[0])
        posts = [post for post in self.standing() if first < int(post.id) < last]
        if "start_time" in query:
            start = datetime.fromisoformat(query["start_time"].replace("Z", "+00:00"))
            posts = [post for post in posts if post.at >= start]
        if token := query.get("pagination_token"):
            posts = [post for post in posts if int(post.id) < _last_shown(token)]
        more, posts = len(posts) > int(count), posts[: int(count)]
        if not posts:
            return {"meta": {"result_count": 0}}
        meta: JSON = {"result_count": len(posts), "newest_id": posts[0].id, "oldest_id": posts[-1].id}
        if more:
            meta["next_token"] = f"after{posts[-1].id}"
        return {"data": [self.as_json(post, _fields(query)) for post in posts], "meta": meta} | self._includes(
            posts, query
        )

    def _includes(self, posts: list[Post], query: dict[str, str]) -> JSON:
        wanted, fields = set(query.get("expansions", "").split(",")), set(query.get("media.fields", "").split(","))
        includes: JSON = {}
        media = {one.key: one for post in posts for one in post.media}
        if "attachments.media_keys" in wanted and media:
            includes["media"] = [self.media.as_json(one, fields) for one in media.values()]
        if "author_id" in wanted:
            includes["users"] = [{name: self.user[name] for name in ("id", "name", "username")}]
        return {"includes": includes} if includes else {}


def _last_shown(token: str) -> int:
    number = token.removeprefix("after")
    if not number.isdigit() or token == number:
        raise invalid("pagination_token", token, f"The `pagination_token` query parameter value [{token}] is not valid")
    return int(number)


def _fields(query: dict[str, str]) -> set[str]:
    wanted = {name for key in ("tweet.fields", "post.fields") for name in query.get(key, "").split(",")}
    expansions = query.get("expansions", "")
    return (
        wanted
        | ({"attachments"} if "attachments" in expansions else set())
        | ({"author_id"} if "author_id" in expansions else set())
    )
