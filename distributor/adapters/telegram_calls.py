"""The calls that put a part into a chat: one for each message, photo, video or album.

Touches the Bot API, and reads renditions from disk while it uploads them. Never repeats a call. Keeps in memory which
file id belongs to which rendition, so that a file is uploaded once, however many chats it goes to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from telegram import (
    Bot,
    InputFile,
    InputMediaPhoto,
    InputMediaVideo,
    LinkPreviewOptions,
    Message,
    MessageEntity,
    ReplyParameters,
)

from distributor.adapters.telegram_render import main_items
from distributor.core.asset import Media, MediaKind
from distributor.core.markup import Entity
from distributor.core.rendering import Part, Placed

_MOST_KNOWN = 4096  # file ids kept in memory


class NoId(Exception):
    """Telegram says that it posted, but not what: an answer without message ids, or not one for each item."""


class Calls:
    """The sending methods of one bot, over the media that the renditions lie in."""

    def __init__(self, bot: Bot, media: Media) -> None:
        self.bot = bot
        self.media = media
        self._known: dict[str, str] = {}

    async def send(
        self, part: Part, chat: str, reply_to: int | None = None, file_ids: Mapping[str, str] | None = None
    ) -> tuple[Message, ...]:
        """Put a part into a chat, in one call. `file_ids`: rendition digest → file id of what is uploaded already.

        Raises TelegramError (outcome_of reads it), NoId, or OSError for a file that cannot be read, before any call.
        """
        known = self.known(file_ids)
        common: dict[str, Any] = {
            "chat_id": chat_id(chat),
            "disable_notification": part.fields.get("silent") == "1",
            "reply_parameters": ReplyParameters(reply_to, allow_sending_without_reply=True) if reply_to else None,
        }
        items = main_items(part.media)
        with ExitStack() as files:
            if not items:
                call = self.bot.send_message(
                    text=part.text, entities=entities_of(part.entities), link_preview_options=preview_of(part), **common
                )
            elif len(items) == 1:
                call = self._single(items[0], known, files, caption_of(part) | common)
            else:
                album = self._album(part, items, known, files)
                return self._kept(items, await _answered(self.bot.send_media_group(media=album, **common)))
            return self._kept(items, (await _answered(call),))

    async def upload(self, item: Placed, poster: Placed | None, chat: str) -> str:
        """Bring a rendition into the staging chat, and return its file id; '' where Telegram made something else of
        it (a silent film becomes an animation, which no album takes): that one is uploaded with its post.

        A repeat makes a second message in the staging chat, and nothing else.
        """
        with ExitStack() as files:
            call = self._single((item, poster), {}, files, {"chat_id": chat_id(chat), "disable_notification": True})
            (message,) = self._kept([(item, poster)], (await _answered(call),))
        return self._known.get(item.rendition.digest, "") if message else ""

    def known(self, file_ids: Mapping[str, str] | None = None) -> Mapping[str, str]:
        """Rendition digest → file id: those in memory, and what the caller knows."""
        return {**self._known, **(file_ids or {})}

    def file_id(self, digest: str) -> str:
        """The file id of a rendition that this bot uploaded since it started, or ''."""
        return self._known.get(digest, "")

    def forget(self, digest: str) -> None:
        """A file id no longer serves."""
        self._known.pop(digest, None)

    def _single(
        self,
        pair: tuple[Placed, Placed | None],
        known: Mapping[str, str],
        files: ExitStack,
        common: Mapping[str, Any],
    ) -> Any:
        item, poster = pair
        file = self._file(item, known, files)
        if item.kind is MediaKind.PHOTO:
            return self.bot.send_photo(photo=file, **common)
        return self.bot.send_video(video=file, **self._film(item, poster, file, files), **common)

    def _album(
        self,
        part: Part,
        items: Sequence[tuple[Placed, Placed | None]],
        known: Mapping[str, str],
        files: ExitStack,
    ) -> list[InputMediaPhoto | InputMediaVideo]:
        """The items; the first carries the caption, which shows for the album as only one has any."""
        return [self.media_of(pair, None if index else part, known, files) for index, pair in enumerate(items)]

    def media_of(
        self,
        pair: tuple[Placed, Placed | None],
        words: Part | None,
        known: Mapping[str, str],
        files: ExitStack,
    ) -> InputMediaPhoto | InputMediaVideo:
        """A photo or film as an item of an album, or in place of another one; `words` make its caption."""
        item, poster = pair
        file = self._file(item, known, files, attach=True)
        if item.kind is MediaKind.PHOTO:
            return InputMediaPhoto(file, **caption_of(words))
        return InputMediaVideo(file, **self._film(item, poster, file, files), **caption_of(words))

    def _film(self, item: Placed, poster: Placed | None, file: str | InputFile, files: ExitStack) -> dict[str, Any]:
        """What Telegram wants to know of a film that is uploaded; of one that it has, it knows all."""
        if isinstance(file, str) and not file.startswith("file:"):
            return {}
        facts: dict[str, Any] = {
            "width": item.rendition.width,
            "height": item.rendition.height,
            "duration": round(item.rendition.duration or 0),
            "supports_streaming": True,
        }
        if poster is not None:
            facts["thumbnail"] = self._file(poster, {}, files, attach=True)
        return facts

    def _file(self, item: Placed, known: Mapping[str, str], files: ExitStack, *, attach: bool = False) -> Any:
        """A file id, the address of a local file (local mode), or an open file that will be streamed."""
        if found := known.get(item.rendition.digest):
            return found
        path = self.media.open(item.rendition.digest)
        if self.bot.local_mode:
            return path.resolve().as_uri()
        handle = files.enter_context(path.open("rb"))
        return InputFile(handle, filename=item.name or path.name, attach=attach, read_file_handle=False)

    def _kept(
        self, items: Sequence[tuple[Placed, Placed | None]], messages: tuple[Message, ...]
    ) -> tuple[Message, ...]:
        """The messages, once it is sure that there is one for each item; their file ids are remembered."""
        if len(messages) != max(len(items), 1):
            raise NoId(f"{len(messages)} messages for {len(items)} items")
        for (item, _), message in zip(items, messages, strict=False):
            self.learn(item, message)
        return messages

    def learn(self, item: Placed, message: Message) -> None:
        """Remember the file id of a rendition that a message shows."""
        if item.kind is MediaKind.PHOTO and message.photo:
            self.remember(item.rendition.digest, message.photo[-1].file_id)
        elif item.kind is MediaKind.VIDEO and message.video:
            self.remember(item.rendition.digest, message.video.file_id)

    def remember(self, digest: str, file_id: str) -> None:
        """Remember a file id."""
        if len(self._known) >= _MOST_KNOWN:
            self._known.pop(next(iter(self._known)))
        self._known[digest] = file_id


async def _answered(call: Any) -> Any:
    """The call's messages. python-telegram-bot builds them from the answer and stumbles over one without an id."""
    try:
        answer = await call
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise NoId(f"the answer holds no message ({type(error).__name__})") from None
    for message in answer if isinstance(answer, tuple) else (answer,):
        if not isinstance(message, Message) or not isinstance(message.message_id, int) or message.message_id <= 0:
            raise NoId("the answer holds no message id")
    return answer


def caption_of(words: Part | None) -> dict[str, Any]:
    """A caption, for every method that takes one."""
    if words is None or not words.text:
        return {}
    return {"caption": words.text, "caption_entities": entities_of(words.entities)}


def preview_of(part: Part) -> LinkPreviewOptions:
    """The page's card under the text, or none: never one of whatever link comes first in the text."""
    if address := part.fields.get("preview"):
        return LinkPreviewOptions(url=address)
    return LinkPreviewOptions(is_disabled=True)


def entities_of(entities: Sequence[Entity]) -> list[MessageEntity] | None:
    """Our entities as the Bot API's."""
    return [MessageEntity(item.kind, item.offset, item.length, url=item.href or None) for item in entities] or None


def chat_id(address: str) -> int | str:
    """A chat's number, or the @name of a public one."""
    return address if address.startswith("@") else int(address)
