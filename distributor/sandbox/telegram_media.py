"""Files in Bot API calls: uploads, file ids, addresses, and the limits of each kind.

Source: "Sending files" and InputFile of the Bot API, and the server's error texts. Photos up to 10 MB, width and
height together up to 10000, ratio up to 20; other files up to 50 MB; by address 5 and 20 MB. Fetches an address only
when a bot sends one.
"""

from __future__ import annotations

import aiohttp

from distributor.sandbox.files import Look, StoredFile
from distributor.sandbox.telegram_errors import Refused, bad_request
from distributor.sandbox.telegram_params import Params, Upload
from distributor.sandbox.telegram_world import JSON, Attached, BotAccount, World

MEGABYTE = 1024 * 1024
PHOTO_AT_MOST = 10 * MEGABYTE
FILE_AT_MOST = 50 * MEGABYTE
DOWNLOAD_AT_MOST = 20 * MEGABYTE
BY_ADDRESS = {"photo": 5 * MEGABYTE}
KINDS = ("photo", "video", "document", "animation")
FETCH_TIMEOUT = aiohttp.ClientTimeout(total=10)


def check_size(kind: str, size: int) -> None:
    """Refuses an upload that is empty or too large for its kind."""
    if size == 0:
        raise bad_request("file must be non-empty")
    if size > FILE_AT_MOST:
        raise Refused(413, "Request Entity Too Large")
    if kind == "photo" and size > PHOTO_AT_MOST:
        raise bad_request(
            f"file of size {size} bytes is too big for a photo; the maximum size is {PHOTO_AT_MOST} bytes"
        )


def check_look(kind: str, look: Look) -> None:
    """Refuses a picture or video that the server cannot process as such."""
    if kind == "photo":
        if not look.is_image:
            raise bad_request("IMAGE_PROCESS_FAILED")
        width, height = look.width, look.height
        if width + height > 10_000 or max(width, height) > 20 * min(width, height):
            raise bad_request("PHOTO_INVALID_DIMENSIONS")


async def _fetch(url: str, kind: str) -> Upload:
    at_most = BY_ADDRESS.get(kind, 20 * MEGABYTE)
    try:
        async with aiohttp.ClientSession(timeout=FETCH_TIMEOUT) as session, session.get(url) as answer:
            if answer.status != 200:
                raise bad_request("failed to get HTTP URL content")
            data = await answer.content.read(at_most + 1)
            while len(data) <= at_most and (more := await answer.content.read(at_most + 1 - len(data))):
                data += more
    except (aiohttp.ClientError, TimeoutError) as lost:
        raise bad_request("failed to get HTTP URL content") from lost
    if len(data) > at_most:
        raise bad_request("wrong type of the web page content")
    return Upload(url.rsplit("/", 1)[-1], data)


async def read_file(world: World, bot: BotAccount, params: Params, kind: str, given: str, part: str) -> StoredFile:
    """The file meant by `given` (attach://part, file_id, address) or by the multipart `part` itself."""
    upload = params.uploads.get(given.removeprefix("attach://") if given.startswith("attach://") else part)
    if upload is None and given.startswith(("http://", "https://")):
        upload = await _fetch(given, kind)
    if upload is not None:
        check_size(kind, len(upload.data))
        file = world.files.keep(upload.data, upload.name)
        check_look(kind, file.look)
        return file
    if given.startswith("attach://"):
        raise bad_request(f"wrong file identifier/HTTP URL specified: attached part {given[9:]} not found")
    if not given:
        raise bad_request(f"there is no {kind} in the request")
    known = world.file_of(bot, given)
    if known is None:
        raise bad_request("wrong file identifier/HTTP URL specified")
    if known[0] != kind:
        raise bad_request(f"can't use file of type {known[0].capitalize()} as {kind.capitalize()}")
    return known[1]


async def attached(world: World, bot: BotAccount, params: Params, kind: str, source: JSON | None = None) -> Attached:
    """What a send call or one InputMedia attaches. `source` is the InputMedia, absent for the plain send methods."""
    given = str(source.get("media", "")) if source is not None else params.text(kind)
    file = await read_file(world, bot, params, kind, given, kind if source is None else "")
    cover = None
    for name in ("cover", "thumbnail"):
        wanted = str((source or params.values).get(name, ""))
        if wanted.startswith("attach://") or (source is None and name in params.uploads):
            cover = await read_file(world, bot, params, "photo", wanted, name)
            break
    return Attached(kind, file, cover)
