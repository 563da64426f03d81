"""One process's link to Redis: commands with little patience, news to other processes, and one subscriber.

May touch: the Redis server that the url names. Never raises but `Away`, which says that Redis is not there (it is down,
slow, full or refuses us); then nobody waits for it again: it is tried in the background, once a second, and all else
goes on without it. The url's password never stands in a log.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import structlog
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from distributor.queue.line import Line
from distributor.queue.scripts import Script

log = structlog.get_logger(__name__)

Command = tuple[Script | str | bytes | int | float, ...]
"""A command and its arguments; a script stands in the place of its command, followed by the number of keys."""

PATIENCE = 0.25  # seconds for an answer
TRIES = (0.05, 1.0)  # seconds until Redis is tried again: at once, for a moment's weakness, then each second
AT_ONCE = 16  # questions on their way; others wait their turn, which costs no patience
KEPT = 1000  # posts that wait for Redis, the newest ones
BUNDLE = 100  # commands sent together
FAULTS = (RedisError, OSError, TimeoutError)


class Away(Exception):
    """Redis is not there at the moment."""


class Link:
    """Commands, posts and news. `prefix` begins every key, so that several offices can share a server."""

    def __init__(self, url: str, prefix: str = "distributor") -> None:
        pool = ConnectionPool.from_url(
            url,
            max_connections=AT_ONCE + 2,  # the line of news and the probe
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            driver_info=None,
        )
        self.prefix = prefix
        self.token = secrets.token_hex(4)  # who we are in news and marks
        self.up = True  # until the contrary is seen
        self.down_since = 0.0
        self.tried = 0.0  # when it was last asked and did not answer
        self.came_back: Callable[[], Awaitable[None]] | None = None  # called before anybody else may use it again
        self._redis: Redis = Redis.from_pool(pool)
        # News know no databases: the number keeps offices apart that share a server.
        self._channel = f"{prefix}:{pool.connection_kwargs.get('db') or 0}:news"
        self._password = urlsplit(url).password or ""
        self._ears: dict[str, Callable[[Any], None]] = {}
        self._posts: dict[Hashable, Callable[[], Command | None]] = {}
        self._posted = asyncio.Event()
        self._line = Line(self._redis, self._channel, self._read, lambda: self._hear("again", None))
        self._turns = asyncio.Semaphore(AT_ONCE)  # first come, first served: a pool that blocks lets some starve
        self._closed = False
        self._tasks: list[asyncio.Task[None]] = []
        self._trying: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Hear news and send posts from now on. Waits a moment for the subscription, and no longer."""
        self.begin()
        try:
            async with asyncio.timeout(PATIENCE):
                await self._line.subscribed.wait()
        except TimeoutError:
            log.debug("not subscribed to the news yet")

    def begin(self) -> None:
        """The same without waiting."""
        if not self._tasks and not self._closed:
            loop = asyncio.get_running_loop()
            self._tasks = [loop.create_task(self._line.run()), loop.create_task(self._send_posts())]

    async def aclose(self) -> None:
        """Send what waits, if Redis is there, and leave."""
        self._closed = True
        ending = [*self._tasks, *([self._trying] if self._trying else [])]
        while ending:  # again and again: see `execute`
            for task in ending:
                task.cancel()
            _, late = await asyncio.wait(ending, timeout=PATIENCE)
            ending = list(late)
        self._tasks = []
        try:
            while self._posts:
                await self._send_bundle()
        except Away:
            log.debug("news that waited for Redis were dropped", news=len(self._posts))
        self.up = False
        await self._redis.aclose()

    async def ask(self, *commands: Command) -> list[Any]:
        """The answers to commands, sent together. Raises Away."""
        async with self._turns:
            if not self.up:
                raise Away
            try:
                return await self.execute(*commands)
            except FAULTS as error:
                self._lost(error)
                raise Away from None

    async def execute(self, *commands: Command) -> list[Any]:
        """The same for who knows that Redis is just being tried; raises what went wrong (FAULTS)."""
        task = asyncio.current_task()
        cancels = task.cancelling() if task else 0
        async with asyncio.timeout(PATIENCE):
            answers = await self._send(commands)
            unknown = [place for place, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
            if unknown:  # it was emptied or started again since: whole texts teach it the scripts anew
                again = await self._send([commands[place] for place in unknown], whole=True)
                for place, answer in zip(unknown, again, strict=True):
                    answers[place] = answer
        # redis sends under asyncio.wait_for, which before Python 3.12 swallows a cancellation that comes as it is done.
        if task and task.cancelling() > cancels:
            raise asyncio.CancelledError
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    async def _send(self, commands: Sequence[Command], whole: bool = False) -> list[Any]:
        if len(commands) == 1:
            try:
                return [await self._redis.execute_command(*_words(commands[0], whole))]  # type: ignore[no-untyped-call] # as redis has it
            except NoScriptError as error:
                return [error]
        async with self._redis.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*_words(command, whole))
            return await pipeline.execute(raise_on_error=False)

    def on(self, kind: str, heard: Callable[[Any], None]) -> None:
        """Call `heard` for the news of a kind that other processes tell."""
        self._ears[kind] = heard

    def tell(self, kind: str, news: Any) -> None:
        """Tell the other processes, soon. Equal news that still wait are told once."""
        text = json.dumps([self.token, kind, news], ensure_ascii=False)
        self.post(text, lambda: ("PUBLISH", self._channel, text))

    def post(self, name: Hashable, command: Callable[[], Command | None]) -> None:
        """Send a command soon, without waiting for it; one with the same name that still waits is replaced. It is made
        when it is sent. While Redis is away the newest are kept."""
        self._posts.pop(name, None)
        while len(self._posts) >= KEPT:
            del self._posts[next(iter(self._posts))]
        self._posts[name] = command
        self._posted.set()

    async def _send_posts(self) -> None:
        while True:
            await self._posted.wait()
            try:
                while self._posts:
                    await self._send_bundle()
                self._posted.clear()
            except Away:
                await asyncio.sleep(TRIES[0])
            except Exception:
                log.exception("news could not be sent; the others go on")
                await asyncio.sleep(TRIES[1])

    async def _send_bundle(self) -> None:
        if not self.up:
            raise Away
        taken = {name: self._posts.pop(name) for name in list(self._posts)[:BUNDLE]}
        commands = [command for make in taken.values() if (command := make()) is not None]
        try:
            if commands:
                await self.ask(*commands)
        except Away:
            self._posts = {**taken, **self._posts}
            raise

    def _lost(self, error: BaseException) -> None:
        if self.up and not self._closed:  # several commands may meet the same loss
            self.up = False
            loop = asyncio.get_running_loop()
            self.down_since = self.tried = loop.time()
            self._trying = loop.create_task(self._try_again(self._plain(error)))

    async def _try_again(self, reason: str) -> None:
        """Until Redis takes a write and everything is put back. A moment's weakness is not worth a line."""
        said = False
        pause = TRIES[0]
        while True:
            await asyncio.sleep(pause)
            pause, asked = TRIES[1], asyncio.get_running_loop().time()
            try:
                # A write: a full server and a replica answer reads.
                await self.execute(("SET", f"{self.prefix}:probe", self.token, "PX", 10000))
                if self.came_back is not None:
                    await self.came_back()
                break
            except FAULTS as error:
                self.tried = asked  # and not now: whoever was stopped meanwhile knows nothing newer
                if not said:
                    log.warning("Redis is not there; the work goes on without it", first=reason, now=self._plain(error))
                said = True
            except Exception:
                log.exception("what Redis should know again could not be told; it is tried again")
        self.up = True
        if said:
            seconds = asyncio.get_running_loop().time() - self.down_since
            log.info("Redis is back", away_seconds=round(seconds, 1))

    def _read(self, raw: bytes) -> None:
        try:
            sender, kind, news = json.loads(raw)
        except (ValueError, TypeError):
            log.warning("news that nobody of ours wrote were left aside", bytes=len(raw))
            return
        if sender != self.token:
            self._hear(kind, news)

    def _hear(self, kind: str, news: Any) -> None:
        heard = self._ears.get(kind)
        if heard is not None:
            try:
                heard(news)
            except Exception:
                log.exception("news could not be taken in", kind=kind)

    def _plain(self, error: BaseException) -> str:
        """An error in words, without the password."""
        words = f"{type(error).__name__}: {error}"
        for password in {self._password, unquote(self._password)} - {""}:
            words = words.replace(password, "***")
        return words


def _words(command: Command, whole: bool) -> list[str | bytes | int | float]:
    words: list[str | bytes | int | float] = []
    for part in command:
        if isinstance(part, Script):
            words += ("EVAL", part.text) if whole else ("EVALSHA", part.name)
        else:
            words.append(part)
    return words
