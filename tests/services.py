"""Real servers for tests and benchmarks: Redis, PostgreSQL, and where Chromium is.

Each server runs on a free port of the loopback address, with its data in a temporary folder that goes with it,
and is stopped by its own process id. It can be stopped, killed and started again on the same port, for the
tests of what happens then. Never touches a server that runs already, and never skips: where a program is
missing, `ServiceMissing` says how to get it.

PostgreSQL refuses to run as root; when the tests do, its cluster belongs to `postgres` or else `nobody`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

START_SECONDS = 20.0
STOP_SECONDS = 20.0
DATABASE_USER = "distributor"


class ServiceMissing(RuntimeError):
    """A program of the system is not there; the message says how to install it."""

    def __init__(self, program: str) -> None:
        super().__init__(f"{program} was not found. `make services` installs it.")


class ServiceFailed(RuntimeError):
    """A server ended or did not answer in time; the message holds the end of its log."""


@dataclass
class Server:
    """A server process that can be stopped and started again on its port, with or without its data."""

    command: list[str]
    port: int
    folder: Path
    answers: Callable[[int], bool]
    user: int | None = None
    quick_stop: signal.Signals = signal.SIGTERM
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def log(self) -> Path:
        """Everything that the server has printed since its first start."""
        return self.folder / "server.log"

    def start(self) -> None:
        """Starts it and returns when it answers; `ServiceFailed` after START_SECONDS."""
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(self.command, stdout=out, stderr=out, cwd=self.folder, **as_user(self.user))
        until = time.monotonic() + START_SECONDS
        while not self.answers(self.port):
            if self.process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise ServiceFailed(f"{self.command[0]}: {self.log.read_text('utf-8', 'replace')[-2000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Asks it to end, and waits until it has; connections are closed by the server."""
        self._end(self.quick_stop)

    def kill(self) -> None:
        """Ends it at once, as a power cut would: nothing is flushed, no connection is closed in order."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)


S = TypeVar("S", bound="Server")


@dataclass
class RedisServer(Server):
    """A Redis: started again, it is empty, unless it keeps an append-only file."""

    @property
    def url(self) -> str:
        """`redis://` address of database 0."""
        return f"redis://127.0.0.1:{self.port}/0"


@dataclass
class PostgresServer(Server):
    """A PostgreSQL cluster of its own; its data survive `stop`, and `kill` too where it is durable."""

    programs: Path = Path()

    def create_database(self) -> str:
        """A new, empty database; its `postgresql://` address (no driver named)."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self.sql(f'CREATE DATABASE "{name}"')
        return f"postgresql://{DATABASE_USER}@127.0.0.1:{self.port}/{name}"

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Runs one statement through psql, and returns what it prints, unaligned."""
        target = ["-h", "127.0.0.1", "-p", str(self.port), "-U", DATABASE_USER, "-d", database]
        options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]
        done = subprocess.run(
            [str(self.programs / "psql"), *options, *target, "-c", statement], capture_output=True, text=True
        )
        if done.returncode != 0:
            raise ServiceFailed(done.stderr.strip())
        return done.stdout.strip()


@contextmanager
def redis_server(config: Path | None = None, *, appendonly: bool = False) -> Iterator[RedisServer]:
    """A Redis on a free port, with the given configuration file or none.

    Options that keep it apart (port, folder, no daemon, no snapshots) win over the file's. With `appendonly` it
    writes an append-only file, and brings it to the disk every second.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise ServiceMissing("redis-server")
    with _folder(None) as folder:
        port = free_port()
        command = [program] if config is None else [program, str(config.resolve())]
        command += ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--daemonize", "no"]
        command += ["--save", "", "--appendonly", "yes" if appendonly else "no", "--appendfsync", "everysec"]
        with _running(RedisServer(command, port, folder, _redis_answers)) as server:
            yield server


@contextmanager
def postgres_server(*, durable: bool = False) -> Iterator[PostgresServer]:
    """A PostgreSQL on a free port, UTF-8, user `distributor`, who needs no password on the loopback address.

    Unless durable, it never waits for the disk: quicker, and a `kill` may lose what was committed.
    """
    programs = postgres_programs()
    user = _server_user()
    with _folder(user) as folder:
        port = free_port()
        data = folder / "data"
        create = [str(programs / "initdb"), "--pgdata", str(data), "--username", DATABASE_USER]
        create += ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        done = subprocess.run(create, capture_output=True, text=True, cwd=folder, **as_user(user))
        if done.returncode != 0:
            raise ServiceFailed(f"initdb: {done.stderr.strip()}")
        settings = ["listen_addresses=127.0.0.1", f"port={port}", f"unix_socket_directories={folder}"]
        settings += ["shared_buffers=64MB", "max_connections=60", "timezone=UTC"]
        if not durable:
            settings += ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
        command = [str(programs / "postgres"), "-D", str(data)]
        command += [word for setting in settings for word in ("-c", setting)]
        server = PostgresServer(
            command, port, folder, _postgres_answers(programs), user, signal.SIGINT, programs=programs
        )
        with _running(server):
            yield server


def find_chromium() -> Path:
    """The Chromium to test pages with: CHROMIUM, the system's, or the one that playwright installed."""
    for name in (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name) if name else None
        if found and subprocess.run([found, "--version"], capture_output=True).returncode == 0:
            return Path(found)
    browsers = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    for path in sorted(browsers.glob("chromium-*/chrome-linux*/chrome"), reverse=True):
        return path
    raise ServiceMissing("chromium")


def postgres_programs() -> Path:
    """The folder with `initdb`, `postgres` and `psql`, the newest where there are several."""

    def version(folder: Path) -> int:
        return int(folder.parent.name) if folder.parent.name.isdigit() else 0

    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=version, reverse=True)
    on_path = shutil.which("initdb")
    folders += [Path(on_path).resolve().parent] if on_path else []
    for folder in folders:
        if all((folder / name).exists() for name in ("initdb", "postgres", "psql", "pg_isready")):
            return folder
    raise ServiceMissing("PostgreSQL (initdb)")


def free_port() -> int:
    """A port of the loopback address that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def as_user(user: int | None) -> dict[str, Any]:
    """Arguments for a subprocess that runs as that user, with none of our groups; empty for None."""
    return {} if user is None else {"user": user, "group": pwd.getpwuid(user).pw_gid, "extra_groups": []}


def _server_user() -> int | None:
    """Whom to run PostgreSQL as: None (ourselves), unless we are root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in known:
            return known[name]
    raise ServiceMissing("a user other than root to run PostgreSQL as (postgres, nobody)")


@contextmanager
def _folder(owner: int | None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="distributor-", ignore_cleanup_errors=True) as name:
        if owner is not None:
            os.chown(name, owner, pwd.getpwuid(owner).pw_gid)
        yield Path(name)


@contextmanager
def _running(server: S) -> Iterator[S]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _redis_answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as link:
            link.sendall(b"PING\r\n")
            return link.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def _postgres_answers(programs: Path) -> Callable[[int], bool]:
    def answers(port: int) -> bool:
        asked = [str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
        return subprocess.run(asked).returncode == 0

    return answers
