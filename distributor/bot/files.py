"""Files that people send, from Telegram into the media library, as a stream.

May touch: the Bot API's files and the media port. The bot's token is part of a file's address: it is put in at the last
moment and no error of this module repeats an address.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from pydantic import SecretStr
from telegram import Message
from telegram.error import BadRequest, TelegramError
from yarl import URL

from distributor.adapters.telegram_transport import PLACEHOLDER
from distributor.bot.voice import Voice
from distributor.core.asset import Asset, Media

TELEGRAM_AT_MOST = 20 * 1024 * 1024  # Bot API, getFile: "bots can download files of up to 20MB"
_PIECE = 1 << 16
_LIMITS = aiohttp.ClientTimeout(total=300, sock_connect=10, sock_read=30)


class TooBig(Exception):
    """Telegram does not hand a file of this size to a bot."""


class NotFetched(Exception):
    """The file could not be had from Telegram now."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file of a message. `name` is for people."""

    file_id: str
    name: str
    size: int


def file_in(message: Message, number: int) -> Incoming | None:
    """The photo or file that a message carries; photos, which have no name, are numbered."""
    if message.photo:
        largest = max(message.photo, key=lambda size: size.width * size.height)
        return Incoming(largest.file_id, f"photo-{number}.jpg", largest.file_size or 0)
    for found, ending in (
        (message.video, "mp4"),
        (message.document, "bin"),
        (message.animation, "mp4"),
        (message.video_note, "mp4"),
    ):
        if found is not None:
            name = getattr(found, "file_name", None) or f"file-{number}.{ending}"
            return Incoming(found.file_id, name, found.file_size or 0)
    return None


class Files:
    """The way of a file from Telegram to the library."""

    def __init__(self, voice: Voice, media: Media, token: SecretStr, trust: Path | None = None) -> None:
        self._voice = voice
        self._media = media
        self._token = token
        self._trust = trust

    async def take(self, incoming: Incoming) -> Asset:
        """Fetch and keep a file. Raises TooBig, NotFetched, MediaRefused or DiskFull."""
        if incoming.size > TELEGRAM_AT_MOST:
            raise TooBig
        try:
            found = await self._voice.bot.get_file(incoming.file_id)
        except BadRequest as error:
            if "too big" in str(error).casefold():
                raise TooBig from None
            raise NotFetched("Telegram does not know the file") from None
        except TelegramError as error:
            raise NotFetched(str(error)) from None
        if not found.file_path:
            raise NotFetched("Telegram names no place for the file")
        return await self._media.ingest(self._pieces(found.file_path), incoming.name)

    async def _pieces(self, address: str) -> AsyncIterator[bytes]:
        target = URL(address.replace(PLACEHOLDER, self._token.get_secret_value(), 1), encoded=True)
        fault = ""
        connector = aiohttp.TCPConnector(ssl=await self._ssl()) if self._trust else None
        async with aiohttp.ClientSession(timeout=_LIMITS, connector=connector) as session:
            try:
                async with session.get(target, allow_redirects=False) as answer:
                    if answer.status != 200:
                        fault = f"status {answer.status}"
                    else:
                        async for piece in answer.content.iter_chunked(_PIECE):
                            yield piece
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                fault = type(error).__name__
        if fault:
            # Raised here, not where it was caught: aiohttp's own exceptions name the address, and with it the token.
            raise NotFetched(fault)

    async def _ssl(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        await asyncio.to_thread(context.load_verify_locations, str(self._trust))
        return context
